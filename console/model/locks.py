"""PostgreSQL's table-level lock modes by strength: https://www.postgresql.org/docs/current/explicit-locking.html"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum


class LockMode(Enum):
    """A lock mode; members are in order of strength, the weakest first."""

    ACCESS_SHARE = "ACCESS SHARE"
    ROW_SHARE = "ROW SHARE"
    ROW_EXCLUSIVE = "ROW EXCLUSIVE"
    SHARE_UPDATE_EXCLUSIVE = "SHARE UPDATE EXCLUSIVE"
    SHARE = "SHARE"
    SHARE_ROW_EXCLUSIVE = "SHARE ROW EXCLUSIVE"
    EXCLUSIVE = "EXCLUSIVE"
    ACCESS_EXCLUSIVE = "ACCESS EXCLUSIVE"

    @property
    def strength(self) -> int:
        """Its place among the modes: a greater number conflicts with at least as many kinds of statements."""
        return _ORDER[self]

    @property
    def blocks(self) -> str:
        """Which of the statements of applications must wait while it is held; empty: none.

        Writes take ROW EXCLUSIVE, which conflicts with SHARE and stronger modes; reads take ACCESS SHARE, which
        conflicts with ACCESS EXCLUSIVE alone.
        """
        if self is LockMode.ACCESS_EXCLUSIVE:
            return "reads and writes"
        return "writes" if self.strength >= LockMode.SHARE.strength else ""


_ORDER = {mode: place for place, mode in enumerate(LockMode)}
_TAKEN = re.compile(
    r"(?:^|, )(?:up to )?(" + "|".join(sorted((mode.value for mode in LockMode), key=len, reverse=True)) + r") on "
)


def modes(lock: str) -> tuple[LockMode, ...]:
    """The modes that the `lock` of a step names, in its order.

    It is a list of `MODE on RELATION`, each perhaps with "up to " before it; anything else locks nothing that exists.
    """
    return tuple(LockMode(name) for name in _TAKEN.findall(lock))


def strongest(locks: Iterable[str]) -> LockMode | None:
    """The strongest mode that any `lock` of some steps names; None: there is none."""
    return max((mode for lock in locks for mode in modes(lock)), key=lambda mode: mode.strength, default=None)
