"""Numbered migrations of `sql/schema`: which there are, which are applied, and how the pending ones are run.

A file is `NNNN_name.sql`; its first comment line is its help text. It runs in a transaction together with its row in
the ledger `public.schema_migrations`, unless a following header line says `-- transaction: no`; such a file must hold
one statement and be safe to run again, because it may have run when its ledger row could not be written. A header line
`-- locks: …` says what the file locks, where that is not what it makes; `-- adoption: run`, that it is also run on
tables that others made, when such a database is adopted.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise, takewhile
from typing import Any, Protocol

from console import sql
from console.digest import sha256
from console.format import one_line
from console.model import Kind, Trouble
from console.records import dataclass

# Any constant will do; every runner must use the same one.
LOCK = 7_311_250_417
LEDGER = "schema_migrations"
CODE = (
    "The ledger public.schema_migrations has a trigger, rule, policy or expression that would run code of its owner.",
    "Look at it with \\d, drop what was added, then run this again.",
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One file, as it runs on servers of one version."""

    version: int
    name: str  # 0004_content
    help: str
    text: str
    checksum: str  # SHA-256 of the text, hexadecimal
    checksums: frozenset[str]  # of every version variant: an upgraded server applied another one, which is no edit
    transactional: bool = True
    locks: str = ""  # from its header
    adopts: bool = False  # also run where its tables were there already, instead of only being entered in the ledger


@dataclass(frozen=True, slots=True)
class Applied:
    """One row of the ledger."""

    version: int
    name: str
    checksum: str


class Fetched(Protocol):
    """The result of a statement."""

    def fetchall(self) -> Sequence[Sequence[Any]]: ...


class Info(Protocol):
    """What the client library knows about its connection."""

    @property
    def backend_pid(self) -> int: ...


class Connection(Protocol):
    """The connection that `apply` needs: a synchronous one of psycopg in autocommit mode."""

    @property
    def autocommit(self) -> bool: ...

    @property
    def closed(self) -> bool: ...

    @property
    def info(self) -> Info: ...

    def execute(self, query: bytes, params: Sequence[object] | Mapping[str, object] | None = None) -> Fetched: ...

    def transaction(self) -> AbstractContextManager[object]: ...


def migrations(version: sql.Version, folder: str = "schema") -> tuple[Migration, ...]:
    """All migrations for a server of that version, such as (18,), in order. Raises Trouble for bad file names."""
    found = [migration for name in sql.names(folder) if (migration := _load(name, version, folder))]
    for before, after in pairwise(found):
        if before.version == after.version:
            raise Trouble(
                Kind.FAILED, f"Migrations {before.name} and {after.name} have the same number.", "Renumber one."
            )
    return tuple(found)


def pending(known: Iterable[Migration], ledger: Iterable[Applied]) -> tuple[Migration, ...]:
    """The migrations not in the ledger, in order. Raises Trouble naming applied files that were edited or are gone."""
    files = {migration.version: migration for migration in known}
    applied = {row.version: row for row in ledger}
    missing = [row.name for row in applied.values() if row.version not in files]
    if missing:
        raise Trouble(
            Kind.FAILED,
            f"Applied to this database, but not among the files of this console: {', '.join(missing)}.",
            "Use the version of the console that applied them, or a newer one.",
        )
    edited = [files[row.version].name for row in applied.values() if row.checksum not in files[row.version].checksums]
    if edited:
        raise Trouble(
            Kind.FAILED,
            f"Edited after being applied to this database: {', '.join(edited)}.",
            "Restore the text that was applied and put the change into a new migration.",
        )
    return tuple(migration for migration in files.values() if migration.version not in applied)


def read_ledger(connection: Connection) -> tuple[Applied, ...]:
    """The rows of the ledger in order; none when the ledger does not exist yet."""
    if connection.execute(b"SELECT pg_catalog.to_regclass('public.schema_migrations')").fetchall()[0][0] is None:
        return ()
    rows = connection.execute(
        b"SELECT version, name, checksum FROM public.schema_migrations ORDER BY version"
    ).fetchall()
    return tuple(Applied(*row) for row in rows)


def apply(
    connection: Connection, known: Iterable[Migration], on_start: Callable[[Migration], None] | None = None
) -> tuple[Migration, ...]:
    """Run what is pending, one runner at a time, and return what was run; what ran before a failure stays applied.

    The connection must be in autocommit mode and direct. Raises Trouble: BUSY while another runner works, UNSUPPORTED
    through a pooler, FAILED with the file's name when the server refuses a statement.
    """
    if not connection.autocommit:
        raise ValueError("migrations need a connection in autocommit mode")
    with _migration_lock(connection):
        _refuse_false_ledger(connection)
        todo = pending(known, read_ledger(connection))
        for migration in todo:
            if on_start:
                on_start(migration)
            _run(connection, migration)
    return todo


