 CROSS JOIN LATERAL (
       SELECT pg_catalog.string_agg(coalesce(a.attname, '(expression)'), ', ' ORDER BY p.at) AS key,
              -- of an expression, the type that its operator class compares
              pg_catalog.array_agg(pg_catalog.format_type(coalesce(a.atttypid, o.opcintype), NULL) ORDER BY p.at)
                  AS types,
              t.partattrs[0] <> 0 OR NOT EXISTS (
                SELECT FROM pg_catalog.regexp_matches(t.partexprs::text, '\{([A-Z]+) (?::funcid (\d+))?', 'g') e(node)
                 WHERE e.node[1] NOT IN ('FUNCEXPR', 'VAR', 'CONST', 'RELABELTYPE')
                    OR (e.node[1] = 'FUNCEXPR' AND NOT EXISTS (
                        SELECT FROM pg_catalog.pg_proc f
                         WHERE f.oid = e.node[2]::oid AND f.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
                           AND f.proname IN ('date_trunc', 'date_bin', 'date', 'timestamp', 'timestamptz', 'timezone',
                                             'to_timestamp')))) AS clock
         FROM ROWS FROM (pg_catalog.unnest(t.partattrs::int2[]), pg_catalog.unnest(t.partclass::oid[]))
              WITH ORDINALITY p(attnum, class, at)
         JOIN pg_catalog.pg_opclass o ON o.oid = p.class
         LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = t.partrelid AND a.attnum = p.attnum) k
