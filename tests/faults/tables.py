"""Tables that nobody vacuums or analyses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.stage import Stage

# In a session of its own, so that what it counted is known before VACUUM counts again.
FILL = "INSERT INTO entry SELECT g, repeat('x', 200) FROM generate_series(1, 120000) g"


@contextmanager
def table_of_empty_pages(stage: Stage) -> Iterator[str]:
    """Two of three rows were deleted and vacuumed: the table keeps its size."""
    # With a key, by which a server from 19 on can rewrite it.
    stage.do("CREATE TABLE entry (id int PRIMARY KEY, note text)", FILL, "DELETE FROM entry WHERE id % 3 > 0")
    stage.do("VACUUM ANALYZE entry")
    yield "table public.entry"
    stage.do("DROP TABLE entry")


@contextmanager
def dead_tuples_that_stay(stage: Stage) -> Iterator[str]:
    """Every row was updated, and autovacuum does not come: somebody disabled it."""
    stage.do("CREATE TABLE entry (id int, note text) WITH (autovacuum_enabled = off)", FILL)
    stage.do("VACUUM ANALYZE entry")
    stage.do("UPDATE entry SET id = -id")
    yield "table public.entry: 120k dead tuples"
    stage.do("DROP TABLE entry")


@contextmanager
def table_without_autovacuum(stage: Stage) -> Iterator[str]:
    """Somebody disabled autovacuum for a load and never enabled it again."""
    stage.do("CREATE TABLE entry (id int, note text) WITH (autovacuum_enabled = off)", FILL)
    stage.do("VACUUM ANALYZE entry")
    yield "public.entry"
    stage.do("DROP TABLE entry")


@contextmanager
def partitions_analysed_alone(stage: Stage) -> Iterator[str]:
    """Only the partition was analysed, as autovacuum does."""
    stage.do(
        "CREATE TABLE visit (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM (0) TO (2000)",
        "INSERT INTO visit SELECT generate_series(1, 1000)",
        "ANALYZE visit_1",
    )
    yield "public.visit"
    stage.do("DROP TABLE visit")
