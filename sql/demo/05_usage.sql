-- Sample data: calls to providers over a year, activity over half a year.
-- after: organizations partitions

-- Seconds are added as numbers: that takes less time than intervals do. OFFSET 0 keeps what stands before it from being
-- computed again wherever it is used.
INSERT INTO public.api_usage (id, organization_id, user_id, provider_id, request_timestamp, endpoint, units,
    cost_per_request, latency_ms, status_code)
SELECT i, tenants[rank], users[firsts[rank] + floor(pg_temp.dice(i, 80) * sizes[rank])::integer], p.ids[u.k],
       to_timestamp(begins + (ends - begins) * (i::double precision / api_calls) ^ 0.8),
       p.endpoints[u.k], 1 + i % 4, p.costs[u.k], floor(120 * (pg_temp.dice(i, 81) + 0.02) ^ -0.8)::integer,
       CASE WHEN pg_temp.dice(i, 82) < 0.97 THEN 200 WHEN pg_temp.dice(i, 82) < 0.99 THEN 429 ELSE 503 END
  FROM (SELECT organizations, api_calls, date_part('epoch', this_month - interval '11 months') AS begins,
               date_part('epoch', today) AS ends, d.* FROM size, directory AS d OFFSET 0) AS s,
       -- Provider, endpoint and cost repeat with every eight calls.
       (SELECT array_agg(a.id ORDER BY c.k) AS ids,
               array_agg('/v1/' || a.kind || '/generate' ORDER BY c.k) AS endpoints,
               array_agg(round((a.unit_cost * (1 + (c.k - 1) % 4))::numeric, 6) ORDER BY c.k) AS costs
          FROM unnest(ARRAY[1, 1, 1, 2, 2, 3, 4, 5]) WITH ORDINALITY AS c (n, k)
          JOIN (SELECT row_number() OVER (ORDER BY id) AS n, id, kind, unit_cost FROM public.api_providers) AS a
         USING (n)) AS p,
       generate_series(1, api_calls) AS i,
       LATERAL (SELECT floor((organizations + 1) ^ pg_temp.dice(i, 83))::integer AS rank, 1 + i % 8 AS k OFFSET 0) AS u;

INSERT INTO public.user_activity_logs (id, organization_id, user_id, created_at, action, entity,
    entity_id)
SELECT i, tenants[rank], users[firsts[rank] + floor(pg_temp.dice(i, 90) ^ 2 * sizes[rank])::integer],
       to_timestamp(begins + (ends - begins) * (i::double precision / activities)),
       pg_temp.pick(ARRAY['view', 'view', 'view', 'search', 'edit', 'comment', 'approve', 'download', 'login'], i, 91),
       pg_temp.pick(ARRAY['content_request', 'content_request', 'asset', 'brand'], i, 92), (i % 997)::text
  FROM (SELECT organizations, activities, date_part('epoch', this_month - interval '5 months') AS begins,
               date_part('epoch', today) AS ends, d.* FROM size, directory AS d OFFSET 0) AS s,
       generate_series(1, activities) AS i,
       LATERAL (SELECT floor((organizations + 1) ^ pg_temp.dice(i, 93))::integer AS rank OFFSET 0) AS r;

-- The ids were counted here, so the sequences go on behind them.
SELECT setval(pg_get_serial_sequence('public.api_usage', 'id')::regclass, api_calls),
       setval(pg_get_serial_sequence('public.user_activity_logs', 'id')::regclass, activities)
  FROM size;
