-- Functions that make monthly partitions ahead of need, with bounds at midnight UTC.
--
-- A partition is made apart (LIKE), promised its bounds (CHECK) and attached: the parent is then locked SHARE UPDATE
-- EXCLUSIVE only, so readers and writers go on. CREATE TABLE … PARTITION OF would take ACCESS EXCLUSIVE on the parent.

CREATE FUNCTION public.ensure_partition(parent regclass, month date) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
SET lock_timeout = '30s'
AS $function$
DECLARE
    parent_schema name;
    parent_name   name;
    parent_owner  name;
    key_name      name;
    key_type      regtype;
    first_day     date := date_trunc('month', month::timestamp)::date;
    next_day      date := (date_trunc('month', month::timestamp) + interval '1 month')::date;
    midnight      text;
    covering      text;
    child         text;
    settings      text;
BEGIN
    SELECT n.nspname, c.relname, pg_get_userbyid(c.relowner), a.attname, a.atttypid
      INTO parent_schema, parent_name, parent_owner, key_name, key_type
      FROM pg_class AS c
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_partitioned_table AS t ON t.partrelid = c.oid
      JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = t.partattrs[0]
     WHERE c.oid = parent AND t.partstrat = 'r' AND t.partnatts = 1 AND a.atttypid IN ('date'::regtype, 'timestamptz'::regtype);
    IF NOT FOUND THEN
        RAISE EXCEPTION '% is not range-partitioned by one date or timestamptz column', parent
            USING ERRCODE = 'wrong_object_type';
    END IF;

    -- Callers of one parent queue here, where nobody else waits; behind table locks they give up after 200 ms, so that
    -- no writer ever waits longer than that because of this function.
    PERFORM pg_advisory_xact_lock(hashtextextended('ensure_partition', parent::oid::bigint));
    PERFORM set_config('lock_timeout', '200ms', true);

    -- Real bounds are compared, never names: a wide or differently named partition also counts.
    SELECT bounds.partition INTO covering
      FROM (SELECT c.oid::regclass::text AS partition,
                   regexp_match(pg_get_expr(c.relpartbound, c.oid),
                                '^FOR VALUES FROM \((MINVALUE|''[^'']*'')\) TO \((MAXVALUE|''[^'']*'')\)$') AS edge
              FROM pg_inherits AS i
              JOIN pg_class AS c ON c.oid = i.inhrelid
             WHERE i.inhparent = parent AND NOT i.inhdetachpending) AS bounds
     WHERE (edge[1] = 'MINVALUE' OR trim('''' FROM edge[1])::timestamptz <= first_day::timestamptz)
       AND (edge[2] = 'MAXVALUE' OR trim('''' FROM edge[2])::timestamptz >= next_day::timestamptz);
    IF FOUND THEN
        RETURN 'exists ' || covering;
    END IF;

    child := format('%s_%s', left(parent_name, 50), to_char(first_day, 'YYYY_MM'));
    IF to_regclass(format('%I.%I', parent_schema, child)) IS NOT NULL THEN
        RAISE EXCEPTION 'table %.% exists but is not the partition for %', parent_schema, child, to_char(first_day, 'YYYY-MM')
            USING ERRCODE = 'duplicate_table', HINT = 'Rename it, or attach it by hand.';
    END IF;

    -- Own identity, foreign keys and indexes stay out: ATTACH adds what the parent has, and a child with its own foreign
    -- key would need ACCESS EXCLUSIVE on the referenced table.
    midnight := CASE key_type WHEN 'timestamptz'::regtype THEN ' 00:00:00+00' ELSE '' END;
    EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING ALL EXCLUDING IDENTITY EXCLUDING INDEXES EXCLUDING STATISTICS)',
                   parent_schema, child, parent);
    EXECUTE format('ALTER TABLE %I.%I ADD CONSTRAINT partition_bounds CHECK (%I >= %L AND %I < %L)',
                   parent_schema, child, key_name, first_day || midnight, key_name, next_day || midnight);
    IF parent_owner <> current_user THEN
        EXECUTE format('ALTER TABLE %I.%I OWNER TO %I', parent_schema, child, parent_owner);
    END IF;
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
                   parent, parent_schema, child, first_day || midnight, next_day || midnight);
    EXECUTE format('ALTER TABLE %I.%I DROP CONSTRAINT partition_bounds', parent_schema, child);

    -- A partitioned table cannot hold storage settings, so the newest partition hands its own on.
    SELECT array_to_string(c.reloptions, ', ') INTO settings
      FROM pg_inherits AS i
      JOIN pg_class AS c ON c.oid = i.inhrelid
     WHERE i.inhparent = parent AND c.relkind = 'r' AND c.reloptions IS NOT NULL
     ORDER BY c.oid DESC
     LIMIT 1;
    EXECUTE format('ALTER TABLE %I.%I SET (%s)', parent_schema, child,
                   coalesce(settings, 'autovacuum_vacuum_scale_factor=0.05, autovacuum_vacuum_insert_scale_factor=0.05, '
                                      'autovacuum_analyze_scale_factor=0.02'));
    RETURN 'created ' || format('%I.%I', parent_schema, child);
END
$function$;
COMMENT ON FUNCTION public.ensure_partition(regclass, date) IS
    'Makes the partition for the UTC month that holds the given day, unless real bounds already cover it; says what was done.';

CREATE FUNCTION public.ensure_partitions(parent regclass, months_ahead integer DEFAULT 3, first_month date DEFAULT NULL)
RETURNS TABLE (month date, outcome text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT m::date, public.ensure_partition(parent, m::date)
      FROM generate_series(
               date_trunc('month', coalesce(first_month::timestamp, now() AT TIME ZONE 'UTC')),
               date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => months_ahead),
               interval '1 month') AS m
     ORDER BY m
$function$;
COMMENT ON FUNCTION public.ensure_partitions(regclass, integer, date) IS
    'Makes the monthly partitions from first_month (default: the current UTC month) to months_ahead; one row a month. '
    'Idempotent and safe under concurrent callers. One call is one transaction, and tables that the parent refers to are '
    'closed to writers until it ends: while others write, call ensure_partition once for each month instead.';
