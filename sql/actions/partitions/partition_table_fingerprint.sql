-- A checksum over all properties of a table that are recreated on its new parent, to detect changes.
SELECT pg_catalog.hashtextextended(pg_catalog.string_agg(s.said, E'\n' ORDER BY s.said), 0)::text AS fingerprint
  FROM (SELECT pg_catalog.concat_ws(' ', 'table', c.relname, c.relnamespace, c.relowner, c.relacl, c.relrowsecurity,
                                    c.relforcerowsecurity,
                                    c.reloptions, c.relreplident) AS said
          FROM pg_catalog.pg_class c WHERE c.oid = %(oid)s::bigint::oid
        UNION ALL
        SELECT pg_catalog.concat_ws(' ', 'column', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull,
                                    a.attidentity, a.attgenerated, a.attacl,
                                    pg_catalog.pg_get_expr(d.adbin, d.adrelid))
          FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid
            AND d.adnum = a.attnum
         WHERE a.attrelid = %(oid)s::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT pg_catalog.concat_ws(' ', 'view', w.ev_class, v.relowner, v.reloptions,
                                    pg_catalog.pg_get_viewdef(w.ev_class))
          FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_class v ON v.oid = w.ev_class AND v.relkind IN ('v', 'm')
         WHERE EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
                       AND d.objid = w.oid
                          AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                          AND d.refobjid = %(oid)s::bigint::oid)
        UNION ALL
        SELECT pg_catalog.concat_ws(' ', 'constraint', k.conname, k.conrelid, pg_catalog.pg_get_constraintdef(k.oid))
          FROM pg_catalog.pg_constraint k
         WHERE (k.conrelid = %(oid)s::bigint::oid OR k.confrelid = %(oid)s::bigint::oid)
           AND k.conname <> 'pipeline_console_bounds'
        UNION ALL
        SELECT pg_catalog.concat_ws(' ', 'index', pg_catalog.pg_get_indexdef(i.indexrelid)) FROM pg_catalog.pg_index i
          JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
         WHERE i.indrelid = %(oid)s::bigint::oid AND i.indisvalid AND c.relname <> 'pipeline_console_' || i.indrelid
             || '_key'
        UNION ALL
        SELECT pg_catalog.concat_ws(' ', 'trigger', g.tgenabled, pg_catalog.pg_get_triggerdef(g.oid))
          FROM pg_catalog.pg_trigger g
         WHERE g.tgrelid = %(oid)s::bigint::oid AND NOT g.tgisinternal
           AND NOT pg_catalog.starts_with(g.tgname, 'pipeline_console_')
        UNION ALL
        SELECT pg_catalog.concat_ws(' ', 'policy', p.polname, p.polcmd, p.polpermissive, p.polroles::text,
                                    pg_catalog.pg_get_expr(p.polqual, p.polrelid),
                                    pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
          FROM pg_catalog.pg_policy p WHERE p.polrelid = %(oid)s::bigint::oid
        UNION ALL
        SELECT pg_catalog.concat_ws(' ', 'rule', w.rulename) FROM pg_catalog.pg_rewrite w
         WHERE w.ev_class = %(oid)s::bigint::oid
        UNION ALL
        SELECT pg_catalog.concat_ws(' ', 'statistics', x.stxname, pg_catalog.pg_get_statisticsobjdef(x.oid))
          FROM pg_catalog.pg_statistic_ext x
         WHERE x.stxrelid = %(oid)s::bigint::oid) s
