-- Whether inserting into a table of schema public runs no user-defined code.
--
-- A plain table without trigger, rule or policy, whose columns, defaults, constraints and indexes use no user-defined
-- functions and no functions that run a query given as text. Otherwise code of its owner would run with the rights of
-- the current role.
SELECT c.relkind = 'r'
       AND NOT pg_catalog.row_security_active(c.oid)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid)
       AND NOT EXISTS (
             SELECT FROM pg_catalog.pg_depend d
              WHERE d.refobjid >= 16384
                AND d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass,
                                     'pg_catalog.pg_operator'::pg_catalog.regclass,
                                     'pg_catalog.pg_type'::pg_catalog.regclass)
                AND (d.classid, d.objid) IN (
                      SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid, c.oid
                      UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid
                        FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid
                      UNION ALL SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, a.oid
                        FROM pg_catalog.pg_attrdef a WHERE a.adrelid = c.oid
                      UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid
                        FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid))
       AND NOT EXISTS (  -- pg_depend has no entries for built-in functions
             SELECT FROM (SELECT a.adbin FROM pg_catalog.pg_attrdef a WHERE a.adrelid = c.oid
                          UNION ALL SELECT k.conbin FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid
                          UNION ALL SELECT u.tree
                            FROM pg_catalog.pg_index i CROSS JOIN LATERAL (VALUES (i.indexprs), (i.indpred)) u(tree)
                           WHERE i.indrelid = c.oid) e(tree)
              CROSS JOIN LATERAL pg_catalog.regexp_matches(e.tree::text, ':funcid (\d+)', 'g') f(id)
               JOIN pg_catalog.pg_proc p ON p.oid = f.id[1]::oid
              WHERE p.provolatile = 'v' AND p.proname NOT IN ('clock_timestamp', 'nextval', 'gen_random_uuid', 'random')
                 OR p.proname LIKE '%%to\_xml%%') AS harmless
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'public' AND c.relname = %(name)s
