"""The console or its backend stopped (SIGSTOP) in actions that need a standby, or a server that can rewrite a table."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.running.trail.audit import Trail
from tests.acting import Desk
from tests.care import REPACKS, bloat
from tests.servers import PostgresServer, Servers
from tests.standbys import standby_of
from tests.stopping import BACKEND, CONSOLE, stopper
from tests.test_action_repack import has_repack
from tests.test_action_waits import Case
from tests.test_stopped_anywhere import Found, Subject, carried_out, desk_in, judge, minute, one_if_long
from tests.waiting import wait

__all__ = ["minute"]

TURNS = (3, 10, 22)
BOTH = pytest.mark.parametrize("whom", [CONSOLE, BACKEND])
ROWS = "SELECT (count(*), sum(id))::text FROM public.bloated"
# Of pg_repack; the server drops its own by itself.
LEFT = "SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('repack') AND relname ~ '^(log|table)_[0-9]'"


@pytest.fixture(scope="module", autouse=True)
def signals() -> None:
    """Processes of the server are stopped."""
    if os.geteuid() != 0:
        pytest.skip("needs root")


async def stopped(desk: Desk, case: Case, whom: str, rows: str, folder: Path) -> None:
    """Carry out an action during which somebody is stopped, and judge what came of it."""
    found = Found()
    subject = Subject(case, desk_in(desk, folder), folder, rows, whom, one_if_long(TURNS))
    with stopper(folder) as mine:
        await asyncio.to_thread(carried_out, mine, subject, dict(case.given), found)
    judge(found)


@pytest.fixture
def bloated(pg_servers: Servers, tmp_path: Path) -> Iterator[Desk]:
    """A bloated table on a server that has pg_repack, or rewrites a table online by itself."""
    able = (pg_servers[major] for major in sorted(pg_servers))
    cluster = next((each for each in able if each.data and (each.major >= REPACKS or has_repack(each))), None)
    if cluster is None:
        pytest.skip("no server with pg_repack, and no PostgreSQL 19, on this machine")
    desk = Desk(cluster, cluster.fresh_database(), Trail(tmp_path / "audit.jsonl"))
    bloat(desk)
    yield desk
    wait(lambda: desk.ask(LEFT) == 0)
    cluster.drop_database(desk.database)


@BOTH
async def test_a_table_keeps_its_rows_whoever_is_stopped_while_it_is_repacked(
    bloated: Desk, tmp_path: Path, whom: str
) -> None:
    await stopped(bloated, Case("repack-table", (("table", "public.bloated"),)), whom, ROWS, tmp_path)


@pytest.fixture
def paused(any_pg: PostgresServer, pg_servers: Servers, tmp_path: Path) -> Iterator[Desk]:
    """A standby whose replay is paused."""
    with standby_of(pg_servers, any_pg) as server:
        desk = Desk(server, "postgres", Trail(tmp_path / "audit.jsonl"))
        desk.do("SELECT pg_wal_replay_pause()")
        wait(lambda: desk.ask("SELECT pg_get_wal_replay_pause_state()") == "paused")
        yield desk


@BOTH
async def test_the_replay_is_resumed_whoever_is_stopped(paused: Desk, tmp_path: Path, whom: str) -> None:
    await stopped(paused, Case("resume-replay"), whom, "", tmp_path)
    assert paused.ask("SELECT pg_get_wal_replay_pause_state()") == "not paused"
