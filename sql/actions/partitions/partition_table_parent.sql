-- Statements that create the new parent of a table, with its first partitions and its unique key.
--
-- Nothing uses it yet, so its locks block nothing. Its foreign keys are added later.
WITH t AS MATERIALIZED (
  SELECT c.*, n.nspname, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         pg_catalog.pg_get_userbyid(c.relowner) AS owner,
         pg_catalog.format('%%I.%%I', n.nspname, 'pipeline_console_' || c.oid || '_new') AS parent,
         (SELECT a.attnum FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attname = %(key)s) AS keynum,
         coalesce((SELECT pg_catalog.format(' USING %%I', m.amname) FROM pg_catalog.pg_am m WHERE m.oid = c.relam), '')
             AS method,
         coalesce((SELECT pg_catalog.format(' TABLESPACE %%I', s.spcname) FROM pg_catalog.pg_tablespace s
                   WHERE s.oid = c.reltablespace), '') AS place,
         (SELECT ' WITH (' || pg_catalog.string_agg(pg_catalog.split_part(o.name, '=', 1) || '='
                   || pg_catalog.quote_literal(pg_catalog.substr(o.name, pg_catalog.strpos(o.name, '=') + 1)),
                   ', ') || ')'
            FROM (SELECT pg_catalog.unnest(c.reloptions) AS name
                  UNION ALL SELECT 'toast.' || pg_catalog.unnest(x.reloptions) FROM pg_catalog.pg_class x
                      WHERE x.oid = c.reltoastrelid) o) AS options
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = %(oid)s::bigint::oid
), leaf AS MATERIALIZED (
  SELECT pg_catalog.string_agg(pg_catalog.format('CREATE TABLE %%s PARTITION OF %%s FOR VALUES %%s%%s%%s%%s', l.name,
                                                 t.parent,
                                 CASE WHEN %(hashed)s THEN pg_catalog.format('WITH (MODULUS %%s, REMAINDER %%s)',
                                       l.lower, l.upper)
                                      ELSE pg_catalog.format('FROM (%%L) TO (%%L)', l.lower, l.upper) END,
                                 t.method, coalesce(t.options, ''), t.place), E';\n' ORDER BY l.lower, l.name) AS sql,
         pg_catalog.string_agg(pg_catalog.format('ALTER TABLE %%s OWNER TO %%I', l.name, t.owner), E';\n'
                               ORDER BY l.lower, l.name) AS owned,
         pg_catalog.count(*) AS n
    FROM t, ROWS FROM (pg_catalog.unnest(%(leaves)s::text[]), pg_catalog.unnest(%(lowers)s::text[]),
                       pg_catalog.unnest(%(uppers)s::text[])) l(name, lower, upper)
), identity AS (
  SELECT pg_catalog.format('ALTER TABLE %%s ALTER COLUMN %%I ADD GENERATED %%s AS IDENTITY (SEQUENCE NAME %%I.%%I '
                           'INCREMENT %%s MINVALUE %%s MAXVALUE %%s START %%s CACHE %%s%%s)',
           t.parent, a.attname, CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END,
           t.nspname, 'pipeline_console_' || t.oid || '_seq_' || a.attnum, s.seqincrement, s.seqmin, s.seqmax,
           s.seqstart, s.seqcache, CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END) AS sql
    FROM t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attidentity <> '' AND NOT a.attisdropped
    JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = t.oid
     AND d.refobjsubid = a.attnum
     AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'i'
    JOIN pg_catalog.pg_sequence s ON s.seqrelid = d.objid
), target AS (
  SELECT pg_catalog.string_agg(x.sql, E';\n') AS sql
    FROM t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
   CROSS JOIN LATERAL (
         SELECT pg_catalog.format('ALTER TABLE %%s ALTER COLUMN %%I SET STATISTICS %%s', t.parent, a.attname,
                                  a.attstattarget) AS sql WHERE a.attstattarget >= 0
         UNION ALL SELECT pg_catalog.format('ALTER TABLE %%s ALTER COLUMN %%I SET (%%s)', t.parent, a.attname,
                                            pg_catalog.string_agg(o.name, ', '))
           -- some servers store internal flags there
           FROM pg_catalog.unnest(a.attoptions) o(name) WHERE o.name ~ '^n_distinct(_inherited)?='
          HAVING pg_catalog.count(*) > 0) x
), unique_key AS (  -- with the partition key, which a unique key must include
  SELECT CASE WHEN i.indisprimary THEN
           pg_catalog.format('ALTER TABLE %%s ADD CONSTRAINT %%I PRIMARY KEY (%%s)%%s', t.parent, 'pipeline_console_'
                             || t.oid || '_' || i.indexrelid,
             (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(h.name), ', ' ORDER BY h.n)
              FROM pg_catalog.unnest(%(handle)s::text[]) WITH ORDINALITY h(name, n)),
             coalesce((SELECT ' INCLUDE (' || pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', '
                   ORDER BY x.n) || ')'
                FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY x(at, n)
                JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.at
               WHERE x.n > i.indnkeyatts AND NOT a.attname = ANY (%(handle)s::text[])), '')) END AS sql
    FROM t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid AND i.indisprimary
), step AS (
  SELECT 1 AS ordinal, pg_catalog.format('CREATE TABLE %%s (LIKE %%s INCLUDING ALL EXCLUDING IDENTITY EXCLUDING '
                                         'INDEXES EXCLUDING STATISTICS) '
           'PARTITION BY %%s (%%I)', t.parent, t.name, CASE WHEN %(hashed)s THEN 'HASH' ELSE 'RANGE' END,
           %(key)s::text) AS sql, 'ACCESS SHARE on ' || t.name AS lock,
         'the new parent, not in use yet' AS note FROM t WHERE NOT %(made)s
  UNION ALL
  SELECT 2, pg_catalog.format('COMMENT ON TABLE %%s IS %%L', t.parent,
                              pg_catalog.format('pipeline-console: partition-table by %%s, until %%s, key %%s',
                              %(way)s::text, %(bound)s::text, t.keynum)),
         NULL, 'progress marker for resuming an interrupted run' FROM t WHERE NOT %(made)s
  UNION ALL
  SELECT 3, pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT IF EXISTS pipeline_console_bounds', t.parent), NULL,
         'constraint of the old table only'
    FROM t WHERE NOT %(made)s
  UNION ALL
  SELECT 4, pg_catalog.format('ALTER TABLE %%s ALTER COLUMN %%I SET NOT NULL', t.parent, %(key)s::text), NULL,
         'a null has no partition'
    FROM t WHERE NOT %(made)s
  UNION ALL
  SELECT 5, i.sql, NULL, 'set to the value of the old sequence in the swap' FROM identity i WHERE NOT %(made)s
  UNION ALL
  SELECT 6, g.sql, NULL, 'column settings' FROM target g WHERE NOT %(made)s AND g.sql IS NOT NULL
  UNION ALL
  SELECT 7, l.sql, NULL, l.n || CASE WHEN %(hashed)s THEN ' partitions, one per remainder'
         ELSE ' monthly partitions' END FROM leaf l WHERE l.n > 0
  UNION ALL
  SELECT 8, k.sql, NULL, 'the primary key' FROM unique_key k WHERE NOT %(made)s
  UNION ALL
  SELECT 9, pg_catalog.concat_ws(E';\n', CASE WHEN NOT %(made)s THEN pg_catalog.format('ALTER TABLE %%s OWNER TO %%I',
        t.parent, t.owner) END, l.owned),
         NULL, 'same owner as ' || t.name
    FROM t, leaf l WHERE NOT %(later)s AND t.owner <> CURRENT_USER AND (NOT %(made)s OR l.n > 0)
)
SELECT s.sql, coalesce(s.lock, 'the new table only') AS lock, 'new parent' AS "group",
       s.note FROM step s ORDER BY s.ordinal
