-- How many organizations have both a brand and a user: the tenants of a load test.
SELECT pg_catalog.count(*)::int AS tenants
  FROM public.organizations o
 WHERE EXISTS (SELECT FROM public.brand_profiles b WHERE b.organization_id = o.id)
   AND EXISTS (SELECT FROM public.users u WHERE u.organization_id = o.id)
