-- What stands in the way of distributing tables with Citus, as CTEs over `wanted` that end with `obstacle`.
--
-- `wanted`: oid, name, attnum and attname of the distribution column (null: a reference table), colocation (null: any).
-- `blocks`: Citus refuses the table, or rows of it; else it is something to know.
lone_key AS MATERIALIZED (  -- keys without the distribution column
  SELECT w.oid, w.name, w.attname, x.indexrelid, k.contype, i.relname,
         (SELECT pg_catalog.string_agg(pg_catalog.pg_get_indexdef(x.indexrelid, n, true), ', ' ORDER BY n)
            FROM pg_catalog.generate_series(1, x.indnkeyatts) n) AS columns
    FROM wanted w
    JOIN pg_catalog.pg_index x ON x.indrelid = w.oid AND (x.indisunique OR x.indisexclusion)
    JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
    LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = x.indexrelid AND k.conrelid = w.oid
     AND k.contype IN ('p', 'u', 'x')
   WHERE w.attnum IS NOT NULL AND NOT w.attnum = ANY ((x.indkey::int2[])[0:x.indnkeyatts - 1])
), outward AS MATERIALIZED (  -- foreign keys to other tables
  SELECT w.oid, w.name, w.attname, w.attnum, w.colocation, k.conname, k.confrelid, k.conkey, k.confkey,
         pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS target, d.colocationid,
         CASE WHEN k.confrelid = w.oid THEN 'self' WHEN d.partmethod IN ('h', 'a', 'r') THEN 'distributed'
              WHEN d.repmodel = 't' THEN 'reference' ELSE 'local' END AS kind,
         CASE WHEN k.confrelid = w.oid THEN w.attnum ELSE (
           SELECT a.attnum FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = k.confrelid
              AND a.attname = pg_catalog.column_to_column_name(d.logicalrelid, d.partkey)) END AS target_attnum
    FROM wanted w
    JOIN pg_catalog.pg_constraint k ON k.conrelid = w.oid AND k.contype = 'f' AND k.conparentid = 0
    JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_dist_partition d ON d.logicalrelid = k.confrelid
), lined AS MATERIALIZED (
  SELECT o.*, EXISTS (
           SELECT FROM ROWS FROM (pg_catalog.unnest(o.conkey), pg_catalog.unnest(o.confkey)) p(mine, theirs)
            WHERE p.mine = o.attnum AND p.theirs = o.target_attnum) AS through_column
    FROM outward o
), obstacle AS MATERIALIZED (
  SELECT l.oid, 1 AS rank, true AS blocks,
         CASE l.contype WHEN 'p' THEN 'primary key ' WHEN 'x' THEN 'exclusion constraint '
              WHEN 'u' THEN 'unique constraint ' ELSE 'unique index ' END
         || l.relname || ' (' || l.columns || ') lacks ' || l.attname AS sentence,
         CASE WHEN l.contype = 'p'
              THEN pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT %%I, ADD PRIMARY KEY (%%I, %%s);',
                                     l.name, l.relname, l.attname, l.columns)
              WHEN l.contype IS NULL
              THEN pg_catalog.format('Build a unique index with %%I in front, then DROP INDEX %%I.',
                                     l.attname, l.relname)
              ELSE pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT %%I; -- then add one that holds %%I',
                                     l.name, l.relname, l.attname) END AS remedy
    FROM lone_key l
   UNION ALL
  SELECT l.oid, 2, true,
         'foreign key ' || k.conname || ' of ' || k.conrelid::pg_catalog.regclass || ' needs that key',
         pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT %%I; -- later add one over (%%I, …) of both tables',
                           k.conrelid::pg_catalog.regclass, k.conname, l.attname)
    FROM lone_key l
    JOIN pg_catalog.pg_constraint k ON k.conindid = l.indexrelid AND k.contype = 'f' AND k.confrelid = l.oid
     AND k.conrelid <> l.oid AND k.conparentid = 0
   UNION ALL
  SELECT l.oid, 3, true,
         'foreign key ' || l.conname || CASE
           WHEN l.kind = 'local' THEN ' refers to ' || l.target || ', which is a table of this node alone'
           WHEN l.attnum IS NULL THEN ' refers to ' || l.target || ', which is distributed: a reference table cannot'
           WHEN l.kind = 'distributed' AND l.colocation <> l.colocationid
             THEN ' refers to ' || l.target || ', which is in another co-location group'
           ELSE ' does not go through ' || l.attname || ' of ' || CASE l.kind WHEN 'self' THEN 'both rows'
                                                                  ELSE 'both tables' END END,
         CASE WHEN l.kind = 'local' THEN 'First run distribute-table on ' || l.target
                || ': by the tenant, or with as=reference where all tenants share it.'
              WHEN l.attnum IS NULL THEN 'Distribute it as well, or drop the foreign key.'
              WHEN l.kind = 'distributed' AND l.colocation <> l.colocationid THEN 'Use --set colocate-with=' || l.target
              ELSE pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT %%I; -- then add one over (%%I, …) of both',
                                     l.name, l.conname, l.attname) END
    FROM lined l
   WHERE l.kind = 'local' OR l.kind IN ('distributed', 'self') AND l.attnum IS NOT NULL AND NOT l.through_column
      OR l.kind = 'distributed' AND (l.attnum IS NULL OR l.colocation <> l.colocationid)
   UNION ALL
  SELECT w.oid, 4, true, 'trigger ' || t.tgname || ': Citus runs no triggers on a distributed table',
         pg_catalog.format('Move what it does to the application; DROP TRIGGER %%I ON %%s;', t.tgname, w.name)
    FROM wanted w
    JOIN pg_catalog.pg_trigger t ON t.tgrelid = w.oid AND NOT t.tgisinternal AND t.tgparentid = 0
   UNION ALL
  SELECT w.oid, 5, true, 'it inherits from ' || i.inhparent::pg_catalog.regclass, 'ALTER TABLE … NO INHERIT first.'
    FROM wanted w JOIN pg_catalog.pg_inherits i ON i.inhrelid = w.oid
   UNION ALL
  SELECT w.oid, 5, true, i.inhrelid::pg_catalog.regclass || ' inherits from it', 'ALTER TABLE … NO INHERIT first.'
    FROM wanted w
    JOIN pg_catalog.pg_class c ON c.oid = w.oid AND c.relkind = 'r'
    JOIN pg_catalog.pg_inherits i ON i.inhparent = w.oid
   UNION ALL
  SELECT w.oid, 6, coalesce(s.null_frac > 0, false),
         w.attname || ' may be null' || CASE WHEN s.null_frac > 0 THEN ', and is in some rows' ELSE '' END
         || ': Citus refuses such rows',
         pg_catalog.format('ALTER TABLE %%s ALTER COLUMN %%I SET NOT NULL;', w.name, w.attname)
    FROM wanted w
    JOIN pg_catalog.pg_class c ON c.oid = w.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = w.oid AND a.attnum = w.attnum AND NOT a.attnotnull
    LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
          AND s.inherited = (c.relkind = 'p')
   UNION ALL
  SELECT w.oid, 7, false, CASE WHEN a.attisdropped THEN 'a column that was dropped' ELSE 'column ' || a.attname END
         || ' is an identity: Citus cannot undistribute the table', ''
    FROM wanted w
    JOIN pg_catalog.pg_attribute a ON a.attrelid = w.oid AND a.attidentity <> ''
   UNION ALL
  SELECT w.oid, 8, false, 'column ' || a.attname || ' counts in ' || pg_catalog.format_type(a.atttypid, -1)
         || ': only the coordinator can insert its defaults', 'Make it bigint.'
    FROM wanted w
    JOIN pg_catalog.pg_attribute a ON a.attrelid = w.oid AND a.atttypid IN (21, 23) AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
   WHERE a.attidentity <> ''
      OR EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class q ON q.oid = d.refobjid AND q.relkind = 'S'
                  WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = f.oid)
   UNION ALL
  SELECT w.oid, 9, false,
         'foreign key ' || k.conname || ' of ' || k.conrelid::pg_catalog.regclass
         || ', a table of this node alone: until that is distributed, it checks only the rows of today',
         'Run distribute-table on ' || k.conrelid::pg_catalog.regclass || ' next.'
    FROM wanted w
    JOIN pg_catalog.pg_constraint k ON k.confrelid = w.oid AND k.contype = 'f' AND k.conparentid = 0
     AND k.conrelid <> w.oid
    LEFT JOIN pg_catalog.pg_dist_partition d ON d.logicalrelid = k.conrelid
   WHERE d.logicalrelid IS NULL OR d.partmethod = 'n' AND d.repmodel <> 't'
   UNION ALL
  SELECT w.oid, 10, false, CASE c.relkind WHEN 'm' THEN 'materialized view ' ELSE 'view ' END
         || r.ev_class::pg_catalog.regclass || ' reads it: through the coordinator, from all shards', ''
    FROM wanted w
    JOIN pg_catalog.pg_depend d ON d.refobjid = w.oid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
     AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.deptype = 'n'
    JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND r.ev_class <> w.oid
    JOIN pg_catalog.pg_class c ON c.oid = r.ev_class AND c.relkind IN ('v', 'm')
   GROUP BY w.oid, c.relkind, r.ev_class
)
