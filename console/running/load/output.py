"""What a driver reports while it runs and at its end: the common figures, and the lines of the console's own driver."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import field
from typing import Any, Protocol

from console.format import one_line
from console.records import dataclass
from console.running.load.latencies import Latencies
from console.running.progress import LoadSecond

MOST_MESSAGES = 20
UNNAMED = ""  # the code of errors whose SQLSTATE is not known


@dataclass(slots=True)
class LoadOutput:
    """What was reported so far."""

    latencies: list[Latencies]  # of each script
    seconds: list[LoadSecond] = field(default_factory=list)
    stopped: int = 0  # clients that an error ended
    messages: Counter[str] = field(default_factory=Counter)  # of errors
    broke_at: float | None = None  # seconds after the start, when the first client was stopped
    transactions: int = 0
    rate: float = 0.0  # transactions a second, without the time to connect
    failures: Counter[str] = field(default_factory=Counter)  # transactions by SQLSTATE, or UNNAMED
    busy: float | None = None  # share of its processors that the driver used; None: not known

    def add_message(self, text: str, number: int = 1) -> None:
        """Count the message of an error."""
        shown = one_line(text)[:200]
        if shown in self.messages or len(self.messages) < MOST_MESSAGES:
            self.messages[shown] += number


class OutputReading(Protocol):
    """Reads what a driver writes."""

    @property
    def output(self) -> LoadOutput: ...

    def error_line(self, line: str, since_start: float) -> None:
        """Take a line of standard error."""

    def line(self, line: str) -> None:
        """Take a line of standard output."""

    def follow(self) -> None:
        """Read the files that were written. Raises OSError."""


class DriverReading:
    """Reads what the console's own driver writes: lines of JSON of one or several processes."""

    def __init__(self, scripts: int, processes: int) -> None:
        self.output = LoadOutput([Latencies() for _ in range(scripts)])
        self._processes = processes
        self._ended: list[dict[str, Any]] = []
        self._seconds: dict[int, list[dict[str, Any]]] = {}

    def error_line(self, line: str, since_start: float) -> None:
        """Take a line of standard error: the driver writes none unless it breaks."""
        del since_start
        self.output.add_message(line)

    def line(self, line: str) -> None:
        """Take a line of standard output."""
        document = json.loads(line)
        if "second" in document:
            self._second(document)
        else:
            self._end(document)

    def follow(self) -> None:
        """There are no files."""

    def _second(self, document: dict[str, Any]) -> None:
        """Take what one process did in a second; it is shown once all have reported it."""
        second = int(document["second"])
        known = self._seconds.setdefault(second, [])
        known.append(document)
        if len(known) < self._processes:
            return
        del self._seconds[second]
        done, took = total(known, "done"), total(known, "took")
        latency = took / done if done else 0.0
        self.output.seconds.append(
            LoadSecond(float(second), total(known, "rate"), latency, int(total(known, "failed")))
        )

    def _end(self, document: dict[str, Any]) -> None:
        self._ended.append(document)
        output = self.output
        for mine, (number, longest, buckets) in zip(output.latencies, document["latencies"], strict=True):
            mine.add_all(number, longest, {int(bucket): many for bucket, many in buckets.items()})
            output.transactions += number
        output.rate += sum(number for number, *_ in document["latencies"]) / max(0.001, document["elapsed"])
        output.failures.update(document["failures"])
        output.stopped += document["gone"]
        for text, number in document["messages"].items():
            output.add_message(text, number)
        output.busy = total(self._ended, "cpu") / max(0.001, total(self._ended, "elapsed"))


def total(documents: Iterable[dict[str, Any]], name: str) -> float:
    """The sum of one field."""
    return sum(float(each[name]) for each in documents)
