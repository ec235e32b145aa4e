-- The table of samples of sizes and limits, and why it cannot be written; no row: there is no such table.
SELECT c.oid::bigint AS oid, c.relkind::text AS kind,
       CASE WHEN c.relkind <> 'r' THEN 'public.capacity_samples is not an ordinary table.'
            WHEN (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute a
                   WHERE a.attrelid = c.oid AND NOT a.attisdropped
                     AND a.attname IN ('sampled_at', 'kind', 'subject', 'used', 'heap', 'indexes', 'toast', 'rows',
                                       'partitions')) < 9
            THEN 'public.capacity_samples lacks columns of the expected schema.'
            WHEN NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
                 AND NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER)
            THEN 'Only the owner of public.capacity_samples may add samples.' END AS refused,
       CASE WHEN pg_catalog.pg_has_role(c.relowner, 'USAGE') THEN 'adopt-schema names what differs.'
            ELSE pg_catalog.format('Connect as %%I.', pg_catalog.pg_get_userbyid(c.relowner)) END AS remedy
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'public' AND c.relname = 'capacity_samples'
