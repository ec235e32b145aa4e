"""Rates between two reads, looked-up columns, the last good snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from console.model import Facts, Kind, Lookup, Rate, Row, Snapshot, Trouble, View
from console.reading.reader import Reader

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
