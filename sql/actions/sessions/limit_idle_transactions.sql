-- ALTER ROLE that ends a role's sessions once they have been idle in a transaction for so long, or resets that.
-- Its undo has the former value. `given` is null to reset it; a value of the role in one database goes before its own.
-- Values are compared as times: 300s, 5min and 300000 are the same. One in a form that is not known differs.
WITH me AS MATERIALIZED (
  SELECT r.rolname, r.rolsuper,
         r.rolsuper OR r.rolcreaterole AS alters, pg_catalog.current_setting('server_version_num')::int AS version
    FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER
), target AS MATERIALIZED (
  SELECT r.oid, r.rolname, r.rolsuper, r.rolcanlogin FROM pg_catalog.pg_roles r WHERE r.rolname = %(role)s::text
), kept AS MATERIALIZED (
  SELECT s.setdatabase, pg_catalog.split_part(c.entry, '=', 2) AS value
    FROM pg_catalog.pg_db_role_setting s
   CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) c(entry)
   WHERE s.setrole = (SELECT t.oid FROM target t) AND c.entry LIKE 'idle\_in\_transaction\_session\_timeout=%%'
), value AS MATERIALIZED (
  SELECT (SELECT k.value FROM kept k WHERE k.setdatabase = 0) AS former, %(given)s::text AS given
), time AS MATERIALIZED (
  SELECT pg_catalog.max(CASE WHEN w.of = 'former' THEN w.time END) AS former,
         pg_catalog.max(CASE WHEN w.of = 'given' THEN w.time END) AS given
    FROM (SELECT x.of, CASE WHEN x.text ~ '^ *[0-9]{1,10} *$' THEN x.text::pg_catalog.int8 * INTERVAL '1 ms'
                            WHEN x.text ~ '^ *[0-9]{1,10} *(us|ms|s|min|h|d) *$' THEN x.text::pg_catalog.interval
                       END AS time
            FROM value v CROSS JOIN LATERAL (VALUES ('former', v.former), ('given', v.given)) x(of, text)) w
), change AS MATERIALIZED (
  SELECT pg_catalog.format('ALTER ROLE %%I ', t.rolname) AS alter, v.former, v.given,
         v.former IS DISTINCT FROM v.given AND coalesce(m.former <> m.given, true) AS differs
    FROM target t CROSS JOIN value v CROSS JOIN time m
)
SELECT c.alter || CASE WHEN c.given IS NULL THEN 'RESET idle_in_transaction_session_timeout'
                       ELSE pg_catalog.format('SET idle_in_transaction_session_timeout = %%L', c.given) END AS sql,
       c.alter || CASE WHEN c.former IS NULL THEN 'RESET idle_in_transaction_session_timeout'
                       ELSE pg_catalog.format('SET idle_in_transaction_session_timeout = %%L', c.former) END AS undo,
       'none' AS lock, true AS at_once,
       pg_catalog.concat('sessions that begin later; until now ',
                         coalesce(c.former, 'no value of its own')) AS note,
       pg_catalog.format('SELECT (SELECT pg_catalog.split_part(c.entry, ''='', 2)'
         || ' FROM pg_catalog.pg_db_role_setting s CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) c(entry)'
         || ' WHERE s.setrole = %%s AND s.setdatabase = 0'
         || ' AND c.entry LIKE ''idle\_in\_transaction\_session\_timeout=%%%%'')'
         || ' IS NOT DISTINCT FROM %%L::text', t.oid, c.given) AS expect,
       CASE WHEN t.oid IS NULL THEN 'There is no role ' || w.role || '.'
            WHEN t.rolname IN (CURRENT_USER, SESSION_USER)
            THEN 'Role ' || t.rolname || ' is the one that this console connects as.'
            WHEN t.rolname LIKE 'pg\_%%'
            THEN 'Role ' || t.rolname || ' is one of PostgreSQL''s own, which never logs in.'
            WHEN t.rolsuper AND NOT me.rolsuper
            THEN 'Role ' || t.rolname || ' is a superuser: only a superuser may change its settings.'
            WHEN NOT me.alters
            THEN 'Role ' || me.rolname || ' lacks CREATEROLE, without which it changes no other role.'
            WHEN NOT me.rolsuper AND me.version >= 160000
             AND NOT pg_catalog.pg_has_role(t.oid, 'MEMBER WITH ADMIN OPTION')
            THEN 'Role ' || me.rolname || ' has CREATEROLE, but not ADMIN OPTION on ' || t.rolname || '.' END
         AS refused,
       CASE WHEN t.oid IS NULL OR t.rolname LIKE 'pg\_%%' THEN ''
            WHEN t.rolname IN (CURRENT_USER, SESSION_USER)
            THEN 'Give applications a role of their own, or connect as another one.'
            WHEN t.rolsuper THEN ''
            WHEN NOT me.alters AND me.version >= 160000
            THEN pg_catalog.format('ALTER ROLE %%I CREATEROLE; GRANT %%I TO %%I WITH ADMIN OPTION; -- as a superuser',
                                   me.rolname, t.rolname, me.rolname)
            WHEN NOT me.alters THEN pg_catalog.format('ALTER ROLE %%I CREATEROLE; -- as a superuser', me.rolname)
            ELSE pg_catalog.format('GRANT %%I TO %%I WITH ADMIN OPTION; -- as a superuser', t.rolname, me.rolname) END
         AS remedy,
       c.differs, c.former, t.rolsuper AS superuser, t.rolcanlogin AS logs_in,
       ARRAY(SELECT d.datname::text || ': ' || k.value FROM kept k
              JOIN pg_catalog.pg_database d ON d.oid = k.setdatabase ORDER BY 1) AS overrides
  FROM (SELECT %(role)s::text AS role) w
 CROSS JOIN me
  LEFT JOIN target t ON true
  LEFT JOIN change c ON true
