"""Statements of a megabyte: what is read again and again is cut by the server, and only what is asked for is whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from console.model import Kind, Snapshot, Trouble
from console.panes import PANES
from console.reading.reader import Reader, keys
from console.rules.diagnoses import DIAGNOSES
from console.sources.postgres import PostgresServer as Reading
from tests.command import run
from tests.servers import Servers
from tests.waiting import wait

PADDING = "x" * 1_000_000
MARK = "xxxx"
MOST = 4_000  # bytes of one value of a list
MOST_PRINTED = 200_000  # characters of the findings, or of a list
SETTINGS = {
    "track_activity_query_size": "1MB",
    "shared_preload_libraries": "pg_stat_statements",
    "logging_collector": "on",
    "log_min_duration_statement": "0",
}


@pytest.fixture(scope="module")
def uri(pg_servers: Servers) -> Iterator[str]:
    """A server where a session waits for another, a third sleeps, and others failed: each with a statement of 1 MB."""
    server = pg_servers.new(pg_servers.newest, SETTINGS)
    name = server.fresh_database()
    with ExitStack() as sessions:
        holder, waiter, sleeper, last = (server.connect(name) for _ in range(4))
        for session in (holder, waiter, sleeper, last):
            sessions.callback(session.close)
        holder.execute("CREATE EXTENSION pg_stat_statements")
        holder.execute("CREATE TABLE public.item (id integer PRIMARY KEY, body text)")
        holder.execute("INSERT INTO public.item VALUES (1, '')")
        for number in range(5):
            last.execute(f"SELECT id AS c{number}, length('{PADDING}') /* {PADDING} */ FROM public.item".encode())
        with pytest.raises(psycopg.errors.DivisionByZero):
            last.execute(f"SELECT 1 / (id - 1) /* {PADDING} */ FROM public.item".encode())
        holder.execute("BEGIN")
        holder.execute(f"UPDATE public.item SET body = '' /* {PADDING} */ WHERE id = 1".encode())
        waiter.pgconn.send_query(f"UPDATE public.item SET body = 'w' WHERE id = 1 /* {PADDING} */".encode())
        sleeper.pgconn.send_query(f"SELECT pg_sleep(600) /* {PADDING} */".encode())
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND length(query) > 1000000"
        wait(lambda: last.execute(waits).fetchall() == [(1,)])
        yield server.uri(name)
    server.stop()


def longest(taken: Snapshot) -> int:
    """Bytes of its longest value."""
    values = (value for row in taken.rows for value in row)
    return max((len(str(value).encode(errors="replace")) for value in values), default=0)


async def read(source: Reading, pane_name: str, view_name: str) -> tuple[Snapshot, ...]:
    """The rows of a view, with all its lookups; none where this server lacks what it reads."""
    (view,) = (view for pane in PANES if pane.name == pane_name for view in pane.views if view.name == view_name)
    reader = Reader(view)
    try:
        taken = await reader.read(source)
        return (await reader.fill(source, keys(taken, view.key)) or taken,)
    except Trouble as why:
        if why.kind not in {Kind.MISSING, Kind.UNSUPPORTED}:
            raise
        return ()


async def test_no_list_and_no_rule_reads_a_statement_whole(uri: str) -> None:
    source, long, seen = Reading(uri), {}, 0
    try:
        for pane in PANES:
            for view in (view for view in pane.views if pane.source_of(view) == "postgres"):
                for taken in await read(source, pane.name, view.name):
                    long[f"{pane.name} {view.name}"] = longest(taken)
                    seen += sum(MARK in str(row) for row in taken.rows)
        for query in sorted({ask.query for each in DIAGNOSES for ask in each.asks}):
            try:
                long[f"rule {query}"] = longest(await source.fetch(query))
            except Trouble as why:
                if why.kind not in {Kind.MISSING, Kind.UNSUPPORTED}:
                    raise
    finally:
        await source.close()
    assert seen > 10
    assert {name: size for name, size in long.items() if size > MOST} == {}


async def test_the_details_of_a_statement_are_whole(uri: str) -> None:
    source = Reading(uri)
    try:
        (taken,) = await read(source, "connections", "waiting")
        names = ("pid", "backend_start")
        whole = 0
        for values in keys(taken, names):
            details = await source.fetch("connection_details", dict(zip(names, values, strict=True)))
            whole += longest(details) > len(PADDING)
        assert whole >= 3
    finally:
        await source.close()


@pytest.mark.parametrize(
    "command",
    [
        ("check",),
        ("show", "connections"),
        ("show", "locks", "--format", "json"),
        ("show", "slow-queries", "--format", "csv"),
    ],
    ids=" ".join,
)
def test_what_is_printed_stays_short(uri: str, tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(tmp_path, *command, "--target", uri)
    assert MARK in done.out, done.err
    assert len(done.out) < MOST_PRINTED
