"""The recent course of the host as far as this console read it: shares over five minutes, and points for a drawing."""

from __future__ import annotations

import json
from collections import deque

from console.model import Record, Snapshot, number

KEPT = 300  # points; ten minutes at the usual period of the pane
APART = 1.0  # seconds between two points
WINDOW = 300.0  # seconds over which what is sustained is judged
LEAST = 60.0  # seconds that must have passed for that
SUSTAINED = ("cpu_recent", "limit_recent")


class HostCourse:
    """The last KEPT points: seconds since 1970, and shares in % of CPU, memory and I/O wait."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, float, float, float]] = deque(maxlen=KEPT)
        self._past: deque[tuple[float, Record]] = deque()  # of the last WINDOW seconds, oldest first

    def add(self, taken: Snapshot) -> Snapshot:
        """`taken`, a reading of the machine, with columns of SUSTAINED and `course`, the points as JSON."""
        row = next(iter(taken.records()), {})
        while self._past and taken.clock - self._past[0][0] > WINDOW:
            self._past.popleft()
        if not self._past or taken.clock - self._past[-1][0] >= APART:
            if self._past:
                before = self._past[-1][1]
                shares = [round(cpu_share(before, row, name), 1) for name in ("cpu_busy", "cpu_iowait")]
                memory = round(number(row["memory_percent"]), 1)
                self._points.append((round(taken.taken_at.timestamp(), 1), shares[0], memory, shares[1]))
            self._past.append((taken.clock, row))
        first, oldest = self._past[0]
        elapsed = taken.clock - first
        sustained = (cpu_share(oldest, row), limit_share(oldest, row, elapsed)) if elapsed >= LEAST else (None, None)
        drawn = json.dumps(list(self._points), separators=(",", ":"))
        return taken.with_columns((*SUSTAINED, "course"), [(*sustained, drawn)])


def cpu_share(before: Record, now: Record, name: str = "cpu_busy") -> float:
    """The share of CPU time between two readings that went to what `name` counts, in %."""
    spent = number(now["cpu_total"]) - number(before["cpu_total"])
    return min(100.0, 100 * max(0.0, number(now[name]) - number(before[name])) / spent) if spent > 0 else 0.0


def limit_share(before: Record, now: Record, elapsed: float) -> float | None:
    """The CPU time that the container of the server used, of what it is allowed, in %; None: it has no limit."""
    cores, used, was = now["limit_cpus"], now["limit_cpu"], before["limit_cpu"]
    if not cores or used is None or was is None:
        return None
    return 100 * max(0.0, number(used) - number(was)) / elapsed / number(cores)
