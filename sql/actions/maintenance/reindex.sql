-- Rebuilds indexes concurrently, one per step: the given ones, those of the given tables, or all invalid ones.
--
-- Indexes left from an interrupted REINDEX CONCURRENTLY (_ccnew, _ccold) or DROP INDEX CONCURRENTLY are dropped first,
-- unless another session holds the lock under which they are built.
WITH RECURSIVE tree AS (
  SELECT pg_catalog.unnest(%(oid)s::bigint[])::oid AS oid
  UNION
  SELECT h.inhrelid FROM tree t JOIN pg_catalog.pg_class p ON p.oid = t.oid AND p.relkind IN ('p', 'I')
    JOIN pg_catalog.pg_inherits h ON h.inhparent = t.oid
), asked AS (
  SELECT c.oid FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.oid AND c.relkind = 'i'
  UNION
  SELECT i.indexrelid FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.oid AND c.relkind IN ('r', 'm', 't')
    JOIN pg_catalog.pg_index i ON i.indrelid IN (c.oid, c.reltoastrelid)
  UNION
  SELECT i.indexrelid FROM pg_catalog.pg_index i
   WHERE %(oid)s::bigint[] IS NULL AND NOT (i.indisvalid AND i.indisready AND i.indislive)
), wanted AS (
  SELECT a.oid FROM asked a
  UNION  -- left from an earlier REINDEX of them
  SELECT l.oid FROM asked a JOIN pg_catalog.pg_index i ON i.indexrelid = a.oid
    JOIN pg_catalog.pg_class c ON c.oid = a.oid
    JOIN pg_catalog.pg_index o ON o.indrelid = i.indrelid AND NOT o.indisvalid
    JOIN pg_catalog.pg_class l ON l.oid = o.indexrelid
   WHERE l.relname ~ '_cc(new|old)[0-9]*$'
     AND pg_catalog.starts_with(c.relname, pg_catalog.regexp_replace(l.relname, '_cc(new|old)[0-9]*$', ''))
), one AS (
  SELECT c.oid, c.relname, c.relkind, c.relpages, i.indrelid, i.indisexclusion, i.indisprimary,
         pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, n.nspname,
         pg_catalog.format('%%I.%%I', m.nspname, t.relname) AS "table",
         NOT pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE') AS out_of_reach,
         (SELECT pg_catalog.format('%%I.%%I', w.nspname, u.relname)
            FROM pg_catalog.pg_class u JOIN pg_catalog.pg_namespace w ON w.oid = u.relnamespace
           WHERE t.relkind = 't' AND u.reltoastrelid = t.oid) AS toast_of,
         i.indrelid < 16384 AS of_system, pg_catalog.pg_is_other_temp_schema(c.relnamespace) AS of_others,
         NOT (i.indisvalid AND i.indisready AND i.indislive) AS broken,
         NOT i.indislive OR NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' AS leftover,
         (SELECT pg_catalog.min(l.pid) FROM pg_catalog.pg_locks l
           WHERE l.locktype = 'relation' AND l.relation IN (i.indrelid, c.oid) AND l.mode = 'ShareUpdateExclusiveLock'
             AND l.granted
             AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d
                               WHERE d.datname = pg_catalog.current_database())) AS busy
    FROM wanted w
    JOIN pg_catalog.pg_class c ON c.oid = w.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
    JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
    JOIN pg_catalog.pg_namespace m ON m.oid = t.relnamespace
), oldest AS (
  SELECT pg_catalog.concat('; the oldest is pid ', a.pid, ', ',
           pg_catalog.round(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start)), ' s') AS said
    FROM pg_catalog.pg_stat_get_activity(NULL) a
   WHERE a.xact_start IS NOT NULL AND a.pid <> pg_catalog.pg_backend_pid() AND a.backend_type = 'client backend'
     AND a.datid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
   ORDER BY a.xact_start LIMIT 1
), judged AS (
  SELECT o.*, CASE WHEN o.leftover THEN 'DROP INDEX CONCURRENTLY ' ELSE 'REINDEX INDEX CONCURRENTLY ' END
         || o.name AS sql,
         CASE WHEN o.of_system THEN o.name || ' is a system index, which cannot be rebuilt concurrently.'
              WHEN o.of_others THEN o.name || ' belongs to a temporary table of another session.'
              WHEN o.out_of_reach AND o.toast_of IS NOT NULL
                THEN pg_catalog.format('The TOAST index of %%s is skipped: this role lacks USAGE on schema pg_toast. '
                                       'REINDEX TABLE CONCURRENTLY %%s rebuilds it with all others.', o.toast_of,
                                       o.toast_of)
              WHEN o.out_of_reach
                THEN pg_catalog.format('%%s is skipped: GRANT USAGE ON SCHEMA %%I TO %%I.', o.name, o.nspname,
                                       CURRENT_USER)
              WHEN o.relkind = 'I' THEN o.name || ' is invalid until every partition of ' || o."table"
                  || ' has an index attached to it.'
              WHEN o.broken AND o.busy IS NOT NULL THEN o.name || ' is skipped: pid ' || o.busy
                  || ' may be building it.'
              WHEN o.indisexclusion THEN o.name
                  || ' belongs to an exclusion constraint, which cannot be rebuilt concurrently.'
              END AS skipped
    FROM one o
)
SELECT j.sql, 'SHARE UPDATE EXCLUSIVE on ' || j."table" AS lock, j."table" AS "on", false AS transaction,
       0::float8 AS lock_timeout,
       CASE WHEN NOT j.leftover
           THEN pg_catalog.pg_size_pretty(j.relpages * pg_catalog.current_setting('block_size')::bigint)
            || ' more while it is built' END AS estimate,
       CASE WHEN j.leftover THEN 'left from an interrupted command: slows writes, serves no query' WHEN j.broken
           THEN 'invalid: slows writes, serves no query'
            ELSE 'rebuilt without blocking reads or writes' END
       || '; waits for open transactions' || coalesce((SELECT o.said FROM oldest o), '') AS note,
       CASE WHEN j.leftover
            THEN 'SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = ' || j.oid || ')'
            ELSE 'SELECT EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid'
                 || ' WHERE c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = '
                     || pg_catalog.quote_literal(j.nspname)
                 || ') AND c.relname = ' || pg_catalog.quote_literal(j.relname) || ' AND i.indisvalid AND i.indisready)'
                     END AS expect,
       CASE WHEN j.leftover
            THEN 'SELECT ' || pg_catalog.quote_literal(j.sql) || ' FROM pg_catalog.pg_class c WHERE c.oid = ' || j.oid
            -- The new index gets the old one's name only when it is complete; from then on the old one is all that is
            -- left.
            ELSE
                 'SELECT s.sql FROM (SELECT 1 AS at, ''DROP INDEX CONCURRENTLY '' || pg_catalog.quote_ident(n.nspname) '
                 '|| ''.'' || pg_catalog.quote_ident(c.relname)'
                 || ' AS sql FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid'
                 || ' JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE i.indrelid = ' || j.indrelid
                 || ' AND NOT i.indisvalid AND c.relname ~ ''_cc(new|old)[0-9]*$'''
                 || ' AND pg_catalog.starts_with(' || pg_catalog.quote_literal(j.relname)
                 || ', pg_catalog.regexp_replace(c.relname, ''_cc(new|old)[0-9]*$'', ''''))'
                 || ' UNION ALL SELECT 2, ' || pg_catalog.quote_literal(j.sql)
                     || ' FROM pg_catalog.pg_class c WHERE c.oid = ' || j.oid
                 || ' AND c.relname = ' || pg_catalog.quote_literal(j.relname) || ') s ORDER BY s.at' END AS again,
       j.skipped, j.broken
  FROM judged j
 WHERE j.broken OR NOT %(broken)s
 ORDER BY j.leftover DESC, j.relpages, j.name
