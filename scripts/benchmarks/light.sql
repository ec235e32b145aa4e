-- A small database: bench.plain tables.
CREATE SCHEMA light;

DO $plain$
DECLARE
    wanted integer := pg_catalog.current_setting('bench.plain')::integer;
BEGIN
    FOR i IN 1..wanted LOOP
        EXECUTE pg_catalog.format(
            'CREATE TABLE light.plain_%s (id bigint PRIMARY KEY, tenant integer NOT NULL, created_at timestamptz NOT NULL, payload text)', i);
        EXECUTE pg_catalog.format(
            'INSERT INTO light.plain_%s SELECT n, n %% 7, pg_catalog.now(), ''x'' FROM pg_catalog.generate_series(1, 1000) AS n', i);
    END LOOP;
END
$plain$;
