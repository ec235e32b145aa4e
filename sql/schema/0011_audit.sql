-- What the console changed in this database: one row for each run of an action.
CREATE TABLE public.console_audit (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run         text NOT NULL,
  action      text NOT NULL,
  subject     text NOT NULL,
  changed_by  text NOT NULL DEFAULT CURRENT_USER,
  os_user     text NOT NULL,
  origin      text NOT NULL,
  outcome     text NOT NULL,
  message     text NOT NULL,
  started_at  timestamptz NOT NULL,
  finished_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  seconds     double precision NOT NULL,
  statements  text[] NOT NULL,
  undo        text[] NOT NULL
);
CREATE INDEX console_audit_started_at_idx ON public.console_audit (started_at DESC);
COMMENT ON TABLE public.console_audit IS 'Runs of the console''s actions. The console''s own trail in a file of the DBA has every step.';
COMMENT ON COLUMN public.console_audit.run IS 'The same as in the DBA''s own trail.';
COMMENT ON COLUMN public.console_audit.changed_by IS 'The database role that ran it.';
COMMENT ON COLUMN public.console_audit.origin IS 'Address the DBA''s SSH session came from; empty when there was none.';
COMMENT ON COLUMN public.console_audit.statements IS 'Statements that took effect, in order.';
COMMENT ON COLUMN public.console_audit.undo IS 'Statements that undo them, in the order to run them; empty where nothing can be undone.';
GRANT SELECT ON public.console_audit TO pg_monitor;
