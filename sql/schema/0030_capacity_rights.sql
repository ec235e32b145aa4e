-- Only its owner writes samples of sizes and limits.
-- locks: none that waits
-- adoption: run
--
-- As for the other tables of the console: the owner's default privileges give the application rows of every new table.

DO $do$
DECLARE
    held record;
BEGIN
    FOR held IN
        SELECT DISTINCT c.oid::regclass AS name,
               CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE format('%I', pg_get_userbyid(a.grantee)) END AS grantee
          FROM pg_catalog.pg_class AS c
         CROSS JOIN LATERAL aclexplode(c.relacl) AS a
         WHERE c.relnamespace = 'public'::regnamespace
           AND c.relname = 'capacity_samples'
           AND a.grantee <> c.relowner AND a.privilege_type <> 'SELECT'
    LOOP
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON %s FROM %s', held.name, held.grantee);
    END LOOP;
END
$do$;
