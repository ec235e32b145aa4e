-- Scans of tables and their indexes, rows written, transactions and sessions of the database, as counters.
SELECT c.oid::bigint AS oid,
       pg_catalog.pg_stat_get_numscans(c.oid)
         + coalesce((SELECT pg_catalog.sum(pg_catalog.pg_stat_get_numscans(i.indexrelid))::bigint
                       FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid), 0)
         + pg_catalog.pg_stat_get_tuples_inserted(c.oid) AS uses,
       pg_catalog.pg_stat_get_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_tuples_updated(c.oid)
         + pg_catalog.pg_stat_get_tuples_deleted(c.oid) AS writes,
       d.transactions, d.clients
  FROM pg_catalog.pg_class c
 CROSS JOIN (SELECT pg_catalog.pg_stat_get_db_xact_commit(b.oid)
                      + pg_catalog.pg_stat_get_db_xact_rollback(b.oid) AS transactions,
                    (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_get_activity(NULL) s
                      WHERE s.datid = b.oid AND s.pid <> pg_catalog.pg_backend_pid()) AS clients
               FROM pg_catalog.pg_database b WHERE b.datname = pg_catalog.current_database()) d
 WHERE c.oid = ANY (%(oids)s::oid[])
