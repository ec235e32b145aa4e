"""What statements take in each hour is kept, bounded, and compared with the same hour of other days."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

import console.workspace as console_workspace
from console.running.trail.audit import Trail
from console.series.slowdown import Counted, Spent
from console.settings.config import load as configuration
from console.sources.registry import SLOWER
from console.watching import slower, statement_hours
from console.watching.known_hours import KnownHours
from console.watching.slowed import slowed_of
from console.watching.statement_hours import (
    DAYS,
    HOUR,
    MOST,
    OtherDays,
    StatementId,
    keep,
    load,
    other_days,
    slower_since,
)
from console.watching.statement_series import StatementSeries
from console.watching.store import NAME, Store, target_key
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster
from tests.statements import OWN_STATEMENTS
from tests.waiting import eventually

TARGET = "/tmp:5432 dbname=shop"
NOON = 500_004  # an hour since 1970 that begins at noon
DAY = 24


def key(queryid: int) -> StatementId:
    return queryid, 10, 5, True


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / NAME)


def test_hours_add_up_and_the_present_one_is_not_compared(store: Store) -> None:
    for second in (60, 3599):
        keep(store, TARGET, NOON * HOUR + second, {key(1): Spent(100, 250), key(-2): Spent(10, 10)})
    assert load(store, TARGET, NOON * HOUR + 3599) == {}
    kept = load(store, TARGET, (NOON + 1) * HOUR)
    assert kept == {key(1): {NOON: Spent(200, 500)}}  # few calls say nothing
    assert load(store, "another", (NOON + 1) * HOUR) == {}


def test_only_the_statements_that_took_most_are_kept_of_an_hour(store: Store) -> None:
    keep(store, TARGET, NOON * HOUR, {key(each): Spent(100, 1000 + each) for each in range(MOST)})
    keep(store, TARGET, NOON * HOUR + 1, {key(5000): Spent(100, 9000)})
    kept = load(store, TARGET, (NOON + 1) * HOUR)
    assert len(kept) == MOST
    assert key(5000) in kept
    assert key(0) not in kept


def test_hours_older_than_the_days_that_are_compared_are_dropped(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statement_hours, "KEPT", 20)
    for hour in range(30):
        keep(store, TARGET, (NOON + hour) * HOUR, {key(1): Spent(100, 100)})
    with store.transaction() as database:
        ((count, first),) = database.execute("SELECT count(*), min(hour) FROM statement_hours").fetchall()
    assert (count, first) == (20, NOON + 10)


@pytest.mark.parametrize(
    ("means", "usual"),
    [
        ({}, None),
        ({NOON: 5.0, NOON - 1: 7.0}, None),
        ({NOON - DAY: 5.0}, OtherDays(5.0, 1)),
        ({NOON - DAY: 90.0, NOON - 2 * DAY: 5.0, NOON - 3 * DAY: 6.0}, OtherDays(6.0, 3)),
        ({NOON - (DAYS + 1) * DAY: 5.0}, None),
    ],
)
def test_the_same_hour_of_other_days_is_their_median(means: dict[int, float], usual: OtherDays | None) -> None:
    assert other_days({hour: Spent(100, 100 * mean) for hour, mean in means.items()}, NOON) == usual


def days(hours: int, slow: int, mean: float = 2.0, factor: float = 4.0) -> dict[int, Spent]:
    """So many hours before noon, of which the last ones are slow."""
    return {NOON - back: Spent(100, 100 * mean * (factor if back <= slow else 1)) for back in range(1, hours + 1)}


@pytest.mark.parametrize(("slow", "since"), [(0, NOON), (1, NOON - 1), (5, NOON - 5)])
def test_since_when_it_is_slower_is_the_first_slow_hour_in_a_row(slow: int, since: int) -> None:
    assert slower_since(days(5 * DAY, slow), NOON) == since


def series(mean: float, calls: float = 3000.0) -> StatementSeries:
    """An hour that ends at half past twelve, with the same mean all the time."""
    end = (NOON + 0.5) * HOUR + HOUR / 2 - 1
    counted = [Counted(end - HOUR + 60 * n, calls * n / 60, mean * calls * n / 60) for n in range(61)]
    return StatementSeries({key(1): counted}, end - HOUR)


@pytest.mark.parametrize(
    ("mean", "hours", "found"),
    [
        (8.0, days(5 * DAY, 3), True),
        (3.0, days(5 * DAY, 3), False),  # as usual
        (8.0, days(DAY, 3), False),  # of one other day only
        (8.0, {}, False),
    ],
)
def test_slower_than_on_other_days_is_found_without_a_step(mean: float, hours: dict[int, Spent], found: bool) -> None:
    taken = series(mean)
    now = taken.counted[key(1)][-1].at
    slowed = list(slowed_of(taken, {key(1): hours}, {(5, 10): ("shop", "app")}, now))
    assert bool(slowed) == found
    for each in slowed:
        assert (each.seen, each.at) == ((NOON - 3) * HOUR, (NOON - 2) * HOUR)
        assert each.before == 2.0
        assert each.after == pytest.approx(8.0)
        assert each.usual == OtherDays(2.0, 5)
        assert (each.database, each.user) == ("shop", "app")


def test_what_is_counted_between_two_looks_is_added_once(store: Store) -> None:
    known, now = KnownHours(store), NOON * HOUR + 600.0

    def counted(at: float, calls: float) -> StatementSeries:
        return StatementSeries({key(1): [Counted(at, calls, 2 * calls)]}, at)

    known.add(TARGET, counted(now, 1000), now)  # when these were counted is not known
    known.add(TARGET, counted(now + 360, 1100), now + 360)
    known.add(TARGET, counted(now + 720, 5), now + 720)  # the counters were reset
    known.add(TARGET, counted(now + 1080, 75), now + 1080)
    assert known.of(TARGET, now + HOUR) == {key(1): {NOON: Spent(170, 340)}}


async def test_an_open_console_reads_what_no_view_shows(
    pg: Cluster, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console_workspace, "UNREAD", 0.0)
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"), configuration(environ={}))
    async with desk.workspace() as workspace:
        following = asyncio.create_task(workspace.keep_samples())

        async def is_read() -> bool:
            await workspace.recorder.flush()
            streams = {stream.query for stream in workspace.recorder.readings(2e9).streams}
            return {"set_options", "statements"} <= streams

        await eventually(is_read)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_a_console_that_is_open_keeps_the_hours_and_reads_options(
    pg: Cluster, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slower, "FRESH", 0.0)
    monkeypatch.setattr(statement_hours, "CALLS", 1.0)
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"), configuration(environ={}))
    desk.do("CREATE EXTENSION pg_stat_statements", "SELECT 1 AS kept_by_hour")
    async with desk.workspace() as workspace:
        steps = workspace.sources.named(SLOWER)
        await workspace.slower.read(steps, is_look=True)
        for _ in range(3):
            desk.do("SELECT 1 AS kept_by_hour")
        await workspace.slower.read(steps, is_look=True)
        await workspace.recorder.flush()
        streams = {stream.query for stream in workspace.recorder.readings(2e9).streams}
        target = target_key(await workspace.sources.postgres.connect())
    assert {"set_options", "statements", slower.QUERY} <= streams
    with pg.connect(database) as session:
        ((queryid,),) = session.execute(
            f"SELECT queryid FROM {OWN_STATEMENTS} WHERE query LIKE '%AS kept_by_hour'"
        ).fetchall()
    kept = load(Store(tmp_path / NAME), target, time.time() + HOUR)
    assert [spent.calls for each, hours in kept.items() for spent in hours.values() if each[0] == queryid] == [3]
