-- Every setting as the reading session has it, and how it may be written.
SELECT s.name, s.setting, s.unit, s.vartype, s.context, s.min_val, s.max_val, s.enumvals, s.boot_val, s.source,
       s.pending_restart
  FROM pg_catalog.pg_settings s
