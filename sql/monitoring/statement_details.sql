-- One statement in full: its whole text and every counter this version of the extension has.
-- extension: pg_stat_statements
SELECT e.key AS item, e.value AS text
  FROM @extschema@.pg_stat_statements(true) s
 CROSS JOIN LATERAL pg_catalog.jsonb_each_text(pg_catalog.to_jsonb(s)) e
 WHERE s.queryid = %(queryid)s::bigint AND s.userid::bigint = %(userid)s::bigint AND s.dbid::bigint = %(dbid)s::bigint
   AND coalesce((pg_catalog.to_jsonb(s) ->> 'toplevel')::boolean, true) = %(toplevel)s::boolean
   AND e.key NOT IN ('queryid', 'userid', 'dbid', 'toplevel')
 ORDER BY e.key <> 'query', e.key LIKE '%%jit%%', e.key
