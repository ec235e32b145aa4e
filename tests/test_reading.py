"""Rates between two reads, looked-up columns, the last good snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from console.model import Facts, Kind, Lookup, Pane, Rate, Row, Snapshot, Trouble, View
from console.reading.export import csv_text, document, save
from console.reading.reader import Key, Reader, Readers
from console.sources.backoff import Backoff
from console.tui.marks import Marks
from console.tui.pane_feed import PaneFeed
from console.tui.pane_state import PaneState

VIEW = View(
    name="all",
    title="All",
    query="counters",
    columns=(),
    key=("id",),
    rates=(
        Rate("per_second", "calls"),
        Rate("mean", "time", per="calls"),
        Rate("percent", "time", per="calls", scale=100),
    ),
)
FACTS = Facts("postgres", 180000, "18")
TEXTS = Lookup("texts", by=("id",), adds=("text",), fingerprint=("version",))


@dataclass
class Scripted:
    """A source that answers from a list, and keeps what it was asked."""

    answers: list[tuple[float, tuple[Row, ...]]]
    columns: tuple[str, ...] = ("id", "calls", "time")
    asked: list[tuple[str, Mapping[str, object] | None]] = field(default_factory=list)
    name: str = "postgres"
    label: str = "a server"
    facts: Facts = FACTS
    retry_in: float = 0.0

    async def learn(self) -> Facts:
        return self.facts

    def text(self, query: str) -> str:
        return query

    def obstacle(self, query: str) -> Trouble | None:
        return None

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        self.asked.append((query, parameters))
        at = datetime(2026, 1, 1, tzinfo=UTC)
        if query == "texts" and parameters is not None:
            ids = parameters["id"]
            assert isinstance(ids, list)
            return Snapshot(query, ("id", "text"), tuple((one, f"text {one}") for one in ids if one != 9), at)
        clock, rows = self.answers.pop(0)
        if not rows:
            raise Trouble(Kind.UNREACHABLE, "gone")
        return Snapshot(query, self.columns, rows, at, clock=clock)

    async def close(self) -> None:
        return None


def rates(snapshot: Snapshot) -> list[tuple[object, ...]]:
    return list(zip(*(snapshot.values(rate.name) for rate in VIEW.rates), strict=True))


async def test_the_first_read_has_no_rates_and_the_second_has_differences() -> None:
    server = Scripted([(10.0, ((1, 100, 50.0),)), (12.0, ((1, 110, 70.0),))])
    reader = Reader(VIEW)
    assert rates(await reader.read(server)) == [(None, None, None)]
    assert rates(await reader.read(server)) == [(5.0, 2.0, 200.0)]


async def test_a_reset_counter_and_a_new_row_have_no_rate() -> None:
    server = Scripted([(10.0, ((1, 100, 50.0),)), (11.0, ((1, 3, 1.0), (2, 5, 5.0)))])
    reader = Reader(VIEW)
    await reader.read(server)
    assert rates(await reader.read(server)) == [(None, None, None)] * 2


async def test_nothing_called_means_no_mean_but_a_rate_of_zero() -> None:
    server = Scripted([(10.0, ((1, 100, 50.0),)), (11.0, ((1, 100, 50.0),))])
    reader = Reader(VIEW)
    await reader.read(server)
    assert rates(await reader.read(server)) == [(0.0, None, None)]


async def test_the_last_good_snapshot_outlives_a_lost_server() -> None:
    server = Scripted([(10.0, ((1, 100, 50.0),)), (11.0, ())])
    reader = Reader(VIEW)
    good = await reader.read(server)
    with pytest.raises(Trouble):
        await reader.read(server)
    assert reader.last is good


async def test_only_unknown_and_changed_rows_on_the_screen_are_looked_up() -> None:
    view = View("all", "All", "counters", (), ("id",), lookups=(TEXTS,))
    columns = ("id", "version")
    server = Scripted([(1.0, ((1, 1), (2, 1), (9, 1))), (2.0, ((1, 2), (2, 1), (9, 1)))], columns)
    reader = Reader(view)
    assert (await reader.read(server)).values("text") == (None, None, None)
    filled = await reader.fill(server, [(2,), (9,)])
    assert filled is not None
    assert filled.values("text") == (None, "text 2", None)
    assert await reader.fill(server, [(2,), (9,)]) is None, "what is known, even as unknown, is not asked again"
    await reader.read(server)
    await reader.fill(server, [(1,), (2,)])
    assert server.asked[-1] == ("texts", {"id": [1]})


async def test_a_lookup_for_the_first_rows_is_made_in_batches_with_the_read() -> None:
    lookup = Lookup("texts", by=("id",), adds=("text",), first=3, batch=2)
    view = View("all", "All", "counters", (), ("id",), lookups=(lookup,))
    rows: tuple[Row, ...] = ((1,), (2,), (3,), (4,))
    server = Scripted([(1.0, rows), (2.0, rows)], ("id",))
    reader = Reader(view)
    assert (await reader.read(server)).values("text") == ("text 1", "text 2", None, None)
    assert (await reader.read(server)).values("text") == ("text 1", "text 2", "text 3", None)


@pytest.mark.parametrize(("first", "times"), [(0, 1), (3, 0)], ids=["of those", "of the first"])
async def test_which_rows_are_on_the_screen_is_asked_only_for_a_lookup_of_those(first: int, times: int) -> None:
    lookup = Lookup("texts", by=("id",), adds=("text",), first=first)
    pane = Pane("p", "x", "P", "A pane.", (View("all", "All", "counters", (), ("id",), lookups=(lookup,)),))
    server = Scripted([(1.0, ((1,), (2,)))], ("id",))
    feed, asked = PaneFeed(pane, lambda _: server, Readers(), Marks()), []

    def on_screen() -> list[Key]:
        asked.append(1)
        return [(1,)]

    async for _ in feed.reads(PaneState(pane, 2.0), on_screen):
        pass
    assert len(asked) == times
    assert [query for query, _ in server.asked] == ["counters", "texts"]


async def test_a_lookup_is_asked_again_when_its_time_is_over() -> None:
    lookup = Lookup("texts", by=("id",), adds=("text",), first=10, keep=5.0)
    view = View("all", "All", "counters", (), ("id",), lookups=(lookup,))
    server = Scripted([(clock, ((1,), (9,))) for clock in (10.0, 14.9, 15.0, 16.0)], ("id",))
    reader = Reader(view)
    asked = []
    for _ in range(4):
        before = len(server.asked)
        await reader.read(server)
        asked.append([parameters for query, parameters in server.asked[before:] if query == "texts"])
    assert asked == [[{"id": [1, 9]}], [], [{"id": [1, 9]}], []]


async def test_a_row_without_a_key_is_not_looked_up() -> None:
    lookup = Lookup("texts", by=("id",), adds=("text",), first=10)
    server = Scripted([(1.0, ((None,), (2,)))], ("id",))
    read = await Reader(View("all", "All", "counters", (), ("id",), lookups=(lookup,))).read(server)
    assert read.values("text") == (None, "text 2")
    assert server.asked[-1] == ("texts", {"id": [2]})


@dataclass
class Refusing(Scripted):
    """Refuses every lookup for one reason."""

    why: Kind = Kind.DENIED

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        if query == "texts":
            self.asked.append((query, parameters))
            raise Trouble(self.why, "refused")
        return await Scripted.fetch(self, query, parameters)


async def test_a_refused_lookup_is_reported_and_tried_again_after_a_minute() -> None:
    lookup = Lookup("texts", by=("id",), adds=("text",), first=10)
    view = View("all", "All", "counters", (), ("id",), lookups=(lookup,))
    server = Refusing([(clock, ((1,),)) for clock in (10.0, 69.9, 70.0)], ("id",))
    reader = Reader(view)
    counted = []
    for _ in range(3):
        read = await reader.read(server)
        counted.append(sum(query == "texts" for query, _ in server.asked))
        assert read.values("text") == (None,)
        assert [why.sentence for why in read.hidden] == ["refused"]
    assert counted == [1, 1, 2]


@pytest.mark.parametrize("kind", [Kind.UNREACHABLE, Kind.BUSY])
async def test_a_lookup_that_was_not_answered_is_no_answer(kind: Kind) -> None:
    lookup = Lookup("texts", by=("id",), adds=("text",), first=10)
    server = Refusing([(10.0, ((1,),))], ("id",), why=kind)
    with pytest.raises(Trouble):
        await Reader(View("all", "All", "counters", (), ("id",), lookups=(lookup,))).read(server)


async def test_a_rate_over_a_window_is_measured_from_its_beginning() -> None:
    rates = (Rate("recent", "calls", window=10.0), Rate("now", "calls"))
    view = View("all", "All", "counters", (), ("id",), rates=rates)
    counts = ((1.0, 0), (5.0, 8), (9.0, 8), (13.0, 8), (17.0, 8))
    server = Scripted([(clock, ((1, calls),)) for clock, calls in counts], ("id", "calls"))
    reader = Reader(view)
    found = [(await reader.read(server)).values("recent")[0] for _ in counts]
    assert found == [None, 2.0, 1.0, 0.0, 0.0]
    assert reader.last is not None
    assert reader.last.values("now") == (0.0,)


async def test_a_recording_that_repeats_its_last_read_keeps_its_rates() -> None:
    server = Scripted([(1.0, ((1, 1, 1.0),)), (2.0, ((1, 3, 1.0),)), (2.0, ((1, 3, 1.0),))])
    reader = Reader(VIEW)
    for _ in range(2):
        await reader.read(server)
    assert rates(await reader.read(server))[0][0] == 2.0


async def test_what_is_read_plain_is_reshaped_once_when_it_is_asked_for() -> None:
    reshaped: list[Snapshot] = []

    def derive(snapshot: Snapshot) -> Snapshot:
        reshaped.append(snapshot)
        return replace(snapshot, notes=("reshaped",))

    server = Scripted([(clock, ((1, int(clock), 1.0),)) for clock in (1.0, 2.0, 3.0, 4.0)])
    reader = Reader(replace(VIEW, derive=derive, lookups=(replace(TEXTS, first=1, fingerprint=()),)))
    for _ in range(2):
        await reader.read_plain(server)
    assert not reshaped
    assert reader.plain is not None
    assert not reader.plain.notes
    assert (rates(reader.plain)[0][0], reader.plain.values("text")) == (1.0, ("text 1",))
    shown = reader.last
    assert shown is not None
    assert shown is reader.last
    assert (shown.notes, rates(shown), len(reshaped)) == (("reshaped",), rates(reader.plain), 1)
    await reader.read(server)
    await reader.read_plain(server)
    assert len(reshaped) == 2
    assert reader.last is not None
    assert reader.last.clock == 4.0


@pytest.mark.parametrize("failures", range(12))
def test_the_pause_before_another_attempt_doubles_up_to_half_a_minute(failures: int) -> None:
    backoff = Backoff()
    for _ in range(failures + 1):
        backoff.failed(Trouble(Kind.UNREACHABLE, "gone"))
    pause = min(30.0, 2.0**failures)
    assert 0.8 * pause - 0.1 <= backoff.seconds <= 1.2 * pause
    with pytest.raises(Trouble, match="gone"):
        backoff.check()
    backoff.succeeded()
    backoff.check()
    assert (backoff.seconds, backoff.failures) == (0.0, 0)


def test_an_export_holds_plain_values() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    row: Row = (1, None, True, 'a,"b"', [7, 8], at, timedelta(minutes=1), Decimal("1.50"), b"\x00\xff")
    text = csv_text(Snapshot("q", tuple("abcdefghi"), (row,), at))
    assert text == ('a,b,c,d,e,f,g,h,i\n1,,true,"a,""b""",7 8,2026-01-01T00:00:00+00:00,60.0,1.5,00ff\n')


