-- The statements that distribute a table in one transaction, with the proof that every row is there, or online.
-- extension: citus
--
-- Its rows are counted before and after under a lock that keeps writers out; if the counts differ, all is rolled back.
-- Online, Citus copies while others write, so nothing can be compared: it checks the copy by itself.
WITH @distribution_call@
, it AS MATERIALIZED (
  SELECT c.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         pg_catalog.quote_literal(pg_catalog.format('%%I.%%I', n.nspname, c.relname)) AS literal
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = %(oid)s::bigint
)
SELECT s.sql, s.lock, it.name AS "on", s.note, s.undo, s.expect, 'distribute' AS "group",
       NOT %(online)s::bool AS transaction,
       CASE WHEN %(online)s THEN 0.0 END::float8 AS lock_timeout,
       CASE s.position WHEN 4 THEN %(estimate)s::text END AS estimate,
       CASE s.position WHEN 1 THEN 'writers of ' || it.name END AS holds_up
  FROM it
 CROSS JOIN call
 CROSS JOIN LATERAL (VALUES
   (1, 'LOCK TABLE ' || it.name || ' IN EXCLUSIVE MODE', 'EXCLUSIVE on ' || it.name,
       'writers wait until the end of the transaction, readers do not', NULL, NULL),
   (2, 'SELECT pg_catalog.set_config(''pipeline_console.rows'', pg_catalog.count(*)::text, true) FROM ' || it.name,
       'ACCESS SHARE on ' || it.name, 'counts its rows here', NULL, NULL),
   (3, 'SELECT pg_catalog.set_config(''citus.enable_local_reference_table_foreign_keys'', ''off'', true)', 'none',
       'leaves the tables that refer to it as they are, so that they can be distributed next', NULL, NULL),
   (4, call.before || it.literal || call.after,
       CASE WHEN %(online)s THEN 'SHARE UPDATE EXCLUSIVE on ' ELSE 'EXCLUSIVE on ' END || it.name,
       'copies its rows to shards on the nodes',
       'SELECT pg_catalog.undistribute_table(' || it.literal || CASE %(undo)s::text WHEN 'alone' THEN ')'
         WHEN 'cascade' THEN ', cascade_via_foreign_keys => true)' END,
       'SELECT pg_catalog.count(*) = 1, ''Citus did not distribute it.'' FROM pg_catalog.pg_dist_partition d'
       ' WHERE d.logicalrelid = ' || it.literal
         || '::pg_catalog.regclass AND (d.partmethod = ''h'' OR d.repmodel = ''t'')'),
   (5, 'DO $check$ BEGIN IF (SELECT pg_catalog.count(*) FROM ' || it.name
       || ') <> pg_catalog.current_setting(''pipeline_console.rows'')::bigint THEN'
       || ' RAISE EXCEPTION ''The shards do not hold as many rows as the table did: nothing was changed.'';'
       || ' END IF; END $check$', 'ACCESS SHARE on ' || it.name,
       'counts the rows of all shards; rolls back if one is missing', NULL, NULL),
   (6, 'SELECT pg_catalog.truncate_local_data_after_distributing_table(' || it.literal || ')',
       'ACCESS EXCLUSIVE on ' || it.name,
       'removes the rows left on the coordinator, which queries no longer read', NULL, NULL)
 ) s(position, sql, lock, note, undo, expect)
 WHERE CASE WHEN %(online)s THEN s.position = 4 WHEN s.position = 6 THEN %(truncate)s::bool
            ELSE %(distribute)s::bool END
 ORDER BY s.position
