"""How the cost of the tools grows: with sessions that wait for one row, and with everything ten times."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import psycopg

from console.demo.ports import wait_until
from console.demo.postgres_server import SUPERUSER
from console.panes import pane
from scripts.benchmarks import tools
from scripts.benchmarks.fixture import Site, Size
from scripts.benchmarks.measure import Bench, keys, window
from scripts.benchmarks.tools import Tool

PILE = Size("light", 20, 5, waiters=1000)
# As much of everything, and ten times as much.
SMALL = Size("heavy", 3880, 300, 20, 1000, 40, 500, 400, 20, 300, waiters=100)
LARGE = Size("heavy", 39880, 3000, 20, 10000, 40, 5000, 400, 200, 3000, waiters=1000)
BRIEF_SMALL = Size("heavy", 340, 60, 20, 120, 20, 300, 400, 20, 60, waiters=40)
BRIEF_LARGE = Size("heavy", 3940, 600, 20, 1200, 20, 3000, 400, 200, 600, waiters=400)
QUICK_SMALL = Size("heavy", 60, 30, 20, 50, 4, 40, 400, 4, 10, waiters=10)
QUICK_LARGE = Size("heavy", 708, 200, 20, 500, 4, 400, 400, 20, 100, waiters=100)
# Pane → the number of a size that its rows grow with.
GROWING: Mapping[str, str] = {
    "connections": "sessions",
    "indexes": "tables",
    "partitions": "children",
    "slow-queries": "statements",
    "pooler": "clients",
    "locks": "waiters",
}
ROW = "CREATE TABLE IF NOT EXISTS public.waited_for AS SELECT 1 AS id, 0 AS value"
UPDATE = b"UPDATE public.waited_for SET value = value + 1 WHERE id = 1"


def waiters(bench: Bench) -> None:
    """Every tool with more and more sessions that wait for one row."""
    for count in bench.effort.waiters:
        with pile(bench.site, count):
            for tool in _in_turn(bench, count):
                watch(bench, tool, f"waiters.{count}", "locks")
            for _ in range(bench.effort.runs):
                watch(bench, tools.console(), f"waiters.connections.{count}", "connections")


def _in_turn(bench: Bench, count: int) -> Iterator[Tool]:
    """All tools in turn; in a brief run each peer once."""
    if bench.effort.is_whole:
        yield from bench.in_turn("locks")
        return
    yield from (tools.console("locks") for _ in range(bench.effort.runs))
    if count == bench.effort.waiters[0]:
        yield from bench.peers


def grown(bench: Bench) -> None:
    """Each pane of the console on a server of this size."""
    config = tools.config_file(bench.home)
    for name, what in GROWING.items():
        pooled = ("--pooler", bench.site.admin_uri) if name == "pooler" else ()
        if name == "pooler" and not bench.site.pooler_pid:
            bench.book.skipped.append("growth of the pooler pane: PgBouncer is not installed")
            continue
        count = getattr(bench.site.size, what)
        with pile(bench.site, count if name == "locks" else 0):
            for _ in range(bench.effort.growing):
                query = pane(name).views[0].query
                watch(bench, tools.console(name, config), f"growth.{name}.{count}", query, *pooled, steps=1)


def watch(bench: Bench, tool: Tool, metric: str, query: str, *extra: str, steps: int = 10) -> None:
    """Some refreshes and keys of a tool; each so many `steps` down or up."""
    with bench.noting(tool, metric), bench.running(tool, *extra) as terminal:
        if tool.name == "pg_activity":
            terminal.send("3")  # blocking queries
        time.sleep(bench.effort.judged)
        window(bench, terminal, tool, metric, query)
        keys(bench, terminal, tool, f"{metric}.key", steps)


@contextmanager
def pile(site: Site, count: int) -> Iterator[None]:
    """So many sessions that wait for one row, besides the load; they have ended after the block."""
    if not count:
        yield
        return
    with site.connect() as server, ExitStack() as open_:
        server.execute(ROW)
        open_.callback(
            server.execute,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'shop-wait'",
        )
        for at in range(count + 1):
            session = psycopg.connect(site.uri(SUPERUSER), application_name="shop-wait")
            open_.callback(session.close)
            session.execute("SELECT 1")
            session.pgconn.send_query(UPDATE)
            if not at:
                assert wait_until(lambda: _count(server, "state = 'idle in transaction'") == 1, 20)
        assert wait_until(lambda: _count(server, "wait_event_type = 'Lock'") == count, 120), "the sessions do not wait"
        yield
    with site.connect() as server:
        assert wait_until(lambda: _count(server, "true") == 0, 60), "the sessions do not end"


def _count(server: psycopg.Connection, condition: str) -> int:
    query = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shop-wait' AND {condition}"
    return int(server.execute(query.encode()).fetchall()[0][0])
