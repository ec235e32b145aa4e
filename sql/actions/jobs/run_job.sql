-- UPDATE that makes a pending job due at another time; the occurrences that follow keep their times.
SELECT pg_catalog.format('UPDATE public.background_jobs SET scheduled_for = %%L, retry_at = NULL, repeat_from = %%L '
                         'WHERE id = %%s AND status = ''pending''', %(at)s::timestamptz::text,
                         CASE WHEN j.repeat_every IS NOT NULL
                              THEN coalesce(j.repeat_from, j.scheduled_for)::text END, j.id) AS sql,
       pg_catalog.format('UPDATE public.background_jobs SET scheduled_for = %%L, retry_at = %%L, repeat_from = %%L '
                         'WHERE id = %%s AND status = ''pending''', j.scheduled_for::text, j.retry_at::text,
                         j.repeat_from::text, j.id) AS undo,
       'ROW EXCLUSIVE on public.background_jobs' AS lock, 'public.background_jobs' AS "on",
       'was due ' || pg_catalog.to_char(j.scheduled_for AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC' AS note,
       pg_catalog.format('SELECT EXISTS (SELECT FROM public.background_jobs WHERE id = %%s AND (status <> ''pending'' '
                         'OR scheduled_for = %%L))', j.id, %(at)s::timestamptz::text) AS expect
  FROM public.background_jobs j
 WHERE j.id = %(job)s::bigint
