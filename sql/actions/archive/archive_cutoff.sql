-- The date before which rows are archived, in UTC: the first of a month for an age in months or years.
SELECT (CASE %(unit)s::text
          WHEN 'day' THEN pg_catalog.date_trunc('day', n.at) - pg_catalog.make_interval(days => %(number)s::integer)
          WHEN 'week' THEN pg_catalog.date_trunc('day', n.at) - pg_catalog.make_interval(weeks => %(number)s::integer)
          WHEN 'month' THEN pg_catalog.date_trunc('month',
                                                  n.at) - pg_catalog.make_interval(months => %(number)s::integer)
          ELSE pg_catalog.date_trunc('month', n.at) - pg_catalog.make_interval(years => %(number)s::integer)
              END)::date::text AS cutoff
  FROM (SELECT pg_catalog.now() AT TIME ZONE 'UTC' AS at) n
