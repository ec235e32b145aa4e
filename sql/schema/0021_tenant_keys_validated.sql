-- Validates the rules of 0015 and 0020; a foreign key that all rows obey replaces the one without the organisation.
-- locks: SHARE UPDATE EXCLUSIVE on a table while it is scanned, then ACCESS EXCLUSIVE on content_requests for a moment
--
-- A foreign key that rows of two organisations violate stays NOT VALID, and the old one is kept: it holds for new rows;
-- adopt-schema says how many rows violate it, and validates it once they are corrected.

DO $do$
DECLARE
    rule record;
BEGIN
    FOR rule IN
        SELECT k.conrelid::regclass AS relation, k.conname, k.contype
          FROM pg_catalog.pg_constraint AS k
          JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
         WHERE c.relnamespace = 'public'::regnamespace AND NOT k.convalidated AND k.conparentid = 0
           AND (k.contype = 'c' AND k.conname LIKE '%\_length' OR k.contype = 'f' AND k.conname LIKE '%\_of\_organization\_fkey')
         ORDER BY k.oid
    LOOP
        BEGIN
            EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', rule.relation, rule.conname);
        EXCEPTION
            WHEN foreign_key_violation THEN
                RAISE WARNING 'Rows of % violate %: it stays NOT VALID, and holds for new rows.', rule.relation, rule.conname;
        END;
    END LOOP;

    FOR rule IN
        SELECT k.conrelid::regclass AS relation, o.replaced
          FROM (VALUES ('content_requests_brand_of_organization_fkey', 'content_requests_brand_profile_id_fkey'),
                       ('content_requests_user_of_organization_fkey', 'content_requests_requested_by_fkey'))
               AS o (name, replaced)
          JOIN pg_catalog.pg_constraint AS k ON k.conname = o.name AND k.convalidated
          JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid AND c.relnamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', rule.relation, rule.replaced);
    END LOOP;
END
$do$;
