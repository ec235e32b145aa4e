-- Samples of sizes and of what is used of limits, from which the console forecasts growth.
--
-- One row for each table and each limit, with the time of the sample. sample-capacity adds them, also as a recurring job,
-- and removes those that are older than capacity.keep_days of the console's configuration.

CREATE TABLE public.capacity_samples (
    sampled_at timestamptz NOT NULL,
    kind       text NOT NULL,
    subject    text NOT NULL,
    used       double precision NOT NULL,
    heap       bigint,
    indexes    bigint,
    toast      bigint,
    rows       double precision,
    partitions integer,
    PRIMARY KEY (sampled_at, kind, subject),
    CONSTRAINT capacity_samples_kind_length CHECK (octet_length(kind) <= 100),
    CONSTRAINT capacity_samples_subject_length CHECK (octet_length(subject) <= 500)
);
COMMENT ON TABLE public.capacity_samples IS 'Sizes of tables and what is used of limits over time, for the console''s forecasts.';
COMMENT ON COLUMN public.capacity_samples.kind IS 'table, database, wal, connections, xid, mxid or sequence.';
COMMENT ON COLUMN public.capacity_samples.subject IS 'Name with its schema; of a table with partitions that of the whole table.';
COMMENT ON COLUMN public.capacity_samples.used IS 'Bytes of a table or database, bytes of WAL written so far, connections, age of the oldest id, last value.';
COMMENT ON COLUMN public.capacity_samples.toast IS 'Bytes of TOAST with its index, of the free space map and the visibility map.';
COMMENT ON COLUMN public.capacity_samples.rows IS 'As of the last VACUUM or ANALYZE.';
GRANT SELECT ON public.capacity_samples TO pg_monitor;
