-- What a plan relies on of relations, as a digest: kind, owner, columns, triggers, rules, foreign keys in both ways.
--
-- It opens no relation, so it waits for no lock. Triggers of the console's own are no change. Where it cannot be
-- prepared, to plan it takes longest: arrays and names need neither aggregates nor a join.
SELECT c.oid::bigint AS oid,
       pg_catalog.concat(c.relnamespace::pg_catalog.regnamespace, '.', pg_catalog.quote_ident(c.relname)) AS name,
       pg_catalog.md5(pg_catalog.concat_ws(E'\n', c.relkind, c.relowner, c.relrowsecurity, c.relforcerowsecurity,
         ARRAY(SELECT pg_catalog.concat_ws(' ', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull,
                                           a.attgenerated, a.attidentity, a.attcollation)
                 FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum),
         ARRAY(SELECT pg_catalog.concat_ws(' ', g.tgname, g.tgfoid, g.tgtype, g.tgenabled, g.tgqual, g.tgargs)
                 FROM pg_catalog.pg_trigger g
                WHERE g.tgrelid = c.oid AND NOT g.tgisinternal
                  AND NOT pg_catalog.starts_with(g.tgname, 'pipeline_console_') ORDER BY g.tgname),
         ARRAY(SELECT pg_catalog.concat_ws(' ', w.rulename, w.ev_type, w.ev_enabled, pg_catalog.md5(w.ev_action::text))
                 FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid ORDER BY w.rulename),
         ARRAY(SELECT pg_catalog.concat_ws(' ', k.conrelid, k.confrelid, k.conkey, k.confkey, k.confdeltype,
                                           k.confupdtype)
                 FROM pg_catalog.pg_constraint k
                WHERE k.contype = 'f' AND (k.conrelid = c.oid OR k.confrelid = c.oid) ORDER BY k.oid))) AS digest
  FROM pg_catalog.pg_class c
 WHERE c.oid = ANY (%(oids)s::bigint[]::oid[])
