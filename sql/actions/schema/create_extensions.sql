-- Statements for the requested extensions that are missing or outdated.
WITH me AS MATERIALIZED (
  SELECT r.rolname, r.rolsuper
         -- On managed services, members of these roles may create what otherwise needs a superuser.
         OR EXISTS (SELECT FROM pg_catalog.pg_roles m WHERE m.rolname IN ('rds_superuser', 'cloudsqlsuperuser',
               'azure_pg_admin', 'alloydbsuperuser')
                       AND pg_catalog.pg_has_role(m.oid, 'USAGE')) AS mighty,
         pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS creates,
         pg_catalog.current_database() AS database, n.oid AS schema,
         pg_catalog.has_schema_privilege(n.oid, 'CREATE') AS in_schema
    FROM pg_catalog.pg_roles r LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = %(schema)s
     WHERE r.rolname = CURRENT_USER
), asked AS MATERIALIZED (
  SELECT w.place, w.name, a.default_version, e.extversion AS installed, v.trusted, v.superuser,
         e.extname IS NOT NULL AND e.extversion <> a.default_version AS outdated,
         e.extname IS NOT NULL AND e.extversion <> a.default_version AND EXISTS (
           SELECT FROM pg_catalog.pg_extension_update_paths(w.name) p
            WHERE p.source = e.extversion AND p.target = a.default_version AND p.path IS NOT NULL) AS updatable,
         pg_catalog.pg_has_role(e.extowner, 'USAGE') AS owned, pg_catalog.pg_get_userbyid(e.extowner) AS owner
    FROM pg_catalog.unnest(%(names)s::text[]) WITH ORDINALITY AS w (name, place)
    LEFT JOIN pg_catalog.pg_available_extensions a ON a.name = w.name
    LEFT JOIN pg_catalog.pg_available_extension_versions v ON v.name = a.name AND v.version = a.default_version
    LEFT JOIN pg_catalog.pg_extension e ON e.extname = w.name
), task AS MATERIALIZED (
  SELECT a.*, CASE WHEN a.installed IS NULL
         THEN pg_catalog.format('CREATE EXTENSION %%I WITH SCHEMA %%I', a.name, %(schema)s)
                   ELSE pg_catalog.format('ALTER EXTENSION %%I UPDATE TO %%L', a.name, a.default_version) END AS sql,
         me.mighty OR (CASE WHEN a.installed IS NULL THEN me.creates AND coalesce(me.in_schema, true) ELSE a.owned END
                       AND (a.trusted OR NOT a.superuser)) AS allowed
    FROM asked a CROSS JOIN me
   WHERE (a.installed IS NULL AND a.default_version IS NOT NULL) OR a.updatable
), refusal AS (
  SELECT 1 AS rank, pg_catalog.format('Schema %%I does not exist in this database.', %(schema)s) AS refused,
         'Name another schema with --set schema=NAME.' AS remedy
    FROM me WHERE me.schema IS NULL AND EXISTS (SELECT FROM task t WHERE t.installed IS NULL)
  UNION ALL
  SELECT 2, pg_catalog.format('Role %%I may not create or update %%s in this database.', me.rolname,
                              pg_catalog.string_agg(t.name, ', ' ORDER BY t.place)),
         pg_catalog.concat_ws(' ', CASE WHEN pg_catalog.bool_or(t.superuser AND NOT t.trusted)
                THEN pg_catalog.format('/* as a superuser */ %%s;',
                                       pg_catalog.string_agg(t.sql, '; ' ORDER BY t.place) FILTER (WHERE t.superuser
                                             AND NOT t.trusted)) END,
           CASE WHEN pg_catalog.bool_or((t.trusted OR NOT t.superuser) AND t.installed IS NOT NULL)
                THEN pg_catalog.format('/* as the owner of the extension */ %%s;', pg_catalog.string_agg(t.sql, '; '
                      ORDER BY t.place)
                                       FILTER (WHERE (t.trusted OR NOT t.superuser) AND t.installed IS NOT NULL)) END,
           CASE WHEN pg_catalog.bool_or((t.trusted OR NOT t.superuser) AND t.installed IS NULL)
                THEN pg_catalog.format('GRANT CREATE ON DATABASE %%I TO %%I; GRANT CREATE ON SCHEMA %%I TO %%I; '
                                       '/* for the trusted ones: %%s */', me.database,
                                       me.rolname, %(schema)s, me.rolname,
                                       pg_catalog.string_agg(t.name, ', ' ORDER BY t.place)
                                         FILTER (WHERE (t.trusted OR NOT t.superuser) AND t.installed IS NULL)) END,
           '-- Or omit them with --set extensions=NAMES.')
    FROM task t CROSS JOIN me WHERE NOT t.allowed GROUP BY me.rolname, me.database
), step AS (
  SELECT t.place, t.sql, CASE WHEN t.installed IS NULL THEN pg_catalog.format('DROP EXTENSION %%I', t.name) END AS undo,
         CASE WHEN t.installed IS NULL THEN 'new objects only' ELSE 'ACCESS EXCLUSIVE on the views of the extension'
             END AS lock,
         CASE t.name WHEN 'pg_stat_statements' THEN 'statement statistics for the pane slow-queries'
                     WHEN 'pgstattuple' THEN 'exact figures for the pane bloat'
                     WHEN 'pg_buffercache' THEN 'contents of shared buffers'
                     WHEN 'pg_prewarm' THEN 'reloads shared buffers after a restart'
                     WHEN 'btree_gin' THEN 'lets the search index include organization_id' ELSE 'as requested' END
           || CASE WHEN t.installed IS NULL THEN pg_catalog.format(' (version %%s)', t.default_version)
                   ELSE pg_catalog.format(' (version %%s; the server provides %%s)', t.installed, t.default_version)
                       END AS note, NULL AS notice, NULL::boolean AS unavailable
    FROM task t
  UNION ALL
  SELECT a.place, NULL, NULL, NULL, NULL,
         CASE WHEN a.default_version IS NULL AND a.installed IS NULL
             THEN pg_catalog.format('%%s is skipped: it is not available on the server', a.name)
              WHEN a.default_version IS NULL
                  THEN pg_catalog.format('%%s is installed in this database, but no longer available on the server',
                                         a.name)
              ELSE pg_catalog.format('%%s stays at version %%s: there is no update path to %%s.', a.name, a.installed,
                                     a.default_version) END, a.default_version IS NULL
    FROM asked a WHERE a.default_version IS NULL OR (a.outdated AND NOT a.updatable)
)
SELECT r.refused, r.remedy, NULL AS notice, NULL AS unavailable, NULL AS sql, NULL AS undo, NULL AS lock, NULL AS note,
       NULL AS "group",
       r.rank AS place FROM refusal r
UNION ALL
SELECT NULL, NULL, s.notice, s.unavailable, s.sql, s.undo, s.lock, s.note, s.sql,
       s.place FROM step s WHERE NOT EXISTS (SELECT FROM refusal)
 ORDER BY refused NULLS LAST, place
