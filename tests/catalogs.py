"""What the console's queries name in the system catalogs, asked of the server's parser, and catalogs that lack it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from console import sql
from console.sources.postgres import PostgresServer as Console
from console.sources.postgres import queries
from console.watching.kept_waits import KEPT
from tests.servers import PostgresServer

# Catalogs whose columns every session knows by heart: the parser never looks for their names. A table with the same
# rows stands in their places.
NAILED = (
    *("pg_class", "pg_attribute", "pg_proc", "pg_type"),
    *("pg_database", "pg_authid", "pg_auth_members", "pg_subscription"),
)
SYSTEM_MODS = "-c allow_system_table_mods=on"
_READS = re.compile(r"\{RTEPERMISSIONINFO :relid (\d+) [^}]*?:selectedCols \(b([ \d]*)\)")
_CALLS = re.compile(r":(?:funcid|aggfnoid|winfnoid) (\d+)")
_FIRST = 7  # a bit of selectedCols is the number of the column and this (FirstLowInvalidHeapAttributeNumber)


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """What a query names: a relation, a function, or a column of one of them."""

    kind: str  # as ALTER says it: TABLE, VIEW or ROUTINE
    of: str
    column: str = ""

    def __str__(self) -> str:
        return f"{self.of}.{self.column}" if self.column else self.of


Connection = psycopg.Connection[Any]


def named_by(pg: PostgresServer, database: str, queries: Mapping[str, str]) -> dict[Name, set[str]]:
    """What is named by queries, given with their texts → their names: as the server understands them, by its parser.

    Of a function that returns columns all of them count as named.
    """
    trees: list[str] = []
    read: dict[tuple[int, int], set[str]] = defaultdict(set)
    called: dict[int, set[str]] = defaultdict(set)
    with pg.connect(database, options="-c debug_print_parse=on -c debug_pretty_print=off") as session:
        # The server breaks the lines of a tree at spaces.
        session.add_notice_handler(lambda found: trees.append(" ".join((found.message_detail or "").split())))
        for query, text in queries.items():
            trees.clear()
            _parse(session, text)
            for tree in trees:
                for relation, bits in _READS.findall(tree):
                    for bit in (0, *map(int, bits.split())):
                        read[int(relation), max(bit - _FIRST, 0)].add(query)
                for function in _CALLS.findall(tree):
                    called[int(function)].add(query)
        return _columns(session, read) | _functions(session, called)


def _parse(session: Connection, text: str) -> None:
    numbers: dict[str, int] = {}
    plain = re.sub(r"%\((\w+)\)s", lambda found: f"${numbers.setdefault(found[1], len(numbers) + 1)}", text)
    session.execute("SET client_min_messages = log")
    session.execute(b"PREPARE asked AS " + plain.replace("%%", "%").encode())
    session.execute("SET client_min_messages = error")
    session.execute("DEALLOCATE asked")


def _columns(session: Connection, read: Mapping[tuple[int, int], set[str]]) -> dict[Name, set[str]]:
    """Relations of pg_catalog and their columns."""
    found: dict[Name, set[str]] = defaultdict(set)
    relations = session.execute(
        "SELECT c.oid::int, c.relname, CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, "
        "array_agg(a.attname::text ORDER BY a.attnum) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relnamespace = 'pg_catalog'::regnamespace AND a.attnum > 0 GROUP BY c.oid"
    ).fetchall()
    known = {oid: (name, kind, columns) for oid, name, kind, columns in relations}
    for (oid, number), asking in read.items():
        if oid in known:
            name, kind, columns = known[oid]
            found[Name(kind, name, columns[number - 1] if number else "")] |= asking
    return found


def _functions(session: Connection, called: Mapping[int, set[str]]) -> dict[Name, set[str]]:
    """Functions of pg_catalog that SQL calls by name, and the columns that they return."""
    found: dict[Name, set[str]] = defaultdict(set)
    functions = session.execute(
        "SELECT p.oid::int, p.proname, (SELECT coalesce(array_agg(n), '{}') FROM unnest(p.proargnames, p.proargmodes) "
        "AS u(n, m) WHERE m IN ('o', 't')) FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace "
        "AND p.oid <> ALL (SELECT castfunc FROM pg_cast)"
    ).fetchall()
    for oid, name, columns in functions:
        for column in ("", *columns) if oid in called else ():
            found[Name("ROUTINE", name, column)] |= called[oid]
    return found


@contextmanager
def without(owner: Connection, name: Name) -> Iterator[None]:
    """A database in which something of the catalogs has another name."""
    gone = f"{name.column or name.of}_renamed"
    _rename(owner, name, name.of, name.column, gone)
    try:
        yield
    finally:
        of, column = (name.of, gone) if name.column else (gone, "")
        _rename(owner, name, of, column, name.column or name.of)


@contextmanager
def standing_in(owner: Connection, relation: str) -> Iterator[None]:
    """A table with the same rows in the place of a catalog whose columns every session knows by heart."""
    owner.execute(f"ALTER TABLE pg_catalog.{relation} RENAME TO {relation}_true".encode())
    try:
        owner.execute(f"CREATE TABLE pg_catalog.{relation} (LIKE pg_catalog.{relation}_true)".encode())
        owner.execute(f"INSERT INTO pg_catalog.{relation} SELECT * FROM pg_catalog.{relation}_true".encode())
        if relation not in {"pg_attribute", "pg_auth_members"}:
            owner.execute(f"ALTER TABLE pg_catalog.{relation} ADD PRIMARY KEY (oid)".encode())
        yield
    finally:
        owner.execute(f"DROP TABLE IF EXISTS pg_catalog.{relation}".encode())
        owner.execute(f"ALTER TABLE pg_catalog.{relation}_true RENAME TO {relation}".encode())


def _rename(owner: Connection, name: Name, of: str, column: str, to: str) -> None:
    if name.kind == "ROUTINE":
        renamed = "proargnames = pg_catalog.array_replace(proargnames, %(column)s, %(to)s)"
        changed = renamed if column else "proname = %(to)s"
        owner.execute(
            f"UPDATE pg_catalog.pg_proc SET {changed} "
            "WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = %(of)s".encode(),
            {"of": of, "column": column, "to": to},
        )
        return
    what = f'COLUMN "{column}"' if column else ""
    owner.execute(f'ALTER {name.kind} pg_catalog.{of} RENAME {what} TO "{to}"'.encode())


def texts(server: Console) -> dict[str, str]:
    """The monitoring queries that a server can run → their texts as they are sent.

    Without those that are read only where another query has found what they read.
    """
    runnable = [name for name in sql.names() if server.obstacle(name) is None and name not in KEPT.values()]
    return {name: queries.chosen(name, server.known).text for name in runnable}
