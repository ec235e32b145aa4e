"""Partitioned tables whose partitions end or miss some."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.stage import Stage

MONTHS = """
DO $$ BEGIN FOR i IN {months} LOOP
  EXECUTE format('CREATE TABLE public.%I PARTITION OF public.api_usage FOR VALUES FROM (%L) TO (%L)', 'p' || i + 99,
                 date_trunc('month', now(), 'UTC') + i * interval '1 month',
                 date_trunc('month', now(), 'UTC') + (i + 1) * interval '1 month');
END LOOP; END $$
"""
TABLE = (
    "CREATE TABLE public.api_usage (id bigint, request_timestamp timestamptz NOT NULL)"
    " PARTITION BY RANGE (request_timestamp)"
)


@contextmanager
def last_partition_ends_with_this_month(stage: Stage) -> Iterator[str]:
    """Nobody created the partitions of the coming months."""
    stage.do(TABLE, "SET timezone = 'UTC'", MONTHS.format(months="-2..0"))
    yield "public.api_usage: no partition from"
    stage.do("DROP TABLE public.api_usage")


@contextmanager
def table_without_a_policy(stage: Stage) -> Iterator[str]:
    """The partitions of a table that no policy names end with this month."""
    stage.do(
        "CREATE TABLE public.events (id bigint, at date NOT NULL) PARTITION BY RANGE (at)",
        "SET timezone = 'UTC'",
        MONTHS.format(months="-2..0").replace("api_usage", "events"),
    )
    yield "public.events: no partition from"
    stage.do("DROP TABLE public.events")


@contextmanager
def coming_month_that_was_left_out(stage: Stage) -> Iterator[str]:
    """A month that is still to come has no partition, and the ones after it have."""
    stage.do(
        TABLE,
        "SET timezone = 'UTC'",
        MONTHS.format(months="-2..2"),
        MONTHS.format(months="4..5").replace("'p'", "'q'"),
    )
    yield "public.api_usage: gaps between its partitions"
    stage.do("DROP TABLE public.api_usage")


@contextmanager
def rows_in_the_default_partition(stage: Stage) -> Iterator[str]:
    """An application writes the time of next year."""
    stage.do(
        TABLE,
        "SET timezone = 'UTC'",
        MONTHS.format(months="-2..4"),
        "CREATE TABLE public.others PARTITION OF public.api_usage DEFAULT",
        "INSERT INTO public.api_usage SELECT g, now() + interval '1 year' FROM generate_series(1, 3) g",
    )
    yield "public.api_usage: 3 rows in its default partition"
    stage.do("DROP TABLE public.api_usage")


@contextmanager
def month_that_was_left_out(stage: Stage) -> Iterator[str]:
    """One month between the others has no partition."""
    stage.do(
        TABLE,
        "SET timezone = 'UTC'",
        MONTHS.format(months="-4..-2"),
        MONTHS.format(months="0..4").replace("'p'", "'q'"),
    )
    yield "public.api_usage: gaps between its partitions"
    stage.do("DROP TABLE public.api_usage")
