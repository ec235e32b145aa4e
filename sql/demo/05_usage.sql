-- Sample data: calls to providers over a year, activity over half a year.
-- after: organizations partitions

INSERT INTO public.api_usage (id, organization_id, user_id, provider_id, request_timestamp, endpoint, units,
    cost_per_request, latency_ms, status_code)
SELECT i, t.id, t.users[1 + floor(pg_temp.dice(i, 80) * cardinality(t.users))::integer], p.ids[k],
       begins + (today - begins) * (i::double precision / api_calls) ^ 0.8,
       p.endpoints[k], u.units, round((p.costs[k] * u.units)::numeric, 6),
           floor(120 * (pg_temp.dice(i, 81) + 0.02) ^ -0.8)::integer,
       CASE WHEN pg_temp.dice(i, 82) < 0.97 THEN 200 WHEN pg_temp.dice(i, 82) < 0.99 THEN 429 ELSE 503 END
  FROM size,
       (SELECT array_agg(id ORDER BY id) AS ids, array_agg(unit_cost ORDER BY id) AS costs,
               array_agg('/v1/' || kind || '/generate' ORDER BY id) AS endpoints FROM public.api_providers) AS p,
       generate_series(1, api_calls) AS i,
       LATERAL (SELECT this_month - interval '11 months' AS begins) AS b,
       LATERAL (SELECT floor((organizations + 1) ^ pg_temp.dice(i, 83))::integer AS rank, 1 + i % 4 AS units,
                       (ARRAY[1, 1, 1, 2, 2, 3, 4, 5])[1 + i % 8] AS k) AS u
  JOIN tenant AS t ON t.rank = u.rank
 ORDER BY i;

INSERT INTO public.user_activity_logs (id, organization_id, user_id, created_at, action, entity,
    entity_id)
SELECT i, t.id, t.users[1 + floor(pg_temp.dice(i, 90) ^ 2 * cardinality(t.users))::integer],
       begins + (today - begins) * (i::double precision / activities),
       pg_temp.pick(ARRAY['view', 'view', 'view', 'search', 'edit', 'comment', 'approve', 'download', 'login'], i, 91),
       pg_temp.pick(ARRAY['content_request', 'content_request', 'asset', 'brand'], i, 92), (i % 997)::text
  FROM size, generate_series(1, activities) AS i,
       LATERAL (SELECT this_month - interval '5 months' AS begins) AS b,
       LATERAL (SELECT floor((organizations + 1) ^ pg_temp.dice(i, 93))::integer AS rank) AS r
  JOIN tenant AS t ON t.rank = r.rank
 ORDER BY i;

-- The ids were counted here, so the sequences go on behind them.
SELECT setval(pg_get_serial_sequence('public.api_usage', 'id')::regclass, api_calls),
       setval(pg_get_serial_sequence('public.user_activity_logs', 'id')::regclass, activities)
  FROM size;