def _load(name: str, version: sql.Version, folder: str) -> Migration | None:
    number = re.fullmatch(r"(\d{4})_\w+", name)
    if not number:
        raise Trouble(Kind.FAILED, f"Migration {name} is not named NNNN_name.sql.")
    try:
        query = sql.load(f"{folder}/{name}", version)
    except KeyError:  # only for newer servers
        return None
    header = "".join(takewhile(lambda line: line.startswith("--"), query.text.splitlines(keepends=True)))
    variants = (sql.content() / "sql" / folder).glob(f"{name}.*")
    return Migration(
        version=int(number[1]),
        name=name,
        help=query.help,
        text=query.text,
        checksum=_checksum(query.text),
        checksums=frozenset(_checksum(path.read_text(encoding="utf-8")) for path in variants),
        transactional=not re.search(r"^--\s*transaction:\s*no\s*$", header, re.MULTILINE),
        adopts=bool(re.search(r"^--\s*adoption:\s*run\s*$", header, re.MULTILINE)),
        locks=locks[1].strip() if (locks := re.search(r"^--\s*locks:(.*)$", header, re.MULTILINE)) else "",
    )


def _checksum(text: str) -> str:
    return sha256(text)


def _refuse_false_ledger(connection: Connection) -> None:
    trust = connection.execute(sql.load("actions/ledger_trust").text.encode(), {"owner": ""})
    for refused, remedy in trust.fetchall():
        raise Trouble(Kind.REFUSED, one_line(refused), one_line(remedy))
    harmless = connection.execute(sql.load("actions/harmless_table").text.encode(), {"name": LEDGER})
    if any(row[0] is not True for row in harmless.fetchall()):
        raise Trouble(Kind.REFUSED, *CODE)


@contextmanager
def _migration_lock(connection: Connection) -> Iterator[None]:
    # A session lock leaks to the next client of a pooled connection. A pooler shows itself by a made-up pid.
    ((pid,),) = connection.execute(b"SELECT pg_catalog.pg_backend_pid()").fetchall()
    if pid != connection.info.backend_pid:
        raise Trouble(
            Kind.UNSUPPORTED, "Migrations do not run through a connection pooler.", "Connect to PostgreSQL itself."
        )
    ((mine,),) = connection.execute(b"SELECT pg_catalog.pg_try_advisory_lock(%s)", (LOCK,)).fetchall()
    if not mine:
        raise Trouble(
            Kind.BUSY, f"Migrations are being applied by another session{_holder(connection)}.", "Wait for it."
        )
    try:
        yield
    finally:
        if not connection.closed:  # the lock went with the session
            connection.execute(b"SELECT pg_catalog.pg_advisory_unlock(%s)", (LOCK,))


def _holder(connection: Connection) -> str:
    pids = connection.execute(
        b"SELECT pid FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
        b" AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
        b" AND (classid::bigint << 32) + objid::bigint = %s",
        (LOCK,),
    ).fetchall()
    return f" (pid {pids[0][0]})" if pids else ""


def _run(connection: Connection, migration: Migration) -> None:
    started = time.monotonic()
    try:
        if migration.transactional:
            with connection.transaction():
                connection.execute(
                    b"SELECT pg_catalog.set_config('search_path', 'pg_catalog', true),"
                    b" pg_catalog.set_config('lock_timeout', '2s', true)"
                )
                connection.execute(migration.text.encode())
                _record(connection, migration, time.monotonic() - started)
        else:
            connection.execute(migration.text.encode())
            _record(connection, migration, time.monotonic() - started)
    except Exception as error:  # the driver's own classes are not known here
        state = str(getattr(error, "sqlstate", None) or "")
        kind = Kind.BUSY if state == "55P03" else Kind.FAILED
        sentence = f"Migration {migration.name} failed and changed nothing: {error}"
        if not migration.transactional:
            sentence = f"Migration {migration.name} failed, perhaps half done: {error}"
        raise Trouble(kind, sentence, "Run it again." if kind is Kind.BUSY else "", state) from error


def _record(connection: Connection, migration: Migration, seconds: float) -> None:
    connection.execute(
        b"INSERT INTO public.schema_migrations (version, name, checksum, seconds) VALUES (%s, %s, %s, %s)",
        (migration.version, migration.name, migration.checksum, seconds),
    )
