-- ROLLBACK PREPARED of one prepared transaction of this database, with what it holds; and why it may not be.
-- `still` is sent with it: ROLLBACK PREPARED knows a transaction by an identifier that a later one may have.
WITH me AS MATERIALIZED (
  SELECT r.oid, r.rolsuper AS super FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER
), prepared AS MATERIALIZED (
  SELECT p.*, d.datname, d.datname = pg_catalog.current_database() AS here,
         pg_catalog.pg_get_userbyid(p.ownerid)::text AS owner
    FROM pg_catalog.pg_prepared_xact() p LEFT JOIN pg_catalog.pg_database d ON d.oid = p.dbid
   WHERE p.gid = %(gid)s::text
), lock AS MATERIALIZED (
  SELECT l.* FROM pg_catalog.pg_locks l
   WHERE l.virtualtransaction IN (SELECT x.virtualtransaction FROM pg_catalog.pg_locks x JOIN prepared p
                                      ON x.transactionid = p.transaction AND x.pid IS NULL AND x.granted)
)
SELECT pg_catalog.format('ROLLBACK PREPARED %%L', p.gid) AS sql,
       false AS transaction,
       pg_catalog.concat('rolls back what ', p.owner, ' prepared at ',
                         pg_catalog.to_char(p.prepared, 'YYYY-MM-DD HH24:MI:SS TZ'),
                         '; releases ' || h.locks || ' locks', ', on ' || h.relations) AS note,
       pg_catalog.format('SELECT pg_catalog.count(*) = 0, ''It is still there.'' FROM pg_catalog.pg_prepared_xact() p'
                         || ' WHERE p.gid = %%L AND p.transaction = %%L', p.gid, p.transaction) AS expect,
       pg_catalog.format('SELECT pg_catalog.count(*) = 1, ''It has ended meanwhile; nothing was rolled back.'''
                         || ' FROM pg_catalog.pg_prepared_xact() p WHERE p.gid = %%L AND p.transaction = %%L',
                         p.gid, p.transaction) AS still,
       CASE WHEN p.gid IS NULL THEN 'There is no prepared transaction with the identifier ' || w.gid || '.'
            WHEN p.prepared <> %(prepared)s::timestamptz THEN 'The prepared transaction ' || p.gid
                || ' that was seen has ended, and another has its identifier; nothing was rolled back.'
            WHEN p.here IS NOT TRUE THEN 'Prepared transaction ' || p.gid || ' belongs to database '
                || coalesce(p.datname::text, '?') || ', where alone it can be rolled back.'
            WHEN NOT me.super AND p.ownerid <> me.oid THEN 'Prepared transaction ' || p.gid || ' was prepared by '
                || p.owner || ': only that role or a superuser may roll it back.' END AS refused,
       CASE WHEN p.prepared <> %(prepared)s::timestamptz THEN ''
            WHEN p.gid IS NULL THEN 'The locks pane names prepared transactions that block others.'
            WHEN p.here IS NOT TRUE THEN 'Give that database as target.'
            WHEN NOT me.super AND p.ownerid <> me.oid THEN 'Connect as ' || pg_catalog.quote_ident(p.owner) || '.'
            END AS remedy,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - p.prepared) AS age
  FROM (SELECT %(gid)s::text AS gid) w
 CROSS JOIN me
  LEFT JOIN prepared p ON true
 CROSS JOIN (SELECT pg_catalog.count(*) AS locks,
                    pg_catalog.string_agg(DISTINCT l.relation::regclass::text, ', ')
                      FILTER (WHERE l.locktype = 'relation') AS relations FROM lock l) h
