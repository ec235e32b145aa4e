"""A circuit breaker: after some failures in a row the cache does without Redis for a while."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

FAILURES = 3
OPEN_SECONDS = 5.0


class Breaker:
    """Closed: Redis is asked. Open: it is not, until `due`; then one probe decides."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._until = 0.0

    @property
    def open(self) -> bool:
        """Whether Redis is not to be asked by readers."""
        return self._failures >= FAILURES

    @property
    def due(self) -> bool:
        """Whether it is open and a probe may be sent."""
        return self.open and self._clock() >= self._until

    def succeeded(self) -> None:
        """Close."""
        self._failures = 0

    def failed(self) -> None:
        """Count a failure; the third in a row opens, and each later one prolongs. Spread, so that processes differ."""
        self._failures += 1
        self._until = self._clock() + OPEN_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311  no secret depends on it
