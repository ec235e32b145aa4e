"""Partitioned tables that lack partitions: which can be created by the fix, how many statements already failed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from console.model import Finding, Frame, Level, Snapshot
from console.rules.findings.partitions import UNPLANNED, incomplete, running_out
from console.rules.judging import rank
from console.sources.log.entry import LogEntry
from console.sources.log.ring import COUNTS, kind_rows

AT = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 86_400.0
NOW = AT.timestamp()
PARENT = {
    "oid": 1,
    "parent": "public.events",
    "strategy": "range",
    "key": "at",
    "types": ["timestamp with time zone"],
    "now": NOW,
    "verdict": "now not covered",
    "runway": 0.0,
    "last": "2026-01-01",
    "gaps_named": None,
    "default_rows": 0,
    "segments": (),
}


def frame(row: dict[str, object], *refused: str, planned: bool = False) -> Frame:
    parents = PARENT | row
    entries = [
        (at, LogEntry(AT, "ERROR", f'no partition of relation "{name}" found for row'))
        for at, name in enumerate(refused)
    ]
    kinds = Snapshot("log_kinds", ("kind", *COUNTS), tuple(kind_rows(entries, AT)), AT)
    taken = Snapshot("partition_parents", tuple(parents), (tuple(parents.values()),), AT)
    extended = frozenset({str(parents["parent"])}) if planned else frozenset()
    return Frame({"partition_parents": (taken,), "log_kinds": (kinds,)}, AT, extended=extended)


@pytest.mark.parametrize(
    ("row", "offered"),
    [
        ({}, True),
        ({"types": ["date"]}, True),
        ({"types": ["bigint"]}, False),
        ({"types": ["date", "integer"], "key": "at, tenant"}, False),
        ({"key": "(expression)"}, False),
        ({"strategy": "list"}, False),
    ],
)
def test_the_fix_creates_partitions_with_a_policy_or_without(row: dict[str, object], offered: bool) -> None:
    (found,) = running_out(frame(row))
    assert [(fix.action, fix.parameters) for fix in found.fixes] == (
        [("create-partitions", {"table": "public.events"})] if offered else []
    )
    assert found.detail == UNPLANNED
    (planned,) = running_out(frame(row, planned=True))
    assert planned.detail == ""
    assert planned.fixes == found.fixes


@pytest.mark.parametrize(
    ("start", "stop", "months"),  # days from now
    [(-60, -30, None), (-3, 3, "1"), (59, 90, "4"), (4000, 4100, "60")],
)
def test_a_gap_that_is_still_to_come_can_be_filled_and_one_of_the_past_not(
    start: int, stop: int, months: str | None
) -> None:
    row = {"verdict": "gap", "runway": 100.0, "segments": ((NOW + start * DAY, NOW + stop * DAY, 0.0, "gap"),)}
    (found,) = incomplete(frame(row))
    assert [fix.parameters.get("months") for fix in found.fixes] == ([months] if months else [])


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        ((), ""),
        (("events",) * 3, ", 3 statements in the last 5 minutes"),
        (("events", "others"), ""),  # how many of each is not known
        (("events_2026",), ""),
    ],
)
def test_the_statements_that_failed_are_counted_where_the_log_can_be_read(refused: tuple[str, ...], said: str) -> None:
    (found,) = running_out(frame({}, *refused))
    assert found.sentence == f"public.events: no partition for rows of today: inserts fail now{said}"
    (gap,) = incomplete(frame({"verdict": "gap"}, *refused))
    assert gap.sentence.endswith(f"rows there are refused{said}")


def test_what_does_harm_now_comes_before_a_table_whose_inserts_fail_later() -> None:
    (later,) = running_out(frame({"verdict": "runway critical", "runway": 5.0, "parent": "public.later"}))
    (sooner,) = running_out(frame({"verdict": "runway critical", "runway": 0.2, "parent": "public.sooner"}))
    (now,) = running_out(frame({}))
    blocked = Finding("blocking-session", "pid 1", Level.CRITICAL, "blocks 1 session", harm=1.0)
    prepared = Finding("held-transaction", "gid", Level.CRITICAL, "open for 5m")
    assert rank((later, sooner, prepared, blocked, now)) == (now, blocked, prepared, sooner, later)
