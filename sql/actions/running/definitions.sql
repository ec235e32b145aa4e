-- What a plan relies on of relations, as a digest: kind, owner, columns, triggers, rules, foreign keys in both ways.
--
-- It opens no relation, so it waits for no lock. Triggers of the console's own are no change.
SELECT c.oid::bigint AS oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
       pg_catalog.md5(pg_catalog.concat_ws(E'\n', c.relkind, c.relowner, c.relrowsecurity, c.relforcerowsecurity,
         (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attnum, a.attname, a.atttypid, a.atttypmod,
                                                            a.attnotnull, a.attgenerated, a.attidentity,
                                                            a.attcollation),
                                       ',' ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
         (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', g.tgname, g.tgfoid, g.tgtype, g.tgenabled, g.tgqual,
                                                            g.tgargs), ',' ORDER BY g.tgname)
            FROM pg_catalog.pg_trigger g
           WHERE g.tgrelid = c.oid AND NOT g.tgisinternal
             AND NOT pg_catalog.starts_with(g.tgname, 'pipeline_console_')),
         (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', w.rulename, w.ev_type, w.ev_enabled,
                                                            pg_catalog.md5(w.ev_action::text)), ',' ORDER BY w.rulename)
            FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid),
         (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', k.conrelid, k.confrelid, k.conkey, k.confkey,
                                                            k.confdeltype, k.confupdtype), ',' ORDER BY k.oid)
            FROM pg_catalog.pg_constraint k
           WHERE k.contype = 'f' AND (k.conrelid = c.oid OR k.confrelid = c.oid)))) AS digest
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = ANY (%(oids)s::bigint[]::oid[])
