"""The clock of the console's machine is set back and forth: nothing waits for it, and nothing is measured by it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.model import (
    Ask,
    Claim,
    Diagnosis,
    Facts,
    Finding,
    Frame,
    Kind,
    Level,
    Plan,
    Rate,
    Snapshot,
    StatementHistory,
    Step,
    Trouble,
    Urgency,
    number,
)
from console.past.recorder import HeardAnswer, ReadingRecorder
from console.past.segment import Stream
from console.past.store import ReadingStore
from console.reading.reader import with_rates
from console.rules.judging import Memory, Verdict, remember
from console.rules.statement_history import learn
from console.running.progress import Run
from console.running.trail.audit import Trail
from console.running.trail.tables import answers
from console.settings.blackouts import Blackout
from console.sources.console import ConsoleSource
from console.sources.postgres import PostgresServer
from console.sources.registry import Sources
from console.watching import state
from console.watching import watcher as watching
from console.watching.journal import Journal
from console.watching.observer import Observer
from console.watching.store import Store
from console.watching.watcher import Watcher
from tests.servers import PostgresServer as Cluster

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
JUMPS = [pytest.param(timedelta(hours=hours), id=f"{hours:+} h") for hours in (-1, 1)]
FINDING = Finding("lock", "session 1", Level.WARNING, "It holds a lock.")
STREAM = Stream("postgres", "q")
SERVER = Facts("postgres", 180000, "18.0", "shop", database="shop", user="dba", standby=False)
HOLDS: Mapping[str, float] = {"lock": 10.0}


class Clock:
    """A clock that somebody sets."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


def lasted(frame: Frame) -> Iterator[Finding]:
    """A finding for each second that `frame` measured since the reading before."""
    yield replace(FINDING, sentence=f"{frame.earlier('database_counters', 300.0)[1]:.0f} s")


