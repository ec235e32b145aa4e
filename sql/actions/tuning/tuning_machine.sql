-- Memory and CPU cores as the server's operating system reports them; Linux only.
SELECT pg_catalog.pg_read_file('/proc/meminfo', 0, 65536, true) AS meminfo,
       pg_catalog.pg_read_file('/proc/stat', 0, 65536, true) AS stat,
       pg_catalog.concat_ws(E'\n',
         pg_catalog.pg_read_file('/sys/fs/cgroup/memory.max', 0, 4096, true),
         pg_catalog.pg_read_file('/sys/fs/cgroup/memory/memory.limit_in_bytes', 0, 4096, true)) AS memory_max,
       pg_catalog.pg_read_file('/sys/fs/cgroup/cpu.max', 0, 4096, true) AS cpu_max
