"""What a process of the load driver counts, and how it reports that: a line of JSON each."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import field

from console.records import dataclass
from console.running.load.latencies import Latencies
from console.sources.postgres.load_connection import Reply

MOST_MESSAGES = 20


@dataclass(slots=True)
class LoadTally:
    """The counts of one process."""

    latencies: list[Latencies]  # of each script
    failures: Counter[str] = field(default_factory=Counter)  # transactions and connections by SQLSTATE; "": none
    messages: Counter[str] = field(default_factory=Counter)
    second: int = 0  # the last one that was reported
    _done: int = 0  # transactions since then
    _took: float = 0.0  # milliseconds, of those
    _failed: int = 0
    _cpu: float = field(default_factory=time.process_time)

    def done(self, script: int, seconds: float) -> None:
        """Count a transaction."""
        self.latencies[script].add(int(1e6 * seconds))
        self._done += 1
        self._took += 1000 * seconds

    def failed(self, error: Reply) -> None:
        """Count a transaction that failed, or a connection that was lost."""
        self.failures[error.sqlstate] += 1
        self._failed += 1
        text = error.message[:200]
        if text in self.messages or len(self.messages) < MOST_MESSAGES:
            self.messages[text] += 1

    def report_second(self, second: int) -> str:
        """The line for the time since the last report."""
        seconds = max(1, second - self.second)
        rate = self._done / seconds
        line = {"second": second, "rate": rate, "done": self._done, "took": self._took, "failed": self._failed}
        self.second, self._done, self._took, self._failed = second, 0, 0.0, 0
        return json.dumps(line)

    def report_end(self, elapsed: float, repeated: int, gone: int) -> str:
        """The last line; `gone`: clients that never connected."""
        return json.dumps(
            {
                "elapsed": elapsed,
                "cpu": time.process_time() - self._cpu,
                "failures": self.failures,
                "messages": self.messages,
                "retried": repeated,
                "gone": gone,
                "latencies": [[each.number, each.longest, each.buckets] for each in self.latencies],
            }
        )
