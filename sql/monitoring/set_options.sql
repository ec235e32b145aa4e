-- Settings of roles and databases and storage options of relations: what changes how statements run, unseen elsewhere.
SELECT 'setting' AS kind,
       pg_catalog.concat_ws(' in ', CASE WHEN s.setrole <> 0 THEN 'role ' || pg_catalog.pg_get_userbyid(s.setrole) END,
                            'database ' || (SELECT d.datname FROM pg_catalog.pg_database d
                                             WHERE d.oid = s.setdatabase)) AS object,
       v.name,
       CASE WHEN v.value ~* 'password\s*=' OR v.value ~ '://[^/@]*:[^@]*@'
              OR (v.value <> '' AND v.name ~* 'passphrase|password$|secret|token|api_?key') THEN '***'
                  ELSE v.value END AS value
  FROM pg_catalog.pg_db_role_setting s
 CROSS JOIN pg_catalog.unnest(s.setconfig) AS c(entry)
 CROSS JOIN LATERAL (SELECT pg_catalog.split_part(c.entry, '=', 1),
                            pg_catalog.substr(c.entry, pg_catalog.strpos(c.entry, '=') + 1)) AS v(name, value)
UNION ALL
(SELECT 'option', n.nspname || '.' || m.relname
                  || CASE WHEN c.relkind IN ('i', 'I') THEN ' (index)' WHEN c.relkind = 't' THEN ' (TOAST)' ELSE '' END,
        pg_catalog.split_part(o.entry, '=', 1),
        pg_catalog.substr(o.entry, pg_catalog.strpos(o.entry, '=') + 1)
   FROM pg_catalog.pg_class c
   -- OFFSET 0: the tables of TOAST tables by index, not all of pg_class.
   LEFT JOIN LATERAL (SELECT r.relname, r.relnamespace FROM pg_catalog.pg_class r
                       WHERE r.oid = CASE WHEN c.relkind = 't' AND c.relname ~ '^pg_toast_[0-9]+$'
                                          THEN pg_catalog.substr(c.relname, 10)::oid END OFFSET 0) t ON true
  CROSS JOIN LATERAL (SELECT coalesce(t.relname, c.relname) AS relname,
                             coalesce(t.relnamespace, c.relnamespace) AS space) m
   JOIN pg_catalog.pg_namespace n ON n.oid = m.space
  CROSS JOIN LATERAL pg_catalog.unnest(c.reloptions) AS o(entry)
  WHERE c.reloptions IS NOT NULL AND c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm', 'i', 'I', 't')
    AND c.relpersistence <> 't'
  ORDER BY c.oid
  LIMIT 2000)
