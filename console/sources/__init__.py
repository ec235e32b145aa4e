"""Sources of data: PostgreSQL, the PgBouncers, Redis, the host, the console itself, recordings.

Queries have names, and each source resolves its own names in one place:

| source | a name is | resolved in |
|---|---|---|
| postgres, replicas | a file below sql/ | `console.sql`, `postgres/queries.py` (version, extension) |
| pgbouncer | a SHOW command | `SHOWS` in `pgbouncer/admin.py` |
| redis | a reading | `READINGS` in `redis/readings.py` |
| host | a reading | `READINGS` in `host/readings.py`; processes in `host/processes.py` |
| console | a function | the mapping that `console.py` is given |
| a recording | what was recorded | its file, `replay.py` |

A name that a source does not know is Trouble(MISSING), one that its version does not know Trouble(UNSUPPORTED).
"""
