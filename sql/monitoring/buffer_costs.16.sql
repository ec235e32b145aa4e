-- The seconds that the queries of the pane Buffers take: the summary counts buffers without a row of each;
-- the other one makes a row of each (measured on 18 with 16 GB), and of more than 1048576 none.
SELECT b.buffers * 1e-8 AS buffer_summary,
       CASE WHEN b.buffers <= 1048576 THEN b.buffers * 2.5e-6 ELSE 0 END AS buffer_relations
  FROM (SELECT pg_catalog.pg_size_bytes(pg_catalog.current_setting('shared_buffers'))::float8
               / pg_catalog.current_setting('block_size')::float8 AS buffers) b
