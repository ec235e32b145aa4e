"""Filter and order of rows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from console.model import Column, Kind, Snapshot, Trouble, View
from console.panes import PANES
from console.reading.arrange import arrange, sort_rows
from console.reading.filtering import column_called

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
        ("name=alpha", ["Alpha"]),
        ("name!=alpha", ["beta", "gamma"]),
        ("name~alp", ["Alpha"]),
        ("name~^(al|ga)", ["Alpha", "gamma"]),
        ("state=idle", ["beta"]),
        ("state!=idle", ["Alpha", "gamma"]),
        ('state="idle in transaction"', ["gamma"]),
        ('"idle in transaction"', ["gamma"]),
        ('!"idle in transaction"', ["beta", "Alpha"]),
        ("bytes=", ["Alpha"]),
    ],
)
def test_a_filter_finds_what_it_says(text: str, expected: list[str]) -> None:
    assert names("", text) == expected


@pytest.mark.parametrize("name", ["bytes", "size", "SIZE", '"size"'])
def test_a_column_is_called_by_its_header_or_its_field_name(name: str) -> None:
    assert names("", f"{name}>100") == ["beta"]


KINDS = View(
    name="kinds",
    title="Kinds",
    query="q",
    columns=(
        Column("bytes", "size", "size"),
        Column("age", "tx", "age"),
        Column("mean_ms", "mean", "ms"),
        Column("calls", "calls", "count"),
        Column("ratio", "dead %", "percent"),
        Column("at", "last vacuum", "time"),
        Column("wal", "wal/s", "size_rate"),
        Column("fine", "valid", "flag"),
        Column("pids", "blocked by", "names"),
    ),
    key=("bytes",),
)
READ = Snapshot(
    name="q",
    columns=tuple(column.name for column in KINDS.columns),
    rows=(
        (2 * 1024**2, 31.0, 6.0, 1500, 12.5, datetime(2026, 3, 1, tzinfo=UTC), 2048.0, True, [7, 8]),
        (1024**2 - 1, 29.0, 4.0, 900, 5.0, datetime(2026, 1, 1, tzinfo=UTC), 10.0, False, []),
        (None, None, None, None, None, None, None, None, None),
    ),
    taken_at=datetime(2026, 1, 1, tzinfo=UTC),
)


@pytest.mark.parametrize(
    "text",
    [
        *("size>1MB", "size>=1mb", "size=2MB", "size>1M", "size>1MiB", "size>0.001GB", "size>1048576"),
        *("tx>30s", "tx>0.5m", "tx>0.5min", "tx>30", "tx>30000ms", "age>0.0085h", "tx=31s"),
        *("mean>5ms", "mean>5", "mean>0.005s", "mean>5000us", "mean>5000µs"),
        *("calls>1k", "calls>1000", "calls=1500"),
        *('"dead %">10', "dead%>10%", "ratio>10"),
        *('"last vacuum">2026-02-01', "lastvacuum>=2026-03-01T00:00", "at>2026-02-01", "at~^2026-03"),
        *("wal/s>1kB/s", "wal>1kB"),
        *("valid=yes", "fine=true", "valid!=no !5.0%"),
        *("blockedby=7", '"blocked by"=8', '"blocked by"~7'),
    ],
)
def test_values_are_compared_in_the_units_that_are_shown(text: str) -> None:
    found = arrange(READ, KINDS, "", text).values("calls")
    assert found[0] == 1500
    assert 900 not in found


@pytest.mark.parametrize("text", ["size<1MB", "tx<30s", "mean<5ms", "calls<1k", "ratio<10", "at<2026-02-01"])
def test_a_missing_value_is_neither_less_nor_more(text: str) -> None:
    assert arrange(READ, KINDS, "", text).values("calls") == (900,)


@pytest.mark.parametrize("text", ["nosuch=1", "nosuch>1", "nosuch!=x", "nosuch~x", '"no such"=1', "idle nosuch=1"])
def test_an_unknown_column_is_wrong_usage_that_lists_the_columns(text: str) -> None:
    with pytest.raises(Trouble) as wrong:
        names("", text)
    assert wrong.value.kind is Kind.USAGE
    assert wrong.value.remedy == "Columns: name, size (bytes), state."


@pytest.mark.parametrize("text", ["size>", "size>big", "size>1sec", "tx>1MB", "at>soon", "calls<x", "size~("])
def test_a_value_that_cannot_be_compared_is_wrong_usage(text: str) -> None:
    with pytest.raises(Trouble) as wrong:
        arrange(READ, KINDS, "", text)
    assert wrong.value.kind is Kind.USAGE


def test_every_column_of_every_pane_can_be_filtered_by_both_names() -> None:
    for pane in PANES:
        for view in pane.views:
            fields = tuple(column.name for column in view.columns)
            read = Snapshot("q", fields, (), datetime(2026, 1, 1, tzinfo=UTC))
            titles = {column.name: column.title for column in view.columns}
            for column in view.columns:
                assert column_called(read, view, column.name) == column.name
                found = column_called(read, view, column.title) if column.title else column.name
                assert column.title in {titles[found], found}, (pane.name, view.name)
                arrange(read, view, "", f'"{column.title or column.name}"=1')


def test_values_are_ordered_by_their_kind() -> None:
    at, day = datetime(2026, 1, 2, tzinfo=UTC), date(2026, 1, 1)
    for wanted in (
        ["a", "B", "b2", "C"],
        [False, 0.5, 1, 2.5, 10],
        [[], [9], [1, 2]],
        [timedelta(seconds=-1), timedelta(seconds=5), timedelta(minutes=1)],
        [datetime(2025, 1, 1, tzinfo=UTC), at],
        [date(2025, 12, 31), day],
        [2, at, [1], "x"],
    ):
        assert sort_rows([(value,) for value in reversed(wanted)], 0, descending=False) == [
            (value,) for value in wanted
        ]
        assert sort_rows([(value,) for value in wanted], 0, descending=True) == [(value,) for value in wanted[::-1]]


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The time zone of the machine is not UTC."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
def test_a_time_without_a_zone_is_one_of_utc_whatever_the_machine_has() -> None:
    view = View("v", "V", "q", (Column("at", "at", "time"),), ("at",))
    times = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1), date(2026, 1, 1))  # noqa: DTZ001  as read
    read = Snapshot("q", ("at",), tuple((each,) for each in times), datetime(2026, 1, 1, tzinfo=UTC))
    for text in ("at>=2026-01-01", "at<=2026-01-01T00:00", "at<2026-01-01T00:01", "at>2025-12-31T23:59"):
        assert len(arrange(read, view, "", text).rows) == 3, text
    for text in ("at>2026-01-01", "at<2026-01-01T00:00+00:00"):
        assert arrange(read, view, "", text).rows == (), text