@pytest.mark.parametrize(("standby", "role"), [(True, {"role": "standby"}), (False, {"role": "primary"}), (None, {})])
def test_the_document_of_an_export_says_where_it_comes_from(standby: bool | None, role: dict[str, str]) -> None:
    facts = replace(FACTS, label="here", database="d", user="u", standby=standby)
    made = document("p", "v", Snapshot("q", ("a",), ((1,),), datetime(2026, 1, 1, tzinfo=UTC)), facts)
    assert made["server"] == {
        "kind": "postgres", "label": "here", "version": "18", "database": "d", "user": "u", **role
    }  # fmt: skip
    assert (made["pane"], made["view"], made["rows"]) == ("p", "v", [{"a": 1}])


def test_an_export_is_private_and_never_overwrites(tmp_path: Path) -> None:
    snapshot = Snapshot("q", ("a",), ((1,),), datetime(2026, 1, 1, tzinfo=UTC))
    for name, begins in (("x.json", "{"), ("x.csv", "a\n"), ("x.txt", "a\n")):
        save(tmp_path / name, "p", "v", snapshot, FACTS)
        assert (tmp_path / name).read_text().startswith(begins)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        with pytest.raises(Trouble, match="exists already"):
            save(tmp_path / name, "p", "v", snapshot, FACTS)
