-- pg_stat_statements_reset of all statements, or of those with one queryid, and why it may not be run.
-- extension: pg_stat_statements
-- Only the function that belongs to the extension is called, with all of its arguments: none of the same name is.
SELECT pg_catalog.format('SELECT %%s(%%s)', f.oid::regproc, CASE f.pronargs
         WHEN 3 THEN pg_catalog.format('0::pg_catalog.oid, 0::pg_catalog.oid, %%s::pg_catalog.int8', w.id)
         WHEN 4 THEN pg_catalog.format('0::pg_catalog.oid, 0::pg_catalog.oid, %%s::pg_catalog.int8, false', w.id)
         ELSE '' END) AS sql,
       false AS transaction, k.statements || ' statements, ' || k.calls || ' calls' AS estimate,
       'their calls and times start again at zero, for every role and database' AS note,
       CASE WHEN w.queryid IS NULL
            THEN pg_catalog.format('SELECT i.stats_reset <> %%L'  -- since 1.9
                                   || ' FROM @extschema@.pg_stat_statements_info i',  -- since 1.9
                                   (SELECT i.stats_reset FROM @extschema@.pg_stat_statements_info i))  -- since 1.9
            THEN NULL  -- before 1.9
            ELSE pg_catalog.format('SELECT coalesce(pg_catalog.sum(s.calls), 0) <= %%s'
                                   || ' FROM @extschema@.pg_stat_statements(false) s WHERE s.queryid = %%s',
                                   k.calls, w.queryid) END AS expect,
       CASE WHEN w.queryid IS NOT NULL AND k.statements = 0
            THEN 'pg_stat_statements has no statement with queryid ' || w.queryid || '.'
            WHEN w.queryid IS NOT NULL AND f.pronargs < 3
            THEN 'This version of pg_stat_statements resets all statements or none.'
            WHEN NOT pg_catalog.has_function_privilege(f.oid, 'EXECUTE')
            THEN 'This role lacks EXECUTE on pg_stat_statements_reset.' END AS refused,
       CASE WHEN w.queryid IS NOT NULL AND (k.statements = 0 OR f.pronargs < 3) THEN ''
            WHEN NOT pg_catalog.has_function_privilege(f.oid, 'EXECUTE')
            THEN pg_catalog.format('GRANT EXECUTE ON FUNCTION %%s TO %%I;', f.oid::regprocedure, CURRENT_USER) END
         AS remedy
  FROM (SELECT %(queryid)s::bigint AS queryid, coalesce(%(queryid)s::bigint, 0) AS id) w
 CROSS JOIN (SELECT p.oid, p.pronargs FROM pg_catalog.pg_proc p
               JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
                AND d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::regclass
               JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_stat_statements'
              WHERE p.proname = 'pg_stat_statements_reset') f
 CROSS JOIN LATERAL (
       SELECT pg_catalog.count(*) AS statements, coalesce(pg_catalog.sum(s.calls), 0)::bigint AS calls
         FROM @extschema@.pg_stat_statements(false) s WHERE w.queryid IS NULL OR s.queryid = w.queryid) k
