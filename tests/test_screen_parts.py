"""Parts of the screen that are computed: bars, lines of a table, choices of a pane, keys, texts around it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from textual.geometry import Region

from console.doctor.check import Check, Report, Status, document, literal, worst
from console.format import pasteable
from console.keys import all_keys, free_keys, key_name, opening_keys
from console.model import Column, Kind, Level, Pane, Snapshot, StateRule, Trouble, View
from console.reading.filtering import NO_MATCH
from console.reading.sparkline import BARS, sparkline
from console.tui.key_guard import KeyGuard
from console.tui.layout import place
from console.tui.pane_state import FASTEST, SLOWEST, PaneState
from console.tui.pane_status import status, trouble_status
from console.tui.pane_text import CUT, MOST, UNREAD, WHOLE, beginning_of, copied_query, copied_text
from console.tui.table_lines import ColumnWindow, fit


@pytest.mark.parametrize(
    ("values", "width", "bars"),
    [
        ([], 3, "   "),
        ([0.0, 0.0], 2, "▁▁"),
        ([1.0, 2.0, 4.0], 3, "▃▅█"),
        ([8.0, 1.0, None, 4.0], 3, "▃ █"),
        ([5.0], 3, "  █"),
        ([-1.0, 10.0], 2, "▁█"),
    ],
)
def test_bars_reach_from_zero_to_the_largest_value(values: list[float | None], width: int, bars: str) -> None:
    assert sparkline(values, width) == bars
    assert len(BARS) == 8


RULE = StateRule("r", "r", {"bad": Level.CRITICAL, "poor": Level.WARNING, "odd": Level.NOTICE}, ())
COLUMNS = (Column("name", "name", "name", width=6), Column("n", "n", "count", width=3), Column("s", "s", rule=RULE))


@pytest.mark.parametrize(
    ("state", "marked", "gutter"),
    [("fine", False, "  "), ("odd", False, "· "), ("poor", False, "! "), ("bad", False, "!!"), ("bad", True, "*!"),
     ("fine", True, "* ")],
)  # fmt: skip
def test_the_worst_value_of_a_row_is_marked_even_where_its_column_is_out_of_sight(
    state: str, marked: bool, gutter: str
) -> None:
    placed = place(COLUMNS, 40)
    for right in (40, 8):
        line = ColumnWindow(placed, ("name", "n", "s"), 0, right).line(("x", 1, state), marked, None)
        assert line.texts[0] == gutter
        assert line.levels[0] is RULE.level(state)


def test_a_line_is_made_anew_only_where_a_value_changed() -> None:
    window = ColumnWindow(place(COLUMNS, 40), ("name", "n", "s"), 0, 40)
    old = window.line(("x", 1, "fine"), False, None)
    assert window.line(("x", 1, "fine"), False, old) == old
    new = window.line(("x", 2, "bad"), False, old)
    assert [region.x for region in window.changes(3, 0, old, new, Region(0, 0, 80, 24))] == [0, 9, 13]
    assert window.line((None, None, None), False, None).texts[1].strip() == "–"


@pytest.mark.parametrize(
    ("text", "width", "right", "shown"),
    [
        ("abc", 5, False, "abc  "),
        ("abc", 5, True, "  abc"),
        ("abcdef", 5, False, "abcd…"),
        ("abcdef", 1, False, "a"),
        ("東京都", 5, False, "東京…"),
        ("東京", 4, True, "東京"),
        ("", 2, True, "  "),
    ],
)
def test_a_text_takes_exactly_its_cells(text: str, width: int, right: bool, shown: str) -> None:
    assert fit(text, width, right) == shown


PANE = Pane(
    name="p",
    key="P",
    title="P",
    help="h",
    views=tuple(View(name, name, "q", COLUMNS, ("name",), sort="-n") for name in ("one", "two", "three")),
    refresh=2.0,
)


def test_each_view_of_a_pane_keeps_its_order_and_its_filter() -> None:
    state = PaneState(PANE, 0)
    state.sort_by("name")
    assert state.sort == "-name"
    state.sort_by("name")
    assert state.sort == "name"
    state.sort_by("name")
    assert state.sort == "-name"
    state.filter_text = "x"
    assert [state.neighbour(step) for step in (1, -1, 3)] == ["two", "three", "one"]
    state.choose_view("two")
    assert (state.sort, state.filter_text) == ("-n", "")
    state.choose_view("one")
    assert (state.sort, state.filter_text) == ("-name", "x")


@pytest.mark.parametrize(
    ("period", "factor", "becomes"),
    [(0.0, 0.5, 1.0), (4.0, 2.0, 8.0), (0.6, 0.5, FASTEST), (200.0, 2.0, SLOWEST), (FASTEST, 0.5, FASTEST)],
)
def test_the_period_stays_within_its_bounds(period: float, factor: float, becomes: float) -> None:
    state = PaneState(PANE, period)
    state.change_period(factor)
    assert state.period == becomes


READ = Snapshot("q", ("name",), (("x",),), datetime(2026, 1, 1, tzinfo=UTC), clock=100.0, notes=("a\nnote",))
EMPTY = View("v", "V", "q", COLUMNS, ("name",), empty="No rows.")


def test_the_line_below_a_table_says_why_it_is_empty() -> None:
    assert status(EMPTY, None, 0, "") == "reading …"
    assert status(EMPTY, READ, 1, "") == "a note"
    assert status(EMPTY, READ, 0, "") == "No rows."
    assert status(EMPTY, READ, 0, "x").startswith(NO_MATCH)


@pytest.mark.parametrize(
    ("kind", "retry_in", "last", "said"),
    [
        (Kind.UNREACHABLE, 7.4, True, "Next attempt in 7 s. Rows are 20s old. Gone. Wait."),
        (Kind.UNREACHABLE, 0.4, True, "Connecting … Rows are 20s old. Gone. Wait."),
        (Kind.UNREACHABLE, 0.5, False, "Next attempt in 0 s. Gone. Wait."),
        (Kind.BUSY, 5.0, True, "Gone. Wait."),
        (Kind.DENIED, 0.0, True, "Rows are 20s old. Gone. Wait."),
    ],
)
def test_trouble_says_how_old_the_rows_are_and_when_it_is_tried_again(
    kind: Kind, retry_in: float, last: bool, said: str
) -> None:
    assert trouble_status(Trouble(kind, "Gone.", "Wait."), READ if last else None, retry_in, 120.0) == said


@pytest.mark.parametrize(
    "point", [point for point in range(0xA0) if chr(point) not in "\t\n" and not 0x20 <= point < 0x7F]
)
def test_no_control_character_leaves_by_the_clipboard(point: int) -> None:
    text = f"SELECT 1;\t-- {chr(point)}[201~\nrm -rf"
    copied = pasteable(text)
    assert chr(point) not in copied
    assert copied.startswith("SELECT 1;\t-- ")
    assert copied.endswith("[201~\nrm -rf")
    assert pasteable("a\r\nb\tc\n") == "a\nb\tc\n"


def test_the_query_of_a_row_is_copied_else_the_row() -> None:
    view = View("v", "V", "q", (Column("query", "query", "query"), Column("n", "n", "count")), ("n",))
    assert copied_text(view, {"query": "SELECT 1\x1b", "n": 1}) == "SELECT 1␛"
    assert copied_text(view, {"query": None, "n": 1}) == "query=None\tn=1"
    short, long = "x" * (WHOLE - 1), "x" * WHOLE
    assert [beginning_of(view, {"query": text.encode(), "n": 1}) for text in (short, long)] == ["", long]
    message = View("v", "V", "q", (Column("message", "message", "query"),), ("message",))
    assert not beginning_of(message, {"message": long})


@pytest.mark.parametrize(
    ("columns", "rows", "copied", "why"),
    [
        (("item", "text"), [("query", "DELETE FROM t WHERE id = 1"), ("holds", "x")], "DELETE FROM t WHERE id = 1", ""),
        (("pid", "n", "query"), [(1, 2, "DELETE FROM t\x1b WHERE id = 1")], "DELETE FROM t␛ WHERE id = 1", ""),
        (("item", "text"), [], "DELETE FROM t\n... (cut)", UNREAD),  # the session has ended
        (
            ("item", "text"),
            [("query (cut: track_activity_query_size = 1024)", "DELETE FROM t WHE")],
            "DELETE FROM t WHE\n... (cut)",
            "cut: track_activity_query_size = 1024.",
        ),
        (
            ("item", "text"),
            [("query", "SELECT 1")],
            "DELETE FROM t\n... (cut)",
            UNREAD,
        ),
        (
            ("item", "text"),
            [("query", f"DELETE FROM t{'é' * MOST}")],
            f"DELETE FROM t{'é' * ((MOST - 13) // 2)}\n... (cut)",
            "terminals take no more of it.",
        ),
    ],
)
def test_a_query_is_copied_whole_or_so_that_it_cannot_run(
    columns: tuple[str, ...], rows: list[tuple[object, ...]], copied: str, why: str
) -> None:
    found = copied_query("DELETE FROM t", Snapshot("d", columns, tuple(rows), datetime.now(UTC)))
    assert (found.text, found.why) == (copied, why)
    size = len(copied.removesuffix(CUT))
    assert found.message == (f"Copied the first {size} characters: {why}" if why else f"Copied {size} characters.")


def test_a_key_that_opens_a_plan_never_confirms_one() -> None:
    confirming = {key for each in all_keys() if each.id == "plan.run" for key in each.each}
    assert confirming
    assert not confirming & opening_keys()
    assert "enter" in opening_keys() & opening_keys({"setup.run": "f5"})
    assert opening_keys({"act.undo": "Z"}) >= {"Z"} or "act.undo" not in {each.id for each in all_keys()}
    assert opening_keys({"setup.run": "f5"}) - opening_keys() == {"f5"}


def test_free_keys_are_single_and_bound_by_nothing_that_works_together() -> None:
    used = {name for each in all_keys() for name in each.each if each.place.value in {"everywhere", "panes", "tables"}}
    assert not set(free_keys()) & used
    assert all(len(key) == 1 and key.isalnum() for key in free_keys())
    assert [key_name(key) for key in ("ctrl+f", "slash", "pageup", "x")] == ["Ctrl+F", "/", "PgUp", "x"]


def test_a_key_is_taken_a_moment_after_its_dialog_was_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.tui.key_guard.get_time", lambda: 10.0)
    guard = KeyGuard(0.5)
    assert not guard.ready
    guard.shown()
    assert not guard.takes(10.4)
    assert guard.takes(10.5), "an ignored key does not begin a new moment"
    longer = KeyGuard(0.5, prolonged=True)
    longer.shown()
    assert not longer.takes(10.4)
    assert not longer.takes(10.8)
    assert longer.takes(11.31)


@pytest.mark.parametrize(
    ("states", "most"),
    [
        ("", Status.OK),
        ("ok", Status.OK),
        ("ok unknown", Status.UNKNOWN),
        ("unknown limited ok", Status.LIMITED),
        ("limited cannot unknown", Status.CANNOT),
    ],
)
def test_the_worst_of_some_checks_sums_them_up(states: str, most: Status) -> None:
    assert worst(Check("role", "x", Status(state), "y") for state in states.split()) is most


def test_the_report_of_the_doctor_as_a_document() -> None:
    check = Check("pooler", "x", Status.CANNOT, "what", "why", "one\ntwo", "here")
    found = document(Report(None, (check,)))
    assert found["checks"] == [
        {"subject": "pooler", "name": "here x", "state": "cannot", "what": "what", "why": "why",
         "remedy": ["one", "two"]}
    ]  # fmt: skip
    assert Report(None, (check,)).of("role") == ()
    assert literal("it's") == "'it''s'"
