-- How many tables and materialized views this role owns, may read and may vacuum (by MAINTAIN), of all.
SELECT pg_catalog.count(*) AS tables, pg_catalog.count(*) FILTER (WHERE t.owned) AS owned,
       pg_catalog.count(*) FILTER (WHERE t.readable) AS readable, pg_catalog.count(*) FILTER (WHERE t.kept) AS kept,
       coalesce(pg_catalog.array_agg(DISTINCT t.owner) FILTER (WHERE NOT t.owned), '{}') AS other_owners
  FROM (SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owned,
               pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable,
               pg_catalog.has_table_privilege(c.oid, 'MAINTAIN') AS kept,
               pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)) AS owner
          FROM pg_catalog.pg_class c
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         CROSS JOIN (SELECT pg_catalog.pg_has_role(x.datdba, 'USAGE') AS mine FROM pg_catalog.pg_database x
                      WHERE x.datname = pg_catalog.current_database()) d
         WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND c.oid >= 16384
           AND n.nspname NOT IN ('pg_catalog', 'information_schema')) t
