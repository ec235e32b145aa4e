"""Runs the demo's workload for an hour while `watch` evaluates all rules, and lists every finding that is raised.

    python -m scripts.benchmarks quiet [--minutes 60] [--output FILE]

Ordinary work is no incident: a finding that is not in EXPECTED is either true, and then the demo's workload does what
it should not, or the rule is wrong. Both fail. What rules say of the machine is expected while other programs keep it
busy. The demo and what it made are gone afterwards.
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
from collections import Counter
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
OF_A_BUSY_MACHINE = frozenset({"host-cpu", "slow-reads"})  # true where more processes want to run than there are cores
STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Raised:
    """A finding that was raised, after how many seconds, and the load of the machine then."""

    at: float
    finding: Mapping[str, str]
    load: float

    @property
    def is_expected(self) -> bool:
        """Whether the finding is known to be true of the demo, or of the machine."""
        rule = self.finding["rule"]
        if rule in OF_A_BUSY_MACHINE:
            return self.load > (os.cpu_count() or 1)
        return rule in EXPECTED and EXPECTED[rule] in self.finding["sentence"]


@dataclass(slots=True)
class Events:
    """What `watch` reports, as it comes."""

    began: float = field(default_factory=time.monotonic)
    raised: list[Raised] = field(default_factory=list)

    def listen(self, process: subprocess.Popen[str]) -> None:
        """Keep each finding that is raised until the process ends."""
        assert process.stdout is not None
        for line in process.stdout:
            document = json.loads(line)
            if document["event"] == "raised":
                self.raised.append(Raised(time.monotonic() - self.began, document["finding"], os.getloadavg()[0]))

    @property
    def unexpected(self) -> list[Raised]:
        """The findings that are not known to be true."""
        return [each for each in self.raised if not each.is_expected]


def main(argv: Sequence[str]) -> int:
    """Run the demo and `watch`; 1 when a finding was raised that is not expected."""
    parser = argparse.ArgumentParser("benchmarks quiet", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=60.0, help="of the demo's workload; default: 60")
    parser.add_argument("--output", type=Path, help="Markdown file to write")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="pipeline-quiet-") as folder, demo(Path(folder)) as uris:
        events, ended = watched(uris, Path(folder), 60.0 * options.minutes)
    text = page(options.minutes, events)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    print(text)
    return int(ended not in {0, 130} or bool(events.unexpected))


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


def page(minutes: float, events: Events) -> str:
    """The findings that were raised as Markdown: how often each rule raised one, and the sentence of the last."""
    last = {each.finding["rule"]: each for each in events.raised}
    times = Counter(each.finding["rule"] for each in events.raised)
    rows = [
        f"| {rule} | {times[rule]} | {each.at:.0f} s | {each.load:.1f} | {'yes' if each.is_expected else '**no**'} "
        f"| {each.finding['sentence']} |"
        for rule, each in last.items()
    ]
    counts = f"{len(events.raised)} were raised, {len(events.unexpected)} of them unexpected."
    return "\n".join(
        (
            "# What the rules say of ordinary work",
            "",
            "Written by `python -m scripts.benchmarks quiet --output docs/benchmarks-quiet.md`.",
            "",
            f"`watch` evaluated all rules for {minutes:g} minutes of the demo's workload. {counts} Expected is what is",
            "known to be true: the workload holds a row for up to 3 s now and then, one index is redundant on purpose,",
            "and the pooler is the one of this machine. Findings about the machine are expected where more processes",
            f"wanted to run than its {os.cpu_count()} cores could.",
            "",
            "| rule | raised | last after | load then | expected | the last one |",
            "|---|--:|--:|--:|---|---|",
            *rows,
            "",
        )
    )
