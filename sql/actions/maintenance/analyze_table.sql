-- ANALYZE of a table; of a partitioned table, which autovacuum never analyzes, with all its partitions.
WITH one AS (
  SELECT c.*, n.nspname, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         pg_catalog.pg_has_role(c.relowner, 'USAGE')
             OR (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER)
         OR NOT c.relisshared AND (SELECT pg_catalog.pg_has_role(d.datdba, 'USAGE') FROM pg_catalog.pg_database d
                                    WHERE d.datname = pg_catalog.current_database())
         OR CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 170000
                 THEN pg_catalog.has_table_privilege(c.oid, 'MAINTAIN') ELSE false END AS may
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = %(oid)s::bigint::oid
)
SELECT 'ANALYZE ' || o.name AS sql,
       'SHARE UPDATE EXCLUSIVE on ' || o.name || CASE WHEN o.relkind = 'p' THEN ' and its partitions' ELSE ''
           END AS lock,
       o.name AS "on", false AS transaction,
       pg_catalog.date_part('epoch', pg_catalog.current_setting('deadlock_timeout')::interval) + 1 AS lock_timeout,
       CASE WHEN o.relkind <> 'p' THEN pg_catalog.concat(pg_catalog.pg_stat_get_mod_since_analyze(o.oid),
                                                         ' rows changed since the last ANALYZE') END
         AS estimate,
       'reads a sample of the rows; the planner uses the new statistics at once' AS note,
       CASE WHEN pg_catalog.current_setting('track_counts')::bool
            THEN pg_catalog.concat('SELECT pg_catalog.pg_stat_get_analyze_count(', o.oid, ') > ',
                                   pg_catalog.pg_stat_get_analyze_count(o.oid)) END AS expect,
       3.0::float8 AS settle,
       CASE WHEN NOT pg_catalog.has_schema_privilege(o.relnamespace, 'USAGE')
            THEN 'This role lacks USAGE on the schema of ' || o.name || '.'
            WHEN NOT o.may THEN 'This role may not analyze ' || o.name || '; the server would skip it with a warning.'
            WHEN pg_catalog.pg_is_other_temp_schema(o.relnamespace) THEN o.name
                || ' is a temporary table of another session.' END AS refused,
       CASE WHEN NOT pg_catalog.has_schema_privilege(o.relnamespace, 'USAGE')
            THEN pg_catalog.format('GRANT USAGE ON SCHEMA %%I TO %%I;', o.nspname, CURRENT_USER)
            WHEN NOT o.may AND pg_catalog.current_setting('server_version_num')::int >= 170000
            THEN 'GRANT MAINTAIN ON ' || o.name || ' TO ' || pg_catalog.quote_ident(CURRENT_USER) || ';'
            WHEN NOT o.may THEN 'GRANT ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(o.relowner)) || ' TO '
                 || pg_catalog.quote_ident(CURRENT_USER) || ';' END AS remedy
  FROM one o
