-- Texts of statements that were sampled without their texts.
-- extension: pg_stat_statements
SELECT s.queryid AS unknown_id, pg_catalog.left(pg_catalog.min(s.query), 300) AS looked_up
  FROM @extschema@.pg_stat_statements(true) s
 WHERE s.queryid = ANY (%(unknown_id)s::bigint[])
 GROUP BY s.queryid
