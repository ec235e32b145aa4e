"""Benchmarks of the console on a heavy and a light server, in turn with pg_activity."""