@pytest.mark.parametrize("jump", JUMPS)
async def test_findings_are_read_on_and_rates_measured_whatever_is_done_to_the_clock(
    any_pg: Cluster, jump: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    asks = (Ask("database_counters", window=300.0),)
    observer = Observer(
        Sources(server := PostgresServer(any_pg.uri())),
        (Diagnosis("lock", "A lock", Urgency.NOW, asks, lasted),),
        {},
        now=clock,
    )
    try:
        await observer.look()
        clock.at += jump
        await observer.look()
        first, last = observer.frame.readings["database_counters"]
        assert [finding.sentence for finding in observer.verdict.findings] == [f"{last.clock - first.clock:.0f} s"]
        clock.at += timedelta(seconds=6)
        await observer.look()
        assert observer.frame.readings["database_counters"][-1].clock > last.clock, "read again"
    finally:
        await server.close()


@pytest.mark.parametrize("jump", JUMPS)
def test_a_reading_says_how_long_after_another_it_was_taken_by_the_monotonic_clock(jump: timedelta) -> None:
    before = Snapshot("q", ("id", "calls"), ((1, 10),), NOON, clock=100.0, origin="a")
    after = replace(before, rows=((1, 30),), taken_at=NOON + jump, clock=110.0)
    rate = (Rate("calls_rate", "calls"),)
    assert after.since(before) == 10.0
    assert with_rates(after, before, ("id",), rate).values("calls_rate") == (2.0,)
    assert replace(after, origin="b").since(before) is None
    assert with_rates(replace(after, origin="b"), before, ("id",), rate).values("calls_rate") == (None,)
    assert replace(before, clock=0.0, taken_at=NOON + timedelta(minutes=1)).since(replace(before, clock=0.0)) == 60.0
    assert replace(before, clock=0.0).since(replace(before, clock=0.0, taken_at=NOON + timedelta(minutes=1))) is None


@pytest.mark.parametrize(
    ("clock", "recent"),
    [(100.0, True), (99.0, True), (98.1, True), (98.0, False), (0.0, False), (100.1, False), (87_000.0, False)],
)
def test_a_reading_with_the_clock_of_another_machine_is_not_a_recent_one(clock: float, recent: bool) -> None:
    assert Snapshot("q", (), (), NOON, clock=clock).is_recent(2.0, 100.0) is recent


def test_what_check_keeps_for_its_next_run_says_which_server_answered(tmp_path: Path) -> None:
    taken = Snapshot("q", ("id",), ((1,),), NOON, origin="2026-11-28 12:00:00+00")
    state.save(tmp_path / "state.json", state.State({"q": (taken,)}))
    assert state.load(tmp_path / "state.json").readings["q"] == (taken,)


def test_a_finding_is_raised_after_it_held_although_the_clock_was_set_back() -> None:
    verdict = Verdict((FINDING,), judged=frozenset({"lock"}))
    memory = remember(Memory(), verdict, NOON, HOLDS)
    back = NOON - timedelta(hours=1)
    for seconds in (0, 5, 10):
        assert not any(seen.raised for seen in memory.sightings.values())
        memory = remember(memory, verdict, back + timedelta(seconds=seconds), HOLDS)
    assert all(seen.raised for seen in memory.sightings.values())


async def test_a_finding_has_not_held_while_nobody_looked(any_pg: Cluster) -> None:
    """The console was stopped, its machine asleep, or the clock set forward."""
    clock, asks = Clock(), (Ask("vitals"),)
    lock = Diagnosis("lock", "A lock", Urgency.NOW, asks, lambda _: (FINDING,), hold=HOLDS["lock"])
    observer = Observer(Sources(server := PostgresServer(any_pg.uri())), (lock,), {}, now=clock)
    try:
        for seconds, raised in ((0, 0), (3600, 0), (5, 0), (HOLDS["lock"], 1), (3600, 1)):
            clock.at += timedelta(seconds=seconds)
            assert len((await observer.look()).findings) == raised
    finally:
        await server.close()


def test_a_finding_clears_although_the_clock_was_set_back() -> None:
    memory = remember(Memory(), Verdict((FINDING,), judged=frozenset({"lock"})), NOON, {"lock": 0.0})
    gone = Verdict(judged=frozenset({"lock"}))
    back = NOON - timedelta(hours=1)
    for seconds in (0, 10, 20):
        assert memory.sightings
        memory = remember(memory, gone, back + timedelta(seconds=seconds), HOLDS)
    assert not memory.sightings


def test_a_statement_is_compared_again_soon_after_the_clock_was_set_back() -> None:
    columns = ("queryid", "userid", "dbid", "toplevel", "calls", "total_ms", "rows", "counted_from", "evictions")

    def taken(at: datetime, calls: int, milliseconds: float) -> Snapshot:
        return Snapshot("statements", columns, ((1, 1, 1, True, calls, milliseconds, calls, 0.0, 0),), at)

    history = learn(StatementHistory(), taken(NOON, 100, 100.0))
    back = NOON - timedelta(hours=1)
    history = learn(history, taken(back, 200, 200.0))
    assert (history.at, history.seconds) == (back, 0.0), "that interval has no length"
    history = learn(history, taken(back + timedelta(seconds=30), 300, 60_000.0))
    (past,) = history.statements.values()
    assert (history.seconds, past.slow_readings) == (30.0, 1)


def keep(recorder: ReadingRecorder, store: ReadingStore, taken: Snapshot) -> None:
    """Keep a reading; its file is as old as the clock of then says."""
    at = taken.taken_at.timestamp()
    recorder.write([HeardAnswer(STREAM, taken, at, SERVER, taken.clock)])
    os.utime(store.files()[-1].path, (at, at))


@pytest.mark.parametrize("jump", [timedelta(days=-2), timedelta(days=2)], ids=["set back", "set forward"])
def test_a_clock_that_is_set_removes_no_reading_and_they_are_kept_on(jump: timedelta, tmp_path: Path) -> None:
    recorder = ReadingRecorder(kept := ReadingStore(tmp_path))
    seconds = [10.0 * n for n in range(130)]  # more than two files before, and two after
    for second in seconds:
        moved = jump if second >= 650 else timedelta()
        taken = Snapshot("q", ("id",), ((second,),), NOON + timedelta(seconds=second) + moved, clock=second)
        keep(recorder, kept, taken)
    assert len(kept.files()) == 4
    for moved in (timedelta(), jump):
        at = (NOON + moved).timestamp() + (640 if not moved else 1290)
        found = recorder.readings(at).at(STREAM, at)
        assert found is not None
        assert isinstance(found.answer, Snapshot)
        assert found.answer.rows == ((640.0 if not moved else 1290.0,),)


def test_files_are_removed_after_a_day_has_passed(tmp_path: Path) -> None:
    recorder = ReadingRecorder(kept := ReadingStore(tmp_path))
    for second in (0.0, 90_000.0, 180_000.0):
        taken = Snapshot("q", ("id",), ((second,),), NOON + timedelta(seconds=second), clock=second)
        keep(recorder, kept, taken)
    assert [file.began - NOON.timestamp() for file in kept.files()] == [180_000.0]


def test_a_trouble_that_goes_on_is_kept_again_after_the_clock_was_set_back() -> None:
    recorder, back = ReadingRecorder(), (NOON - timedelta(hours=1)).timestamp()
    for at, clock in ((NOON.timestamp(), 0.0), (back + 10, 10.0), (back + 40, 40.0)):
        recorder.write([HeardAnswer(STREAM, Trouble(Kind.FAILED, "It is gone."), at, SERVER, clock)])
    kept = [at for segment in recorder.readings(back).segments for at in segment.chains[STREAM].times]
    assert kept == [NOON.timestamp(), back + 40]


@pytest.mark.parametrize("hours", [-24, -1, 1, 24])
async def test_an_acknowledgement_for_a_time_neither_lasts_for_ages_nor_ends_by_a_small_correction(
    tmp_path: Path, hours: int
) -> None:
    store = Store(tmp_path / "findings.sqlite3")
    journal, server = Journal(store), replace(SERVER, address="host=h port=1")
    await journal.read(server, NOON)
    await journal.acknowledge(FINDING, NOON, NOON + timedelta(hours=2))
    then = NOON + timedelta(hours=hours)
    other = Journal(store)
    await other.read(server, then)
    holds = abs(hours) == 1  # a correction by a day is longer than it was meant to hold
    assert [each.muted(FINDING, then) is not None for each in (journal, other)] == [holds, holds]
    assert all(each.muted(FINDING, NOON + timedelta(hours=2)) is None for each in (journal, other))


@pytest.mark.parametrize("hours", [-24, -1, 1, 24])
def test_a_blackout_window_is_that_of_the_clock_as_it_is_now(hours: int) -> None:
    windows = Journal(blackouts=(Blackout(11 * 60, 13 * 60, time_zone="UTC"),))
    assert windows.muted(FINDING, NOON) is not None
    then = NOON + timedelta(hours=hours)
    muted = windows.muted(FINDING, then)
    assert (muted is not None) is (11 <= then.hour < 13)
    assert muted is None or (muted.until is not None and muted.until - then <= timedelta(hours=2))
    assert windows.muted(FINDING, NOON + timedelta(minutes=61)) is None


@pytest.mark.parametrize("hours", [-24, -1, 1, 24])
async def test_what_watch_delivers_is_delivered_once_and_after_ten_seconds_whatever_is_done_to_the_clock(
    tmp_path: Path, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, seconds = Clock(), [0.0]
    events: list[str] = []
    sources = Sources(PostgresServer("host=127.0.0.1 port=1"))
    observer = Observer(sources, (Diagnosis("lock", "A lock", Urgency.NOW, (Ask("vitals"),), lasted),), {}, now=clock)

    async def send(document: dict[str, object]) -> None:
        events.append(str(document["event"]))

    watcher = Watcher(sources, observer, Store(tmp_path / "findings.sqlite3"), lambda _: None, send, lambda _: None)
    monkeypatch.setattr(watching, "monotonic", lambda: seconds[0])
    for passed, delivered in ((0.0, 0), (9.0, 0), (2.0, 1), (2.0, 1)):
        seconds[0] += passed
        await watcher.look_and_deliver()
        assert len(events) == delivered
        clock.at += timedelta(hours=hours)
    assert events == ["raised"]


@pytest.mark.parametrize("jump", JUMPS)
async def test_how_long_a_run_takes_is_not_changed_by_the_clock(jump: timedelta, tmp_path: Path) -> None:
    run = Run(Plan(Claim("public.t"), (Step("SELECT 1"),)), started_at=datetime.now(UTC) - jump)
    trail, server = Trail(tmp_path / "audit.jsonl"), PostgresServer("dbname=none")
    shown = await ConsoleSource(lambda: answers(trail, [run], server)).fetch("activity")
    assert 0 <= number(shown.values("seconds")[0]) < 3000
