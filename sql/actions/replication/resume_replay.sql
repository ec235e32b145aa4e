-- pg_wal_replay_resume on a standby whose replay is paused, with the WAL to be replayed; and why it may not be resumed.
-- It is refused where a recovery target is set: resuming at the target would end the recovery.
WITH me AS MATERIALIZED (
  SELECT pg_catalog.has_function_privilege('pg_catalog.pg_wal_replay_resume()', 'EXECUTE') AS may,
         pg_catalog.pg_get_wal_replay_pause_state() AS state,
         (SELECT pg_catalog.min(t.name)
            FROM pg_catalog.unnest(ARRAY['recovery_target', 'recovery_target_lsn', 'recovery_target_name',
                                         'recovery_target_time', 'recovery_target_xid']) t(name)
           WHERE pg_catalog.current_setting(t.name) <> '') AS target
)
SELECT 'SELECT pg_catalog.pg_wal_replay_resume() WHERE pg_catalog.pg_is_in_recovery()' AS sql, false AS transaction,
       'the replay is ' || me.state || '; queries of this standby that conflict with it may be cancelled' AS note,
       pg_catalog.pg_size_pretty(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_last_wal_receive_lsn(),
                                                            pg_catalog.pg_last_wal_replay_lsn()))
         || ' of WAL to be replayed' AS estimate,
       'SELECT coalesce(s.state = ''not paused'', false),'
         || ' coalesce(''The replay is '' || s.state || ''.'','
         || ' ''The server was promoted: it replays no WAL any more.'')'
         || ' FROM (SELECT CASE WHEN pg_catalog.pg_is_in_recovery()'
         || ' THEN pg_catalog.pg_get_wal_replay_pause_state() END) s(state)' AS expect,
       CASE WHEN me.target IS NOT NULL
            THEN 'The replay is paused and ' || me.target || ' is set: resuming it at the recovery target would end the'
                 || ' recovery.'
            WHEN NOT me.may THEN 'This role lacks EXECUTE on pg_wal_replay_resume().' END AS refused,
       CASE WHEN me.target IS NOT NULL
            THEN 'Run SELECT pg_wal_replay_resume() yourself if this server is to become a primary.'
            WHEN NOT me.may THEN pg_catalog.format(
              'On the primary: GRANT EXECUTE ON FUNCTION pg_catalog.pg_wal_replay_resume() TO %%I;', CURRENT_USER)
            END AS remedy
  FROM me WHERE me.state <> 'not paused'
