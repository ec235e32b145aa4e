"""How long a failed job waits for its next attempt. Pure."""

from __future__ import annotations

LONGEST = 3600.0  # seconds


def pause(attempt: int, first: float, chance: float) -> float:
    """Seconds until the next attempt after `attempt` (from 1) failed: `first`, doubled each time, at most an hour.

    `chance` from 0 to 1 is the jitter: half of the pause is fixed, so that workers do not try again at once.
    """
    whole = min(LONGEST, first * 2.0 ** min(attempt - 1, 30))
    return whole * (0.5 + chance / 2)
