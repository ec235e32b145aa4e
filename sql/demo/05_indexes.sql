-- Sample data: the keys, indexes and foreign keys that part 1 dropped, in the order in which the migrations made them.

DO $do$
DECLARE
    step record;
BEGIN
    FOR step IN SELECT p.adding, p.comment FROM pg_temp.postponed AS p ORDER BY p.phase, p.oid LOOP
        EXECUTE step.adding;
        EXECUTE step.comment;
    END LOOP;
END
$do$;

DROP TABLE pg_temp.postponed;
