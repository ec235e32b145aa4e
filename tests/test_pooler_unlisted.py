"""Databases that an entry `*` of PgBouncer has made: without connections they are not listed, but can be paused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from console.actions import action
from console.demo.ports import HOST
from console.files.pooler_config import LOOKUP
from console.model import Kind, Outcome, Trouble
from tests.test_action_pooler import PAUSE, RESUME, Pooled, pooled
from tests.waiting import eventually, wait

__all__ = ["pooled"]  # a fixture
pytestmark = pytest.mark.every_pooler
MADE = "made"  # by the entry


@pytest.fixture
def star(pooled: Pooled) -> Pooled:
    """A PgBouncer that lets its clients name any database."""
    path = pooled.pooler.process.folder / "pgbouncer.ini"
    entry = f"* = host={HOST} port={pooled.desk.cluster.engine.port} dbname={pooled.database}"
    text = path.read_text().replace("[databases]\n", f"[databases]\n{entry}\n")
    assert "\nmin_pool_size = 2\n" in text
    path.write_text(text.replace("\nmin_pool_size = 2\n", "\nmin_pool_size = 0\n"))  # else it is listed now and then
    with pooled.admin() as admin:
        admin.execute("RELOAD")
    return pooled


def is_listed(star: Pooled) -> bool:
    return MADE in {row["name"] for row in star.shown("DATABASES")}


def is_paused(star: Pooled) -> bool:
    """Whether it is paused, listed or not: RESUME of one that is not fails. It is paused again then."""
    with star.admin() as admin:
        try:
            admin.execute(f"RESUME {MADE}".encode())
        except psycopg.Error:
            return False
        admin.execute(f"PAUSE {MADE}".encode())
    return True


def make(star: Pooled) -> None:
    """Let PgBouncer make the database without a connection, and wait until it is not listed."""
    with star.admin() as admin:
        admin.execute(f"PAUSE {MADE}".encode())
        admin.execute(f"RESUME {MADE}".encode())
    wait(lambda: not is_listed(star))


@contextmanager
def connected(star: Pooled) -> Iterator[psycopg.Connection[Any]]:
    """A client that has run a statement there, as the user of whom PgBouncer knows the password."""
    with psycopg.connect(star.pooler.uri(MADE, LOOKUP), autocommit=True, prepare_threshold=None) as client:
        client.execute("SELECT 1")
        yield client


async def test_a_pause_lasts_until_its_deadline_and_is_ended_though_the_database_is_not_listed_any_more(
    star: Pooled,
) -> None:
    for seconds in (4, 16, 64):  # a busy machine takes longer to drop it from the list
        with connected(star):
            run = asyncio.create_task(star.desk.run(PAUSE, database=MADE, seconds=str(seconds)))
            await eventually(lambda: asyncio.to_thread(paused_in_list, star))
        await eventually(lambda: asyncio.to_thread(lambda: not is_listed(star)))
        lasted = not run.done()
        done = await run
        assert done.outcome is Outcome.DONE, done.message
        if lasted:
            break
    assert lasted
    (note,) = (note for note in done.notes if note.startswith("PAUSE of "))
    assert "by another client" not in note
    assert not is_paused(star)

    def is_listed_with_a_client() -> bool:
        with connected(star):
            return is_listed(star)

    wait(is_listed_with_a_client)  # PgBouncer looks every third of a second which ones are idle


def paused_in_list(star: Pooled) -> bool:
    return any(row["name"] == MADE and row["paused"] for row in star.shown("DATABASES"))


async def test_after_a_kill_a_database_without_clients_is_resumed_by_its_name(star: Pooled) -> None:
    with connected(star):
        killed = await star.desk.run(action("pooler-kill"), database=MADE)
        assert killed.outcome is Outcome.DONE, killed.message
    wait(lambda: not is_listed(star))
    plan = await star.desk.plan(RESUME)
    assert not [step for step in plan.steps if MADE in step.sql]
    assert "1 database is not listed: without connections, made by an entry *." in plan.notes[0]
    resumed = await star.desk.run(RESUME, database=MADE)
    assert resumed.outcome is Outcome.DONE, resumed.message
    assert not is_paused(star)


async def test_a_database_without_clients_is_disabled_and_enabled(star: Pooled) -> None:
    make(star)
    for name in ("pooler-disable", "pooler-enable"):
        run = await star.desk.run(action(name), database=MADE)
        assert run.outcome is Outcome.DONE, run.message
        wait(lambda: not is_listed(star))
        if name == "pooler-disable":
            with pytest.raises(psycopg.OperationalError, match="disabled"), connected(star):
                pass
            wait(lambda: not is_listed(star))
    with connected(star) as client:
        assert client.execute("SELECT 2").fetchone() == (2,)


async def test_a_name_that_no_database_has_is_reported(star: Pooled) -> None:
    with pytest.raises(Trouble) as unknown:
        await star.desk.plan(RESUME, database="nowhere")
    assert unknown.value.kind is Kind.USAGE
    make(star)
    run = await star.desk.run(RESUME, database="nowhere")
    assert run.outcome is Outcome.FAILED
    assert "nowhere is not paused, or there is no such database" in run.message
