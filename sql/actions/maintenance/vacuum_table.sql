-- VACUUM of a table, or of each partition of a partitioned one, whose own statistics come from one ANALYZE.
--
-- Without the right to vacuum, the server only warns, so the right is checked before and the result after: by the
-- number of VACUUMs, because the server's clock may be set back meanwhile.
WITH RECURSIVE tree AS (
  SELECT %(oid)s::bigint::oid AS oid
  UNION ALL
  SELECT h.inhrelid FROM tree t JOIN pg_catalog.pg_inherits h ON h.inhparent = t.oid
    JOIN pg_catalog.pg_class p ON p.oid = t.oid
   WHERE p.relkind = 'p'
), one AS (
  SELECT c.*, n.nspname, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         c.oid = %(oid)s::bigint::oid AS root,
         pg_catalog.pg_has_role(c.relowner, 'USAGE')
             OR (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER)
         OR NOT c.relisshared AND (SELECT pg_catalog.pg_has_role(d.datdba, 'USAGE') FROM pg_catalog.pg_database d
                                    WHERE d.datname = pg_catalog.current_database())
         OR CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 170000
                 THEN pg_catalog.has_table_privilege(c.oid, 'MAINTAIN') ELSE false END AS may,
         (SELECT pg_catalog.min(a.pid) FROM pg_catalog.pg_stat_progress_vacuum p
            JOIN pg_catalog.pg_stat_get_activity(NULL) a ON a.pid = p.pid
           WHERE p.relid = c.oid AND pg_catalog.strpos(a.query, '(to prevent wraparound)') > 0) AS wraparound
    FROM tree t
    JOIN pg_catalog.pg_class c ON c.oid = t.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'm', 't', 'p')
), setting AS (
  SELECT pg_catalog.date_part('epoch', pg_catalog.current_setting('deadlock_timeout')::interval) + 1 AS patience,
         pg_catalog.current_setting('block_size')::bigint AS block,
         pg_catalog.current_setting('track_counts')::bool AS counted
)
SELECT CASE WHEN o.relkind = 'p' THEN 'ANALYZE ' || o.name
            ELSE 'VACUUM' || CASE WHEN %(freeze)s AND %(analyze)s AND o.root THEN ' (FREEZE, ANALYZE) ' WHEN %(freeze)s
                THEN ' (FREEZE) '
                                  WHEN %(analyze)s AND o.root THEN ' (ANALYZE) ' ELSE ' ' END || o.name END AS sql,
       'SHARE UPDATE EXCLUSIVE on ' || o.name || CASE WHEN o.relkind = 'p' THEN ' and its partitions' ELSE ''
           END AS lock,
       o.name AS "on", false AS transaction, s.patience AS lock_timeout,
       CASE WHEN o.relkind <> 'p' THEN pg_catalog.concat(pg_catalog.pg_stat_get_dead_tuples(o.oid), ' dead of ',
            pg_catalog.pg_stat_get_live_tuples(o.oid) + pg_catalog.pg_stat_get_dead_tuples(o.oid), ' rows, ',
            pg_catalog.pg_size_pretty(o.relpages * s.block)) END AS estimate,
       CASE WHEN o.relkind = 'p' THEN 'statistics of the partitioned table and of each partition'
            ELSE 'reclaims dead tuples for reuse; returns only empty pages at the end of the table to the operating '
                 'system' END AS note,
       CASE WHEN s.counted AND o.relkind <> 'p'
           THEN pg_catalog.concat('SELECT pg_catalog.pg_stat_get_vacuum_count(', o.oid, ') > ',
                                  pg_catalog.pg_stat_get_vacuum_count(o.oid)) END AS expect,
       3.0::float8 AS settle,
       CASE WHEN NOT pg_catalog.has_schema_privilege(o.relnamespace, 'USAGE')
            THEN 'This role lacks USAGE on the schema of ' || o.name || '.'
            WHEN NOT o.may THEN 'This role may not vacuum ' || o.name || '; the server would skip it with a warning.'
            WHEN pg_catalog.pg_is_other_temp_schema(o.relnamespace) THEN o.name
                || ' is a temporary table of another session.'
            WHEN o.wraparound IS NOT NULL THEN 'Autovacuum (pid ' || o.wraparound || ') is vacuuming ' || o.name
                 || ' to prevent wraparound and does not yield.' END AS refused,
       CASE WHEN NOT pg_catalog.has_schema_privilege(o.relnamespace, 'USAGE')
            THEN pg_catalog.format('GRANT USAGE ON SCHEMA %%I TO %%I;', o.nspname, CURRENT_USER)
            WHEN NOT o.may AND pg_catalog.current_setting('server_version_num')::int >= 170000
            THEN 'GRANT MAINTAIN ON ' || o.name || ' TO ' || pg_catalog.quote_ident(CURRENT_USER) || ';'
            WHEN NOT o.may THEN 'GRANT ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(o.relowner)) || ' TO '
                 || pg_catalog.quote_ident(CURRENT_USER) || ';'
            WHEN o.wraparound IS NOT NULL THEN 'Wait until it ends.' END AS remedy
  FROM one o CROSS JOIN setting s
 WHERE o.relkind <> 'p' OR o.root AND %(analyze)s
 ORDER BY o.root, o.name
