-- Whether the schema can be created in this database: its encoding, and the SET ROLE for another owner.
WITH owner AS (
  SELECT r.rolname, r.rolsuper,
         CASE WHEN r.rolname = CURRENT_USER THEN true
              WHEN pg_catalog.current_setting('server_version_num')::integer >= 160000
                  THEN pg_catalog.pg_has_role(r.oid, 'SET')
              ELSE pg_catalog.pg_has_role(r.oid, 'MEMBER') END AS may
    FROM pg_catalog.pg_roles r
   WHERE r.rolname = %(owner)s::text
)
SELECT CASE
         WHEN pg_catalog.getdatabaseencoding() <> 'UTF8' THEN
           pg_catalog.format('Database %%s has the encoding %%s; the pipeline needs UTF8.',
                             pg_catalog.current_database(), pg_catalog.getdatabaseencoding())
         WHEN %(owner)s::text = '' THEN NULL
         WHEN NOT EXISTS (SELECT FROM owner) THEN pg_catalog.format('Role %%s does not exist.', %(owner)s::text)
         WHEN NOT (SELECT o.may FROM owner o)
             THEN pg_catalog.format('%%s may not SET ROLE to %%s.', CURRENT_USER, %(owner)s::text)
       END AS refused,
       CASE
         WHEN pg_catalog.getdatabaseencoding() <> 'UTF8'
             THEN 'CREATE DATABASE name ENCODING ''UTF8'' TEMPLATE template0 creates a suitable database.'
         WHEN NOT (SELECT o.may FROM owner o) THEN pg_catalog.format('GRANT %%I TO %%I;', %(owner)s::text, CURRENT_USER)
       END AS remedy,
       (SELECT pg_catalog.format('SET LOCAL ROLE %%I;', o.rolname) FROM owner o
         WHERE o.rolname <> CURRENT_USER) AS role,
       (SELECT o.rolname::text FROM owner o JOIN pg_catalog.pg_roles me ON me.rolname = CURRENT_USER
         WHERE me.rolsuper AND NOT o.rolsuper) AS confined
