"""Which indexes are gone, and which of them a finding about a slow statement names; without a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.model import Facts, Frame, GoneIndex, IndexHistory, KnownIndex, Snapshot
from console.rules.findings import gone_indexes
from console.rules.index_history import MOST_GONE, MOST_INDEXES, learn
from console.watching import state

START = datetime(2026, 11, 12, tzinfo=UTC)
COLUMNS = ("oid", "name", "schema", "table", "target", "method", "keys", "columns")
PAGE = (1, "visit_page", "public", "visit", "public.visit", "btree", "btree 1 1", "page")
OTHER = (2, "visit_day", "public", "visit", "public.visit", "btree", "btree 1 2", "day")


def reading(minutes: float, *rows: Sequence[object]) -> Snapshot:
    return Snapshot("table_indexes", COLUMNS, tuple(map(tuple, rows)), START + timedelta(minutes=minutes))


def learned(*readings: Snapshot) -> IndexHistory:
    history = IndexHistory()
    for taken in readings:
        history = learn(history, taken)
    return history


@pytest.mark.parametrize(
    ("later", "names"),
    [
        ([OTHER], ["visit_page"]),
        ([], ["visit_day", "visit_page"]),
        ([PAGE, OTHER], []),
        ([(3, *PAGE[1:]), OTHER], []),  # REINDEX CONCURRENTLY
        ([(1, "renamed", *PAGE[2:]), OTHER], []),
        ([(3, "another", *PAGE[2:]), OTHER], []),  # the same columns under another name
        ([(3, "another", *PAGE[2:6], "btree 2 1 2", ""), OTHER], ["visit_page"]),
        ([(3, "visit_page", "other", "visit", "other.visit", *PAGE[5:]), OTHER], ["visit_page"]),
    ],
)
def test_an_index_is_gone_unless_another_one_took_its_place(later: list[Sequence[object]], names: list[str]) -> None:
    history = learned(reading(0, PAGE, OTHER), reading(10, *later))
    assert sorted(each.index.name for each in history.gone) == names
    built = learn(history, reading(20, *later, PAGE, OTHER))
    assert built.gone == ()


@pytest.mark.parametrize(
    ("later", "new"),
    [
        ([PAGE], set()),
        ([PAGE, OTHER], {OTHER[0]}),
        ([(3, *PAGE[1:])], set()),  # REINDEX CONCURRENTLY
        ([(3, "another", *PAGE[2:])], set()),  # the same columns under another name
        ([PAGE, (3, "visit_page", "other", "visit", "other.visit", *PAGE[5:])], {3}),
    ],
)
def test_an_index_is_new_unless_it_took_the_place_of_another(later: list[Sequence[object]], new: set[int]) -> None:
    at = START + timedelta(minutes=10)
    history = learned(reading(0, PAGE), reading(10, *later), reading(20, *later))
    assert history.new == dict.fromkeys(new, at)
    assert learned(reading(0, *later)).new == {}, "it may have been there for long"
    assert learn(history, reading(30, PAGE)).new == {}


def test_an_index_that_comes_into_a_full_reading_is_not_called_new() -> None:
    table = ("public", "t", "public.t", "btree")
    many = [(oid, f"i{oid}", *table, f"btree 1 {oid}", "") for oid in range(MOST_INDEXES + 2)]
    assert learned(reading(0, *many[:MOST_INDEXES]), reading(10, *many[1 : MOST_INDEXES + 1])).new == {}


def test_what_is_gone_is_remembered_with_both_readings_whatever_the_clock_says() -> None:
    history = learned(reading(0, PAGE, OTHER), reading(10, OTHER), reading(20, OTHER))
    [gone] = history.gone
    assert (gone.seen, gone.missed) == (START, START + timedelta(minutes=10))
    assert learn(history, reading(90 * 24 * 60, OTHER)).gone == (gone,)
    assert learn(history, reading(-90 * 24 * 60, OTHER)).gone == (gone,)


def test_an_index_behind_the_last_of_a_full_reading_is_not_called_gone() -> None:
    table = ("public", "t", "public.t", "btree")
    many = [(oid, f"i{oid}", *table, f"btree 1 {oid}", "") for oid in range(MOST_INDEXES + 2)]
    full = reading(0, *many[1 : MOST_INDEXES + 1])
    assert learned(full, reading(10, *many[:MOST_INDEXES])).gone == (), "an earlier one was put before the last"
    assert [each.index.name for each in learned(full, reading(10, *many[2:])).gone] == ["i1"]
    assert len(learned(full, reading(10, PAGE)).gone) == MOST_GONE


FACTS = Facts("postgres", 180000, "18", "", database="shop")
LOST = GoneIndex(KnownIndex(*map(str, PAGE[1:])), START, START)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SELECT count(*) FROM visit WHERE page = $1", True),
        ("SELECT count(*) FROM public . visit v", True),
        ('UPDATE "public"."visit" SET n = $1', True),
        ("select * from VISIT", True),
        ("SELECT * FROM other.visit", False),
        ("SELECT * FROM visits", False),
        ("SELECT * FROM last_visit", False),
        ("SELECT v.visit FROM page v", False),
        ("", False),
    ],
)
def test_a_statement_names_the_table_of_an_index(query: str, found: bool) -> None:
    assert bool(named(query)) == found


@pytest.mark.parametrize(
    ("slow", "found"),
    [
        (timedelta(0), True),
        (timedelta(days=1), True),
        (timedelta(days=1, seconds=1), False),  # long before
        (timedelta(seconds=-1), False),  # the statement was slow while there was the index
    ],
)
def test_an_index_that_went_away_at_another_time_is_not_named(slow: timedelta, found: bool) -> None:
    assert bool(named("SELECT 1 FROM visit", START + slow)) == found
    assert not named("SELECT 1 FROM visit", START + slow, "another database")


def named(query: str, slow: datetime = START, database: str = "shop") -> tuple[GoneIndex, ...]:
    frame = Frame({}, START, facts=FACTS, indexes=IndexHistory(START, {}, (LOST,)))
    return gone_indexes.gone(frame, {"query": query, "database": database}, slow)


def test_only_an_index_that_create_index_can_build_is_a_fix() -> None:
    [fix] = gone_indexes.fixes([LOST, replace(LOST, index=replace(LOST.index, columns=""))])
    assert fix.parameters == {"table": "public.visit", "columns": "page", "method": "btree"}
    assert gone_indexes.named([LOST]) == "; index visit_page on public.visit is gone"
    assert gone_indexes.named([LOST, LOST]).endswith("visit_page on public.visit are gone")
    assert gone_indexes.named([]) == ""


def test_the_history_survives_on_disk(tmp_path: Path) -> None:
    history = learned(reading(0, PAGE), reading(10, OTHER))
    assert history.gone
    assert history.new
    state.save(tmp_path / "state.json", state.State(indexes=history))
    assert state.load(tmp_path / "state.json").indexes == history
