"""The values of the host on the first screen: what the rules have read, and nothing where they could not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from console.model import Frame, Level, Record, Snapshot
from console.panes.metrics import HOST, header_metrics
from console.panes.overview import metrics
from console.rules.findings.host_values import host_values

AT = datetime(2026, 1, 1, tzinfo=UTC)
MACHINE = {
    "cpu_recent": 40.0,
    "limit_recent": 96.0,
    "memory_percent": 30.0,
    "limit_percent": None,
    "swap_in": 0,
    "swap_out": 0,
}
SPACE = {"what": "data directory", "used_percent": 50.0}


def taken(query: str, *rows: Record, seconds: float = 0) -> Snapshot:
    values = tuple(tuple(row.values()) for row in rows)
    return Snapshot(query, tuple(rows[0]), values, AT + timedelta(seconds=seconds), clock=1000 + seconds)


def test_of_host_and_container_the_one_that_is_nearer_its_limit_counts() -> None:
    machine = (taken("host_overview", MACHINE, seconds=-100), taken("host_overview", MACHINE | {"swap_out": 200 << 20}))
    disks = taken("host_disks", SPACE, SPACE | {"what": "pg_wal", "used_percent": 98.0}, SPACE | {"used_percent": None})
    found = host_values(Frame({"host_overview": machine, "host_disks": (disks,)}, AT))
    assert set(found) == set(HOST)
    assert (found["host_cpu"], found["host_memory"], found["host_disk"]) == (96.0, 30.0, 98.0)
    assert found["host_swap"] == (200 << 20) / 100
    assert found["host_read_ms"] is None
    levels = {label: metric.level(found) for label, metric in header_metrics({}).items() if metric.column in HOST}
    assert levels == {
        "cpu": Level.CRITICAL,
        "mem": Level.OK,
        "swap": Level.WARNING,
        "read": Level.OK,
        "disk": Level.CRITICAL,
    }


def test_what_is_not_measured_is_no_metric() -> None:
    unknown = host_values(Frame({}, AT))
    assert set(unknown.values()) == {None}
    row: dict[str, object] = {"used": 3, "usable": 97, **unknown}
    shown = metrics(taken("vitals", row))
    assert shown.values("sign") == ("connections used",)
    shown = metrics(taken("vitals", {**row, "host_disk": 98.0}))
    assert shown.values("sign") == ("disk space used", "connections used")
    assert shown.values("now")[0] == "98.0%"
