"""`[` and `]` turn every pane to what was read before and back, and say so where it can be mistaken for the present."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from console.model import Column, Lookup, Rate, Snapshot, View
from console.past.moment import PastMoment, PastReaders
from console.past.recorder import HeardAnswer, ReadingRecorder
from console.past.segment import Stream
from console.reading.arrange import arrange
from console.reading.reader import Reader
from console.tui.app import ConsoleApp
from console.tui.header import Header
from tests.pasts import SERVER, at, keep_answer, reading
from tests.pasts import keep as keep_reading
from tests.screens import console, screen_text, shows, taken, until
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually

EARLIER, LATER, MUCH_EARLIER = "left_square_bracket", "right_square_bracket", "left_curly_bracket"


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings of this test alone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@contextmanager
def somebody(cluster: Cluster, name: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A session that is idle."""
    with psycopg.connect(cluster.uri("postgres"), application_name=name, autocommit=True) as session:
        yield session


READ = {Stream("postgres", "vitals"), Stream("postgres", "connections")}  # what a test looks for in what was kept


def keep(app: ConsoleApp, ago: float, query: str, name: str, former: str) -> None:
    """Let the console have read, so long ago, what it reads now, but with another application name."""
    recorder, moment = app.workspace.recorder, datetime.now(UTC) - timedelta(seconds=ago)
    found = recorder.readings(time.time()).at(Stream("postgres", query), time.time())
    assert found is not None
    assert isinstance(found.answer, Snapshot)
    rows = tuple(tuple(former if cell == name else cell for cell in row) for row in found.answer.rows)
    then = replace(found.answer, rows=rows, taken_at=moment, clock=found.answer.clock - ago)
    facts = app.workspace.sources.postgres.facts
    recorder.write([HeardAnswer(Stream("postgres", query), then, moment.timestamp(), facts, then.clock)])


def head(app: ConsoleApp) -> str:
    return app.query_one(Header).render().plain


async def test_brackets_turn_all_panes_back_and_forth(any_pg: Cluster) -> None:
    with somebody(any_pg, "of-now"):
        async with console(any_pg.uri("postgres"), pane="connections") as (app, pilot):
            await shows(pilot, "of-now")
            await until(pilot, lambda: app.workspace.recorder.readings(time.time()).streams)
            await until(pilot, lambda: {*app.workspace.recorder.readings(9e9).streams} >= READ)
            keep(app, 40, "connections", "of-now", "of-then")
            keep(app, 40, "vitals", "", "")
            await pilot.press(MUCH_EARLIER)
            screen = await shows(pilot, "of-then", " ago")
            assert "of-now" not in screen
            assert "UTC" in head(app)
            await pilot.press("4")
            await shows(pilot, "Not read within an hour of")
            await pilot.press("2")
            await shows(pilot, "of-then")
            for _ in range(9):
                await pilot.press(LATER)
            await until(pilot, lambda: not app.times.is_past)
            await shows(pilot, "of-now")
            assert "ago" not in head(app)


async def test_a_pane_that_was_not_read_names_the_nearest_reading(any_pg: Cluster) -> None:
    async with console(any_pg.uri("postgres"), pane="server") as (app, pilot):
        await shows(pilot, "template1")
        recorder = app.workspace.recorder
        await until(pilot, lambda: Stream("postgres", "vitals") in recorder.readings(9e9).streams)
        query = app.pane_view.view.query
        await until(pilot, lambda: Stream("postgres", query) in recorder.readings(9e9).streams)
        keep(app, 3000, query, "template1", "of-then")
        keep(app, 200, "vitals", "", "")
        await pilot.press(MUCH_EARLIER)
        await until(pilot, lambda: app.times.is_past)
        await shows(pilot, "Not read at", "The nearest reading is from")
        assert "template1" not in screen_text(app)


