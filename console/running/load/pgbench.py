"""What pgbench writes while it runs and at its end: https://www.postgresql.org/docs/current/pgbench.html"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from console.running.load.latencies import Latencies
from console.running.load.output import UNNAMED, LoadOutput
from console.running.progress import LoadSecond

SERIALIZATION, DEADLOCK = "40001", "40P01"
_PROGRESS = re.compile(r"progress: ([\d.]+) s, ([\d.]+) tps, lat ([\d.]+|NaN|-?nan) ms stddev \S+(?: (\d+) failed)?")
_FAILED = re.compile(r"number of (serialization|deadlock) failures: (\d+)")
_PROCESSED = re.compile(r"number of transactions actually processed: (\d+)")
_RATE = re.compile(r"tps = ([\d.]+)")
_STOPPED = re.compile(r"client (\d+) (?:script \d+ )?aborted in command [^:]*: ")
_ABORTED = "Run was aborted"  # is no error of its own
_ERROR = re.compile(r"pgbench(?:: error|: fatal)?: ")
_SCRIPT = "SQL script"  # begins what is printed of each script


class PgbenchReading:
    """Reads its messages, its summary, and the log of its transactions in `folder`."""

    def __init__(self, folder: Path, scripts: int) -> None:
        self.output = LoadOutput([Latencies() for _ in range(scripts)])
        self._folder = folder
        self._read: dict[Path, int] = {}  # bytes
        self._stopped: set[int] = set()
        self._of_all = True  # the lines of the summary concern all scripts together

    def error_line(self, line: str, since_start: float) -> None:
        """Take a line of standard error."""
        if match := _PROGRESS.match(line):
            latency = float(match[3]) if match[3][0].isdigit() else 0.0
            self.output.seconds.append(LoadSecond(float(match[1]), float(match[2]), latency, int(match[4] or 0)))
        elif match := _ERROR.match(line):
            self._error(line[match.end() :], since_start)

    def line(self, line: str) -> None:
        """Take a line of what is printed at the end."""
        self._of_all = self._of_all and not line.startswith(_SCRIPT)
        if not self._of_all:
            return
        if match := _PROCESSED.match(line):
            self.output.transactions = int(match[1])
        elif match := _RATE.match(line):
            self.output.rate = float(match[1])
        elif (match := _FAILED.match(line)) and int(match[2]):
            self.output.failures[SERIALIZATION if match[1] == "serialization" else DEADLOCK] = int(match[2])

    def follow(self) -> None:
        """Read the lines that were added to the log, one a transaction. Raises OSError."""
        for path in self._folder.glob("log.*"):
            for line in self._lines(path):
                # client, transaction, microseconds or how it failed, script, …
                _, _, latency, script, *_ = line.split()
                if latency.isdigit():
                    self.output.latencies[int(script)].add(int(latency))

    def _error(self, text: str, since_start: float) -> None:
        if match := _STOPPED.match(text):
            text = text[match.end() :]
            if int(match[1]) not in self._stopped:  # an error of several lines begins once
                self._stopped.add(int(match[1]))
                self.output.stopped += 1
                self.output.failures[UNNAMED] += 1
            self.output.broke_at = since_start if self.output.broke_at is None else self.output.broke_at
        elif text.startswith(_ABORTED):
            return
        self.output.add_message(text)

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
