"""Filter and order of rows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from console.model import Column, Snapshot, View
from console.reading.arrange import arrange

VIEW = View(
    name="all",
    title="All",
    query="q",
    columns=(Column("name", "name"), Column("bytes", "size", "size"), Column("state", "state")),
    key=("name",),
)
ROWS = Snapshot(
    name="q",
    columns=("name", "bytes", "state"),
    rows=(("beta", 2048, "idle"), ("Alpha", None, "active"), ("gamma", 10, "idle in transaction")),
    taken_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def names(sort: str = "", text: str = "") -> list[object]:
    return list(arrange(ROWS, VIEW, sort, text).values("name"))


def test_text_is_ordered_without_case() -> None:
    assert names("name") == ["Alpha", "beta", "gamma"]


@pytest.mark.parametrize(
    ("sort", "expected"), [("bytes", ["gamma", "beta", "Alpha"]), ("-bytes", ["beta", "gamma", "Alpha"])]
)
def test_rows_without_a_value_come_last_in_both_directions(sort: str, expected: list[str]) -> None:
    assert names(sort) == expected


def test_an_unknown_column_keeps_the_order_of_the_query() -> None:
    assert names("nothing") == ["beta", "Alpha", "gamma"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IDLE", ["beta", "gamma"]),
        ("idle !transaction", ["beta"]),
        ("2.00", ["beta"]),
        ("bytes>100", ["beta"]),
        ("bytes<=10", ["gamma"]),
        ("name=alp", ["Alpha"]),
        ("name!=alp", ["beta", "gamma"]),
        ("nothing=1", []),
    ],
)
def test_a_filter_finds_what_it_says(text: str, expected: list[str]) -> None:
    assert names("", text) == expected
