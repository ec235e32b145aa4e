"""Who uses the CPU of the host: the sessions of the server, or other programs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from console.model import Frame, Snapshot
from console.rules.findings.host import OTHERS, PROCESSES, SESSIONS, cpu

AT = datetime(2026, 1, 1, tzinfo=UTC)


def machine(busy: float, seconds: float) -> Snapshot:
    row = {"cpu_busy": busy, "cpu_total": busy, "cores": 2, "limit_cpus": None, "limit_cpu": None}
    return Snapshot("host_overview", tuple(row), (tuple(row.values()),), AT + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("percent", "detail"),  # of the 200 that are in use
    [(180.0, SESSIONS), (101.0, SESSIONS), (99.0, OTHERS), (20.0, OTHERS), (1.0, OTHERS), (None, PROCESSES)],
)
def test_where_to_look_depends_on_who_uses_the_cpu(percent: float | None, detail: str) -> None:
    row = {"cpu_percent": percent, "application": "report", "user": "app", "type": "client backend", "pid": 7}
    processes = Snapshot("host_processes", tuple(row), (tuple(row.values()),), AT)
    readings = {"host_overview": (machine(0, -200), machine(400, 0)), "host_processes": (processes,)}
    (found,) = cpu(Frame(readings, AT))
    assert found.detail == detail
