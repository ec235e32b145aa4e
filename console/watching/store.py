"""What must outlive a console: acknowledgements of findings, in one private SQLite database of this user.

The file has mode 0600 in a folder of mode 0700. Several consoles, `check` and `watch` may use it at the same time.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from console.files import private
from console.format import safe
from console.model import Kind, Level, Trouble

NAME = "findings.sqlite3"
FORM = 1  # of the tables: PRAGMA user_version
BUSY_SECONDS = 2.0  # for which a write of another process is awaited
MOST_ACKNOWLEDGED = 1_000  # acknowledgements; the oldest are dropped
LONGEST_TEXT = 2_000  # characters of a text that is kept

_TABLES = """
CREATE TABLE IF NOT EXISTS acknowledged (
  target text NOT NULL, rule text NOT NULL, subject text NOT NULL, level integer NOT NULL,
  given_by text NOT NULL, given_at text NOT NULL, until text, PRIMARY KEY (target, rule, subject));
"""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """That somebody knows of a finding. It ends when the finding clears, or at a time."""

    rule: str
    subject: str
    level: Level  # of the finding then: a worse one is not covered
    by: str  # user of the operating system
    at: datetime
    until: datetime | None = None  # None: until it clears


@dataclass(frozen=True, slots=True)
class Store:
    """The database in a folder. Every method raises Trouble if the file cannot be read or written."""

    path: Path

    def acknowledgements(self, target: str, at: datetime) -> tuple[Acknowledgement, ...]:
        """Those for the findings of a target that have not ended by `at`."""
        if not self.path.exists():
            return ()
        query = "SELECT rule, subject, level, given_by, given_at, until FROM acknowledged WHERE target = ?"
        with self._open() as database:
            rows = database.execute(query, (target,)).fetchall()
        found = map(_acknowledgement, rows)
        return tuple(each for each in found if each.until is None or each.until > at)

    def acknowledge(self, target: str, given: Acknowledgement) -> None:
        """Keep an acknowledgement, in place of a former one."""
        values = (target, given.rule, given.subject, int(given.level), given.by, _text(given.at), _text(given.until))
        with self._open() as database:
            database.execute("DELETE FROM acknowledged WHERE until <= ?", (_text(given.at),))
            database.execute("INSERT OR REPLACE INTO acknowledged VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            database.execute(
                "DELETE FROM acknowledged WHERE rowid IN "
                "(SELECT rowid FROM acknowledged ORDER BY given_at DESC, rowid DESC LIMIT -1 OFFSET ?)",
                (MOST_ACKNOWLEDGED,),
            )

    def withdraw(self, target: str, rule: str, subject: str) -> None:
        """Drop the acknowledgement of a finding."""
        with self._open() as database:
            database.execute(
                "DELETE FROM acknowledged WHERE target = ? AND rule = ? AND subject = ?", (target, rule, subject)
            )

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The database in one transaction, created if it is missing."""
        with private.troubles(self.path):
            private.make_folder(self.path.parent)
            os.close(private.open_private(self.path, os.O_RDWR))  # SQLite gives its journal the mode of this file
        try:
            with contextlib.closing(sqlite3.connect(self.path, BUSY_SECONDS, isolation_level=None)) as database:
                database.execute("BEGIN IMMEDIATE")
                self._prepare(database)
                yield database
                database.execute("COMMIT")
        except sqlite3.Error as error:
            raise Trouble(
                Kind.FAILED,
                f"{safe(self.path)} cannot be used: {safe(error, 200)}.",
                "It holds only acknowledgements and the history of findings: make room, or remove it.",
            ) from None

    def _prepare(self, database: sqlite3.Connection) -> None:
        (form,) = database.execute("PRAGMA user_version").fetchone()
        if form > FORM:
            raise Trouble(Kind.FAILED, f"{safe(self.path)} was written by a newer version.", "Use that version.")
        if form < FORM:
            for statement in filter(str.strip, _TABLES.split(";")):
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {FORM}")


def _acknowledgement(row: tuple[str, str, int, str, str, str | None]) -> Acknowledgement:
    rule, subject, level, by, at, until = row
    return Acknowledgement(rule, subject, Level(level), by, _moment(at), _moment(until) if until else None)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(moment: datetime | None) -> str | None:
    """A moment in a form that sorts as time does."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")
