-- What the server says of each wait event.
SELECT w.type AS class, w.name AS event, w.description AS text
  FROM pg_catalog.pg_wait_events w
