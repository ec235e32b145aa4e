-- Every setting as this session sees it, and how it can be changed.
SELECT s.name, s.setting, s.unit, s.vartype, s.context, s.min_val, s.max_val, s.enumvals, s.boot_val, s.source,
       s.pending_restart
  FROM pg_catalog.pg_settings s
