-- Memory and CPU cores as the server's operating system reports them, with the limits of its cgroups; Linux only.
-- A cgroup is limited by those above it, too. v2 has one file for the quota of CPU time, v1 one for each number.
WITH folder AS MATERIALIZED (
  SELECT m.found[1] = '' AS newer, pg_catalog.string_to_array(m.found[1], ',') AS controllers,
         '/' || pg_catalog.array_to_string(p.parts[1:k.depth], '/') AS path
    FROM pg_catalog.regexp_matches(pg_catalog.pg_read_file('/proc/self/cgroup', 0, 65536, true),
                                   '^\d+:([^:\n]*):(.*)$', 'gn') m(found)
   CROSS JOIN LATERAL (
         SELECT pg_catalog.array_remove(pg_catalog.array_remove(
                  pg_catalog.string_to_array(m.found[2], '/'), ''), '..') AS parts) p
   CROSS JOIN LATERAL pg_catalog.generate_series(0, pg_catalog.cardinality(p.parts)) k(depth)
)
SELECT pg_catalog.pg_read_file('/proc/meminfo', 0, 65536, true) AS meminfo,
       pg_catalog.pg_read_file('/proc/stat', 0, 65536, true) AS stat,
       (SELECT pg_catalog.string_agg(pg_catalog.pg_read_file(
                 CASE WHEN f.newer THEN '/sys/fs/cgroup' || f.path || '/memory.max'
                      ELSE '/sys/fs/cgroup/memory' || f.path || '/memory.limit_in_bytes' END, 0, 4096, true), E'\n')
          FROM folder f WHERE f.newer OR 'memory' = ANY (f.controllers)) AS memory_max,
       (SELECT pg_catalog.string_agg(
                 CASE WHEN f.newer THEN pg_catalog.pg_read_file('/sys/fs/cgroup' || f.path || '/cpu.max', 0, 4096, true)
                      ELSE pg_catalog.rtrim(pg_catalog.pg_read_file(
                             '/sys/fs/cgroup/cpu' || f.path || '/cpu.cfs_quota_us', 0, 4096, true), E'\n') || ' '
                        || pg_catalog.pg_read_file(
                             '/sys/fs/cgroup/cpu' || f.path || '/cpu.cfs_period_us', 0, 4096, true) END, E'\n')
          FROM folder f WHERE f.newer OR 'cpu' = ANY (f.controllers)) AS cpu_max
