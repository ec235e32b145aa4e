-- Statements that add the search column: nullable at first, kept by a trigger, backfilled in batches, then validated.
--
-- The NOT VALID constraint, added together with the trigger, distinguishes an interrupted backfill from a finished one.
-- The trigger runs on every change, so that updates of rows not yet filled satisfy the constraint. A batch takes rows
-- of 16 pages, at most 200 rows and 32 kB of text (at least one row), because writers of these rows wait for the whole
-- batch. Locked rows are skipped; they are filled at the end, where a batch waits for a lock only while it holds no
-- other row. A superuser backfills with triggers disabled, because they may run code of other roles; if that cannot be
-- disabled, the column is skipped.
WITH asked AS (
  SELECT c.oid, c.relkind, c.relowner, c.reltuples, c.relpages, r.rolsuper,
         a.attnum IS NOT NULL AS there, a.attnotnull IS TRUE AS required, k.convalidated AS proven,
         p.oid IS NOT NULL AS has_function, g.oid IS NOT NULL AS has_trigger,
         pg_catalog.row_security_active(c.oid) AS hidden
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_roles r ON r.rolname = CURRENT_USER
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'search_vector' AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid AND k.conname = 'pipeline_console_searchable'
     AND k.contype = 'c'
    LEFT JOIN pg_catalog.pg_proc p ON p.pronamespace = c.relnamespace AND p.proname = 'content_requests_search_vector'
     AND p.pronargs = 0
    LEFT JOIN LATERAL (SELECT t.oid FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND t.tgfoid = p.oid
                       AND t.tgenabled IN ('O', 'A') LIMIT 1) g ON true
   WHERE c.oid = 'public.content_requests'::pg_catalog.regclass
), other AS (  -- other triggers fired by an update
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(t.tgname), ', ' ORDER BY t.tgname) AS names,
         pg_catalog.string_agg(pg_catalog.quote_ident(t.tgname), ', ' ORDER BY t.tgname) FILTER (WHERE t.tgenabled
               IN ('A', 'R')) AS always
    FROM asked c
    JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgtype & 16 = 16
     AND t.tgenabled <> 'D'
   WHERE t.tgfoid <> coalesce((SELECT p.oid FROM pg_catalog.pg_proc p
                               WHERE p.pronamespace = 'public'::pg_catalog.regnamespace
                                  AND p.proname = 'content_requests_search_vector' AND p.pronargs = 0), 0)
), foreign_code AS (  -- user-defined code that an update runs even without triggers
  SELECT pg_catalog.min(pg_catalog.pg_describe_object(d.refclassid, d.refobjid, 0)) AS name
    FROM asked c
   CROSS JOIN LATERAL (
         SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid AS classid,
                i.indexrelid AS objid FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid
         UNION ALL SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass,
         a.oid FROM pg_catalog.pg_attrdef a WHERE a.adrelid = c.oid
         UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass,
         k.oid FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid
         UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid) o
    JOIN pg_catalog.pg_depend d ON d.classid = o.classid AND d.objid = o.objid AND d.refobjid >= 16384
    LEFT JOIN pg_catalog.pg_type y ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND y.oid = d.refobjid
   WHERE c.rolsuper
     AND (d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass,
                           'pg_catalog.pg_opclass'::pg_catalog.regclass) OR y.typtype = 'd')
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = d.refclassid AND e.objid = d.refobjid
                     AND e.deptype = 'e')
), obstacle AS (
  SELECT CASE WHEN c.relkind <> 'r' THEN 'public.content_requests is partitioned; backfilling it is not supported'
              WHEN c.hidden THEN 'row-level security hides rows from this role'
              WHEN EXISTS (SELECT FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid AND w.ev_enabled <> 'D')
                  THEN 'a rule rewrites writes to the table'
              WHEN c.rolsuper AND o.always IS NOT NULL THEN 'the backfill would fire ' || o.always
                  || ' as superuser: connect as the owner'
              WHEN f.name IS NOT NULL THEN 'the backfill would run ' || f.name || ' as superuser: connect as the owner'
                  END AS why
    FROM asked c, other o, foreign_code f
), text AS (
  SELECT pg_catalog.string_agg('pg_catalog.setweight(pg_catalog.to_tsvector(''pg_catalog.english'', '
                               'pg_catalog.left(coalesce('
           || x.record || w.name || ', ''''), 65536)), ''' || w.weight || ''')',
           E'\n    || ' ORDER BY w.weight) AS vector, x.record
    FROM (VALUES ('title', 'A'), ('description', 'B'), ('content_brief', 'C')) w(name, weight),
    (VALUES ('NEW.'), ('r.')) x(record)
   GROUP BY x.record
), step AS (
  SELECT c.rolsuper, s.*
    FROM asked c
    JOIN text n ON n.record = 'NEW.'
    JOIN text r ON r.record = 'r.'
   CROSS JOIN other o
   CROSS JOIN LATERAL (VALUES
     (1, NOT c.there, 'ALTER TABLE public.content_requests ADD COLUMN search_vector tsvector', 'search',
      'ACCESS EXCLUSIVE',
      NULL, 'nullable without a default: no table rewrite', false, 0, NULL),
     (2, NOT c.has_function, pg_catalog.concat_ws(E';\n', pg_catalog.format(
        E'CREATE FUNCTION public.content_requests_search_vector() RETURNS trigger LANGUAGE plpgsql\n'
        'SET search_path = pg_catalog, pg_temp AS %%L',
        E'\nBEGIN\n  NEW.search_vector :=\n    ' || n.vector || E';\n  RETURN NEW;\nEND\n'),
        'COMMENT ON FUNCTION public.content_requests_search_vector() IS ''Keeps search_vector: title (A), description '
        '(B), brief (C), English.''',
        CASE WHEN %(owner)s::text <> CURRENT_USER
             THEN pg_catalog.format('ALTER FUNCTION public.content_requests_search_vector() OWNER TO %%I',
                                    %(owner)s::text) END),
      'search', '', NULL, 'same text and weights as the generated column of a new table', false, 0, NULL),
     (3, NOT c.has_trigger, 'CREATE TRIGGER content_requests_search_vector BEFORE INSERT OR UPDATE ON '
                            'public.content_requests '
        'FOR EACH ROW EXECUTE FUNCTION public.content_requests_search_vector()', 'search', 'SHARE ROW EXCLUSIVE',
      'DROP TRIGGER content_requests_search_vector ON public.content_requests',
      'fills the column in new and updated rows', false, 0, NULL),
     (4, NOT c.required AND c.proven IS NULL,
      'ALTER TABLE public.content_requests ADD CONSTRAINT pipeline_console_searchable CHECK (search_vector IS NOT '
      'NULL) NOT VALID', 'search',
      'ACCESS EXCLUSIVE', 'ALTER TABLE public.content_requests DROP CONSTRAINT IF EXISTS pipeline_console_searchable',
      'validated after the backfill', false, 0, NULL),
     (5, c.rolsuper AND NOT c.required AND c.proven IS NOT TRUE, 'SET session_replication_role = replica', 'quiet', '',
      NULL, 'triggers owned by other roles must not run as superuser', false, 0, NULL),
     (6, NOT c.required AND c.proven IS NOT TRUE, pg_catalog.format(
        E'WITH here AS MATERIALIZED (SELECT coalesce(nullif(pg_catalog.current_setting(''pipeline_console.search_at'', '
        'true), ''''), ''(0,0)'')::pg_catalog.tid AS at), '
        'upto AS MATERIALIZED (SELECT (h.at::text::pg_catalog.point)[0]::bigint + 16 AS page FROM here h), '
        'near AS MATERIALIZED (SELECT r.ctid AS at, pg_catalog.row_number() OVER w = 1 OR pg_catalog.row_number() OVER '
        'w <= 200 AND pg_catalog.sum('
        '%%s) OVER w <= 32768 AS now FROM public.content_requests r'
        ' WHERE r.ctid >= (SELECT h.at FROM here h) AND r.ctid < pg_catalog.format(''(%%%%s,0)'', (SELECT u.page FROM '
        'upto u))::pg_catalog.tid'
        ' AND r.search_vector IS NULL WINDOW w AS (ORDER BY r.ctid ROWS UNBOUNDED PRECEDING)), '
        'next AS MATERIALIZED (SELECT coalesce((SELECT n.at FROM near n WHERE NOT n.now ORDER BY n.at LIMIT 1), '
        'pg_catalog.format(''(%%%%s,0)'', u.page)::pg_catalog.tid) AS at FROM upto u), '
        'chosen AS MATERIALIZED (SELECT r.ctid FROM public.content_requests r WHERE r.ctid = ANY (ARRAY(SELECT n.at '
        'FROM near n WHERE n.now))'
        ' AND r.search_vector IS NULL FOR UPDATE SKIP LOCKED), '
        'filled AS (UPDATE public.content_requests r SET search_vector =\n    %%s\n  FROM chosen WHERE r.ctid = '
        'chosen.ctid RETURNING 1) '
        'SELECT (SELECT pg_catalog.count(*) FROM filled) AS moved, '
        '(pg_catalog.set_config(''pipeline_console.search_at'', '
        '(SELECT n.at FROM next n)::text, false)::pg_catalog.point)[0]::bigint * %%s < '
        'pg_catalog.pg_relation_size(''public.content_requests'') AS more',
        (SELECT pg_catalog.string_agg('least(coalesce(pg_catalog.octet_length(r.' || x || '), 0), 65536)', ' + ')
           FROM pg_catalog.unnest(ARRAY['title', 'description', 'content_brief']) x),
        r.vector, pg_catalog.current_setting('block_size')), 'fill', 'ROW EXCLUSIVE', NULL,
      pg_catalog.concat_ws('; ',
                           'one transaction per 200 rows or 32 kB of text; locked rows are skipped and filled later',
        CASE WHEN NOT c.rolsuper THEN 'fires ' || o.names END), true, greatest(c.reltuples, 0)::int8,
      'writes about the size of the table again as WAL and as dead tuples, until VACUUM'),
     (7, NOT c.required AND c.proven IS NOT TRUE, pg_catalog.format(
        E'WITH free AS MATERIALIZED (SELECT s.ctid FROM public.content_requests s WHERE s.search_vector IS NULL LIMIT '
        '5 FOR UPDATE SKIP LOCKED), '
        'filled AS (UPDATE public.content_requests r SET search_vector =\n    %%s\n  '
        'WHERE r.ctid = ANY (CASE WHEN EXISTS (SELECT FROM free) THEN ARRAY(SELECT f.ctid FROM free f)'
        ' ELSE ARRAY(SELECT s.ctid FROM public.content_requests s WHERE s.search_vector IS NULL LIMIT 1) END) '
        'AND r.search_vector IS NULL RETURNING 1) SELECT (SELECT pg_catalog.count(*) FROM filled) AS moved, '
        'EXISTS (SELECT FROM filled) AS more', r.vector), 'fill the rest', 'ROW EXCLUSIVE', NULL,
      'rows that were locked by other transactions', true, 0, NULL),
     (8, c.rolsuper AND NOT c.required AND c.proven IS NOT TRUE, 'RESET session_replication_role', 'loud', '', NULL,
      'enables triggers again', false, 0, NULL),
     (9, NOT c.required AND c.proven IS NOT TRUE,
      'ALTER TABLE public.content_requests VALIDATE CONSTRAINT pipeline_console_searchable',
      'prove', 'SHARE UPDATE EXCLUSIVE', NULL, 'scans the table without blocking reads or writes', false, 0, NULL),
     (10, NOT c.required, E'ALTER TABLE public.content_requests ALTER COLUMN search_vector SET NOT NULL;\n'
        'ALTER TABLE public.content_requests DROP CONSTRAINT pipeline_console_searchable', 'proven', 'ACCESS EXCLUSIVE',
      'ALTER TABLE public.content_requests ALTER COLUMN search_vector DROP NOT NULL',
      'the validated CHECK constraint lets SET NOT NULL skip the scan; the column is complete', false, 0, NULL))
     s(ordinal, wanted, sql, "group", lock, undo, note, repeat, total, estimate)
   WHERE s.wanted
)
SELECT o.why AS skipped, NULL AS sql, NULL AS "group", NULL AS lock, NULL AS "on", NULL AS undo, NULL AS note,
       false AS repeat,
       0 AS total, NULL AS estimate, true AS transaction, NULL::float8 AS lock_timeout, NULL AS holds_up, 0 AS ordinal
  FROM obstacle o WHERE o.why IS NOT NULL
UNION ALL
SELECT NULL, h.patience || s.sql, s."group",
       coalesce(nullif(s.lock, '') || ' on public.content_requests', CASE s.ordinal WHEN 2 THEN 'new objects only'
                ELSE 'none' END),
       CASE WHEN s.lock <> '' THEN 'public.content_requests' END, s.undo, s.note, s.repeat, s.total, s.estimate,
       s.ordinal <> 9,
       CASE WHEN s.ordinal = 9 THEN 3 END, h.who, s.ordinal
  FROM step s
 CROSS JOIN LATERAL (SELECT CASE WHEN s.lock = 'ACCESS EXCLUSIVE' THEN 'sessions using public.content_requests'
                                 WHEN s.lock = 'SHARE ROW EXCLUSIVE' THEN 'writers of public.content_requests'
                                     END AS who,
                            CASE WHEN s.lock IN ('ACCESS EXCLUSIVE', 'SHARE ROW EXCLUSIVE')
                                 THEN pg_catalog.format(E'SET LOCAL lock_timeout = ''%%sms'';\n', %(patience)s::integer)
                                     ELSE '' END AS patience) h
 WHERE NOT EXISTS (SELECT FROM obstacle o WHERE o.why IS NOT NULL)
 ORDER BY ordinal
