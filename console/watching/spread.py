"""Spreads over time what the rules seldom read, so that no server is asked for everything at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from console.model import CHANGES, OFTEN, Ask, Diagnosis, Snapshot, Urgency, number
from console.sources.registry import PRIMARY
from console.watching.credit import Credit

SELDOM_ENOUGH = 2 * OFTEN  # seconds: what is read less often than that can wait for its turn
START = 0.03  # seconds of reading that it may take at the second look: on a small server half of it
MOST = 0.15  # and at any later one
PER_SECOND = 0.01  # in the long run: one percent of one of the server's cores
# Of a server on which what does not hurt now has time, until it was read once:
LARGE = 500  # tables or indexes
MANY = 5000  # relations in its catalogs, TOAST tables and indexes included
PER_SECOND_THEN = 0.001  # for that: 60 ms a minute, less than the sessions and the metrics that are on the screen
LISTED = "listed"  # the column that says how many
_ORDER = {urgency: at for at, urgency in enumerate((Urgency.NOW, Urgency.SOON, Urgency.CARE))}


class Spread:
    """Whose turn it is to be read, and for how long. The first look reads what is urgent and nothing else."""

    def __init__(self, diagnoses: Iterable[Diagnosis], asks: Sequence[Ask]) -> None:
        """`asks` are those of all `diagnoses`, each query once."""
        urgent: dict[str, int] = {}
        for diagnosis in diagnoses:
            for ask in diagnosis.asks:
                urgent[ask.query] = min(urgent.get(ask.query, len(_ORDER)), _ORDER[diagnosis.urgency])
        self._urgent = {ask.query: urgent[ask.query] for ask in asks if ask.query in urgent and _can_wait(ask)}
        self._credit = Credit(START, MOST, PER_SECOND)
        self._looks = 0
        self._least = math.inf  # seconds of the fastest read: the way to the server and back
        self._is_large = False
        self._has_time = False  # nothing of what waits is about what hurts now, and none of it was read before

    def holds(self, ask: Ask) -> bool:
        """Whether it has to wait for its turn."""
        return ask.query in self._urgent

    def in_order(self, asks: Iterable[Ask], due: Mapping[str, datetime]) -> list[Ask]:
        """What has never been read first, the most urgent of it first; then what has been due for longest."""

        def place(ask: Ask) -> tuple[bool, datetime | None, int, float]:
            return ask.query in due, due.get(ask.query), self._urgent[ask.query], ask.every

        found = sorted(asks, key=place)
        next_one = found[0].query if found else ""
        self._has_time = self._urgent.get(next_one, 0) > _ORDER[Urgency.NOW] and next_one not in due
        return found

    def unread(self, known: Iterable[str]) -> frozenset[str]:
        """The queries that were not read yet; `known` were."""
        return frozenset(self._urgent).difference(known)

    @property
    def is_on(self) -> bool:
        """Whether one more may be read now."""
        return self._looks > 1 and self._credit.is_left

    @property
    def seconds_left(self) -> float:
        """Seconds until one more may be read."""
        return self._credit.seconds_left / self._pace

    def begin_look(self, seconds: float) -> None:
        """A look begins, so many seconds after the last one."""
        self._looks += 1
        self._credit.earn(seconds * self._pace)

    def notice(self, ask: Ask, taken: Snapshot) -> None:
        """Something was read: how long the way to the server and back takes at most, and how much there is."""
        self._least = min(self._least, taken.seconds)
        self._is_large |= ask.view is not None and len(taken.rows) >= LARGE
        if ask.query == CHANGES and LISTED in taken.columns:  # known before anything that costs much is read
            self._is_large |= any(number(listed) >= MANY for listed in taken.values(LISTED))

    def spend(self, seconds: float) -> None:
        """What waited for its turn was read in so many seconds; the way there and back costs the server nothing."""
        self._credit.spend(seconds - self._least if self._least < seconds else 0.0)

    @property
    def _pace(self) -> float:
        """How fast turns come, of how fast they may."""
        return PER_SECOND_THEN / PER_SECOND if self._has_time and self._is_large else 1.0


def _can_wait(ask: Ask) -> bool:
    """What is needed only at times explains what was found, and does not wait."""
    return ask.source == PRIMARY and ask.every > SELDOM_ENOUGH and ask.only_if is None
