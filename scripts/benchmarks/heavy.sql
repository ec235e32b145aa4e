-- Many tables, partitions and indexes. bench.plain, bench.children, bench.others say how many; commits as it goes.
CREATE SCHEMA heavy;

DO $plain$
DECLARE
    wanted integer := pg_catalog.current_setting('bench.plain')::integer;
BEGIN
    FOR i IN 1..wanted LOOP
        EXECUTE pg_catalog.format(
            'CREATE TABLE heavy.plain_%s (id bigint PRIMARY KEY, tenant integer NOT NULL,'
            ' created_at timestamptz NOT NULL, payload text) WITH (autovacuum_enabled = off)', i);
        EXECUTE pg_catalog.format('CREATE INDEX ON heavy.plain_%s (tenant)', i);
        EXECUTE pg_catalog.format('CREATE INDEX ON heavy.plain_%s (created_at)', i);
        IF i % 100 = 0 THEN COMMIT; END IF;
    END LOOP;
END
$plain$;

CREATE TABLE heavy.measurements (id bigint NOT NULL, day date NOT NULL, tenant integer NOT NULL, value double precision,
                                 PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE INDEX ON heavy.measurements (tenant);
CREATE INDEX ON heavy.measurements (day);

CREATE TABLE heavy.calls (LIKE heavy.measurements INCLUDING ALL) PARTITION BY RANGE (day);
CREATE TABLE heavy.visits (LIKE heavy.measurements INCLUDING ALL) PARTITION BY RANGE (day);
CREATE TABLE heavy.costs (LIKE heavy.measurements INCLUDING ALL) PARTITION BY RANGE (day);

DO $children$
DECLARE
    wanted integer := pg_catalog.current_setting('bench.children')::integer;
    others integer := pg_catalog.current_setting('bench.others')::integer;
    parent text;
    start date := current_date - wanted + 30;
BEGIN
    FOR i IN 0..wanted - 1 LOOP
        EXECUTE pg_catalog.format('CREATE TABLE heavy.measurements_%s PARTITION OF heavy.measurements FOR VALUES FROM (%L) TO (%L)',
                                  i, start + i, start + i + 1);
        IF i % 50 = 0 THEN COMMIT; END IF;
    END LOOP;
    FOREACH parent IN ARRAY ARRAY['calls', 'visits', 'costs'] LOOP
        start := (pg_catalog.date_trunc('month', pg_catalog.now()) - (others - 4) * interval '1 month')::date;
        FOR i IN 0..others - 1 LOOP
            EXECUTE pg_catalog.format('CREATE TABLE heavy.%1$s_%2$s PARTITION OF heavy.%1$s FOR VALUES FROM (%3$L) TO (%4$L)', parent, i,
                                      (start + i * interval '1 month')::date, (start + (i + 1) * interval '1 month')::date);
        END LOOP;
        COMMIT;
    END LOOP;
END
$children$;

-- A few large tables and many small ones; the larger ones have lost a third of their rows.
DO $rows$
DECLARE
    filled integer := least(pg_catalog.current_setting('bench.plain')::integer, 300);
BEGIN
    FOR i IN 1..filled LOOP
        EXECUTE pg_catalog.format(
            'INSERT INTO heavy.plain_%s SELECT n, n %% 97, pg_catalog.now() - n * interval ''1 minute'', pg_catalog.repeat(''x'', 40 + n %% 60)'
            ' FROM pg_catalog.generate_series(1, %s) AS n', i, 20 + 40000 / i);
        IF i <= 100 THEN
            EXECUTE pg_catalog.format('DELETE FROM heavy.plain_%s WHERE id %% 3 = 0', i);
        END IF;
        IF i % 50 = 0 THEN COMMIT; END IF;
    END LOOP;
END
$rows$;

INSERT INTO heavy.measurements
SELECT n, current_date - (n % greatest(1, pg_catalog.current_setting('bench.children')::integer - 40)), n % 50, n
  FROM pg_catalog.generate_series(1, 20000) AS n;

CREATE TABLE heavy.chain (id integer PRIMARY KEY, value integer);
INSERT INTO heavy.chain VALUES (1, 0), (2, 0);
