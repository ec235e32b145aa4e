-- Counters that rise when relations, other definitions, extensions, roles, jobs, rows or the configuration are changed.
-- They cost far less than what they make worth reading: the catalogs, the queue of jobs, dead tuples, ages of tables.
-- `listed` says how many relations pg_class has, TOAST tables and indexes included: how much a read of it costs.
SELECT n.relations, n.definitions, n.extensions, n.roles, pg_catalog.pg_conf_load_time()::text AS settings,
       (SELECT pg_catalog.pg_stat_get_tuples_inserted(j.oid) + pg_catalog.pg_stat_get_tuples_updated(j.oid)
               + pg_catalog.pg_stat_get_tuples_deleted(j.oid)
          FROM (SELECT pg_catalog.to_regclass('public.background_jobs')::oid) j (oid)) AS jobs,
       (SELECT pg_catalog.pg_stat_get_db_tuples_updated(d.oid) + pg_catalog.pg_stat_get_db_tuples_deleted(d.oid)
          FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()) AS outdated,
       (SELECT pg_catalog.sum(pg_catalog.pg_stat_get_tuples_inserted(p.partdefid)
                              + pg_catalog.pg_stat_get_tuples_deleted(p.partdefid))::bigint
          FROM pg_catalog.pg_partitioned_table p WHERE p.partdefid <> 0) AS defaulted,
       pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint AS xids,
       pg_catalog.mxid_age('1'::pg_catalog.xid)::bigint AS mxids,
       (SELECT greatest(c.reltuples, pg_catalog.pg_stat_get_live_tuples(c.oid))::bigint
          FROM pg_catalog.pg_class c WHERE c.oid = 'pg_catalog.pg_class'::regclass) AS listed
  FROM (SELECT pg_catalog.sum(c.changed) FILTER (WHERE c.kind = 'relations')::bigint AS relations,
               pg_catalog.sum(c.changed) FILTER (WHERE c.kind = 'definitions')::bigint AS definitions,
               pg_catalog.sum(c.changed) FILTER (WHERE c.kind = 'extensions')::bigint AS extensions,
               pg_catalog.sum(c.changed) FILTER (WHERE c.kind = 'roles')::bigint AS roles
          FROM (SELECT k.kind, pg_catalog.pg_stat_get_tuples_inserted(k.oid)
                       + pg_catalog.pg_stat_get_tuples_updated(k.oid)
                       + pg_catalog.pg_stat_get_tuples_deleted(k.oid) AS changed
                  FROM (VALUES ('pg_catalog.pg_class'::regclass, 'relations'), ('pg_catalog.pg_index', 'relations'),
                               ('pg_catalog.pg_inherits', 'relations'), ('pg_catalog.pg_attribute', 'relations'),
                               ('pg_catalog.pg_constraint', 'relations'), ('pg_catalog.pg_attrdef', 'definitions'),
                               ('pg_catalog.pg_proc', 'definitions'), ('pg_catalog.pg_trigger', 'definitions'),
                               ('pg_catalog.pg_type', 'definitions'), ('pg_catalog.pg_extension', 'extensions'),
                               ('pg_catalog.pg_authid', 'roles')) k (oid, kind)) c) n
