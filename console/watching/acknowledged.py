"""Acknowledgements of findings, in the store."""

from __future__ import annotations

from datetime import datetime

from console.model import Level
from console.records import dataclass
from console.rules.judging import Identity
from console.watching.store import Store, as_moment, as_text

MOST = 1_000  # acknowledgements that are kept, by number, as a clock may be wrong; those that ended are dropped first


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """That somebody knows of a finding. It ends when the finding clears, or at a time."""

    rule: str
    subject: str
    level: Level  # of the finding then: a worse one is not covered
    by: str  # user of the operating system
    at: datetime
    until: datetime | None = None  # None: until it clears

    def holds(self, at: datetime) -> bool:
        """Whether its time has not passed at `at`.

        One for a time holds for no more than twice that time, also where the clock was set back meanwhile: an hour that
        was given while the clock was a year ahead is not a year.
        """
        return self.until is None or self.until - 2 * (self.until - self.at) <= at < self.until


def kept(store: Store, target: str, at: datetime) -> tuple[Acknowledgement, ...]:
    """Those for the findings of a target that have not ended by `at`. Raises Trouble if the store cannot be read."""
    if not store.exists:
        return ()
    query = "SELECT rule, subject, level, given_by, given_at, until FROM acknowledged WHERE target = ?"
    with store.transaction() as database:
        rows = database.execute(query, (target,)).fetchall()
    return tuple(each for each in map(_acknowledgement, rows) if each.holds(at))


def keep(store: Store, target: str, given: Acknowledgement) -> None:
    """Keep an acknowledgement, in place of a former one. Raises Trouble if the store cannot be written."""
    values = (target, given.rule, given.subject, int(given.level), given.by, as_text(given.at), as_text(given.until))
    with store.transaction() as database:
        database.execute("INSERT OR REPLACE INTO acknowledged VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        database.execute(
            "DELETE FROM acknowledged WHERE rowid IN (SELECT rowid FROM acknowledged "
            "ORDER BY coalesce(until > ?, true) DESC, given_at DESC, rowid DESC LIMIT -1 OFFSET ?)",
            (as_text(given.at), MOST),
        )


def drop(store: Store, target: str, finding: Identity) -> None:
    """Drop the acknowledgement of a finding. Raises Trouble if the store cannot be written."""
    with store.transaction() as database:
        database.execute("DELETE FROM acknowledged WHERE target = ? AND rule = ? AND subject = ?", (target, *finding))


def _acknowledgement(row: tuple[str, str, int, str, str, str | None]) -> Acknowledgement:
    rule, subject, level, by, at, until = row
    return Acknowledgement(rule, subject, Level(level), by, as_moment(at), as_moment(until) if until else None)
