"""Waits over time, without a server: what is counted as what, windows with gaps, bounds, and the chart."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import pytest

from console.format import cells
from console.model import Snapshot
from console.panes import PANES
from console.series import wait_rows
from console.series.wait_rows import (
    STEPS,
    WINDOWS,
    Known,
    MeasuredWaits,
    by_class,
    by_event,
    by_session,
    by_statement,
    measured,
    notes,
)
from console.series.waits import (
    CLASSES,
    CPU,
    GAP,
    HOUR,
    IDLE_IN_TRANSACTION,
    Ring,
    SampledSession,
    WaitWindow,
    wait_class,
)
from console.tui.vitals import Metrics
from console.tui.wait_chart import CORES, MISSING, STYLES, bar, wait_course
from console.watching import wait_texts

CLIENT, WORKER = "client backend", "background worker"


@pytest.mark.parametrize(
    ("backend", "state", "class_", "counted"),
    [
        (CLIENT, "active", None, CPU),
        (CLIENT, "active", "IO", "IO"),
        (CLIENT, "active", "Lock", "Lock"),
        (CLIENT, "active", "LWLock", "LWLock"),
        (CLIENT, "active", "BufferPin", "BufferPin"),
        (CLIENT, "active", "Buffer", "BufferPin"),  # since 19
        (CLIENT, "active", "IPC", "IPC"),
        (CLIENT, "active", "Client", "Client"),  # COPY FROM STDIN
        (CLIENT, "active", "Timeout", "Timeout"),
        (CLIENT, "active", "Extension", "Extension"),
        (CLIENT, "active", "InjectionPoint", "InjectionPoint"),  # a class that is not known is kept
        (CLIENT, "fastpath function call", None, CPU),
        (CLIENT, "idle in transaction", "Client", IDLE_IN_TRANSACTION),
        (CLIENT, "idle in transaction (aborted)", "Client", IDLE_IN_TRANSACTION),
        (CLIENT, "idle in transaction", "Timeout", IDLE_IN_TRANSACTION),
        (CLIENT, "idle", "Client", ""),
        (CLIENT, "disabled", None, ""),  # track_activities is off: nobody knows whether it runs
        (CLIENT, None, None, ""),  # it is starting
        (None, None, None, ""),  # this role may not see it
        ("parallel worker", "active", None, CPU),
        ("parallel worker", "active", "IPC", "IPC"),
        ("autovacuum worker", "active", "Timeout", "Timeout"),  # the delay of vacuum
        ("autovacuum worker", "active", None, CPU),
        (WORKER, None, "Extension", ""),  # it waits for work
        (WORKER, None, "Activity", ""),
        (WORKER, "active", "Timeout", ""),
        (WORKER, "active", None, CPU),
        (WORKER, None, "IO", "IO"),
        ("logical replication worker", None, "Activity", ""),
        ("logical replication apply worker", None, "Lock", "Lock"),
    ],
)
def test_a_session_is_counted_in_its_class(
    backend: str | None, state: str | None, class_: str | None, counted: str
) -> None:
    assert wait_class(backend, state, class_) == counted


def filled(*groups: tuple[int, str], seconds: int = 60, ring: Ring | None = None, start: float = 100.0) -> Ring:
    """Samples every second, with so many sessions of each class."""
    ring = ring or Ring()
    sessions = [
        SampledSession(name, "", pid=100 * at + n) for at, (many, name) in enumerate(groups) for n in range(many)
    ]
    for at in range(seconds):
        ring.add(start + at, 1_800_000_000.0 + start + at, sessions)
    return ring


def averages(ring: Ring, seconds: float) -> dict[str, float]:
    return ring.window(seconds).average(lambda seen: seen.wait_class)


def test_averages_of_a_known_mix_are_exact() -> None:
    ring = filled((5, "Timeout"), (1, "Lock"), (4, CPU), (1, IDLE_IN_TRANSACTION), (4, "Client"), seconds=30)
    assert averages(ring, 60) == pytest.approx({"Timeout": 5, "Lock": 1, CPU: 4, IDLE_IN_TRANSACTION: 1, "Client": 4})
    window = ring.window(60)
    assert (window.samples, window.seen, window.missed) == (30, 30 * 15, 0.0)


def test_a_sample_stands_for_the_time_since_the_one_before() -> None:
    ring = Ring()
    for at in (2.0, 4.0, 6.0):  # every two seconds, as the header reads
        ring.add(at, at, [SampledSession(CPU)])
    for at in (7.0, 8.0):  # every second, as the pane reads
        ring.add(at, at, [SampledSession("IO")])
    assert averages(ring, 6) == pytest.approx({CPU: 4 / 6, "IO": 2 / 6})


def test_what_was_not_sampled_is_missing_and_not_zero() -> None:
    ring = filled((2, CPU), seconds=10)
    filled((4, CPU), seconds=10, ring=ring, start=100.0 + 9 + 30)
    window = ring.window(60)
    assert (window.samples, window.covered, window.missed) == (20, 20.0, 29.0)
    assert averages(ring, 60) == pytest.approx({CPU: 3.0})
    _, slots = ring.course(60, 2)
    known = [slot for slot in slots if slot is not None]
    assert {slot[CPU] for slot in known} <= {2.0, 3.0, 4.0}
    assert slots.count(None) >= 18  # the half minute without samples, and the time before the first one
    assert slots[-1] is not None


def test_a_gap_begins_where_a_sample_is_late() -> None:
    ring = Ring()
    ring.add(1.0, 1.0, [SampledSession(CPU)])
    ring.add(1.0 + GAP, 1.0, [SampledSession(CPU)])
    assert ring.window(60).missed == 0
    ring.add(1.0 + 2 * GAP + 0.1, 1.0, [SampledSession(CPU)])
    assert ring.window(60).missed == pytest.approx(GAP - 0.9)


def test_a_sample_that_is_not_newer_is_ignored() -> None:
    ring = filled((1, CPU), seconds=3)
    ring.add(102.0, 0.0, [SampledSession("IO")])
    ring.add(50.0, 0.0, [SampledSession("IO")])
    assert averages(ring, 60) == {CPU: 1.0}


def test_an_idle_server_has_samples_without_sessions() -> None:
    ring = filled(seconds=30)
    assert averages(ring, 60) == {}
    assert ring.window(60).samples == 30
    _, slots = ring.course(60, 2)
    assert {} in slots


def test_an_hour_of_a_busy_server_stays_within_bounds() -> None:
    """More than an hour of 40 sessions that change their statements all the time."""
    ring = Ring()
    for at in range(4500):
        sessions = [SampledSession("IO", "DataFileRead", (at // 7 + n) % 900, "app", "user", n) for n in range(40)]
        ring.add(float(at), float(at), sessions)
    assert ring.span <= HOUR
    assert len(ring) == HOUR + 1
    assert ring.size == 40 * len(ring)
    assert ring.kinds <= 50_000
    assert averages(ring, HOUR) == pytest.approx({"IO": 40.0})
    held = sum(sys.getsizeof(sample.kinds) for sample in ring._samples)
    assert held < 4 << 20


@pytest.mark.parametrize(("most", "most_kinds"), [(1000, 50_000), (400_000, 500)])
def test_what_would_take_too_much_memory_shortens_the_time(most: int, most_kinds: int) -> None:
    ring = Ring(most=most, most_kinds=most_kinds)
    for at in range(500):
        ring.add(float(at), float(at), [SampledSession(CPU, query_id=at * 10 + n) for n in range(10)])
    assert ring.size <= most
    assert ring.kinds <= most_kinds
    assert 40 <= len(ring) <= 100
    assert averages(ring, 3600) == pytest.approx({CPU: 10.0})


def test_long_windows_are_not_worked_out_at_every_sample() -> None:
    ring = filled((1, CPU), seconds=3000)
    before = ring.window(3600)
    ring.add(100.0 + 3000, 0.0, [SampledSession("IO")])
    assert ring.window(3600) is before
    assert "IO" in averages(ring, 60)
    for at in range(1, 12):
        ring.add(100.0 + 3000 + at, 0.0, [SampledSession("IO")])
    assert "IO" in averages(ring, 3600)


def test_longer_windows_are_shown_once_they_say_more() -> None:
    known = Known(texts=wait_texts.folded())
    columns, rows = by_class(measured(filled((2, CPU), (1, "IO"), seconds=40), 300), known)
    row = dict(zip(columns, rows[0], strict=True))
    assert (row["class"], row["letter"], row["aas"], row["m1"], row["m5"]) == (CPU, "C", 2.0, 2.0, None)
    assert row["share"] == pytest.approx(66.67, abs=0.01)
    assert 3.9 < float(str(row["error"])) < 4.5
    columns, rows = by_class(measured(filled((2, CPU), seconds=400), 60), known)
    row = dict(zip(columns, rows[0], strict=True))
    assert (row["m5"], row["m15"], row["m60"]) == (2.0, 2.0, None)


def test_an_event_has_the_text_of_the_manual_whatever_the_case_of_its_name() -> None:
    ring = Ring()
    ring.add(
        1.0,
        1.0,
        [
            SampledSession("LWLock", "WALWrite", pid=1),
            SampledSession("IO", "WalSync", pid=2),
            SampledSession(CPU, "", pid=3),
        ],
    )
    known = Known(texts=wait_texts.folded())
    columns, rows = by_event(measured(ring, 60), known)
    texts = {row[1]: row[columns.index("means")] for row in rows}
    assert texts["WALWrite"] == "Waiting for WAL buffers to be written to disk"
    assert texts["WalSync"] == "Waiting for a WAL file to reach durable storage"
    assert texts[""] == wait_rows.MEANS[CPU]


def test_every_class_has_a_letter_a_style_and_a_meaning() -> None:
    assert set(CLASSES) == set(STYLES) == set(wait_rows.MEANS)
    assert len(set(CLASSES.values())) == len(CLASSES)
    assert all(letter.isascii() for letter in CLASSES.values())  # any terminal and no colour tell them apart
    assert set(STEPS) == set(WINDOWS)


def test_statements_and_sessions_are_told_apart_by_what_they_wait_for() -> None:
    ring = Ring()
    ring.add(
        1.0,
        1.0,
        [SampledSession("Lock", "relation", 7, "app", "u", 1), SampledSession("IO", "DataFileRead", 7, "app", "u", 2)],
    )
    known = Known(statements={7: "SELECT 1"}, blocked_by={1: "42"})
    columns, rows = by_statement(measured(ring, 60), known)
    assert [row[columns.index("seen_text")] for row in rows] == ["SELECT 1"] * 2
    columns, rows = by_statement(measured(ring, 60), Known())
    assert [row[columns.index("unknown_id")] for row in rows] == [7, 7]
    columns, rows = by_session(measured(ring, 60), known)
    assert [row[columns.index("blocked_by")] for row in rows] == ["42", None]


@pytest.mark.parametrize(
    ("slot", "top", "lines", "expected"),
    [
        (None, 4.0, 4, None),
        ({}, 4.0, 4, []),
        ({CPU: 4.0}, 4.0, 4, [CPU] * 4),
        ({CPU: 1.0, "IO": 1.0}, 4.0, 4, [CPU, "IO"]),
        ({"IO": 1.0, CPU: 1.0}, 4.0, 4, [CPU, "IO"]),  # always in the same order
        ({CPU: 0.5, "IO": 0.5}, 4.0, 4, ["IO"]),  # as high as the total
        ({CPU: 0.01}, 4.0, 4, [CPU]),  # little is not nothing
        ({CPU: 9.0}, 4.0, 4, [CPU] * 4),
        ({"Unheard": 2.0}, 4.0, 4, ["Unheard"] * 2),
    ],
)
def test_a_bar_is_as_high_as_its_total(
    slot: dict[str, float] | None, top: float, lines: int, expected: list[str] | None
) -> None:
    assert bar(slot, top, lines) == expected


def drawn(ring: Ring, cores: int | None, width: int = 78, height: int = 7) -> str:
    course = wait_rows.course(ring, 60, cores)
    taken = Snapshot("wait_classes", ("class", "course"), ((CPU, course),), datetime.now(UTC))
    return wait_course(taken, width, height, Metrics()).plain


def test_the_chart_stacks_letters_under_the_cores_and_marks_what_is_missing() -> None:
    text = drawn(filled((2, CPU), (1, "Lock"), seconds=30), cores=4)
    lines = text.split("\n")
    assert lines[0].startswith("4 CPU")
    assert CORES in lines[0]
    assert lines[-2].rstrip().endswith("CC")
    assert MISSING in lines[-2]
    assert "LL" in text
    assert "UTC" in lines[-1]
    assert max(map(cells, lines)) <= 78
    assert CORES not in drawn(filled((2, CPU), seconds=30), cores=None)
    assert drawn(Ring(), cores=4) == ""


@pytest.mark.parametrize("width", [20, 40, 78, 198])
def test_the_chart_fits_into_any_width(width: int) -> None:
    ring = filled((3, CPU), seconds=100)
    text = drawn(ring, None, width)
    assert text
    assert max(map(cells, text.split("\n"))) <= width
    assert json.loads(wait_rows.course(ring, 60, None))["step"] == 2


def test_where_enter_leads_to_is_a_view_with_the_columns_of_the_filter() -> None:
    leads = [(pane, view, view.leads) for pane in PANES for view in pane.views if view.leads]
    assert leads
    for pane, view, lead in leads:
        there = {column.name for column in pane.view(lead.view).columns}
        assert set(lead.by) <= there & {column.name for column in view.columns}, (pane.name, view.name)


@pytest.mark.parametrize(("covered", "over"), [(298.0, "5m"), (300.0 - GAP, "4m"), (33.0, "33s"), (0.0, "0.0s")])
def test_a_window_that_lacks_no_sample_is_a_whole_one(covered: float, over: str) -> None:
    window = WaitWindow(300.0, covered, samples=149, own=149)
    assert notes(MeasuredWaits(window, (window,)), Known()) == (f"window 5m: 149 samples over {over}, AAS 0.00",)
