-- Dead tuples of this database as the server counts them, and the table with the most.
SELECT pg_catalog.sum(t.dead)::bigint AS dead_tuples,
       (pg_catalog.array_agg(t.name ORDER BY t.dead DESC))[1] AS most_in
  FROM (SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
               pg_catalog.pg_stat_get_dead_tuples(c.oid) AS dead
          FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'm')) t
 WHERE t.dead > 0
