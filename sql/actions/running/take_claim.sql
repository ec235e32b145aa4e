-- Takes the advisory locks of subjects, unless a pooler made up the process id, and looks for event triggers.
--
-- One row for each subject: whether the process id is the session's own, whether the lock was free, whether an event
-- trigger is enabled.
SELECT s.own, s.subject,
       CASE WHEN s.own THEN pg_catalog.pg_try_advisory_lock(pg_catalog.hashtext('pipeline-console'),
                                                            pg_catalog.hashtext(s.subject)) END AS taken,
       EXISTS (SELECT FROM pg_catalog.pg_event_trigger e WHERE e.evtenabled <> 'D') AS event_triggers
  FROM (SELECT pg_catalog.pg_backend_pid() = %(pid)s::int4 AS own, subject
          FROM pg_catalog.unnest(%(subjects)s::text[]) subject) s
