-- Code of other roles that planning a statement could run, by the names that are in the statement.
--
-- Planning computes constant expressions, inlines functions and checks literals of domains. So a function counts that
-- the statement names, or that anything named depends on through types of columns, indexes, constraints, statistics,
-- policies, views, partitions or casts. Functions of superusers and of the role itself are its own risk anyway. What is
-- named stands in a schema of the search_path, or in one that the statement names.
-- lane: slow
-- whole: yes
WITH RECURSIVE trusted AS MATERIALIZED (
  SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolsuper OR r.rolname = %(role)s::text
), place AS MATERIALIZED (
  SELECT n.oid FROM pg_catalog.pg_namespace n
   WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
     AND n.nspname = ANY (%(schemas)s::text[] || %(names)s::text[])
), start AS (
  SELECT 1259::oid AS classid, c.oid AS objid FROM pg_catalog.pg_class c
   WHERE c.relnamespace IN (SELECT p.oid FROM place p) AND c.relname = ANY (%(names)s::name[])
     AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  UNION SELECT 1255, f.oid FROM pg_catalog.pg_proc f
   WHERE f.pronamespace IN (SELECT p.oid FROM place p) AND f.proname = ANY (%(called)s::name[])
  UNION SELECT 1247, y.oid FROM pg_catalog.pg_type y
   WHERE y.typnamespace IN (SELECT p.oid FROM place p) AND y.typname = ANY (%(names)s::name[])
  UNION SELECT 2617, o.oid FROM pg_catalog.pg_operator o
   WHERE o.oprnamespace IN (SELECT p.oid FROM place p) AND o.oprname = ANY (%(operators)s::name[])
), reached AS (
  SELECT s.classid, s.objid FROM start s
  UNION
  SELECT e.classid, e.objid
    FROM reached r
   CROSS JOIN LATERAL (
         SELECT d.refclassid AS classid, d.refobjid AS objid FROM pg_catalog.pg_depend d
          WHERE d.classid = r.classid AND d.objid = r.objid AND d.refobjid >= 16384
            AND d.refclassid IN (1247, 1255, 1259, 2616, 2617)
         UNION ALL SELECT 1259, i.indexrelid FROM pg_catalog.pg_index i
                    WHERE r.classid = 1259 AND i.indrelid = r.objid
         UNION ALL SELECT 1259, h.inhrelid FROM pg_catalog.pg_inherits h
                    WHERE r.classid = 1259 AND h.inhparent = r.objid
         UNION ALL SELECT 2606, k.oid FROM pg_catalog.pg_constraint k
                    WHERE k.contype = 'c'
                      AND (r.classid = 1259 AND k.conrelid = r.objid OR r.classid = 1247 AND k.contypid = r.objid)
         UNION ALL SELECT 2604, a.oid FROM pg_catalog.pg_attrdef a
                    JOIN pg_catalog.pg_attribute g ON g.attrelid = a.adrelid AND g.attnum = a.adnum
                    WHERE r.classid = 1259 AND a.adrelid = r.objid AND g.attgenerated <> ''
         UNION ALL SELECT 3381, s.oid FROM pg_catalog.pg_statistic_ext s
                    WHERE r.classid = 1259 AND s.stxrelid = r.objid
         UNION ALL SELECT 3256, p.oid FROM pg_catalog.pg_policy p WHERE r.classid = 1259 AND p.polrelid = r.objid
         UNION ALL SELECT 2618, w.oid FROM pg_catalog.pg_rewrite w WHERE r.classid = 1259 AND w.ev_class = r.objid
         UNION ALL SELECT 1259, y.typrelid FROM pg_catalog.pg_type y
                    WHERE r.classid = 1247 AND y.oid = r.objid AND y.typrelid <> 0
         UNION ALL SELECT 1247, y.typelem FROM pg_catalog.pg_type y
                    WHERE r.classid = 1247 AND y.oid = r.objid AND y.typelem >= 16384
         UNION ALL SELECT 2605, t.oid FROM pg_catalog.pg_cast t
                    WHERE r.classid = 1247 AND r.objid IN (t.castsource, t.casttarget)
         UNION ALL SELECT 1255, s.amproc FROM pg_catalog.pg_opclass c
                    JOIN pg_catalog.pg_amproc s ON s.amprocfamily = c.opcfamily
                    WHERE r.classid = 2616 AND c.oid = r.objid AND s.amproc >= 16384
         UNION ALL SELECT 1255, o.oprcode FROM pg_catalog.pg_operator o
                    WHERE r.classid = 2617 AND o.oid = r.objid AND o.oprcode >= 16384
         ) e
), tree AS (
  SELECT w.ev_class AS relation, w.ev_action::text AS text
    FROM reached r JOIN pg_catalog.pg_rewrite w ON r.classid = 2618 AND w.oid = r.objid
)
SELECT 'function' AS kind, f.oid::pg_catalog.regprocedure::text AS name,
       pg_catalog.pg_get_userbyid(f.proowner)::text AS owner
  FROM reached r
  JOIN pg_catalog.pg_proc f ON r.classid = 1255 AND f.oid = r.objid
 WHERE f.proowner NOT IN (SELECT t.oid FROM trusted t)
UNION
SELECT 'foreign table', c.oid::pg_catalog.regclass::text, pg_catalog.pg_get_userbyid(c.relowner)::text
  FROM reached r
  JOIN pg_catalog.pg_foreign_table g ON r.classid = 1259 AND g.ftrelid = r.objid  -- few: pg_class would be scanned
  JOIN pg_catalog.pg_class c ON c.oid = g.ftrelid
 WHERE c.relowner NOT IN (SELECT t.oid FROM trusted t)
UNION
SELECT 'view', c.oid::pg_catalog.regclass::text, pg_catalog.pg_get_userbyid(c.relowner)::text
  FROM tree t
  JOIN pg_catalog.pg_class c ON c.oid = t.relation AND c.relowner NOT IN (SELECT k.oid FROM trusted k)
 CROSS JOIN LATERAL pg_catalog.regexp_matches(t.text, ':funcid (\d+)', 'g') m(id)
  JOIN pg_catalog.pg_proc f ON f.oid = m.id[1]::oid AND f.oid < 16384
 WHERE f.proname LIKE '%%to\_xml%%' OR f.proname IN ('ts_stat', 'ts_rewrite')
UNION
SELECT 'volatile function', f.oid::pg_catalog.regprocedure::text, pg_catalog.pg_get_userbyid(f.proowner)::text
  FROM pg_catalog.pg_proc f
 WHERE %(analyze)s::boolean AND f.provolatile = 'v' AND f.prokind = 'f'
   AND f.proname NOT IN ('clock_timestamp', 'timeofday', 'random', 'random_normal', 'gen_random_uuid')
   AND (f.proname = ANY (%(called)s::name[])
        AND (f.pronamespace = 'pg_catalog'::pg_catalog.regnamespace OR f.pronamespace IN (SELECT p.oid FROM place p))
        OR f.oid IN (SELECT m.id[1]::oid FROM tree t
                      CROSS JOIN LATERAL pg_catalog.regexp_matches(t.text, ':funcid (\d+)', 'g') m(id)))
 ORDER BY 1, 2
 LIMIT 5
