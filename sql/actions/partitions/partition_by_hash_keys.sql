-- The foreign keys that reference a table which gets a partition key: the new definition of each, or why there is none.
--
-- A key that already includes the partition key stays as it is. Others get the column of the same name and type of
-- their own table. It must be NOT NULL, because a null would skip the check. `drop`: keys that cannot be extended are
-- dropped, but never a key that references its own table. A superuser validates no key with columns of a different,
-- user-defined type: comparing them would call a user-defined cast.
WITH t AS MATERIALIZED (
  SELECT c.oid AS table_oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, a.attname AS key,
         a.attnum AS keynum, a.atttypid AS key_type,
         pg_catalog.format_type(a.atttypid, a.atttypmod) AS type_name,
         pg_catalog.current_setting('server_version_num')::integer AS version
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = %(key)s AND a.attnum > 0 AND NOT a.attisdropped
   WHERE c.oid = %(oid)s::bigint::oid
), inbound AS MATERIALIZED (
  SELECT k.oid, k.conrelid, k.conname, k.conkey, k.confkey, k.confmatchtype, k.confupdtype, k.confdeltype,
         k.condeferrable, k.condeferred, k.convalidated,
         k.conrelid = t.table_oid AS own, t.keynum = ANY (k.confkey) AS holds, c.relkind, c.relowner,
         pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS "on",
         b.attnum AS column, b.attnotnull OR k.conrelid = t.table_oid AS filled, b.atttypid AS column_type,
         pg_catalog.format_type(b.atttypid, b.atttypmod) AS column_type_name,
         pg_catalog.pg_get_constraintdef(k.oid) AS former,
         pg_catalog.obj_description(k.oid, 'pg_constraint') AS comment, t.*,
         ARRAY(SELECT s.n::smallint
               FROM pg_catalog.jsonb_array_elements_text(CASE pg_catalog.jsonb_typeof(pg_catalog.to_jsonb(k) ->
                     'confdelsetcols')
                 WHEN 'array' THEN pg_catalog.to_jsonb(k) -> 'confdelsetcols' ELSE pg_catalog.to_jsonb(k) -> 'conkey'
                     END) s(n)) AS emptied
    FROM t
    JOIN pg_catalog.pg_constraint k ON k.confrelid = t.table_oid AND k.contype = 'f' AND k.conparentid = 0
    JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_attribute b ON b.attrelid = c.oid AND b.attname = t.key AND b.attnum > 0
     AND NOT b.attisdropped
), text AS MATERIALIZED (
  SELECT i.oid,
         (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY x.n)
          FROM pg_catalog.unnest(i.conkey) WITH ORDINALITY x(at, n)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = i.conrelid AND a.attnum = x.at) AS names,
         (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY x.n)
          FROM pg_catalog.unnest(i.confkey) WITH ORDINALITY x(at, n)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = i.table_oid AND a.attnum = x.at) AS theirs,
         (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY x.n)
          FROM pg_catalog.unnest(i.emptied) WITH ORDINALITY x(at, n)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = i.conrelid AND a.attnum = x.at) AS emptied,
         (SELECT pg_catalog.string_agg(pg_catalog.format('x.%%I IS NOT NULL', a.attname), ' AND ' ORDER BY x.n)
            FROM pg_catalog.unnest(i.conkey) WITH ORDINALITY x(at, n)
              JOIN pg_catalog.pg_attribute a ON a.attrelid = i.conrelid AND a.attnum = x.at) AS refers,
         (SELECT pg_catalog.string_agg(pg_catalog.format('y.%%I = x.%%I', f.attname, a.attname), ' AND ' ORDER BY x.n)
            FROM ROWS FROM (pg_catalog.unnest(i.conkey), pg_catalog.unnest(i.confkey)) WITH ORDINALITY x(at, their, n)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = i.conrelid AND a.attnum = x.at
            JOIN pg_catalog.pg_attribute f ON f.attrelid = i.table_oid AND f.attnum = x.their) AS same,
         (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER)
           AND i.relowner IN (SELECT o.oid FROM pg_catalog.pg_roles o WHERE NOT o.rolsuper)
           AND EXISTS (SELECT FROM ROWS FROM (pg_catalog.unnest(i.conkey), pg_catalog.unnest(i.confkey)) x(at, their)
                         JOIN pg_catalog.pg_attribute a ON a.attrelid = i.conrelid AND a.attnum = x.at
                          AND a.atttypid >= 16384
                         JOIN pg_catalog.pg_attribute f ON f.attrelid = i.table_oid AND f.attnum = x.their
                          AND f.atttypid <> a.atttypid)
           AS foreign_code  -- a user-defined cast
    FROM inbound i
), judged AS MATERIALIZED (
  SELECT i.*, pg_catalog.quote_ident(i.conname) AS quoted, x.names, x.theirs, x.emptied AS emptied_names, x.refers,
         x.same,
         CASE WHEN NOT pg_catalog.pg_has_role(i.relowner, 'USAGE') THEN 'only the owner of that table may alter it'
              WHEN x.foreign_code THEN 'validating it would run user-defined code as superuser' END AS never,
         pg_catalog.format('Connect as a member of %%I.', pg_catalog.pg_get_userbyid(i.relowner)) AS never_remedy,
         CASE WHEN NOT i.convalidated THEN 'it is not validated'
              WHEN i.relkind = 'p' THEN 'that table is partitioned, and validating it would block its writers'
              WHEN i.holds THEN NULL
              WHEN i.column IS NULL THEN pg_catalog.format('that table has no column %%I', i.key)
              WHEN i.column_type <> i.key_type
                  THEN pg_catalog.format('its column %%I is %%s, not %%s', i.key, i.column_type_name, i.type_name)
              WHEN NOT i.filled THEN pg_catalog.format('its column %%I is nullable, and a null would skip the check',
                                                       i.key)
              WHEN i.column = ANY (i.conkey)
                  THEN pg_catalog.format('its column %%I already references another column', i.key)
              WHEN i.confmatchtype = 'f' AND pg_catalog.cardinality(i.conkey) > 1
                  THEN 'it is MATCH FULL, which an additional column would change'
              WHEN i.confupdtype IN ('n', 'd') THEN pg_catalog.format('ON UPDATE would also set %%I to null', i.key)
              WHEN i.confdeltype IN ('n', 'd') AND i.version < 150000
                  THEN pg_catalog.format('before PostgreSQL 15, ON DELETE would also set %%I to null', i.key)
         END AS why,
         CASE WHEN NOT i.convalidated THEN pg_catalog.format('ALTER TABLE %%s VALIDATE CONSTRAINT %%I first;', i."on",
               i.conname)
              WHEN i.relkind = 'p' OR i.holds THEN NULL
              WHEN i.column IS NULL THEN pg_catalog.format('Add the column first: ALTER TABLE %%s ADD COLUMN %%I %%s, '
                                                           'fill it, and set it NOT NULL;', i."on", i.key, i.type_name)
              WHEN i.column_type <> i.key_type THEN 'Give it that type first;'
              WHEN NOT i.filled THEN pg_catalog.format('ALTER TABLE %%s ALTER COLUMN %%I SET NOT NULL first;', i."on",
                                                       i.key)
         END AS first
    FROM inbound i JOIN text x ON x.oid = i.oid
), made AS MATERIALIZED (
  SELECT j.*, %(drop)s AND j.why IS NOT NULL AND NOT j.own AND j.never IS NULL AS dropped,
         CASE WHEN j.holds THEN pg_catalog.regexp_replace(j.former, ' NOT VALID$', '') ELSE
           pg_catalog.concat_ws(' ', pg_catalog.format('FOREIGN KEY (%%I, %%s) REFERENCES %%s (%%I, %%s)', j.key,
                                                       j.names, j.name, j.key, j.theirs),
             CASE j.confupdtype WHEN 'r' THEN 'ON UPDATE RESTRICT' WHEN 'c' THEN 'ON UPDATE CASCADE' END,
             CASE j.confdeltype WHEN 'r' THEN 'ON DELETE RESTRICT' WHEN 'c' THEN 'ON DELETE CASCADE'
                                WHEN 'n' THEN pg_catalog.format('ON DELETE SET NULL (%%s)', j.emptied_names)
                                WHEN 'd' THEN pg_catalog.format('ON DELETE SET DEFAULT (%%s)', j.emptied_names) END,
             CASE WHEN j.condeferrable THEN 'DEFERRABLE' END,
             CASE WHEN j.condeferred THEN 'INITIALLY DEFERRED' END) END AS definition
    FROM judged j
)
SELECT CASE WHEN m.never IS NOT NULL OR m.why IS NOT NULL AND NOT m.dropped THEN
              pg_catalog.format('Rows of %%s reference rows of %%s (%%s), and the key of a partitioned table must '
                                'include %%I: %%s.',
                                m."on", m.name, m.quoted, m.key, coalesce(m.never, m.why)) END AS refused,
       CASE WHEN m.never IS NOT NULL THEN m.never_remedy
            WHEN m.own THEN pg_catalog.concat_ws(' ', m.first, CASE WHEN m.first IS NULL THEN 'Drop' ELSE 'or drop'
                                                 END, 'this key.')
            ELSE pg_catalog.concat_ws(' ', m.first, CASE WHEN m.first IS NULL THEN 'L' ELSE 'or l' END
                                      || 'et it be dropped with --set references=drop.') END AS remedy,
       m.oid::bigint AS oid, m.conname::text AS conname, m.quoted, m."on", m.name, m.own, m.dropped, m.why,
       m.definition,
       pg_catalog.format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', m."on", m.conname, m.former) AS former,
       pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT %%I', m."on", m.conname) AS unlink,
       CASE WHEN NOT m.dropped THEN pg_catalog.concat_ws(E';\n',
                                                         pg_catalog.format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s NOT '
                                                             'VALID', m."on", m.conname, m.definition),
         pg_catalog.format('COMMENT ON CONSTRAINT %%I ON %%s IS ', m.conname, m."on")
             || pg_catalog.quote_literal(m.comment)) END AS relink,
       CASE WHEN NOT m.dropped THEN pg_catalog.format('ALTER TABLE %%s VALIDATE CONSTRAINT %%I', m."on", m.conname)
           END AS validate,
       CASE WHEN NOT m.dropped AND NOT m.holds THEN pg_catalog.format('DO %%L', pg_catalog.format(
         E'#variable_conflict use_column\nDECLARE\n  pipeline_console_n bigint;\nBEGIN\n'
         '  SELECT pg_catalog.count(*) INTO pipeline_console_n FROM ONLY %%1$s x\n'
         '   WHERE %%2$s AND NOT EXISTS (SELECT FROM ONLY %%3$s y WHERE %%4$s AND y.%%5$I = x.%%5$I);\n'
         '  IF pipeline_console_n > 0 THEN\n    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(%%6$L, '
         'pipeline_console_n), HINT = %%7$L;\n  END IF;\nEND',
         m."on", m.refers, m.name, m.same, m.key,
         pg_catalog.format('%%%%s rows of %%s reference, by %%s, rows of %%s with another %%s',
                           pg_catalog.replace(m."on", '%%', '%%%%'), pg_catalog.replace(m.quoted, '%%', '%%%%'),
                           pg_catalog.replace(m.name, '%%', '%%%%'),
                           pg_catalog.replace(pg_catalog.quote_ident(m.key), '%%', '%%%%')),
         'Correct them, then run this action again.')) END AS checked
  FROM made m ORDER BY m."on", m.conname
