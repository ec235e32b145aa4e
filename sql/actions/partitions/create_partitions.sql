-- Statements that create the missing partitions of a table, with bounds at midnight UTC.
-- lane: slow
--
-- The newest partitions show the interval that is continued: months, quarters, years, weeks or days; anything else is
-- refused. `notice` is a note. With `first`, and where there are no partitions yet, it is always months.
-- A partition is created detached (LIKE), gets a CHECK constraint with its bounds and is attached, which locks the
-- parent only SHARE UPDATE EXCLUSIVE. Real bounds are compared, not names: a wider or differently named partition
-- counts, and of a partly covered month the rest is created. The TimeZone of the reading session is UTC. Rows of a
-- table whose name is only known here are counted with ts_stat, which runs a query given as text; query_to_xml would
-- need a server built with libxml.
WITH named AS MATERIALIZED (
  SELECT c.oid, c.relkind, c.relname, n.nspname, c.reltablespace, c.relam, c.relowner, c.relacl,
         c.relrowsecurity,
         pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = %(oid)s::bigint::oid
), parent AS MATERIALIZED (
  SELECT p.*, a.attname AS key, a.atttypid AS key_type,
         -- 63 bytes minus the suffix, truncated at a character
         (SELECT pg_catalog.left(p.relname, n) FROM pg_catalog.generate_series(50, 1, -1) n
           WHERE pg_catalog.octet_length(pg_catalog.left(p.relname, n)) <= 52 LIMIT 1) AS stem,
         (SELECT pg_catalog.format('%%I.%%I', n.nspname, d.relname)
            FROM pg_catalog.pg_class d JOIN pg_catalog.pg_namespace n ON n.oid = d.relnamespace
           WHERE d.oid = t.partdefid) AS default_partition,
         (SELECT pg_catalog.string_agg(DISTINCT pg_catalog.format('%%I.%%I', n.nspname, r.relname), ', ')
            FROM pg_catalog.pg_constraint k
            JOIN pg_catalog.pg_class r ON r.oid = k.confrelid JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
           WHERE k.conrelid = p.oid AND k.contype = 'f') AS referenced
    FROM named p
    JOIN pg_catalog.pg_partitioned_table t ON t.partrelid = p.oid AND t.partstrat = 'r' AND t.partnatts = 1
    JOIN pg_catalog.pg_attribute a ON a.attrelid = p.oid AND a.attnum = t.partattrs[0]
     AND a.atttypid IN ('date'::pg_catalog.regtype, 'timestamptz'::pg_catalog.regtype, 'timestamp'::pg_catalog.regtype)
), bound AS MATERIALIZED (
  SELECT c.oid, h.inhdetachpending AS pending, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         pg_catalog.tsrange(CASE WHEN e.edge[1] <> 'MINVALUE'
                            THEN pg_catalog.btrim(e.edge[1], '''')::timestamptz AT TIME ZONE 'UTC' END,
                            CASE WHEN e.edge[2] <> 'MAXVALUE'
                                THEN pg_catalog.btrim(e.edge[2], '''')::timestamptz AT TIME ZONE 'UTC' END)
           AS span
    FROM parent p
    JOIN pg_catalog.pg_inherits h ON h.inhparent = p.oid
    JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   CROSS JOIN LATERAL pg_catalog.regexp_match(pg_catalog.pg_get_expr(c.relpartbound, 0),
     '^FOR VALUES FROM \((MINVALUE|''[^'']*'')\) TO \((MAXVALUE|''[^'']*'')\)$') e(edge)
   WHERE e.edge IS NOT NULL
), recent AS MATERIALIZED (
  SELECT pg_catalog.lower(b.span) AS lowest, pg_catalog.upper(b.span) AS highest
    FROM bound b WHERE NOT pg_catalog.lower_inf(b.span) AND NOT pg_catalog.upper_inf(b.span)
   ORDER BY pg_catalog.upper(b.span) DESC LIMIT 3
), measured AS (
  SELECT pg_catalog.count(*) AS n, pg_catalog.min(r.lowest) AS lowest, pg_catalog.max(r.highest) AS anchor,
         EXISTS (SELECT FROM bound b WHERE pg_catalog.lower_inf(b.span)) AS open,
         pg_catalog.bool_and(r.lowest = pg_catalog.date_trunc('day', r.lowest)
                             AND r.highest = pg_catalog.date_trunc('day', r.highest)) AS midnights,
         pg_catalog.bool_and(r.lowest = pg_catalog.date_trunc('month', r.lowest)) AS from_months,
         pg_catalog.bool_and(r.highest = pg_catalog.date_trunc('month', r.highest)) AS to_months,
         CASE WHEN pg_catalog.min(m.months) = pg_catalog.max(m.months)
               AND (pg_catalog.min(m.months) IN (1, 3, 12)
                    OR pg_catalog.count(*) > 1 AND pg_catalog.min(m.months) <= 12)
              THEN pg_catalog.min(m.months) END AS months,
         CASE WHEN pg_catalog.min(m.days) = pg_catalog.max(m.days)
               AND (pg_catalog.count(*) > 1 OR pg_catalog.min(m.days) IN (1, 7)) THEN pg_catalog.min(m.days) END AS days
    FROM recent r
   CROSS JOIN LATERAL (SELECT (12 * (pg_catalog.date_part('year', r.highest) - pg_catalog.date_part('year', r.lowest))
                               + pg_catalog.date_part('month', r.highest) - pg_catalog.date_part('month', r.lowest))
                              ::int AS months, r.highest::date - r.lowest::date AS days) m
), rhythm AS MATERIALIZED (
  SELECT d.lowest, d.anchor, d.months, d.days, n.now,
         CASE WHEN %(first)s::timestamp IS NOT NULL OR d.n = 0 THEN interval '1 month'
              WHEN d.from_months AND d.to_months AND d.months IS NOT NULL
              THEN pg_catalog.make_interval(months => d.months)
              WHEN d.to_months AND (d.n > 1 OR d.open OR d.from_months) THEN interval '1 month'
              WHEN d.midnights AND d.days IS NOT NULL THEN pg_catalog.make_interval(days => d.days) END AS every
    FROM measured d, (SELECT pg_catalog.now() AT TIME ZONE 'UTC' AS now) n
), month AS (
  SELECT pg_catalog.tsrange(m, m + y.every) AS whole
    FROM rhythm y
   CROSS JOIN LATERAL pg_catalog.generate_series(
           CASE WHEN y.every = interval '1 month' AND pg_catalog.date_part('day', y.every) = 0
                THEN pg_catalog.date_trunc('month', coalesce(%(first)s::timestamp, y.now))
                WHEN y.anchor > y.now
                THEN (SELECT pg_catalog.min(x) FROM pg_catalog.generate_series(y.anchor, y.now - y.every, -y.every) x)
                ELSE (SELECT pg_catalog.max(x) FROM pg_catalog.generate_series(y.anchor, y.now, y.every) x) END,
           pg_catalog.date_trunc('month', coalesce(%(last)s::timestamp,
             y.now + pg_catalog.make_interval(months => %(months)s::integer))) + interval '1 month -1 microseconds',
           y.every) m
), piece AS (
  SELECT m.whole, r.span, pg_catalog.date_part('day', y.every) = 0 AS monthly,
         -- rows come back while the partition they were in stays where it is, with the name of the month
         CASE WHEN %(first)s::timestamp IS NOT NULL AND pg_catalog.octet_length(e.relname) <= 61
               AND EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                            WHERE n.nspname = p.nspname AND c.relname = e.relname AND c.relispartition
                              AND c.oid NOT IN (SELECT b.oid FROM bound b))
              THEN e.relname || '_2' ELSE e.relname END AS relname
    FROM parent p
   CROSS JOIN month m
   CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.tsmultirange(m.whole)
           - coalesce((SELECT pg_catalog.range_agg(b.span) FROM bound b WHERE NOT b.pending),
                      '{}'::tsmultirange)) r(span)
   CROSS JOIN rhythm y
   CROSS JOIN LATERAL (SELECT p.stem || pg_catalog.to_char(pg_catalog.lower(r.span),
                              CASE WHEN r.span = m.whole AND pg_catalog.date_part('day', y.every) = 0
                                   THEN '"_"YYYY_MM' ELSE '"_"YYYY_MM_DD' END) AS relname) e
   WHERE %(first)s::timestamp IS NOT NULL OR pg_catalog.upper(r.span) > y.now  -- nothing of the past
), wanted AS MATERIALIZED (
  SELECT p.*, i.span, i.relname AS child_name, pg_catalog.format('%%I.%%I', p.nspname, i.relname) AS child,
         pg_catalog.to_char(pg_catalog.lower(i.span), CASE WHEN i.monthly THEN 'YYYY-MM' ELSE 'YYYY-MM-DD' END)
             AS month,
         f.lowest, f.highest, CASE WHEN i.span <> i.whole THEN pg_catalog.format(' (only from %%s to %%s)', f.lowest,
                                                                                f.highest) END AS part,
         pg_catalog.format('%%I >= %%L AND %%I < %%L', p.key, f.lowest, p.key, f.highest) AS inside
    FROM parent p
   CROSS JOIN piece i
   CROSS JOIN LATERAL (SELECT CASE p.key_type WHEN 'date'::pg_catalog.regtype THEN 'YYYY-MM-DD'
                                              WHEN 'timestamp'::pg_catalog.regtype THEN 'YYYY-MM-DD HH24:MI:SS.US'
                                              ELSE 'YYYY-MM-DD HH24:MI:SS.US"+00"' END AS form) s
   CROSS JOIN LATERAL (SELECT pg_catalog.replace(pg_catalog.to_char(pg_catalog.lower(i.span), s.form), '.000000', '')
                       AS lowest,
                              pg_catalog.replace(pg_catalog.to_char(pg_catalog.upper(i.span), s.form), '.000000', '')
                                  AS highest) f
), occupied AS (
  SELECT w.child, w.month,
         CASE WHEN c.oid IS NULL THEN 'a data type'
              WHEN b.oid IS NOT NULL THEN 'a partition of ' || w.name || ' with other bounds'
              WHEN c.relispartition THEN 'a partition of another table'
              ELSE CASE c.relkind WHEN 'r' THEN 'a table' WHEN 'p' THEN 'a partitioned table' WHEN 'v' THEN 'a view'
                   WHEN 'm' THEN 'a materialized view' WHEN 'S' THEN 'a sequence' WHEN 'i' THEN 'an index'
                   WHEN 'I' THEN 'an index' ELSE 'a relation of another kind' END END AS what
    FROM wanted w
    JOIN pg_catalog.pg_namespace n ON n.nspname = w.nspname
    LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.child_name
    LEFT JOIN bound b ON b.oid = c.oid
   WHERE c.oid IS NOT NULL
      OR EXISTS (SELECT FROM pg_catalog.pg_type t
                  WHERE t.typnamespace = n.oid AND t.typname = w.child_name AND t.typelem = 0)
), stray AS (
  SELECT w.month, w.default_partition, n.rows
    FROM wanted w
   CROSS JOIN LATERAL (SELECT t.word::bigint AS rows FROM pg_catalog.ts_stat(
     pg_catalog.format('SELECT pg_catalog.array_to_tsvector(ARRAY[pg_catalog.count(*)::text]) FROM %%s WHERE %%s',
                       w.default_partition, w.inside)) t) n
   WHERE w.default_partition IS NOT NULL AND n.rows > 0
), storage AS (
  SELECT (SELECT pg_catalog.string_agg(pg_catalog.format('%%I = %%L', pg_catalog.split_part(o, '=', 1),
                                                         pg_catalog.substr(o, pg_catalog.strpos(o, '=') + 1)), ', ')
            FROM pg_catalog.unnest(c.reloptions) o) AS options
    FROM bound b JOIN pg_catalog.pg_class c ON c.oid = b.oid
   WHERE c.relkind = 'r' AND c.reloptions IS NOT NULL
   ORDER BY b.oid DESC
   LIMIT 1
), refusal AS (
  SELECT 0 AS rank, CASE WHEN n.relkind <> 'p' THEN n.name || ' is not partitioned.'
                         ELSE n.name || ' is not partitioned by ranges of one date or timestamp column.' END AS refused,
         CASE WHEN n.relkind = 'r' THEN 'partition-table converts it to a partitioned table.' END AS remedy
    FROM named n WHERE NOT EXISTS (SELECT FROM parent)
  UNION ALL
  SELECT 0, pg_catalog.format('The newest partitions of %%s, from %%s to %%s (UTC), have no interval that can be '
                              'continued: whole days, weeks, months, quarters or years of UTC.', p.name, y.lowest,
                              y.anchor),
         'Create the next partitions in the way the others were created.'
    FROM parent p, rhythm y WHERE y.every IS NULL
  UNION ALL
  SELECT 1, b.name || ' is being detached; its range is not free before that has ended.',
         pg_catalog.format('ALTER TABLE %%s DETACH PARTITION %%s FINALIZE completes it.', w.name, b.name)
    FROM bound b JOIN wanted w ON w.span && b.span WHERE b.pending
  UNION ALL
  SELECT 2, pg_catalog.format('%%s cannot be created as the partition for %%s: the name belongs to %%s.', o.child,
                              o.month, o.what),
         'Rename it, or attach it manually if it holds rows of that month.'
    FROM occupied o
  UNION ALL
  SELECT 3, pg_catalog.format('%%s rows of %%s are in the default partition %%s.', s.rows, s.month,
                              s.default_partition),
         'Move them to another table, run this action again, then insert them again.'
    FROM stray s
), step AS (
  SELECT w.month, w.child AS "group", s.*
    FROM wanted w
    LEFT JOIN storage o ON true
   CROSS JOIN LATERAL (VALUES
     (1, pg_catalog.format('CREATE TABLE %%s (LIKE %%s INCLUDING ALL EXCLUDING IDENTITY EXCLUDING INDEXES EXCLUDING '
                           'STATISTICS)%%s%%s',
           w.child, w.name,
           (SELECT pg_catalog.format(' USING %%I', m.amname) FROM pg_catalog.pg_am m WHERE m.oid = w.relam),
           (SELECT pg_catalog.format(' TABLESPACE %%I', t.spcname) FROM pg_catalog.pg_tablespace t
            WHERE t.oid = w.reltablespace)),
      'ACCESS SHARE on ' || w.name, w.name,
      pg_catalog.format('DO %%L', pg_catalog.format(
        'BEGIN ALTER TABLE %%s DETACH PARTITION %%s; IF EXISTS (SELECT FROM %%s) THEN RAISE EXCEPTION ''the partition '
        'has rows and is not dropped''; END IF; DROP TABLE %%s; END', w.name, w.child, w.child,
        w.child)),
      pg_catalog.format('partition for %%s%%s, created detached; can be undone only while it is empty', w.month,
                        w.part), NULL),
     (2, pg_catalog.format('ALTER TABLE %%s ADD CONSTRAINT pipeline_console_bounds CHECK (%%s)', w.child, w.inside),
      'ACCESS EXCLUSIVE on the new table', NULL, NULL, 'the CHECK constraint lets ATTACH skip the validation scan',
      NULL),
     (3, CASE WHEN pg_catalog.pg_get_userbyid(w.relowner) <> CURRENT_USER THEN
           pg_catalog.format('ALTER TABLE %%s OWNER TO %%I', w.child, pg_catalog.pg_get_userbyid(w.relowner)) END,
      'ACCESS EXCLUSIVE on the new table', NULL, NULL, 'same owner as ' || w.name, NULL),
     (4, CASE WHEN o.options IS NOT NULL THEN pg_catalog.format('ALTER TABLE %%s SET (%%s)', w.child, o.options) END,
      'SHARE UPDATE EXCLUSIVE on the new table', NULL, NULL, 'same settings as the newest partition',
      NULL),
     (5, pg_catalog.format('ALTER TABLE %%s ATTACH PARTITION %%s FOR VALUES FROM (%%L) TO (%%L)', w.name, w.child,
                           w.lowest, w.highest),
      pg_catalog.concat_ws('; ', 'SHARE UPDATE EXCLUSIVE on ' || w.name, 'SHARE ROW EXCLUSIVE on ' || w.referenced,
                           'ACCESS EXCLUSIVE on ' || w.default_partition || ', which is scanned'),
      w.name, NULL, 'does not block reads or writes of ' || w.name || '; the partition gets the indexes of ' || w.name,
      NULL),
     (6, pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT pipeline_console_bounds', w.child),
      'ACCESS EXCLUSIVE on the new table', NULL, NULL, 'redundant: the partition bound enforces the same condition',
      pg_catalog.format('SELECT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = '
                        'pg_catalog.to_regclass(%%L) '
                        'AND inhparent = pg_catalog.to_regclass(%%L))', w.child, w.name)))
     s(ordinal, sql, lock, "on", undo, note, expect)
   WHERE s.sql IS NOT NULL AND NOT EXISTS (SELECT FROM refusal)
  UNION ALL  -- the default privileges of the owner do not apply to what another role creates
  SELECT w.month, w.child, 4, pg_catalog.format('GRANT %%s ON %%s TO %%s%%s',
           pg_catalog.string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type), w.child,
           CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END,
           CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' END),
         'ACCESS SHARE on the new table', NULL, NULL, 'same privileges as on ' || w.name, NULL
    FROM wanted w CROSS JOIN LATERAL pg_catalog.aclexplode(w.relacl) x
   WHERE x.grantee <> w.relowner AND pg_catalog.pg_get_userbyid(w.relowner) <> SESSION_USER AND NOT w.relrowsecurity
     AND NOT EXISTS (SELECT FROM refusal)
   GROUP BY w.month, w.child, w.name, x.grantee, x.is_grantable
), notice AS (
  SELECT pg_catalog.format('The partitions of %%s are of %%s: this continues from %%s (UTC).', p.name,
           CASE WHEN pg_catalog.date_part('day', y.every) = 0 THEN y.months || ' months'
                WHEN y.days = 1 THEN 'a day' ELSE y.days || ' days' END, y.anchor) AS notice
    FROM parent p, rhythm y
   WHERE (y.every <> interval '1 month' OR pg_catalog.date_part('day', y.every) > 0)
     AND NOT EXISTS (SELECT FROM refusal) AND EXISTS (SELECT FROM wanted)
)
SELECT r.refused, r.remedy, NULL AS sql, NULL AS lock, NULL AS "on", NULL AS "group", NULL AS undo, NULL AS note,
       NULL AS expect,
       NULL AS month, r.rank AS ordinal, NULL AS notice, true AS at_once
  FROM refusal r
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, t.notice, true FROM notice t
UNION ALL
SELECT NULL, NULL, s.sql, s.lock, s."on", s."group", s.undo, s.note, s.expect, s.month, s.ordinal, NULL, true
  FROM step s
 ORDER BY month, "group", ordinal, sql
