"""What is read for the past alone: every pane of a moment has rows though none was open then."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from console import workspace
from console.model import Column, Facts, Kind, Pane, Snapshot, Trouble, View
from console.panes import PANES
from console.panes.metrics import VITALS
from console.past.moment import PastReaders
from console.past.recorder import ReadingRecorder
from console.rules.diagnoses import DIAGNOSES
from console.running.trail.audit import Trail
from console.settings import config
from console.sources.log import ring
from console.sources.log.entry import LogEntry
from console.sources.registry import OPTIONAL, PRIMARY, RULES, Sources
from console.watching.asks import merged
from console.watching.credit import Credit
from console.watching.further import DEAR, REFUSED, FurtherReads
from console.watching.past import MADE, PARTS, past_at, usual
from tests.pasts import START, at, keep, reading
from tests.servers import PostgresServer as Cluster

COSTLY = {"index_advice"}  # what costs too much to be read while nobody looks: a search of minutes


def test_every_view_is_known_of_a_moment_though_it_was_not_open() -> None:
    always = {(ask.source, ask.query) for ask in merged(DIAGNOSES) if ask.only_if is None}
    always |= {(RULES, "findings"), *MADE, *PARTS}
    views = [(pane.source_of(view), view) for pane in PANES for view in pane.views]
    kept = {(source, view.query) for source, view in views if view.kept}
    assert {view.query for source, view in views if (source, view.query) not in always | kept} == COSTLY


class Named:
    """A source that answers at once, or does not."""

    retry_in = 0.0

    def __init__(self, name: str, troubles: Mapping[str, Trouble], seconds: Mapping[str, float]) -> None:
        self.name, self._troubles, self._seconds = name, troubles, seconds
        self.label, self.known = name, None

    @property
    def facts(self) -> Facts:
        return Facts(self.name, 0, "")

    async def fetch(self, query: str, parameters: object = None) -> Snapshot:
        del parameters
        if query in self._troubles:
            raise self._troubles[query]
        if query == "costs":
            return Snapshot(query, ("dear",), ((2.0,),), START)
        return Snapshot(query, ("n",), ((1,),), START, self._seconds.get(query, 0.0))

    def obstacle(self, query: str) -> None:
        del query


class Turns:
    """Further reads of some views, and what was asked, by a clock that the test sets."""

    def __init__(
        self,
        kept: Mapping[str, float],
        troubles: Mapping[str, Trouble] = MappingProxyType({}),
        seconds: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        columns = (Column("n", "n"),)
        dear = {"dear": "costs"}
        views = tuple(
            View(name, name, name, columns, ("n",), kept=every, costs=dear.get(name, ""))
            for name, every in kept.items()
        )
        self.source = Named(PRIMARY, troubles, seconds)
        self.sources = Sources(self.source)  # type: ignore[arg-type]
        self.sources.be_heard(lambda source, query, *_: self.hear(source.name, query))
        self.now, self.asked, self.heard = 1000.0, list[str](), dict[tuple[str, str], float]()
        self.reads = FurtherReads(self.sources, [Pane("all", "x", "All", "All.", views)], self.heard, lambda: self.now)

    def hear(self, source: str, query: str) -> None:
        self.asked.append(query)
        self.heard[source, query] = self.now

    async def pass_by(self, seconds: float) -> list[str]:
        """What is asked when so many seconds have passed."""
        self.now += seconds
        self.asked.clear()
        await self.reads.read_due()
        return list(self.asked)


async def test_each_is_read_as_often_as_is_declared_unless_somebody_else_has_read_it() -> None:
    turns = Turns({"often": 30.0, "seldom": 300.0, "never": 0.0})
    assert await turns.pass_by(9) == []
    assert await turns.pass_by(2) == ["often"]
    assert await turns.pass_by(29) == []
    turns.hear(PRIMARY, "often")  # a pane, or a rule
    assert await turns.pass_by(2) == []
    assert await turns.pass_by(60) == ["often", "seldom"]


async def test_nothing_is_looked_at_before_something_is_due() -> None:
    turns = Turns({"often": 30.0, "seldom": 300.0})
    assert await turns.pass_by(11) == ["often"]
    turns.heard.clear()  # whoever looked would find everything due
    assert await turns.pass_by(29) == []
    assert await turns.pass_by(2) == ["often"]


async def test_what_is_most_overdue_is_read_first_and_no_more_than_may_be_spent() -> None:
    turns = Turns({"often": 30.0, "seldom": 300.0}, seconds={"often": 10.0})
    assert await turns.pass_by(100) == ["often", "seldom"]  # only now the way to the server and back is known
    assert await turns.pass_by(30) == ["often"]
    assert await turns.pass_by(100) == []
    assert await turns.pass_by(1000) == ["often"]  # it was overdue by more of its periods; then the credit was spent


async def test_what_is_read_for_the_past_takes_a_server_30_ms_a_minute_in_the_long_run() -> None:
    turns = Turns(dict.fromkeys(map(str, range(20)), 30.0), seconds=dict.fromkeys(map(str, range(1, 20)), 0.01))
    taken = [len(set(await turns.pass_by(30)) - {"0"}) for _ in range(100)]
    assert sum(taken[-80:]) * 0.01 / (80 * 30) * 60 <= 0.031


async def test_what_costs_much_is_read_as_seldom_as_its_share_allows_and_holds_up_no_other() -> None:
    turns = Turns({"dear": 600.0, "other": 600.0})
    assert sorted(await turns.pass_by(300)) == ["costs", "dear", "other"]
    assert await turns.pass_by(700) == ["other"]
    assert await turns.pass_by(2 / DEAR - 800) == ["other"]
    assert "dear" in await turns.pass_by(200)


async def test_what_was_refused_is_not_asked_again_soon_and_others_are() -> None:
    refused = {"forbidden": Trouble(Kind.DENIED, "Not for this role.")}
    turns = Turns({"forbidden": 30.0, "other": 30.0}, refused)
    assert sorted(await turns.pass_by(20)) == ["forbidden", "other"]
    assert await turns.pass_by(40) == ["other"]
    assert sorted(await turns.pass_by(REFUSED)) == ["forbidden", "other"]


async def test_what_lacks_an_extension_asks_the_server_for_it_once_in_ten_minutes_and_the_past_says_why() -> None:
    turns, lacks = Turns({"one": 30.0, "other": 60.0, "fine": 30.0}), Trouble(Kind.MISSING, "No extension.")
    asked, fetch = list[str](), turns.source.fetch

    async def noted(query: str, parameters: object = None) -> Snapshot:
        asked.append(query)
        if query != "fine":
            raise lacks
        return await fetch(query, parameters)

    turns.source.fetch = noted  # type: ignore[method-assign]
    turns.source.obstacle = lambda query: None if query == "fine" else lacks  # type: ignore[assignment,method-assign]
    for _ in range(20):
        assert set(await turns.pass_by(61)) == {"one", "other", "fine"}
    assert (len(asked) - asked.count("fine"), asked.count("fine")) == (2, 20)


async def test_while_nothing_may_be_read_nobody_looks_what_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    turns, looked = Turns({"often": 30.0, "seldom": 300.0}, seconds={"often": 10.0}), list[float]()
    await turns.pass_by(100)
    await turns.pass_by(30)  # by now the way to the server and back is known, and what was read is owed
    due = FurtherReads._due
    monkeypatch.setattr(FurtherReads, "_due", lambda reads, each: looked.append(turns.now) or due(reads, each))  # type: ignore[func-returns-value]
    for _ in range(100):
        await turns.pass_by(2)
    assert not looked


async def test_a_server_that_is_away_is_asked_once_a_look() -> None:
    gone = dict.fromkeys(("one", "other"), Trouble(Kind.UNREACHABLE, "The server is gone."))
    turns = Turns({"one": 30.0, "other": 30.0}, gone)
    assert len(await turns.pass_by(20)) == 1


async def test_every_pane_of_a_server_turns_back_though_none_was_open(
    monkeypatch: pytest.MonkeyPatch, any_pg: Cluster, tmp_path: Path
) -> None:
    monkeypatch.setattr(Credit, "is_left", True)
    trail, wanted = Trail(tmp_path / "audit.jsonl"), config.Wanted(any_pg.uri("postgres"))
    async with workspace.Workspace(config.load(environ={}), wanted, trail=trail) as work:
        await work.sources.named(PRIMARY).fetch(VITALS.query)
        await work.observer.look(everything=True)
        await work.sources.named(RULES).fetch("finding_history")
        reads = FurtherReads(work.sources, PANES, {}, iter((0.0, *[1e6] * 100)).__next__)
        await reads.read_due()
        await work.recorder.flush()
        past = past_at(work.recorder.readings(now := time.time()), now)
        readers, unknown = PastReaders(past), set[str]()
        for pane in PANES:
            for view in pane.views:
                source = pane.source_of(view)
                try:
                    await readers.of(source, view).read(past.named(source))
                except Trouble as why:
                    if source not in OPTIONAL and "Not read" in why.sentence:
                        unknown.add(view.query)
    assert unknown == COSTLY


def log_row(number: int, database: str, message: str, severity: str = "LOG", sqlstate: str = "") -> tuple[object, ...]:
    entry = LogEntry(START, severity, message, sqlstate, database)
    return ring.entry_rows([(number, entry)])[0]


async def test_views_of_the_log_are_made_of_the_entries_of_all_databases() -> None:
    rows = (
        log_row(4, "", "checkpoint complete"),
        log_row(3, "shop", "division by zero", "ERROR", "22012"),
        log_row(2, "elsewhere", "no such table", "ERROR", "42P01"),
        log_row(1, "shop", "duration: 1200.5 ms  statement: SELECT 1"),
    )
    recorder = ReadingRecorder()
    keep(recorder, reading("log_everywhere", 0, rows, ring.COLUMNS), source="log")
    keep(recorder, reading(VITALS.query, 0, [(1,)], ("n",)))  # whose facts name the database
    log = past_at(recorder.readings(at(10)), at(10)).named("log")
    entries = await log.fetch("log_entries")
    assert entries.rows == tuple(row for row in rows if row[4] != "elsewhere")
    kinds = {(row["kind"], row["m1"]) for row in (await log.fetch("log_kinds")).records()}
    assert kinds == {("checkpoint", 1), ("error", 1), ("slow statement", 1)}
    assert [row["sqlstate"] for row in (await log.fetch("log_errors")).records()] == ["22012"]


async def test_tables_that_are_due_are_made_of_the_clock_of_autovacuum() -> None:
    recorder = ReadingRecorder()
    keep(recorder, reading("vacuum_clock", 0, [(7, 3, 60.0)], ("oid", "dead", "due_in")), source="clock")
    due = await past_at(recorder.readings(at(10)), at(10)).named(PRIMARY).fetch("vacuum_due")
    assert (due.name, due.columns, due.rows) == ("vacuum_due", ("oid", "dead"), ((7, 3),))


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("commands_in_progress", "it is read every 30 seconds, and while its pane is open"),
        ("pooler_pools", "it is read every 5 seconds"),
        ("index_advice", "it is kept while its pane is open"),
    ],
)
async def test_what_was_not_read_says_when_it_is(query: str, says: str) -> None:
    past = past_at(ReadingRecorder().readings(at(0)), at(0))
    with pytest.raises(Trouble, match="Not read within an hour") as why:
        await past.named(_sources()[query]).fetch(query)
    assert says in why.value.remedy


def test_what_is_read_seldom_is_worth_something_until_it_is_read_again() -> None:
    assert all(usual(view.query).lost >= 2 * view.kept for view in _views())


def _views() -> Iterable[View]:
    return (view for pane in PANES for view in pane.views)


def _sources() -> dict[str, str]:
    return {view.query: pane.source_of(view) for pane in PANES for view in pane.views}
