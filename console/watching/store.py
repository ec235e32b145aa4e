"""What must outlive a console: one private SQLite database of this user for all targets.

It holds acknowledgements, the history of findings, what `watch` delivered, samples of sizes and limits, and what
statements took in each hour.

The file has mode 0600 in a folder of mode 0700. Several consoles, `check` and `watch` may use it at the same time.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from console.files import private
from console.format import safe
from console.model import Facts, Kind, Trouble
from console.records import dataclass

if TYPE_CHECKING:
    import sqlite3

NAME = "findings.sqlite3"
FORM = 5  # of the tables: PRAGMA user_version
COUNTER = slice(24, 28)  # bytes of the file with the number of transactions that wrote
BUSY_SECONDS = 2.0  # for which a write of another process is awaited

_TABLES = """
CREATE TABLE IF NOT EXISTS acknowledged (
  target text NOT NULL, rule text NOT NULL, subject text NOT NULL, level integer NOT NULL,
  given_by text NOT NULL, given_at text NOT NULL, until text, PRIMARY KEY (target, rule, subject));
CREATE TABLE IF NOT EXISTS delivered (
  target text NOT NULL, rule text NOT NULL, subject text NOT NULL, level integer NOT NULL, sentence text NOT NULL,
  raised_at text NOT NULL, PRIMARY KEY (target, rule, subject));
CREATE TABLE IF NOT EXISTS episodes (
  id integer PRIMARY KEY AUTOINCREMENT, target text NOT NULL, rule text NOT NULL, subject text NOT NULL,
  level integer NOT NULL, sentence text NOT NULL, harm real NOT NULL, details text NOT NULL, began_at text NOT NULL,
  seen_at text NOT NULL, ended_at text, watched integer NOT NULL);
CREATE INDEX IF NOT EXISTS episodes_began ON episodes (target, began_at);
CREATE UNIQUE INDEX IF NOT EXISTS episodes_open ON episodes (target, rule, subject) WHERE ended_at IS NULL;
CREATE TABLE IF NOT EXISTS series (
  id integer PRIMARY KEY, target text NOT NULL, kind text NOT NULL, subject text NOT NULL, measure text NOT NULL,
  sampled_at integer NOT NULL, UNIQUE (target, kind, subject, measure));
CREATE TABLE IF NOT EXISTS samples (
  series integer NOT NULL REFERENCES series (id), at integer NOT NULL, value real NOT NULL,
  PRIMARY KEY (series, at)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS statement_hours (
  target text NOT NULL, hour integer NOT NULL, queryid integer NOT NULL, userid integer NOT NULL,
  dbid integer NOT NULL, toplevel integer NOT NULL, calls real NOT NULL, ms real NOT NULL,
  PRIMARY KEY (target, hour, queryid, userid, dbid, toplevel)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Store:
    """The database in a file."""

    path: Path

    @property
    def exists(self) -> bool:
        """Whether anything was kept yet."""
        return self.path.exists()

    @property
    def revision(self) -> bytes:
        """What differs after each transaction that wrote, of any process; empty: there is nothing to read.

        SQLite counts them in the header of the file (https://www.sqlite.org/fileformat2.html#file_change_counter).
        """
        try:
            with self.path.open("rb") as file:
                return file.read(COUNTER.stop)[COUNTER]
        except OSError:
            return b""

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The database in one transaction, created if it is missing. Raises Trouble if it cannot be used."""
        import sqlite3  # noqa: PLC0415  long to load, and not every command opens the store

        with private.troubles(self.path, remedy=private.state_remedy):
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
                "It holds only acknowledgements, past findings and samples: make room, or remove it.",
            ) from None

    def _prepare(self, database: sqlite3.Connection) -> None:
        (form,) = database.execute("PRAGMA user_version").fetchone()
        if form > FORM:
            raise Trouble(Kind.FAILED, f"{safe(self.path)} was written by a newer version.", "Use that version.")
        if form < FORM:
            for statement in filter(str.strip, _TABLES.split(";")):
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {FORM}")


def target_key(facts: Facts) -> str:
    """What the store calls the database of a server; empty: nothing is kept, as for a recording."""
    return f"{facts.address} dbname={facts.database}" if facts.address else ""


def as_moment(text: str) -> datetime:
    """A moment that was kept."""
    return datetime.fromisoformat(text)


def as_text(moment: datetime | None) -> str | None:
    """A moment in a form that sorts as time does."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")
