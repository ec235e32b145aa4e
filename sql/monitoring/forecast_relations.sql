-- The relations that names lead to: partitions, parents, foreign keys on both sides, indexes, and views over them.
-- One row for each fact: a name, a relation, a child, a foreign key, a view that reads a relation, an event trigger.
WITH RECURSIVE typed AS (
  SELECT w.at, w.schema, w.name
    FROM ROWS FROM (pg_catalog.unnest(%(schemas)s::text[]), pg_catalog.unnest(%(names)s::text[]))
         WITH ORDINALITY w(schema, name, at)
), named AS MATERIALIZED (
  SELECT w.at, r.oid
    FROM typed w
   CROSS JOIN LATERAL (
           SELECT c.oid
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relname = w.name
              AND (n.nspname = w.schema OR w.schema IS NULL AND n.nspname = ANY (%(path)s::text[]))
            ORDER BY pg_catalog.array_position(%(path)s::text[], n.nspname::text) LIMIT 1) r
), reads AS MATERIALIZED (
  SELECT DISTINCT r.ev_class AS view, d.refobjid AS relation
    FROM pg_catalog.pg_rewrite r
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.ev_class
   WHERE r.ev_class >= 16384 AND r.rulename = '_RETURN'
), edge AS (
  SELECT h.inhparent AS source, h.inhrelid AS target, 'down' AS how FROM pg_catalog.pg_inherits h
   UNION ALL
  SELECT h.inhrelid, h.inhparent, 'up' FROM pg_catalog.pg_inherits h
   UNION ALL
  SELECT p.partrelid, p.partdefid, 'default' FROM pg_catalog.pg_partitioned_table p WHERE p.partdefid <> 0
   UNION ALL
  SELECT k.conrelid, k.confrelid, 'key' FROM pg_catalog.pg_constraint k WHERE k.contype = 'f'
   UNION ALL
  SELECT k.confrelid, k.conrelid, 'key from' FROM pg_catalog.pg_constraint k WHERE k.contype = 'f'
   UNION ALL
  SELECT v.relation, v.view, 'view' FROM reads v
   UNION ALL
  SELECT v.view, v.relation, 'read' FROM reads v
   UNION ALL
  SELECT i.indexrelid, i.indrelid, 'table' FROM pg_catalog.pg_index i
   WHERE i.indexrelid IN (SELECT n.oid FROM named n)
), turn (how, before, after) AS (  -- n named, d below, u above, f DEFAULT, k by a key, v view over it, s read by it
  VALUES ('table', 'n', 'n'), ('down', 'n', 'd'), ('down', 'd', 'd'), ('down', 'f', 'f'), ('down', 'k', 'k'),
         ('down', 's', 's'), ('up', 'n', 'u'), ('up', 'u', 'u'), ('default', 'n', 'f'), ('default', 'u', 'f'),
         ('key', 'n', 'k'), ('key', 'd', 'k'), ('key', 'u', 'k'), ('key from', 'n', 'k'), ('key from', 'd', 'k'),
         ('key from', 'u', 'k'), ('key from', CASE WHEN %(cascades)s::boolean THEN 'k' END, 'k'),
         ('view', 'n', 'v'), ('view', 'd', 'v'), ('view', 'v', 'v'), ('read', 'n', 's'), ('read', 's', 's')
), way AS MATERIALIZED (
  SELECT e.source, t.before, e.target, t.after FROM edge e JOIN turn t ON t.how = e.how
), reached (oid, how) AS (
  SELECT n.oid, 'n' FROM named n
   UNION
  SELECT w.target, w.after FROM reached r JOIN way w ON w.source = r.oid AND w.before = r.how
), relation AS MATERIALIZED (
  SELECT DISTINCT r.oid FROM reached r
)
SELECT 'name' AS what, n.oid::bigint AS oid, n.at AS other, NULL::text AS name, NULL::text AS kind,
       NULL::text[] AS columns, NULL::text[] AS others, NULL::boolean AS flag
  FROM named n
 UNION ALL
SELECT 'relation', c.oid::bigint, p.partdefid::bigint, pg_catalog.format('%%I.%%I', n.nspname, c.relname),
       c.relkind::text, NULL, NULL, c.relispartition
  FROM relation r
  JOIN pg_catalog.pg_class c ON c.oid = r.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = c.oid
 UNION ALL
SELECT 'child', h.inhrelid::bigint, h.inhparent::bigint, NULL, NULL, NULL, NULL, NULL
  FROM relation r
  JOIN pg_catalog.pg_inherits h ON h.inhrelid = r.oid
 UNION ALL
SELECT 'index', i.indexrelid::bigint, i.indrelid::bigint, pg_catalog.format('%%I.%%I', n.nspname, c.relname),
       c.relkind::text, NULL, NULL, NULL
  FROM relation r
  JOIN pg_catalog.pg_index i ON i.indrelid = r.oid
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 UNION ALL
SELECT 'key', k.conrelid::bigint, k.confrelid::bigint, k.conname::text, u.conname::text,
       (SELECT pg_catalog.array_agg(a.attname::text) FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)),
       (SELECT pg_catalog.array_agg(a.attname::text) FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey)), k.conparentid = 0
  FROM relation r
  JOIN pg_catalog.pg_constraint k ON k.conrelid = r.oid AND k.contype = 'f'
  LEFT JOIN pg_catalog.pg_constraint u ON u.conindid = k.conindid AND u.conrelid = k.confrelid
   AND u.contype IN ('p', 'u')
 UNION ALL
SELECT 'read', v.view::bigint, v.relation::bigint, NULL, NULL,
       (SELECT pg_catalog.array_agg(DISTINCT a.attname::text)
          FROM pg_catalog.pg_rewrite w
          JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
           AND d.refobjid = v.relation
          JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         WHERE w.ev_class = v.view), NULL, NULL
  FROM relation r
  JOIN reads v ON v.view = r.oid
 UNION ALL
SELECT 'read', w.ev_class::bigint, k.conrelid::bigint, NULL, NULL, ARRAY['constraint ' || k.conname], NULL, NULL
  FROM relation r
  JOIN pg_catalog.pg_constraint k ON k.conrelid = r.oid AND k.contype IN ('p', 'u')
  JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.refobjid = k.oid
   AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
  JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid
 UNION ALL
SELECT 'event trigger', e.oid::bigint, NULL, e.evtname::text, NULL, NULL, NULL, NULL
  FROM pg_catalog.pg_event_trigger e WHERE e.evtenabled <> 'D'
