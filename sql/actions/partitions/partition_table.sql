-- What matters of a table for partitioning it by a column: what prevents it, and what an earlier run left.
-- lane: slow
--
-- One row. Objects of a run are named pipeline_console_<oid>_*, and the comment of the new parent says which run
-- created it; no other objects are touched. `handle` are the columns that identify a row.
WITH t AS MATERIALIZED (
  SELECT c.*, n.nspname, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, a.attname AS key,
         a.attnum AS keynum,
         a.atttypid AS key_type, a.attnotnull, a.attgenerated, pg_catalog.pg_get_userbyid(c.relowner) AS owner,
         'pipeline_console_' || c.oid || '_new' AS new_name, r.rolsuper,
         NOT (r.rolsuper AND c.relowner IN (SELECT o.oid FROM pg_catalog.pg_roles o WHERE NOT o.rolsuper)) AS trusted
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_roles r ON r.rolname = CURRENT_USER
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = %(key)s AND a.attnum > 0
     AND NOT a.attisdropped
   WHERE c.oid = %(oid)s::bigint::oid
), made AS MATERIALIZED (
  SELECT c.oid, c.relkind, d.description, m.found[1] AS way, m.found[2] AS bound, m.found[3] AS key,
         c.relkind = 'p' AND m.found IS NOT NULL
           AND (c.relowner = t.relowner OR pg_catalog.pg_get_userbyid(c.relowner) = CURRENT_USER) AS ours,
         EXISTS (SELECT FROM (SELECT attname, atttypid, atttypmod, attcollation, attgenerated <> '' AS g
                              FROM pg_catalog.pg_attribute
                               WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped) x
                   FULL JOIN (SELECT attname, atttypid, atttypmod, attcollation, attgenerated <> '' AS g
                              FROM pg_catalog.pg_attribute
                               WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) y USING (attname)
                  WHERE (x.atttypid, x.atttypmod, x.attcollation, x.g) IS DISTINCT
                      FROM (y.atttypid, y.atttypmod, y.attcollation, y.g))
           AS differs
    FROM t JOIN pg_catalog.pg_class c ON c.relnamespace = t.relnamespace AND c.relname = t.new_name
    LEFT JOIN pg_catalog.pg_description d
      ON d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0
   CROSS JOIN LATERAL (SELECT pg_catalog.regexp_match(d.description,
     '^pipeline-console: partition-table by (attach|copy|hash), until ([^ ]*), key (\d+)')) m(found)
), promise AS MATERIALIZED (
  SELECT k.oid, k.convalidated FROM t JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid
      AND k.conname = 'pipeline_console_bounds'
), single AS MATERIALIZED (  -- unique keys that identify a row
  SELECT i.*, c.relname, k.contype, k.condeferrable,
         ARRAY(SELECT x.at FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY x(at, n) WHERE x.n <= i.indnkeyatts
               ORDER BY x.n) AS columns
    FROM t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid AND i.indisunique AND i.indislive
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = t.oid
     AND k.contype IN ('p', 'u', 'x')
   WHERE c.relname <> 'pipeline_console_' || t.oid || '_key'
), chosen AS MATERIALIZED (
  SELECT s.* FROM single s
   WHERE s.indisvalid AND s.indpred IS NULL AND s.indexprs IS NULL AND s.condeferrable IS NOT TRUE
     AND s.contype IS DISTINCT FROM 'x'
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a, t
                      WHERE a.attrelid = t.oid AND a.attnum = ANY (s.columns) AND NOT a.attnotnull
                        AND a.attnum <> t.keynum)
   ORDER BY s.indisprimary DESC, s.indnkeyatts, s.indexrelid LIMIT 1
), view AS MATERIALIZED (
  SELECT DISTINCT v.oid, v.relkind, v.relowner, v.relpersistence,
         pg_catalog.format('%%I.%%I', n.nspname, v.relname) AS name
    FROM t JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      AND d.refobjid = t.oid
     AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid AND w.ev_class <> t.oid
    JOIN pg_catalog.pg_class v ON v.oid = w.ev_class JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace
), refusal AS (
  SELECT 1 AS rank, t.name || CASE WHEN t.relkind = 'v' THEN ' is a view.' WHEN t.relkind = 'm'
         THEN ' is a materialized view.'
                           WHEN t.relkind = 'f' THEN ' is a foreign table.' WHEN t.relispartition
                               THEN ' is itself a partition.'
                           WHEN t.relpersistence = 't' THEN ' is a temporary table.' ELSE ' is a typed table.'
         END AS refused, NULL AS remedy
    FROM t WHERE t.relkind <> 'r' OR t.relispartition OR t.relpersistence = 't' OR t.reloftype <> 0
  UNION ALL
  SELECT 2, t.name || ' has the statistics object ' || x.stxname || ', which belongs to '
            || pg_catalog.pg_get_userbyid(x.stxowner) || ': the owner of the table cannot rename it.',
         pg_catalog.format('ALTER STATISTICS %%I.%%I OWNER TO %%I;', n.nspname, x.stxname,
                           pg_catalog.pg_get_userbyid(t.relowner))
    FROM t JOIN pg_catalog.pg_statistic_ext x ON x.stxrelid = t.oid AND x.stxowner <> t.relowner
    JOIN pg_catalog.pg_namespace n ON n.oid = x.stxnamespace
  UNION ALL
  SELECT 1, t.name || ' is unlogged, which a partitioned table cannot be.',
         pg_catalog.format('ALTER TABLE %%s SET LOGGED', t.name)
    FROM t WHERE t.relpersistence = 'u'
  UNION ALL
  SELECT 2, pg_catalog.format('%%s belongs to an inheritance tree with %%s.', t.name,
                              pg_catalog.string_agg(h.other::pg_catalog.regclass::text, ', ')),
         'Detach it with NO INHERIT first.'
    FROM t CROSS JOIN LATERAL (SELECT inhparent AS other FROM pg_catalog.pg_inherits WHERE inhrelid = t.oid
                               UNION ALL SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = t.oid) h
   WHERE NOT t.relispartition GROUP BY t.name
  UNION ALL
  SELECT 3, pg_catalog.format('Only the owner of %%s may do this.', t.name),
         pg_catalog.format('Connect as %%s.', t.owner)
    FROM t WHERE NOT pg_catalog.pg_has_role(t.relowner, 'USAGE')
  UNION ALL
  SELECT 3, pg_catalog.format('This role lacks CREATE on schema %%I.', t.nspname),
         pg_catalog.format('GRANT CREATE ON SCHEMA %%I TO %%I', t.nspname, CURRENT_USER)
    FROM t WHERE NOT pg_catalog.has_schema_privilege(t.relnamespace, 'CREATE')
  UNION ALL
  SELECT 4, CASE WHEN t.key IS NULL THEN pg_catalog.format('%%s has no column %%s.', t.name, %(key)s::text)
                 ELSE pg_catalog.format('The column %%I of %%s is not of type date, timestamptz or timestamp.', t.key,
                                        t.name)
                     END,
         'Choose another one with --set key=COLUMN.'
    FROM t WHERE t.key_type IS NULL OR NOT %(hashed)s
      AND t.key_type NOT IN ('date'::pg_catalog.regtype, 'timestamptz'::pg_catalog.regtype,
                                                                            'timestamp'::pg_catalog.regtype)
  UNION ALL
  SELECT 4, pg_catalog.format('The column %%I of %%s is generated, and cannot be a partition key.', t.key,
                              t.name), NULL
    FROM t WHERE t.attgenerated <> ''
  UNION ALL
  SELECT 5, pg_catalog.format('Rows of %%s reference rows of %%s, and a key of a partitioned table must include the '
                              'column %%I.',
                              pg_catalog.string_agg(pg_catalog.format('%%s (%%I)', k.conrelid::pg_catalog.regclass,
                                    k.conname), ', '), t.name, t.key),
         'Drop these foreign keys, or add that column to them after partitioning.'
    FROM t JOIN pg_catalog.pg_constraint k ON k.confrelid = t.oid AND k.contype = 'f' WHERE NOT %(hashed)s
        GROUP BY t.name, t.key
  UNION ALL
  SELECT 6, pg_catalog.format('%%s %%I of %%s lacks the column %%I: partitions could not enforce uniqueness.',
                              CASE WHEN s.contype = 'u' THEN 'The unique constraint' ELSE 'The unique index' END,
                              s.relname, t.name, t.key),
         'Drop it, or recreate it with that column.'
    FROM single s, t WHERE NOT s.indisprimary AND s.contype IS DISTINCT FROM 'x' AND NOT t.keynum = ANY (s.columns)
  UNION ALL
  SELECT 6, pg_catalog.format('The key %%I of %%s is deferrable, which is not supported here.', s.relname, t.name),
         'Recreate it as NOT DEFERRABLE.'
    FROM single s, t WHERE s.condeferrable
  UNION ALL
  SELECT 6, pg_catalog.format('%%s has an exclusion constraint (%%I), which cannot span partitions.', t.name,
                              k.conname), 'Drop it.'
    FROM t JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid AND k.contype = 'x'
  UNION ALL
  SELECT 7, pg_catalog.format('The constraint %%I of %%s is not validated.', k.conname, t.name),
         pg_catalog.format('ALTER TABLE %%s VALIDATE CONSTRAINT %%I', t.name, k.conname)
    FROM t JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid AND NOT k.convalidated
      AND k.conname <> 'pipeline_console_bounds'
  UNION ALL
  SELECT 7, pg_catalog.format('The check constraint %%I of %%s is NO INHERIT, which a partitioned table cannot have.',
                              k.conname,
                              t.name), 'Recreate it without NO INHERIT.'
    FROM t JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid AND k.connoinherit AND k.contype IN ('c', 'n')
  UNION ALL
  SELECT 8, pg_catalog.format('The rule %%I rewrites statements on %%s.', w.rulename, t.name), 'Drop it.'
    FROM t JOIN pg_catalog.pg_rewrite w ON w.ev_class = t.oid
  UNION ALL
  SELECT 8, pg_catalog.format('The row trigger %%I of %%s uses a transition table, which partitions do not support.',
                              g.tgname, t.name),
         'Make it FOR EACH STATEMENT, or drop it.'
    FROM t JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal AND g.tgtype & 1 = 1
     AND (g.tgoldtable IS NOT NULL OR g.tgnewtable IS NOT NULL)
  UNION ALL
  SELECT 9, pg_catalog.format('The materialized view %%s reads %%s and would keep reading the old table: it cannot be '
                              'replaced in place.', v.name, t.name),
         pg_catalog.format('Save its definition, drop it, and recreate it afterwards.')
    FROM view v, t WHERE v.relkind = 'm'
  UNION ALL
  SELECT 9, pg_catalog.format('The view %%s reads %%s, and this role may not replace it.', v.name, t.name),
         pg_catalog.format('Connect as a member of %%s.', pg_catalog.pg_get_userbyid(v.relowner))
    FROM view v, t WHERE v.relkind = 'v' AND (NOT pg_catalog.pg_has_role(v.relowner, 'USAGE') OR v.relpersistence = 't')
  UNION ALL
  SELECT 9, pg_catalog.format('The view %%s depends on the primary key of %%s in GROUP BY, which changes.', v.name,
                              t.name),
         'List all its columns in GROUP BY.'
    FROM view v, t
   WHERE EXISTS (SELECT FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_depend d ON d.classid
                 = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
                   AND d.objid = w.oid AND d.refclassid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
                 JOIN pg_catalog.pg_constraint k ON k.oid = d.refobjid AND k.conrelid = t.oid WHERE w.ev_class = v.oid)
  UNION ALL
  SELECT DISTINCT 10, pg_catalog.format('%%s depends on %%s and would keep using the old table.',
                               pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid), t.name),
                               'Drop it, and recreate it afterwards.'
    FROM t JOIN pg_catalog.pg_type y ON y.oid = t.reltype
    JOIN pg_catalog.pg_depend d
      ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = t.oid AND d.deptype = 'n'
         AND (d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
           OR d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
              AND NOT EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.oid = d.objid AND p.polrelid = t.oid))
      OR d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid IN (y.oid, y.typarray)
          AND d.deptype = 'n'
  UNION ALL
  SELECT 10, pg_catalog.format('%%s belongs to the extension %%I.', t.name, e.extname), NULL
    FROM t JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = t.oid
      AND d.deptype = 'e'
    JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
  UNION ALL
  SELECT 11, pg_catalog.format('%%s is in the publication %%s: its subscribers would stop receiving it.', t.name,
                               pg_catalog.string_agg(pg_catalog.quote_ident(p.pubname), ', ')),
         'Remove it from the publication, and add it again afterwards, with publish_via_partition_root.'
    FROM t JOIN pg_catalog.pg_publication_tables p ON p.schemaname = t.nspname AND p.tablename = t.relname
        GROUP BY t.name
  UNION ALL
  SELECT 11, pg_catalog.format('%%s is the target of a subscription.', t.name),
         'Remove it from the subscription, and add it again afterwards.'
    FROM t WHERE EXISTS (SELECT FROM pg_catalog.pg_subscription_rel s WHERE s.srrelid = t.oid)
  UNION ALL
  SELECT 12, pg_catalog.format('Row-level security hides rows of %%s from this role.', t.name),
         'Connect as a role with BYPASSRLS, or as the owner.'
    FROM t WHERE pg_catalog.row_security_active(t.oid)
  UNION ALL
  SELECT 13, pg_catalog.format('%%I.%%I exists but was not created by partition-table; the name is needed.', t.nspname,
                               t.new_name), 'Rename it.'
    FROM t JOIN made m ON m.ours IS NOT TRUE
  UNION ALL
  SELECT 14, pg_catalog.format('%%s has a constraint pipeline_console_bounds that was not created by partition-table.',
                               t.name), 'Drop it, or finish the action that created it.'
    FROM t, promise p WHERE NOT EXISTS (SELECT FROM made m WHERE m.ours AND m.way = 'attach')
)
SELECT r.refused, r.remedy, t.oid::bigint AS oid, t.relkind::text AS kind, t.name, t.nspname::text AS schema,
       t.relname::text AS relname, t.owner::text AS owner,
       t.key::text AS key, CASE t.key_type WHEN 'date'::pg_catalog.regtype THEN 'date'
           WHEN 'timestamp'::pg_catalog.regtype THEN 'timestamp'
                                           ELSE 'timestamptz' END AS key_type,
       coalesce(t.attnotnull, false) AS has_no_null, greatest(t.reltuples, 0)::bigint AS rows, t.trusted,
       pg_catalog.pg_total_relation_size(t.oid) AS bytes, pg_catalog.pg_relation_size(t.oid) AS heap,
       coalesce((SELECT pg_catalog.array_agg(DISTINCT v.name) FROM view v WHERE v.relkind = 'v'), '{}') AS views,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_constraint k WHERE k.conrelid = t.oid AND k.contype = 'f')
           AS keys_out,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_constraint k WHERE k.confrelid = t.oid AND k.conrelid <> t.oid
        AND k.contype = 'f'
           AND k.conparentid = 0) AS keys_in,
       (SELECT pg_catalog.array_agg(DISTINCT pg_catalog.format('%%I.%%I', n.nspname, c.relname))
          FROM pg_catalog.pg_constraint k
          JOIN pg_catalog.pg_class c ON c.oid IN (k.conrelid, k.confrelid) AND c.oid <> t.oid
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE k.contype = 'f' AND t.oid IN (k.conrelid, k.confrelid)) AS linked,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger g WHERE g.tgrelid = t.oid AND NOT g.tgisinternal
           AND NOT pg_catalog.starts_with(g.tgname, 'pipeline_console_')) AS triggers,
       (SELECT c.indisprimary AND NOT t.keynum = ANY (c.columns) FROM chosen c) IS TRUE AS widened,
       EXISTS (SELECT FROM chosen) AS has_handle,
       (SELECT pg_catalog.array_agg(a.attname::text ORDER BY x.n)
          FROM chosen c, pg_catalog.unnest(c.columns || CASE WHEN t.keynum = ANY (c.columns) THEN '{}'
                                           ELSE ARRAY[t.keynum] END) WITH ORDINALITY x(at, n)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.at) AS handle,
       (SELECT pg_catalog.array_agg(pg_catalog.quote_ident(s.relname)) FROM single s WHERE NOT s.indisvalid) AS invalid,
       CASE WHEN NOT EXISTS (SELECT FROM chosen) THEN 'it has no unique key that identifies a row' END AS no_copy,
       m.oid::bigint AS made, m.way, m.bound, coalesce(m.differs OR m.key <> t.keynum::text, false) AS differs,
       EXISTS (SELECT FROM promise) AS promised, coalesce((SELECT p.convalidated FROM promise p), false) AS kept
  FROM t LEFT JOIN made m ON m.ours
  LEFT JOIN refusal r ON true
 ORDER BY r.rank
 LIMIT 1
