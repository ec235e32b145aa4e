-- The event trigger that would run another role's function with the rights of a superuser, whatever he changes.
SELECT pg_catalog.format('The event trigger %%I runs the function %%s, which %%I owns, with the rights of this '
                         'superuser.',
                         e.evtname, p.oid::pg_catalog.regprocedure, o.rolname) AS refused,
       pg_catalog.format('Read the function, then ALTER FUNCTION %%s OWNER TO a superuser, or ALTER EVENT TRIGGER %%I '
                         'DISABLE; or connect as a role that is no superuser.',
                         p.oid::pg_catalog.regprocedure, e.evtname) AS remedy
  FROM pg_catalog.pg_event_trigger e
  JOIN pg_catalog.pg_proc p ON p.oid = e.evtfoid
  JOIN pg_catalog.pg_roles o ON o.oid = p.proowner
 WHERE e.evtenabled <> 'D' AND NOT o.rolsuper
   AND EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname IN (SESSION_USER, CURRENT_USER) AND r.rolsuper)
 ORDER BY e.evtname
 LIMIT 1
