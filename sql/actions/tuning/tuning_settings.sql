-- Every setting as a new session of this role and database gets it, and how it may be written.
-- settings: server
SELECT s.name,
       CASE WHEN s.source OPERATOR(pg_catalog.=) 'session' THEN s.reset_val ELSE s.setting END AS setting,
       s.unit, s.vartype, s.context, s.min_val, s.max_val, s.enumvals, s.boot_val, s.source, s.pending_restart
  FROM pg_catalog.pg_settings s
