-- The stored password verifiers of roles; superusers only.
SELECT a.rolname::text AS name,
       a.rolpassword AS verifier FROM pg_catalog.pg_authid a WHERE a.rolname = ANY (%(names)s::text[])
