-- Sample data, first part: the size and the clock; keys and indexes are written down and dropped.
--
-- The head of each part names the parts that must be committed before it, so that two sessions can load side by side.
-- Every session runs session.sql first, and the first one `SET demo.scale = 1` (1 is the default: 3,000 requests,
-- 15,000 assets, 100,000 rows of analytics). The same scale at the same moment gives the same rows on every server.

CREATE SCHEMA demo;
COMMENT ON SCHEMA demo IS 'Sample data only: what the live workload picks from.';

-- Months count from the oldest data: 33 of them, the first three already archived, the last one the current month.
CREATE UNLOGGED TABLE size AS
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
ANALYZE size;

-- Rows are loaded first; foreign keys, indexes and the keys of partitioned tables are built afterwards, by `build`.
-- Templates are looked up one by one on the way, so that they keep theirs.
CREATE UNLOGGED TABLE postponed AS
SELECT c.oid, r.relname, CASE c.contype WHEN 'f' THEN 3 ELSE 1 END AS phase,
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
SELECT i.indexrelid, r.relname, 2, format('DROP INDEX %s', i.indexrelid::regclass),
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
    FOR dropping IN SELECT p.dropping FROM postponed AS p ORDER BY p.phase DESC, p.oid DESC LOOP
        EXECUTE dropping;
    END LOOP;
END
$do$;

-- Keys, indexes and foreign keys of these tables, or of all others, in the order in which the migrations made them.
-- Each is committed by itself: a session holds the locks of one statement only, so two sessions cannot deadlock.
CREATE PROCEDURE build(tables text[], others boolean DEFAULT false) LANGUAGE plpgsql AS $body$
DECLARE
    step record;
BEGIN
    FOR step IN
        SELECT p.adding, p.comment FROM postponed AS p
         WHERE (p.relname = ANY (tables)) <> others
         ORDER BY p.phase, p.oid
    LOOP
        EXECUTE step.adding;
        EXECUTE step.comment;
        COMMIT;
    END LOOP;
END
$body$;

-- Statistics of these tables, or of all others. Autovacuum never analyzes a partitioned parent, and ANALYZE of the
-- parent also does its partitions: for each of those a third of the rows is sample enough, so that the parent's own
-- columns get a target of their own meanwhile. The pane of tenants finds them among the most common values, so of those
-- all are kept, a hundred at most; where the server can, without analyzing the partitions a second time.
CREATE PROCEDURE gather_statistics(tables text[], others boolean DEFAULT false) LANGUAGE plpgsql AS $body$
DECLARE
    target  record;
    tenants integer := (SELECT least(100, organizations) FROM size);
    alone   text := CASE WHEN current_setting('server_version_num')::integer >= 180000 THEN 'ONLY' ELSE '' END;
BEGIN
    FOR target IN
        SELECT c.oid::regclass AS name, c.relkind = 'p' AS partitioned, t.has AS of_tenants,
               format('ALTER TABLE ONLY %s ', c.oid::regclass) || a.columns AS of_parent
          FROM pg_catalog.pg_class AS c,
               LATERAL (SELECT string_agg(format('ALTER %I SET STATISTICS %%1$s', attname), ', ') AS columns
                          FROM pg_catalog.pg_attribute
                         WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS a,
               LATERAL (SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute
                                        WHERE attrelid = c.oid AND attname = 'organization_id') AS has) AS t
         WHERE (c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                OR c.oid = to_regclass('pick'))
           AND (c.relname = ANY (tables)) <> others
    LOOP
        IF target.partitioned THEN
            EXECUTE format(target.of_parent, current_setting('default_statistics_target'));
            SET LOCAL default_statistics_target = 3;
        END IF;
        EXECUTE format('ANALYZE %s', target.name);
        IF target.of_tenants THEN
            EXECUTE format('ALTER TABLE ONLY %s ALTER organization_id SET STATISTICS %s', target.name, tenants);
            EXECUTE format('ANALYZE %s %s (organization_id)', alone, target.name);
        END IF;
        EXECUTE format(target.of_parent, -1);
        COMMIT;
    END LOOP;
END
$body$;
