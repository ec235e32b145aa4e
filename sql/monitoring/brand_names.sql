-- The names of brands and of their organizations, by the ids of the brands.
-- lane: slow
-- grant: SELECT ON public.brand_profiles; SELECT ON public.organizations
-- What is no UUID has no name. `plain` is never read: TABLESAMPLE refuses a view, whose code would run with the rights
-- of whoever looks. Its locks keep the tables from being replaced by views before the other references are resolved.
WITH plain AS (SELECT FROM public.brand_profiles TABLESAMPLE pg_catalog.system (0)),
     owner AS (SELECT FROM public.organizations TABLESAMPLE pg_catalog.system (0))
SELECT w.brand, pg_catalog.left(b.name, 200) AS name, pg_catalog.left(o.name, 200) AS organization,
       b.organization_id::text AS organization_id
  FROM pg_catalog.unnest(%(brand)s::text[]) w(brand)
  JOIN public.brand_profiles b
    ON b.id = CASE WHEN w.brand ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN w.brand::uuid END
  LEFT JOIN public.organizations o ON o.id = b.organization_id
