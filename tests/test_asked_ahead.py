"""What the acting session is asked before it is needed, and what becomes of it where something else is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from console.model import LOCK_TIMEOUT
from console.sources.postgres import ActingSession, acting
from tests.servers import PostgresServer as Cluster

COUNT = "SELECT nextval('public.asked')"


@pytest.fixture
async def session(pg: Cluster, database: str) -> AsyncIterator[ActingSession]:
    with pg.connect(database) as other:
        other.execute("CREATE SEQUENCE public.asked")
    opened = ActingSession(pg.uri(database))
    await opened.open()
    yield opened
    await opened.close()


async def test_what_was_sent_ahead_is_asked_once(session: ActingSession) -> None:
    assert await session.script("SELECT 0", ahead=[COUNT]) == [[(0,)]]
    assert await session.script(COUNT) == [[(1,)]]
    assert await session.script(COUNT) == [[(2,)]]


async def test_settings_that_were_sent_ahead_for_nothing_are_set_again(session: ActingSession) -> None:
    await session.script("SELECT 0", ahead=["SET lock_timeout = '5s'"])
    assert await session.query("SHOW lock_timeout") == [(f"{LOCK_TIMEOUT * 1000:.0f}ms",)]


async def test_a_transaction_that_was_begun_ahead_for_nothing_is_rolled_back(session: ActingSession) -> None:
    await session.script("SELECT 0", ahead=["BEGIN", "CREATE TABLE public.t ()"])
    assert await session.query("SELECT pg_catalog.to_regclass('public.t')") == [(None,)]


async def test_what_was_answered_before_the_console_was_held_up_is_asked_again(
    session: ActingSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    await session.script("SELECT 0", ahead=[COUNT])
    monkeypatch.setattr(acting, "IDLE_SECONDS", 0)
    assert await session.script(COUNT) == [[(2,)]]
