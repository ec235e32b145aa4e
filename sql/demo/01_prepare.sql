-- Sample data, first part: the size, the clock and the deterministic dice that the other parts use.
-- Run the parts in order in one session, after `SET demo.scale = 1` (1 is the default: 3,000 requests, 15,000 assets,
-- 100,000 rows of analytics). The same scale at the same moment gives the same rows on every server.

SET synchronous_commit = off;
SET jit = off;
SET work_mem = '64MB';

SET maintenance_work_mem = '256MB';

-- Rows are loaded first; foreign keys, indexes and the keys of partitioned tables are built afterwards (part 5): here
-- they are written down and dropped. Templates are looked up one by one on the way, so that they keep theirs.
CREATE TEMPORARY TABLE postponed AS
SELECT c.oid, CASE c.contype WHEN 'f' THEN 3 ELSE 1 END AS phase,
       format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname) AS dropping,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.conrelid::regclass, c.conname,
           pg_get_constraintdef(c.oid)) AS adding,
       format('COMMENT ON CONSTRAINT %I ON %s IS %L', c.conname, c.conrelid::regclass,
           obj_description(c.oid, 'pg_constraint'))
           AS comment
  FROM pg_catalog.pg_constraint AS c
  JOIN pg_catalog.pg_class AS r ON r.oid = c.conrelid
 WHERE r.relnamespace = 'public'::regnamespace AND NOT r.relispartition AND c.conparentid = 0
   AND (c.contype = 'f' OR (c.contype IN ('p', 'u') AND r.relkind = 'p'))
UNION ALL
SELECT i.indexrelid, 2, format('DROP INDEX %s', i.indexrelid::regclass),
       replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON '),
       format('COMMENT ON INDEX %s IS %L', i.indexrelid::regclass, obj_description(i.indexrelid, 'pg_class'))
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS r ON r.oid = i.indrelid
 WHERE r.relnamespace = 'public'::regnamespace AND NOT r.relispartition AND r.relkind IN ('r', 'p')
   AND r.relname <> 'content_templates'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = i.indexrelid
       AND k.contype IN ('p', 'u', 'x'));
DO $do$
DECLARE
    dropping text;
BEGIN
    FOR dropping IN SELECT p.dropping FROM pg_temp.postponed AS p ORDER BY p.phase DESC, p.oid DESC LOOP
        EXECUTE dropping;
    END LOOP;
END
$do$;

-- Dice are hashes, not random(): a row does not depend on the order in which rows are made.
CREATE OR REPLACE FUNCTION pg_temp.dice(n bigint, salt bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$SELECT (hashint8extended(n, salt) & 2147483647) / 2147483648.0::double precision$$;
CREATE OR REPLACE FUNCTION pg_temp.pick(words text[], n bigint, salt bigint) RETURNS text
LANGUAGE sql IMMUTABLE AS $$SELECT words[1 + (hashint8extended(n, salt) & 2147483647) % cardinality(words)]$$;
-- Keys as uuidv7() would have made them at that time: in order of time, 48 bits of milliseconds first.
CREATE OR REPLACE FUNCTION pg_temp.key(made_at timestamptz, n bigint, salt bigint) RETURNS uuid
LANGUAGE sql STABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM made_at) * 1000)::bigint), 12, '0')
            || '7' || right(lpad(to_hex(n), 3, '0'), 3)
            || 'a' || right(lpad(to_hex(hashint8extended(n, salt)), 15, '0'), 15))::uuid$$;

-- Months count from the oldest data: 33 of them, the first three already archived, the last one the current month.
CREATE TEMPORARY TABLE size AS
SELECT made.scale,
       now() AS today,
       date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS this_month,
       (date_trunc('month', now() AT TIME ZONE 'UTC') - interval '32 months') AT TIME ZONE 'UTC' AS first_day,
       (date_trunc('month', now() AT TIME ZONE 'UTC') - interval '29 months') AT TIME ZONE 'UTC' AS first_live_day,
       greatest(5, round(40 * sqrt(made.scale)))::integer AS organizations,
       greatest(100, round(3000 * made.scale))::integer AS requests,
       greatest(1000, round(100000 * made.scale))::integer AS api_calls,
       greatest(500, round(50000 * made.scale))::integer AS activities
  FROM (SELECT coalesce(nullif(current_setting('demo.scale', true), ''), '1')::double precision AS scale) AS made;

SELECT p.parent, count(*) AS partitions
  FROM size,
       LATERAL (VALUES ('content_analytics', first_live_day, 3),
                       ('content_analytics_archive', first_day, -30),
                       ('api_usage', this_month - interval '11 months', 3),
                       ('user_activity_logs', this_month - interval '5 months', 3)) AS p (parent, since, ahead),
       LATERAL public.ensure_partitions(format('public.%I', p.parent)::regclass, p.ahead,
           (p.since AT TIME ZONE 'UTC')::date)
 GROUP BY p.parent;
