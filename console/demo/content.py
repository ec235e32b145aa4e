"""Fills a pipeline database: schema, sample data, upcoming partitions. Shared by the demo and the tests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Protocol

from console import sql
from console.records import dataclass
from console.sql import migrations
from console.sql.migrations import Connection

PARTITIONED = ("api_usage", "user_activity_logs", "content_analytics")
SESSIONS = 2  # that load side by side; more do not help on two cores
Report = Callable[[str], None]
_AFTER = re.compile(r"^-- after: (.*)$", re.MULTILINE)


class LoadingConnection(Connection, Protocol):
    """A connection whose statement can be cancelled from another thread."""

    def cancel(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the sample data, and the parts that must be committed before it."""

    name: str
    after: frozenset[str]
    text: bytes


def install_schema(connection: Connection, major: int, report: Report = lambda _: None) -> None:
    """Apply the pending migrations. Raises Trouble."""
    migrations.apply(connection, migrations.migrations((major,)), lambda migration: report(migration.name))


def load_samples(connections: Sequence[LoadingConnection], scale: float, report: Report = lambda _: None) -> None:
    """Load the sample data at `scale`, in as many sessions side by side; their settings are changed.

    Raises the driver's error when the server refuses; what was committed before it stays.
    """
    session = sql.load("demo/session").text.encode()
    for connection in connections:
        connection.execute(session)
        connection.execute(f"SET demo.scale = {scale:.6f}".encode())
    left, done = list(parts()), set[str]()
    idle = list(connections)
    running: dict[Future[object], tuple[Part, LoadingConnection]] = {}
    with ThreadPoolExecutor(len(connections)) as pool, _cancelled(connections):
        while left or running:
            for part in [each for each in left if each.after <= done][: len(idle)]:
                left.remove(part)
                connection = idle.pop()
                report(part.name)
                running[pool.submit(connection.execute, part.text)] = (part, connection)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                future.result()
                part, connection = running.pop(future)
                done.add(part.name)
                idle.append(connection)


def parts() -> tuple[Part, ...]:
    """The parts of the sample data, each after those that it needs."""
    found = []
    for path in sorted((sql.content() / "sql" / "demo").glob("[0-9]*.sql")):
        text = path.read_text(encoding="utf-8")
        after = _AFTER.search(text)
        found.append(
            Part(path.stem.partition("_")[2], frozenset(after[1].split() if after else ()), text.encode("utf-8"))
        )
    return tuple(found)


def top_up(connection: Connection) -> None:
    """Create the partitions that kept data needs by now."""
    for table in PARTITIONED:
        connection.execute(b"SELECT public.ensure_partitions(%s::text::regclass)", (f"public.{table}",))


@contextmanager
def _cancelled(connections: Sequence[LoadingConnection]) -> Iterator[None]:
    """Cancel what the other sessions run when one fails or the demo is interrupted, or it would be waited for."""
    try:
        yield
    except BaseException:
        for connection in connections:
            connection.cancel()
        raise
