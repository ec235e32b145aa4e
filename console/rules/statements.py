"""Rules over statements."""

from __future__ import annotations

from console.model import Rule, Window, above, below

SLOW_QUERY_MS = Rule(
    name="slow_query_ms",
    title="Mean execution time of a statement",
    unit="ms",
    limit=above(1000, 10_000),
    queries=("statements",),
    window=Window.INTERVAL,
)
N_PLUS_ONE_CALLS_PER_SECOND = Rule(
    name="n_plus_one_calls_per_second",
    title="Calls per second of a statement that returns a row each time in under 1 ms and is half of all calls or more",
    unit="count",
    limit=above(1000),
    queries=("statements",),
    window=Window.INTERVAL,
)
STATEMENT_HIT_PERCENT = Rule(
    name="statement_hit_percent",
    title="Blocks of a statement found in shared buffers, where it reads at least 2,000 a second or 100,000 in total",
    unit="%",
    limit=below(90, 60),
    queries=("statements",),
    window=Window.INTERVAL,
)
STATEMENT_TEMP_BYTES = Rule(
    name="statement_temp_bytes",
    title="Temporary data that a statement reads and writes, a second or in total",
    unit="bytes",
    limit=above(10 * 2**20),
    queries=("statements",),
    window=Window.INTERVAL,
)
