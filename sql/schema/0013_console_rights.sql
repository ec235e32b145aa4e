-- Only its owner writes to what the console keeps in the database.
-- locks: none that waits
-- adoption: run
--
-- The owner's default privileges give the application rows of every new table. With those of the ledger, the audit and the
-- refreshes it could make files seem applied, or change what was done. Whoever else is to write there gets a GRANT.

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
           AND c.relname IN ('schema_migrations', 'console_refreshes', 'console_audit')
           AND a.grantee <> c.relowner AND a.privilege_type <> 'SELECT'
    LOOP
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON %s FROM %s', held.name, held.grantee);
    END LOOP;
END
$do$;
