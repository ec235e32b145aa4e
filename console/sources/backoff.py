"""When a server that could not be reached may be tried again."""

from __future__ import annotations

import random
import time

from console.model import Trouble
from console.records import dataclass

LONGEST_PAUSE = 30.0  # seconds


@dataclass(slots=True)
class Backoff:
    """Pauses of 1, 2, 4 … seconds with jitter; until one ends, the last failure is raised again."""

    not_before: float = 0.0  # monotonic seconds
    failures: int = 0
    why: Trouble | None = None

    @property
    def seconds(self) -> float:
        """Seconds until the next attempt; 0 when it is due."""
        return max(0.0, self.not_before - time.monotonic())

    def check(self) -> None:
        """Raise the last Trouble while it is too early for another attempt."""
        if self.why is not None and time.monotonic() < self.not_before:
            raise self.why

    def failed(self, why: Trouble) -> None:
        """Count a failed attempt."""
        pause = min(LONGEST_PAUSE, 2.0 ** min(self.failures, 10))
        self.failures += 1
        self.why = why
        self.not_before = time.monotonic() + pause * random.uniform(0.8, 1.2)  # noqa: S311  jitter, no secret

    def succeeded(self) -> None:
        """Forget all failures."""
        self.failures, self.why, self.not_before = 0, None, 0.0
