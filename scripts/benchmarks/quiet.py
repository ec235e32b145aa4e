"""Runs the demo's workload for an hour while `watch` evaluates all rules, and lists every finding that is raised.

    python -m scripts.benchmarks quiet [--minutes 60]

Ordinary work is no incident: a finding that is not in EXPECTED is either true, and then the demo's workload does what
it should not, or the rule is wrong. Both fail. The demo and what it made are gone afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

CONSOLE = (sys.executable, "-m", "console.cli")
EXPECTED: Mapping[str, str] = {  # rule → what its sentence has where it is true of the demo
    "redundant-index": "demo_redundant_campaigns_idx",  # which the demo creates, so that its pane has something to show
    "pgbouncer-cve": "",  # the demo runs the programs of this machine, however old they are
    "end-of-life": "",
    "blocking-session": "pipeline-workload at ",  # hold_row.pgbench, longer where the machine is busy
}
STOP_SECONDS = 60.0


@dataclass(slots=True)
class Events:
    """What `watch` reports, as it comes."""

    began: float = field(default_factory=time.monotonic)
    raised: list[tuple[float, Mapping[str, str]]] = field(default_factory=list)  # after how many seconds: the finding

    def listen(self, process: subprocess.Popen[str]) -> None:
        """Keep each finding that is raised until the process ends."""
        assert process.stdout is not None
        for line in process.stdout:
            document = json.loads(line)
            if document["event"] == "raised":
                self.raised.append((time.monotonic() - self.began, document["finding"]))


def main(argv: Sequence[str]) -> int:
    """Run the demo and `watch`; 1 when a finding was raised that is not expected."""
    parser = argparse.ArgumentParser("benchmarks quiet", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=60.0, help="of the demo's workload; default: 60")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="pipeline-quiet-") as folder, demo(Path(folder)) as uris:
        events, ended = watched(uris, Path(folder), 60.0 * options.minutes)
    print(section(options.minutes, events))
    return int(ended not in {0, 130} or bool(unexpected(events)))


def watched(uris: Mapping[str, str], folder: Path, seconds: float) -> tuple[Events, int]:
    """What `watch` reports of the demo in so many seconds, and its exit code."""
    pooler = ("--pooler", uris["pgbouncer_admin"]) if uris.get("pgbouncer_admin") else ()
    events = Events()
    with started("watch", "--format", "json", *pooler, "-t", uris["postgres"], folder=folder) as process:
        listener = threading.Thread(target=events.listen, args=(process,))
        listener.start()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
        ended = process.wait(STOP_SECONDS)
        listener.join(STOP_SECONDS)
    return events, ended


@contextmanager
def demo(folder: Path) -> Iterator[Mapping[str, str]]:
    """The URIs of a demo with its workload, which has ended after the block."""
    with started("demo", "--headless", folder=folder) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"the demo did not start (exit code {process.wait(STOP_SECONDS)})")
        yield json.loads(line)


@contextmanager
def started(*arguments: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A command of the console whose state is kept in `folder`; it has ended after the block."""
    environment = {**os.environ, "XDG_STATE_HOME": str(folder)}
    process = subprocess.Popen([*CONSOLE, *arguments], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)


def is_expected(finding: Mapping[str, str]) -> bool:
    """Whether a finding is known to be true of the demo."""
    return finding["rule"] in EXPECTED and EXPECTED[finding["rule"]] in finding["sentence"]


def unexpected(events: Events) -> list[Mapping[str, str]]:
    """The findings that are not known to be true."""
    return [finding for _, finding in events.raised if not is_expected(finding)]


def section(minutes: float, events: Events) -> str:
    """Every finding that was raised, as text."""
    lines = [
        f"{at:6.0f} s  {'expected  ' if is_expected(finding) else 'UNEXPECTED'}  {finding['rule']}: "
        f"{finding['sentence']}"
        for at, finding in events.raised
    ]
    counts = f"{len(lines)} raised, {len(unexpected(events))} of them unexpected"
    return "\n".join([f"{minutes:g} minutes of the demo's workload: {counts}", *lines])
