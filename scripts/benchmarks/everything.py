"""Opens every view of every pane, `check` and `doctor` on a server with 1,000 sessions and more than 50,000 relations.

    python -m scripts.benchmarks everything [--major 18] [--tables 14000] [--sessions 1000]

A server of its own is started for it, with a PgBouncer if there is one; each table has three indexes and a TOAST table
besides. Each view is a process of its own, start included. Fails where one does not end within its deadline, or fails
for another reason than that something is missing here.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence

from console.panes import PANES
from scripts.benchmarks.fixture import CONSOLE, Site, Size, site

DEADLINE = 60.0  # seconds for a view
OF_DOCTOR = 30.0  # seconds: its own deadline, the poolers, and its start
FINE = {"show": {0, 1}, "check": {0, 1, 2}, "doctor": {0}}  # 1 of show: it is missing on this server, and says so


def main(argv: Sequence[str]) -> int:
    """Open everything; 1 when something did not answer."""
    parser = argparse.ArgumentParser("benchmarks everything", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--major", type=int, help="major version of PostgreSQL (15 where it is, else the newest)")
    parser.add_argument("--tables", type=int, default=14_000, help="besides 2,300 partitions (14000)")
    parser.add_argument("--sessions", type=int, default=1_000, help="that are connected (1000)")
    options = parser.parse_args(argv)
    size = Size("heavy", options.tables, options.sessions, 20, 2_000, 100, 5_000, 2_000, 100, 300)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as home, site(size, options.major) as place:
        with place.connect() as server:
            (relations,) = server.execute("SELECT count(*) FROM pg_class").fetchall()
        print(f"{relations[0]:,} relations, {size.sessions:,} sessions")
        for command, deadline in _commands():
            failed += not _opens(place, home, command, deadline)
    return int(failed > 0)


def _commands() -> Iterator[tuple[tuple[str, ...], float]]:
    for pane in PANES:
        for view in pane.views:
            yield ("show", pane.name, "--view", view.name, "--limit", "20"), DEADLINE
    yield ("check",), DEADLINE
    yield ("doctor",), OF_DOCTOR


def _opens(place: Site, home: str, command: tuple[str, ...], deadline: float) -> bool:
    """Whether a command ends in time and with an answer; prints how long it took."""
    pooled = ("--pooler", place.admin_uri) if place.pooler_pid else ()
    argv = (sys.executable, "-m", "console.cli", *command, "--target", place.uri(CONSOLE), *pooled)
    began = time.monotonic()
    try:
        done = subprocess.run(
            argv,
            env={**os.environ, "XDG_STATE_HOME": home},
            capture_output=True,
            text=True,
            timeout=deadline,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"  does not end within {deadline:.0f} s: {' '.join(command)}")
        return False
    fine = done.returncode in FINE[command[0]]
    why = "" if fine and done.returncode == 0 else f"exit {done.returncode}: {done.stderr.strip()[:120]}"
    print(f"{time.monotonic() - began:6.1f} s  {' '.join(command)}  {why}", flush=True)
    return fine