async def test_a_plan_from_a_row_of_the_past_is_of_the_present_and_says_so(any_pg: Cluster) -> None:
    with somebody(any_pg, "of-now"):
        async with console(any_pg.uri("postgres"), pane="connections") as (app, pilot):
            await shows(pilot, "of-now")
            await until(pilot, lambda: {*app.workspace.recorder.readings(9e9).streams} >= READ)
            keep(app, 40, "connections", "of-now", "of-then")
            await pilot.press(MUCH_EARLIER)
            await shows(pilot, "of-then")
            app.pane_view.table.seek({"application": "of-then"})
            await pilot.press("K")
            await taken(pilot)
            await shows(pilot, "of-now", "The screen shows the state of", "present state.")
            await pilot.press("escape")


async def test_nothing_is_acknowledged_in_the_past_and_there_is_nothing_before_the_first_reading(
    any_pg: Cluster,
) -> None:
    async with console(any_pg.uri("postgres"), toasts=True) as (app, pilot):
        await until(pilot, lambda: Stream("rules", "findings") in app.workspace.recorder.readings(9e9).streams)
        await pilot.press(LATER)
        await shows(pilot, "This is the present")
        await pilot.press(EARLIER)
        await until(pilot, lambda: app.times.is_past)
        first = app.times.then
        await pilot.press(EARLIER)
        await shows(pilot, "Nothing earlier was kept.")
        assert first is not None
        assert app.times.then is first


class Delayed:
    """A source that lets other tasks run before it answers."""

    name, retry_in = "postgres", 0.0

    def __init__(self, answer: Snapshot) -> None:
        self.facts, self._answer = SERVER, answer
        self.answered = 0

    async def fetch(self, query: str, parameters: object = None) -> Snapshot:
        del query, parameters
        await asyncio.sleep(0)
        self.answered += 1
        return self._answer


async def test_two_reads_of_one_moment_at_once_keep_the_rates() -> None:
    view = View("v", "V", "counters", (Column("rate", "rate", "rate"),), key=("pid",), rates=(Rate("rate", "n"),))
    reader, source = Reader(view), Delayed(reading("counters", 10, [(1, 110, "")]))
    reader.recall([reading("counters", 0, [(1, 10, "")])])
    async with reader._computing:  # as while another thread computes: both have their answer by then
        reads = [asyncio.ensure_future(reader.read(source)) for _ in range(2)]  # type: ignore[arg-type]
        await eventually(lambda: source.answered == len(reads))
    await asyncio.gather(*reads)
    assert reader.last is not None
    assert reader.last.values("rate") == (10.0,)


def test_a_column_that_an_earlier_version_did_not_keep_is_unknown() -> None:
    view = View("v", "V", "counters", (Column("pid", "pid"), Column("later", "later")), key=("pid",), sort="later")
    found = arrange(reading("counters", 0, [(1, 10, "")]), view, view.sort)
    assert (found.values("later"), found.unknown) == ((None,), ("later",))


async def test_what_was_looked_up_on_a_replica_or_nowhere_is_found_or_left_out() -> None:
    recorder = ReadingRecorder()
    keep_reading(recorder, reading("tables", 0, [(1, 10, "")]))
    sizes = reading("sizes", 0, [(1, 99)], ("pid", "size"), notes=("read on replica b",))
    keep_reading(recorder, sizes, parameters='{"pid": [1]}')
    lookups = (
        Lookup("sizes", ("pid",), ("size",), heavy=True),
        Lookup("scans", ("pid",), ("scans",), source="replicas"),
    )
    view = View("v", "V", "tables", (Column("size", "size"),), key=("pid",), lookups=lookups)
    past = PastMoment(recorder.readings(at(1)), at(1))
    found = await PastReaders(past).of("postgres", view).read(past.named("postgres"))
    assert (found.values("size"), found.notes) == ((99,), ("read on replica b",))
    assert "scans" not in found.columns


@pytest.mark.parametrize("name", ["course", "course table"])
async def test_an_answer_keeps_its_name(name: str) -> None:
    recorder = ReadingRecorder()
    keep_answer(recorder, "course", replace(reading("course", 0, [(1, 2, "")]), name=name), at(0))
    past = PastMoment(recorder.readings(at(1)), at(1))
    assert (await past.named("postgres").fetch("course")).name == name
