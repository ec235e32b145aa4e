"""What pgbench writes while it runs and at its end: https://www.postgresql.org/docs/current/pgbench.html"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path

from console.format import one_line
from console.records import dataclass
from console.running.load.latencies import Latencies
from console.running.progress import LoadSecond

SERIALIZATION, DEADLOCK = "40001", "40P01"
_PROGRESS = re.compile(r"progress: ([\d.]+) s, ([\d.]+) tps, lat ([\d.]+|NaN|-?nan) ms stddev \S+(?: (\d+) failed)?")
_FAILED = re.compile(r"number of (serialization|deadlock) failures: (\d+)")
_PROCESSED = re.compile(r"number of transactions actually processed: (\d+)")
_RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
_STOPPED = re.compile(r"client (\d+) (?:script \d+ )?aborted in command [^:]*: ")
_ERROR = re.compile(r"pgbench(?:: error|: fatal)?: ")
MOST_MESSAGES = 20


@dataclass(slots=True)
class PgbenchOutput:
    """What was read of the output so far."""

    seconds: list[LoadSecond] = field(default_factory=list)
    stopped: set[int] = field(default_factory=set)  # clients that an error ended
    messages: Counter[str] = field(default_factory=Counter)  # of those errors
    broke_at: float | None = None  # seconds after the start, when the first client was stopped
    transactions: int = 0
    rate: float = 0.0  # transactions a second, without the time to connect
    failures: Counter[str] = field(default_factory=Counter)  # transactions by SQLSTATE

    def error_line(self, line: str, since_start: float) -> None:
        """Take a line of standard error."""
        if match := _PROGRESS.match(line):
            latency = float(match[3]) if match[3][0].isdigit() else 0.0
            self.seconds.append(LoadSecond(float(match[1]), float(match[2]), latency, int(match[4] or 0)))
        elif match := _ERROR.match(line):
            self._error(line[match.end() :], since_start)

    def summary(self, text: str) -> None:
        """Take what is printed at the end."""
        if match := _PROCESSED.search(text):
            self.transactions = int(match[1])
        if match := _RATE.search(text):
            self.rate = float(match[1])
        codes = {"serialization": SERIALIZATION, "deadlock": DEADLOCK}
        for kind, number in list(dict(_FAILED.findall(text[: text.find("SQL script")])).items()):
            if int(number):
                self.failures[codes[kind]] = int(number)

    def _error(self, text: str, since_start: float) -> None:
        if match := _STOPPED.match(text):
            self.stopped.add(int(match[1]))
            text = text[match.end() :]
            self.broke_at = since_start if self.broke_at is None else self.broke_at
        shown = one_line(text)[:200]
        if shown in self.messages or len(self.messages) < MOST_MESSAGES:
            self.messages[shown] += 1


@dataclass(slots=True)
class Log:
    """The transactions that pgbench logs, one a line, in one file for each of its threads."""

    folder: Path
    scripts: int
    latencies: list[Latencies] = field(default_factory=list)  # of each script
    _read: dict[Path, int] = field(default_factory=dict)  # bytes

    def __post_init__(self) -> None:
        self.latencies = [Latencies() for _ in range(self.scripts)]

    def follow(self) -> None:
        """Read the lines that were added. Raises OSError."""
        for path in self.folder.glob("log.*"):
            for line in self._lines(path):
                # client, transaction, microseconds or how it failed, script, …
                _, _, latency, script, *_ = line.split()
                if latency.isdigit():
                    self.latencies[int(script)].add(int(latency))

    def _lines(self, path: Path) -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(self._read.get(path, 0))
            while text := file.read(1 << 20):
                whole = text[: text.rfind(b"\n") + 1]
                if not whole:
                    return
                self._read[path] = self._read.get(path, 0) + len(whole)
                file.seek(self._read[path])
                yield from whole.splitlines()
