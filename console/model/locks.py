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
        """Which statements of applications it blocks while it is held; empty: none.

        Writes take ROW EXCLUSIVE, which conflicts with SHARE and stronger modes; reads take ACCESS SHARE, which
        conflicts with ACCESS EXCLUSIVE alone.
        """
        if self is LockMode.ACCESS_EXCLUSIVE:
            return "reads and writes"
        return "writes" if self.strength >= LockMode.SHARE.strength else ""


_ORDER = {mode: place for place, mode in enumerate(LockMode)}
_TAKEN = re.compile(
    r"(?:^|[,;] )(?:up to )?(" + "|".join(sorted((mode.value for mode in LockMode), key=len, reverse=True)) + r") on "
)


# What the statements of actions lock: https://www.postgresql.org/docs/current/sql-altertable.html and others.
_STATEMENTS = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), mode)
    for pattern, mode in (
        (r"\b(CREATE|CREATE\s+UNIQUE|DROP)\s+INDEX\s+CONCURRENTLY\b", LockMode.SHARE_UPDATE_EXCLUSIVE),
        (r"\bDETACH\s+PARTITION\b", LockMode.ACCESS_EXCLUSIVE),
        (
            r"\bDROP\s+(TABLE|MATERIALIZED|INDEX|COLUMN|CONSTRAINT|NOT|DEFAULT|TRIGGER)\b",
            LockMode.ACCESS_EXCLUSIVE,
        ),
        (r"^\s*ALTER\s+(TABLE|INDEX)\b.*\b(SET|RESET)\b", LockMode.SHARE_UPDATE_EXCLUSIVE),
        (r"^\s*COMMENT\s+ON\b", LockMode.SHARE_UPDATE_EXCLUSIVE),
        (r"^\s*(DELETE|INSERT|UPDATE)\b", LockMode.ROW_EXCLUSIVE),
    )
)


_NAME = r'(?:"(?:[^"]|"")+"|[^\s".,;]+)'
_LOCKS = re.compile(rf"{_TAKEN.pattern}({_NAME}(?:\.{_NAME})?)(?=$|[\s,;])")
_ATTACHES = re.compile(rf"\bATTACH\s+PARTITION\s+({_NAME}(?:\.{_NAME})?)", re.IGNORECASE)


def lock_of(statement: str, relation: str) -> str:
    """What a statement that undoes something locks, as the `lock` of a step; empty: no relation, or none is known."""
    attached = _ATTACHES.search(statement)
    if attached and relation:
        return (
            f"{LockMode.SHARE_UPDATE_EXCLUSIVE.value} on {relation}, {LockMode.ACCESS_EXCLUSIVE.value} on {attached[1]}"
        )
    mode = next((mode for pattern, mode in _STATEMENTS if pattern.search(statement)), None)
    return f"{mode.value} on {relation}" if mode and relation else ""


def locks(lock: str) -> tuple[tuple[LockMode, str], ...]:
    """The modes in the `lock` of a step with the relation of each, qualified and quoted as there."""
    return tuple((LockMode(mode), relation) for mode, relation in _LOCKS.findall(lock))


def modes(lock: str) -> tuple[LockMode, ...]:
    """The modes in the `lock` of a step, in its order.

    That is a list of `MODE on RELATION`, each perhaps with "up to " before it; other words lock nothing that exists.
    """
    return tuple(LockMode(name) for name in _TAKEN.findall(lock))


def strongest(locks: Iterable[str]) -> LockMode | None:
    """The strongest mode in the `lock` of these steps; None if there is none."""
    return max((mode for lock in locks for mode in modes(lock)), key=lambda mode: mode.strength, default=None)
