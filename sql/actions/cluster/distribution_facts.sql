-- How a table stands to a Citus cluster: what it is now, its tenant column, the tables it should lie with, its size.
-- extension: citus
WITH RECURSIVE @tenancy@
, part AS (
  SELECT %(oid)s::bigint::oid AS oid
   UNION ALL
  SELECT i.inhrelid FROM part p JOIN pg_catalog.pg_inherits i ON i.inhparent = p.oid
), it AS MATERIALIZED (
  SELECT c.oid, c.relkind, c.relispartition, c.relpersistence, c.relreplident, c.relowner, c.relnamespace,
         (SELECT pg_catalog.min(i.inhparent::pg_catalog.regclass::text) FROM pg_catalog.pg_inherits i
           WHERE i.inhrelid = c.oid) AS parent,
         coalesce(nullif(%(column)s::text, ''),
                  (SELECT a.attname::text FROM tenancy y
                    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
                     AND (c.oid = y.confrelid AND a.attnum = y.confkey
                          OR c.oid <> y.confrelid AND a.attname = y.attname AND a.atttypid = y.atttypid))) AS "column"
    FROM pg_catalog.pg_class c WHERE c.oid = %(oid)s::bigint
), key AS MATERIALIZED (
  SELECT a.attname, a.atttypid, a.attgenerated FROM it JOIN pg_catalog.pg_attribute a ON a.attrelid = it.oid
     AND a.attname = it."column" AND a.attnum > 0 AND NOT a.attisdropped
), companion AS MATERIALIZED (  -- distributed by a column of that type: a table it refers to, else of the largest group
  SELECT d.logicalrelid::oid AS oid, d.colocationid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = it.oid AND k.confrelid = c.oid) AS referred,
         pg_catalog.count(*) OVER (PARTITION BY d.colocationid) AS members
    FROM it CROSS JOIN key
    JOIN pg_catalog.pg_dist_partition d ON d.partmethod = 'h' AND d.logicalrelid <> it.oid
    JOIN pg_catalog.pg_class c ON c.oid = d.logicalrelid AND NOT c.relispartition
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.atttypid = key.atttypid
     AND a.attname = pg_catalog.column_to_column_name(d.logicalrelid, d.partkey)
   WHERE CASE WHEN %(companion)s::text = '' THEN true
              ELSE %(companion)s IN (pg_catalog.format('%%I.%%I', n.nspname, c.relname), c.relname) END
   ORDER BY 4 DESC, 5 DESC, c.oid
   LIMIT 1
)
SELECT it.relkind::text AS kind, it.relispartition AS partition, it.parent, it.relpersistence::text AS persistence,
       it."column", key.attname IS NOT NULL AS has_column, coalesce(key.attgenerated <> '', false) AS generated,
       CASE WHEN d.partmethod IN ('h', 'a', 'r') THEN 'distributed by '
                 || pg_catalog.column_to_column_name(d.logicalrelid, d.partkey)
            WHEN d.repmodel = 't' THEN 'a reference table' END AS already,
       CASE WHEN d.logicalrelid IS NOT NULL THEN (
         SELECT pg_catalog.sum(pg_catalog.pg_relation_size(p.oid)) FROM part p
           JOIN pg_catalog.pg_class c ON c.oid = p.oid AND c.relkind = 'r') END::bigint AS left_here,
       companion.name AS companion, companion.colocationid::bigint AS colocation,
       pg_catalog.pg_has_role(it.relowner, 'USAGE') AS own,
       nullif(pg_catalog.concat_ws(' ',
         CASE WHEN NOT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
              THEN pg_catalog.format('GRANT CREATE ON DATABASE %%I TO %%I;', pg_catalog.current_database(),
                                     CURRENT_USER) END,
         CASE WHEN NOT pg_catalog.has_schema_privilege(it.relnamespace, 'CREATE')
              THEN pg_catalog.format('GRANT CREATE ON SCHEMA %%s TO %%I;',
                                     it.relnamespace::pg_catalog.regnamespace, CURRENT_USER) END), '') AS grants,
       (SELECT r.rolcanlogin FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER) AS may_log_in,
       pg_catalog.current_setting('wal_level') AS wal_level,
       (SELECT s.setting FROM pg_catalog.pg_settings s WHERE s.name = 'output_plugin_libraries') AS plugins,
       it.relreplident NOT IN ('n', 'd') OR it.relreplident = 'd' AND EXISTS (
         SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = it.oid AND i.indisprimary) AS has_identity,
       EXISTS (SELECT FROM pg_catalog.pg_constraint k
                WHERE k.contype = 'f' AND it.oid IN (k.conrelid, k.confrelid)) AS has_keys,
       EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = it.oid AND a.attidentity <> '') AS has_counter,
       EXISTS (SELECT FROM pg_catalog.pg_constraint k
                LEFT JOIN pg_catalog.pg_dist_partition l ON l.logicalrelid = k.conrelid
                WHERE k.contype = 'f' AND k.confrelid = it.oid AND k.conrelid <> it.oid
                  AND (l.logicalrelid IS NULL OR l.partmethod = 'n' AND l.repmodel <> 't')) AS referred_locally,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_dist_node n
         WHERE n.shouldhaveshards AND n.isactive AND n.noderole = 'primary') AS nodes,
       (SELECT pg_catalog.max(j.job_id) FROM pg_catalog.pg_dist_background_job j
         WHERE j.job_type = 'rebalance' AND j.state IN ('running', 'cancelling', 'failing')) AS rebalance,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_dist_partition x WHERE x.partmethod = 'h') AS distributed,
       (SELECT pg_catalog.sum(greatest(c.reltuples, 0)) FROM part p
          JOIN pg_catalog.pg_class c ON c.oid = p.oid AND c.relkind = 'r')::float8 AS rows,
       (SELECT pg_catalog.sum(pg_catalog.pg_table_size(p.oid)) FROM part p)::bigint AS size
  FROM it
  LEFT JOIN key ON true
  LEFT JOIN companion ON true
  LEFT JOIN pg_catalog.pg_dist_partition d ON d.logicalrelid = it.oid
