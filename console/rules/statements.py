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
