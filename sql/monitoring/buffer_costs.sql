-- The seconds that the queries of the pane Buffers take: they make a row of each buffer (measured on 18 with 16 GB),
-- and of more than 1048576 they make none.
SELECT b.seconds AS buffer_summary, b.seconds AS buffer_relations
  FROM (SELECT CASE WHEN s.buffers <= 1048576 THEN s.buffers * 2.5e-6 ELSE 0 END AS seconds
          FROM (SELECT pg_catalog.pg_size_bytes(pg_catalog.current_setting('shared_buffers'))::float8
                       / pg_catalog.current_setting('block_size')::float8 AS buffers) s) b
