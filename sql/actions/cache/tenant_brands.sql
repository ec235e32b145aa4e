-- The brands of an organization.
-- grant: SELECT ON public.brand_profiles
SELECT b.id::text AS brand
  FROM public.brand_profiles b
 WHERE b.organization_id = %(organization)s::uuid
 ORDER BY b.id
