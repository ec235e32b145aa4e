-- The next transaction id, and the databases with the oldest transaction and multixact ids: how fast ids are used.
SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint AS next_xid,
       pg_catalog.max(pg_catalog.age(d.datfrozenxid)) AS xid_age,
       pg_catalog.max(pg_catalog.mxid_age(d.datminmxid)) AS mxid_age
  FROM pg_catalog.pg_database d
