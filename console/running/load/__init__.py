"""What a load test measures: latencies, the output of pgbench, the sentences that report it."""
