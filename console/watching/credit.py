"""How many seconds of a server's work reading may take: some at once, and little by little in the long run."""

from __future__ import annotations


class Credit:
    """Seconds of reading that are earned as time passes, and spent."""

    def __init__(self, start: float, most: float, per_second: float) -> None:
        """It begins with `start`, holds at most `most`, and grows by `per_second`.

        It owes at most `most` too: one very slow read does not stop the others for long.
        """
        self._left, self._most, self._per_second = start, most, per_second

    @property
    def is_left(self) -> bool:
        """Whether something may be read."""
        return self._left > 0

    @property
    def seconds_left(self) -> float:
        """Seconds until something may be read."""
        return max(0.0, -self._left / self._per_second)

    def earn(self, seconds: float) -> None:
        """So many seconds have passed."""
        self._left = min(self._most, self._left + self._per_second * max(0.0, seconds))

    def spend(self, seconds: float) -> None:
        """Something was read, which took so long."""
        self._left = max(-self._most, self._left - max(0.0, seconds))
