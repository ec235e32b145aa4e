-- Statements for missing roles of the pipeline, missing memberships, and passwords to be replaced.
--
-- 'verifier of ROLE' is a placeholder for the password verifier.
WITH me AS MATERIALIZED (
  SELECT r.rolname, r.rolsuper, r.rolcreaterole,
         r.rolsuper OR (r.rolcreaterole AND pg_catalog.current_setting('server_version_num')::int < 160000) AS governs
    FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER
), wanted AS MATERIALIZED (
  SELECT w.*, r.oid, r.rolcanlogin,
         r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls AS mighty,
         w.name = ANY (%(renew)s::text[]) AS renewed
    FROM (VALUES (1, 'pipeline_owner', ARRAY['pg_monitor', 'pg_signal_backend'],
                  'owns the schema; may see, cancel and terminate every session'),
                 (2, 'pipeline_app', '{}'::text[], 'the application: reads and writes rows, no DDL'),
                 (3, 'pipeline_readonly', '{}', 'reads every table, changes nothing'),
                 (4, 'pipeline_monitor', ARRAY['pg_monitor'], 'reads statistics and sessions, no table data'),
                 (5, 'pgbouncer_auth', '{}', 'looks up password verifiers for PgBouncer, nothing else')) AS w (place,
                       name,
                       memberships, why)
    LEFT JOIN pg_catalog.pg_roles r ON r.rolname = w.name
), lacking AS MATERIALIZED (
  SELECT w.place, w.name, w.oid, pg_catalog.quote_ident(m.granted) AS granted,
         me.governs OR pg_catalog.pg_has_role(g.oid, 'MEMBER WITH ADMIN OPTION') AS allowed
    FROM wanted w
   CROSS JOIN LATERAL pg_catalog.unnest(w.memberships) AS m (granted)
    JOIN pg_catalog.pg_roles g ON g.rolname = m.granted
   CROSS JOIN me
   WHERE w.oid IS NULL OR NOT (pg_catalog.pg_has_role(w.oid, g.oid, 'USAGE'))
), refusal AS (
  SELECT 1 AS rank, pg_catalog.format('Role %%I lacks CREATEROLE, and these roles are missing: %%s.', me.rolname,
                                      (SELECT pg_catalog.string_agg(w.name, ', ' ORDER BY w.place) FROM wanted w
                                       WHERE w.oid IS NULL)) AS refused,
         pg_catalog.format('ALTER ROLE %%I CREATEROLE;', me.rolname)
           || CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 160000
                   THEN pg_catalog.format(' GRANT pg_monitor, pg_signal_backend TO %%I WITH ADMIN OPTION;',
                                          me.rolname) ELSE '' END || ' -- as a superuser' AS remedy
    FROM me WHERE NOT (me.rolsuper OR me.rolcreaterole) AND EXISTS (SELECT FROM wanted w WHERE w.oid IS NULL)
  UNION ALL
  SELECT 2, pg_catalog.format('Role %%I may not grant %%s.', me.rolname, pg_catalog.string_agg(DISTINCT l.granted,
        ', ')),
         pg_catalog.format('GRANT %%s TO %%I WITH ADMIN OPTION; -- as a superuser',
                           pg_catalog.string_agg(DISTINCT l.granted, ', '), me.rolname)
    FROM lacking l CROSS JOIN me WHERE NOT l.allowed GROUP BY me.rolname
  UNION ALL
  SELECT 3, pg_catalog.format('Role %%I may not change the password of %%s.', me.rolname,
                              pg_catalog.string_agg(w.name, ', ' ORDER BY w.place)),
         CASE WHEN pg_catalog.bool_or(w.mighty) THEN 'A superuser can.'
              ELSE pg_catalog.format('GRANT %%s TO %%I WITH ADMIN OPTION; ALTER ROLE %%I CREATEROLE; -- as a superuser',
                                     pg_catalog.string_agg(w.name, ', ' ORDER BY w.place), me.rolname, me.rolname) END
    FROM wanted w CROSS JOIN me
   WHERE w.renewed AND w.oid IS NOT NULL AND w.name <> me.rolname
     AND NOT (me.rolsuper
              OR (NOT w.mighty AND me.rolcreaterole
                  AND (me.governs OR pg_catalog.pg_has_role(w.oid, 'MEMBER WITH ADMIN OPTION'))))
   GROUP BY me.rolname
), step AS (
  SELECT w.place, 1 AS part, w.name AS secret,
         pg_catalog.format('CREATE ROLE %%I LOGIN PASSWORD %%L', w.name, 'verifier of ' || w.name) AS sql,
         pg_catalog.format('DROP ROLE %%I', w.name) AS undo,
         w.why || '; can be undone only while the role owns nothing and has no privileges elsewhere' AS note,
         NULL AS notice
    FROM wanted w WHERE w.oid IS NULL
  UNION ALL
  SELECT w.place, 1, w.name, pg_catalog.format('ALTER ROLE %%I PASSWORD %%L', w.name, 'verifier of ' || w.name), NULL,
         'sets a new password; clients that still use the old one are locked out', NULL
    FROM wanted w WHERE w.oid IS NOT NULL AND w.renewed
  UNION ALL
  SELECT l.place, 2, NULL, pg_catalog.format('GRANT %%s TO %%I', pg_catalog.string_agg(l.granted, ', '), l.name),
         pg_catalog.format('REVOKE %%s FROM %%I', pg_catalog.string_agg(l.granted, ', '), l.name),
         (SELECT w.why FROM wanted w WHERE w.place = l.place), NULL
    FROM lacking l GROUP BY l.place, l.name
  UNION ALL
  SELECT w.place, 0, NULL, NULL, NULL, NULL,
         pg_catalog.concat_ws(' ', pg_catalog.format('Role %%s already exists', w.name)
           || CASE WHEN w.renewed THEN '.' ELSE ': its password is unchanged.' END,
           CASE WHEN NOT w.rolcanlogin THEN 'It has NOLOGIN, which is unchanged.' END,
           CASE WHEN w.mighty THEN 'It has more rights than the pipeline needs (SUPERUSER, CREATEROLE, CREATEDB, '
                                   'REPLICATION or BYPASSRLS).' END)
    FROM wanted w
   WHERE w.oid IS NOT NULL AND (w.mighty OR NOT w.rolcanlogin OR EXISTS (SELECT FROM wanted o WHERE o.oid IS NULL
         OR o.renewed))
)
SELECT r.refused, r.remedy, NULL AS notice, NULL AS secret, NULL AS sql, NULL AS lock, NULL AS undo, NULL AS note,
       NULL AS "group",
       r.rank AS place, 0 AS part
  FROM refusal r
UNION ALL
SELECT NULL, NULL, s.notice, s.secret, s.sql, 'none', s.undo, s.note, 'roles', s.place, s.part
  FROM step s WHERE NOT EXISTS (SELECT FROM refusal)
 ORDER BY refused NULLS LAST, place, part
