"""What differs in a pane between two moments."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from console.format import FORMATS, show
from console.model import Column, Lookup, Pane, Rate, Row, Snapshot, View
from console.panes import PANES
from console.reading.difference import CHANGE, WHAT, difference, differing
from console.tui.layout import place

IDENTIFIES = re.compile(r"(^|_)(pid|id|oid|port|job|timeline|version|group|colocation)$")
VIEW = View(
    "tables",
    "Tables",
    "tables",
    (
        Column("name", "table", "relation"),
        Column("calls", "calls", "count"),
        Column("size", "size", "size"),
        Column("share", "share", "percent"),
        Column("state", "state"),
        Column("ready", "ready", "flag"),
        Column("age", "age", "age"),
        Column("call_rate", "calls/s", "rate"),
        Column("text", "query", "query"),
    ),
    key=("name",),
    rates=(Rate("call_rate", "calls"),),
    lookups=(Lookup("texts", ("name",), ("text",)),),
)
COLUMNS = ("name", "calls", "size", "share", "state", "ready", "age", "call_rate", "text", "hidden")
BEFORE: Row = ("a", 10, 8192, 50.0, "idle", True, 1.0, 2.0, None, 7)


def taken(*rows: Row, columns: tuple[str, ...] = COLUMNS, origin: str = "one") -> Snapshot:
    return Snapshot("tables", columns, rows, datetime(2026, 1, 1, tzinfo=UTC), origin=origin)


def changed(**values: object) -> Row:
    return tuple(values.get(name, value) for name, value in zip(COLUMNS, BEFORE, strict=True))


def row(name: str, calls: int | None) -> Row:
    return name, calls, *BEFORE[2:]


def differences(then: Snapshot, now: Snapshot, view: View = VIEW) -> list[dict[str, object]]:
    return list(difference(then, now, view, "12:00:00 UTC").records())


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        ({}, None),
        ({"calls": 12}, {"calls": "+2", "size": ""}),
        ({"calls": 3}, {"calls": "-7"}),
        ({"size": 8192 * 3}, {"size": "+16.0 kB"}),
        ({"share": 50.001}, None),
        ({"share": 53}, {"share": "+3.0%"}),
        ({"state": "active"}, {"state": "idle → active", "ready": "yes"}),
        ({"state": None}, {"state": "idle → –"}),
        ({"ready": False}, {"ready": "yes → no"}),
        ({"age": 500.0, "call_rate": 90.0, "text": "select 1", "hidden": 8}, None),
        ({"calls": 11, "age": 500.0, "call_rate": 90.0}, {"calls": "+1", "age": "8m", "call_rate": "90"}),
        ({"calls": None}, None),
        ({"text": "select 1"}, None),
        ({"calls": None, "size": 0}, {"calls": "–", "size": "-8.00 kB"}),
    ],
)
def test_a_row_shows_what_differs_in_it(values: dict[str, object], cells: dict[str, str] | None) -> None:
    found = differences(taken(BEFORE), taken(changed(**values)))
    formats = {column.name: column.format for column in differing(VIEW).columns}
    if cells is None:
        assert found == []
    else:
        assert [row[CHANGE] for row in found] == ["changed"]
        assert {name: show(found[0][name], formats[name]) for name in cells} == cells


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"state": "active"}, "state idle → active"),
        ({"calls": 12, "state": "active", "ready": False}, "calls +2; state idle → active; ready yes → no"),
        ({"size": 8192 * 3}, "size +16.0 kB"),
        ({"text": "select 1", "calls": 11}, "calls +1"),
    ],
)
def test_what_differs_is_said_in_one_column(values: dict[str, object], what: str) -> None:
    (found,) = differences(taken(BEFORE), taken(changed(**values)))
    assert found[WHAT] == what


def test_what_a_row_says_that_came_or_went_is_in_that_column() -> None:
    came, went = differences(taken(BEFORE), taken(("b", 5, 0, 1.0, "new", False, 0.0, None, "select 2", 1)))
    assert came[WHAT] == "calls +5; share +1.0%; state new; ready no; query select 2"
    assert went[WHAT] == "calls -10; size -8.00 kB; share -50.0%; state idle; ready yes"


def test_rows_that_came_and_went_count_from_and_to_nothing() -> None:
    found = differences(taken(BEFORE), taken(("b", 5, 100, 1.0, "new", False, 0.0, None, None, 1)))
    assert [(row[CHANGE], row["name"], row["calls"], row["size"]) for row in found] == [
        ("new", "b", 5, 100),
        ("gone", "a", -10, -8192),
    ]


def test_the_largest_difference_is_first_where_the_largest_number_is() -> None:
    then = taken(*(row(name, calls) for name, calls in (("gone", 9), ("less", 50), ("more", 1), ("unknown", None))))
    now = taken(*(row(name, calls) for name, calls in (("less", 20), ("more", 3), ("unknown", None), ("new", 5))))
    found = difference(then, now, replace(VIEW, sort="-calls"), "noon")
    assert found.values("name") == ("less", "gone", "new", "more")
    assert found.values("calls") == (-30, -9, 5, 2)
    assert difference(then, now, VIEW, "noon").values("name") == ("new", "gone", "less", "more")


def test_the_note_counts_what_is_shown_and_what_is_not() -> None:
    others = tuple(("x" + str(n), *BEFORE[1:]) for n in range(3))
    found = difference(taken(BEFORE, *others), taken(changed(calls=11), *others), VIEW, "12:00:00 UTC")
    assert found.notes == ("Since 12:00:00 UTC: 1 changed; 3 rows without a difference not shown.",)
    assert (
        difference(taken(BEFORE), taken(BEFORE), VIEW, "noon").notes[0].startswith("Since noon: no difference; 1 row ")
    )


def test_counters_of_another_start_of_the_server_are_not_taken_for_the_same() -> None:
    found = difference(taken(BEFORE), taken(changed(calls=1), origin="two"), VIEW, "noon")
    assert "The server was restarted since." in found.notes


def test_only_rows_of_the_view_are_compared() -> None:
    idle = replace(VIEW, where=lambda row: row["state"] == "idle")
    found = differences(taken(BEFORE), taken(changed(state="active")), idle)
    assert [row[CHANGE] for row in found] == ["gone"]


def test_a_column_that_one_reading_lacks_makes_no_difference() -> None:
    fewer = taken(BEFORE[:2] + BEFORE[3:], columns=COLUMNS[:2] + COLUMNS[3:])
    assert differences(fewer, taken(changed())) == []
    assert differences(taken(BEFORE), fewer) == []


def test_nothing_that_identifies_is_rounded_or_subtracted() -> None:
    """Processes have numbers up to 4,194,304, jobs far higher ones: 1.23M is none of them."""
    wrong = [
        (pane.name, view.name, column.name)
        for pane in PANES
        for view in pane.views
        for column in view.columns
        if IDENTIFIES.search(column.name) and column.format not in {"id", "text", "name"}
    ]
    assert wrong == []


@pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.name)
def test_every_view_has_a_form_for_differences(pane: object) -> None:
    for view in pane.views:  # type: ignore[attr-defined]
        compared = differing(view)
        names = [column.name for column in compared.columns if column.name not in {CHANGE, WHAT}]
        assert sorted(names) == sorted(column.name for column in view.columns)
        assert not {CHANGE, WHAT} & {column.name for column in view.columns}
        placed = {each.column.name: each.width for each in place(compared.columns, 80) if each.x + each.width <= 80}
        if any(column.name == WHAT for column in compared.columns):
            assert placed[WHAT] >= 10, view.name
        else:  # of numbers alone: each has its place
            assert names == [column.name for column in view.columns]
        assert all(column.format in FORMATS and column.rule is None for column in compared.columns)


SESSIONS = View(
    "sessions",
    "Sessions",
    "sessions",
    (
        Column("pid", "pid", "id"),
        Column("who", "who", "name", made_of=("user", "base")),
        Column("state", "state"),
        Column("base", "database", "name", extra=True),
    ),
    key=("pid",),
)


def sessions(*rows: Row) -> Snapshot:
    return taken(*rows, columns=("pid", "who", "state", "user", "base"))


def test_a_name_that_only_other_rows_have_made_longer_makes_no_difference() -> None:
    then = sessions((1, "web", "idle", "web", "shop"), (2, "job", "idle", "job", "shop"))
    now = sessions(
        (1, "web@shop", "idle", "web", "shop"), (2, "job@shop", "active", "job", "shop"), (3, "x@y", "idle", "x", "y")
    )
    came, changed = differences(then, now, SESSIONS)
    assert came["pid"] == 3
    assert (changed["pid"], changed["who"], changed[WHAT]) == (2, "job@shop", "state idle → active")
    (renamed,) = differences(then, sessions((1, "cron@shop", "idle", "cron", "shop"), then.rows[1]), SESSIONS)
    assert (renamed["who"], renamed[WHAT]) == ("web → cron@shop", "who web → cron@shop")


@pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.name)
def test_every_view_says_what_differs_where_only_what_a_row_is_about_does(pane: Pane) -> None:
    """As in a finding whose sentence alone is another."""
    for view in pane.views:
        names = (*view.key, *(column.name for column in view.columns if column.name not in view.key))
        before = Snapshot(view.query, names, (("same",) * len(names),), datetime(2026, 1, 1, tzinfo=UTC))
        for column in view.columns:
            if column.title and column.name not in view.key and not (column.extra or column.explains or column.made_of):
                row = tuple("other" if name == column.name else "same" for name in names)
                for found in differences(before, replace(before, rows=(row,)), replace(view, where=None)):
                    assert found[WHAT], (view.name, column.name)
