-- ALTER TABLE that sets and resets autovacuum parameters of a table or its TOAST, with the former ones as its undo.
-- Those that have the wanted value already are left out; `now` and `next` show each wanted parameter in order.
WITH target AS MATERIALIZED (
  SELECT c.oid, c.relkind, c.relowner, t.oid AS toast,
         CASE WHEN %(toast)s THEN t.reloptions ELSE c.reloptions END AS opts,
         CASE WHEN %(toast)s THEN t.oid ELSE c.oid END AS place,
         CASE WHEN %(toast)s THEN 'toast.' ELSE '' END AS prefix,
         pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         CASE c.relkind WHEN 'm' THEN 'ALTER MATERIALIZED VIEW ' ELSE 'ALTER TABLE ' END AS alter
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_class t ON t.oid = nullif(c.reltoastrelid, 0)
   WHERE c.oid = %(oid)s::bigint::oid
), wanted AS MATERIALIZED (
  SELECT w.at, w.name, w.value, o.option_value AS former
    FROM ROWS FROM (pg_catalog.unnest(%(names)s::text[]), pg_catalog.unnest(%(values)s::text[]))
         WITH ORDINALITY w(name, value, at)
   CROSS JOIN target t
    LEFT JOIN pg_catalog.pg_options_to_table(t.opts) o ON o.option_name = w.name
), change AS MATERIALIZED (
  SELECT pg_catalog.count(*) AS changes,
         pg_catalog.concat_ws(', ',
           'SET (' || pg_catalog.string_agg(t.prefix || w.name || ' = ' || w.value, ', ' ORDER BY w.at)
                        FILTER (WHERE w.value IS NOT NULL) || ')',
           'RESET (' || pg_catalog.string_agg(t.prefix || w.name, ', ' ORDER BY w.at)
                          FILTER (WHERE w.value IS NULL) || ')') AS forward,
         pg_catalog.concat_ws(', ',
           'SET (' || pg_catalog.string_agg(t.prefix || w.name || ' = ' || w.former, ', ' ORDER BY w.at)
                        FILTER (WHERE w.former IS NOT NULL) || ')',
           'RESET (' || pg_catalog.string_agg(t.prefix || w.name, ', ' ORDER BY w.at)
                          FILTER (WHERE w.former IS NULL) || ')') AS back,
         pg_catalog.array_agg(w.name) AS names,
         coalesce(pg_catalog.array_agg(w.name || '=' || w.value ORDER BY w.name || '=' || w.value)
                    FILTER (WHERE w.value IS NOT NULL), '{}') AS expected
    FROM wanted w CROSS JOIN target t WHERE w.former IS DISTINCT FROM w.value
)
SELECT t.alter || t.name || ' ' || c.forward AS sql, t.alter || t.name || ' ' || c.back AS undo,
       'SHARE UPDATE EXCLUSIVE on ' || t.name AS lock, t.name AS "on",
       'takes effect when autovacuum next checks the table' AS note,
       pg_catalog.format('SELECT ARRAY(SELECT o.option_name || ''='' || o.option_value FROM pg_catalog.pg_class c'
         || ' CROSS JOIN LATERAL pg_catalog.pg_options_to_table(c.reloptions) o WHERE c.oid = %%s'
         || ' AND o.option_name = ANY (%%L::text[]) ORDER BY 1) = %%L::text[]', t.place, c.names, c.expected) AS expect,
       CASE WHEN t.relkind NOT IN ('r', 'm') THEN t.name || ' is no table that autovacuum processes by itself.'
            WHEN %(toast)s AND t.toast IS NULL THEN t.name || ' has no TOAST table.'
            WHEN NOT pg_catalog.pg_has_role(t.relowner, 'USAGE') THEN 'Only the owner of ' || t.name || ' may do this.'
         END AS refused,
       CASE WHEN t.relkind = 'p' THEN 'Set it for its partitions.'
            WHEN t.relkind IN ('r', 'm') AND NOT pg_catalog.pg_has_role(t.relowner, 'USAGE')
            THEN pg_catalog.format('GRANT %%I TO %%I;', pg_catalog.pg_get_userbyid(t.relowner), CURRENT_USER) END
         AS remedy,
       c.changes, (SELECT pg_catalog.array_agg(w.former ORDER BY w.at) FROM wanted w) AS former,
       (SELECT pg_catalog.array_agg(pg_catalog.current_setting(w.name, true) ORDER BY w.at) FROM wanted w) AS server
  FROM target t CROSS JOIN change c
