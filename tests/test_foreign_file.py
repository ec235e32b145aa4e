"""An incident file of a stranger: it neither ends the console nor fills its memory, and its text is text."""

from __future__ import annotations

import json
import os
import tracemalloc
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from console.cli.report import report_text
from console.format import show, to_json
from console.model import Facts, Pane, Snapshot, Source, Trouble, View
from console.panes import PANES
from console.past import encoding, framing, readings, segment
from console.past.foreign import WRONG_VALUE
from console.past.incident import Incident, open_incident, write_incident
from console.past.moment import PastMoment, PastReaders
from console.past.readings import PastReadings
from console.past.recorder import ReadingRecorder
from console.past.segment import ReadingRecord, SegmentWriter, Stream, parsed, reading_payload
from console.reading.arrange import arrange
from console.reading.reader import Reader, Readers
from console.settings.config import Wanted
from console.sources.derived import Parameters
from console.tui.charts import CHARTS
from console.tui.details import fields
from console.tui.pane_view import PaneView
from console.tui.replaying import recorded_app
from console.tui.vitals import Vitals
from console.watching.past import past_at
from console.workspace import Workspace
from tests import recording
from tests.pasts import at, keep, reading
from tests.screens import LARGE, screen_text, settings, settled, until
from tests.test_past_frames import _sources as recorded_sources

pytestmark = pytest.mark.usefixtures("hasty")

ESCAPES = "\x1b]0;owned\x07\x1b[31m[bold]x[/b][@click=app.quit]c[/]\x9b31m\u202e\r\n\t"
VALUES = {
    "text": ESCAPES,
    "list": [ESCAPES, [1, [ESCAPES]]],
    "dict": {ESCAPES: {"a": ESCAPES}},
    "huge": 10**400,
    "large": 2**80,
    "nan": float("nan"),
    "infinity": float("inf"),
    "far": -1e300,
    "true": True,
    "none": None,
    "zero": 0,
    "minus": -1,
    "early": datetime(1, 1, 1, tzinfo=UTC),
    "late": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    "naive": datetime(2026, 1, 1),  # noqa: DTZ001  without a zone on purpose
    "date": date(9999, 1, 1),
    "bytes": b"\xff\x1b[31m",
    "decimal": Decimal("1e900"),
    "digits": Decimal("1e999999"),
    "empty": "",
    "long": "x" * 5_000,
}
SOURCES = ("postgres", "pgbouncer", "host", "redis", "log")
VIEWS = [(pane, view) for pane in PANES for view in pane.views]
CONTROL = set("\x1b\x07\x9b\u202e\r")
SESSIONS = Stream("postgres", "sessions")


def _file(path: Path, name: str) -> Incident:
    """A file in which each cell of each reading is the value called `name`."""
    recorder, value = ReadingRecorder(), VALUES[name]
    for source in SOURCES:
        for reads in recording.load(source).reads.values():
            width = len(reads[-1].columns)
            rows = ((value,) * width,) * 3
            for second in (0, 1):
                taken_at = datetime.fromtimestamp(at(second), UTC)
                found = replace(reads[-1], rows=rows, taken_at=taken_at, clock=1000.0 + second, hidden=(), unknown=())
                keep(recorder, found, source=source)
    text = str(value)[:100]
    recorder.readings(at(9)).segments[0].facts["postgres"] = Facts(
        "postgres", 180000, text, text, database=text, user=text
    )
    write_incident(path, recorder.readings(at(9)), 0, [{"event": "start", "at": text, "action": text}], plain=True)
    return open_incident(path)


@pytest.mark.parametrize("name", VALUES)
async def test_a_value_of_any_kind_in_any_column_is_shown_or_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    incident = _file(tmp_path / "a.incident", name)
    past = past_at(incident.readings(incident.last), incident.last)
    readers, shown = PastReaders(past), 0
    for pane, view in VIEWS:
        source = past.named(pane.source_of(view))
        try:
            rows = arrange(await readers.of(source.name, view).read(source), view, view.sort)
        except Trouble:
            continue
        shown += 1
        assert not CONTROL & set("".join(_texts(pane, view, rows)))
        to_json([list(row) for row in rows.rows])
    assert shown
    assert not CONTROL & set(await report_text(incident, settings()))


@pytest.mark.parametrize("moment", [1e300, 253_402_300_800])
def test_a_moment_beyond_the_calendar_is_none(tmp_path: Path, moment: float) -> None:
    record = ReadingRecord(moment, True, SegmentWriter().record(SESSIONS, reading("sessions", 0, []), at(0)).body)
    with pytest.raises(Trouble, match="no file of readings"):
        open_incident(_written(tmp_path / "a.incident", reading_payload(SESSIONS, record)))
    head = b'["note"]\n' + encoding.packed({"incident": 1, "from": moment})
    assert open_incident(_written(tmp_path / "b.incident", head, FIRST)).first == at(0)


def _texts(pane: Pane, view: View, rows: Snapshot) -> Iterable[str]:
    for record in rows.records():
        yield from (show(record[column.name], column.format) for column in view.columns if column.name in record)
        yield fields(view, record, with_others=True).plain.replace("\n", "")
    assert pane.title


@pytest.mark.parametrize("name", ["text", "list", "huge"])
async def test_no_pane_of_a_strangers_file_ends_the_console(tmp_path: Path, name: str) -> None:
    incident = _file(tmp_path / "a.incident", name)
    app = recorded_app(settings(), incident, Wanted("", "file", read_only=True))
    app.animation_level = "none"
    await app.times.turn_to(incident.last)
    async with app.run_test(size=LARGE, notifications=True) as pilot:
        await until(pilot, lambda: app.query(PaneView))
        for pane in PANES:
            await app.action_pane(pane.name)
            await until(pilot, lambda: "reading …" not in screen_text(app))
            await pilot.press("enter")
            assert not CONTROL & set(await settled(pilot))
            await pilot.press("escape")


# One wrong value, where the others are as a console reads them

BROKEN: tuple[object, ...] = ("x", [1, "x"], {"a": 1}, "[" * 5_000, '{"a": [1]}', 10**400, None, 7)
DRAWN = [(pane, view) for pane, view in VIEWS if view.chart or view.blocks]


async def test_a_drawing_of_wrong_values_is_left_out_with_a_sentence(tmp_path: Path) -> None:
    made = await _readings_of_drawings()
    broken = _broken(made["host", "host_overview"], made["host", "host_overview"].columns.index("course"), "[1, 2]")
    incident = _kept(tmp_path / "a", {("host", "host_overview"): broken})
    app = recorded_app(settings(), incident, Wanted("", "file", read_only=True, pane="host"))
    app.animation_level = "none"
    await app.times.turn_to(incident.last)
    async with app.run_test(size=LARGE, notifications=True) as pilot:
        await until(pilot, lambda: "that no console has read" in screen_text(app))
        assert "open files" in screen_text(app)  # the rows are shown


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(len(BROKEN)))
async def test_a_wrong_value_in_one_column_costs_no_more_than_the_drawing_of_it(tmp_path: Path, turn: int) -> None:
    drawn = {(pane.source_of(view), view.query) for pane, view in DRAWN}
    made = {stream: found for stream, found in (await _readings_of_drawings()).items() if stream in drawn}
    app = recorded_app(settings(), _kept(tmp_path / "whole", made), Wanted("", "file", read_only=True))
    app.animation_level = "none"
    visited = set[tuple[str, str]]()
    async with app.run_test(size=LARGE, notifications=True) as pilot:
        for at_column in range(max(len(found.columns) for found in made.values())):
            value = BROKEN[(at_column + turn) % len(BROKEN)]
            broken = {stream: _broken(found, at_column, value) for stream, found in made.items()}
            incident = _kept(tmp_path / f"{at_column}", broken)
            then = past_at(incident.readings(incident.last), incident.last)
            for pane, view in DRAWN:
                stream = pane.source_of(view), view.query
                if stream not in made or at_column >= len(made[stream].columns):
                    continue
                why = await _spoiled(then, pane, view)
                if why and ((view.name, why) not in visited or view.blocks):
                    visited.add((view.name, why))
                    await app.times._show(then)
                    await app.action_pane(pane.name)
                    app.panes.shown.choose_view(view.name)
                    assert "Internal error" not in await settled(pilot), (view.query, at_column, value)
    assert not [each.defect for each in app.query(PaneView) if each.defect]
    assert visited  # which drawings one value spoils depends on the column that it is in


async def _spoiled(then: PastMoment, pane: Pane, view: View) -> str:
    """Which error the values raise in the drawing of a view; empty: none. Findings are always to be looked at."""
    if view.blocks:
        return "blocks"
    try:
        rows = await PastReaders(then).of(pane.source_of(view), view).read(then.named(pane.source_of(view)))
    except Trouble:
        return "refused"
    try:
        CHARTS[view.chart](rows, 100, 12, Vitals(Readers(), {}).metrics)
    except WRONG_VALUE as error:
        return type(error).__name__
    return ""


async def _readings_of_drawings() -> dict[tuple[str, str], Snapshot]:
    """The last answer to each query of which something is drawn, by source: of recorded servers and of the console."""
    found: dict[tuple[str, str], Snapshot] = {}

    def hear(source: Source, query: str, parameters: Parameters, answer: Snapshot | Trouble) -> None:
        if isinstance(answer, Snapshot) and answer.rows and not parameters:
            found[source.name, query] = replace(answer, rows=answer.rows[:4])

    sources = recorded_sources(PANES[0])
    sources.be_heard(hear)
    async with Workspace(settings(), Wanted(""), sources) as workspace:
        for pane, view in DRAWN:
            with suppress(Trouble):
                await Reader(view).read(workspace.sources.named(pane.source_of(view)))
    return found


def _broken(found: Snapshot, at_column: int, value: object) -> Snapshot:
    rows = tuple(tuple(value if at == at_column else cell for at, cell in enumerate(row)) for row in found.rows)
    return replace(found, rows=rows)


def _kept(path: Path, made: Mapping[tuple[str, str], Snapshot]) -> Incident:
    """A file of these readings, each of them twice."""
    recorder = ReadingRecorder()
    for (source, _), found in made.items():
        for second in (0, 1):
            taken_at = datetime.fromtimestamp(at(second), UTC)
            keep(recorder, replace(found, taken_at=taken_at, clock=1000.0 + second), source=source)
    write_incident(path, recorder.readings(at(9)), 0, [], plain=True)
    return open_incident(path)


# Bombs: few bytes that stand for many


def _bomb(text: bytes) -> bytes:
    return zlib.compress(text, 9)


def _written(path: Path, *payloads: bytes) -> Path:
    path.write_bytes(framing.MAGIC + b"".join(map(framing.framed, payloads)))
    return path


FIRST = reading_payload(SESSIONS, SegmentWriter().record(SESSIONS, reading("sessions", 0, [(1, 2, "x")]), at(0)))
BLANKS = b'{"a":"' + b" " * (8 * 2**20) + b'"}'
MANY = b'{"a":[' + b"[]," * (encoding.MOST_VALUES // 2) + b"[]]}"


@pytest.mark.parametrize(
    "payloads",
    [
        pytest.param([b'["note"]\n' + _bomb(BLANKS)] * 40, id="documents"),
        pytest.param([b'["facts","postgres"]\n' + _bomb(BLANKS)] * 40, id="facts"),
        pytest.param([b'["note"]\n' + _bomb(MANY)], id="values"),
    ],
)
def test_a_file_that_unpacks_to_far_more_than_it_holds_is_refused_early(tmp_path: Path, payloads: list[bytes]) -> None:
    path = _written(tmp_path / "a.incident", FIRST, *payloads)
    tracemalloc.start()
    try:
        with pytest.raises(Trouble, match="no file of readings"):
            open_incident(path)
        assert tracemalloc.get_traced_memory()[1] < 3 * segment.MOST_DOCUMENTS
    finally:
        tracemalloc.stop()


ROOM = 2**20  # for a reading, instead of MOST_UNPACKED
STAMP = b'"t": {"datetime": "2026-01-01T00:00:00+00:00"}, "d": 0, "c": 0'


def _difference(text: bytes, count: int) -> list[bytes]:
    record = [ReadingRecord(at(n + 1), False, _bomb(text)) for n in range(count)]
    return [reading_payload(SESSIONS, each) for each in record]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        pytest.param(b'{"order": [[0, 1]], %s}' % STAMP, segment.LONGEST_CHAIN + 1, id="a chain without an end"),
        pytest.param(b'{"n": ["%s"], %s}' % (b" " * (ROOM // 20), STAMP), 20, id="heavy differences"),
    ],
)
def test_a_reading_that_too_many_differences_lead_to_is_not_read(
    text: bytes, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment, "MOST_UNPACKED", ROOM)
    content = framing.MAGIC + b"".join(map(framing.framed, [FIRST, *_difference(text, count)]))
    assert parsed(content).chains[SESSIONS].answer(count) is None
    assert isinstance(parsed(content).chains[SESSIONS].answer(count // 2), Snapshot)


def test_rows_that_are_repeated_by_a_difference_are_bounded() -> None:
    columns = [f"c{n}" for n in range(encoding.MOST_COLUMNS)]
    wide = reading("sessions", 0, [tuple(range(len(columns)))], columns)
    first = reading_payload(SESSIONS, SegmentWriter().record(SESSIONS, wide, at(0)))
    rows = encoding.MOST_VALUES // encoding.MOST_COLUMNS + 1
    repeated = _difference(b'{"order": %s, %s}' % (json.dumps([[0, 1]] * rows).encode(), STAMP), 1)
    chain = parsed(framing.MAGIC + b"".join(map(framing.framed, [first, *repeated]))).chains[SESSIONS]
    assert chain.answer(0) == wide
    assert chain.answer(1) is None


def test_what_is_kept_decoded_and_what_is_held_for_rates_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "KEPT_BYTES", 100_000)
    monkeypatch.setattr(readings, "MOST_BYTES", 200_000)
    recorder = ReadingRecorder()
    for second in range(50):
        keep(recorder, reading("sessions", second, [(1, second, f"{second}" * 10_000)]))
        keep(recorder, reading("texts", 0, [(1, 1, "x" * 20_000)]), parameters=json.dumps({"pid": [second]}))
    past = PastReadings(recorder.readings(at(60)).segments)
    assert len(past.before(SESSIONS, at(60), 3600.0)) < 12
    assert len(list(past.looked_up("postgres", "texts", at(60)))) < 12
    found = past.at(SESSIONS, at(49))
    assert found is not None
    assert isinstance(found.answer, Snapshot)
    assert found.answer.rows[0][1] == 49


def test_readings_that_were_decoded_are_forgotten_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "KEPT_BYTES", 100)
    decoded, read = segment.Decoded(), reading("sessions", 0, [])
    for place in range(9):
        decoded.keep(SESSIONS, place, read, 40)
    assert [place for place in range(9) if decoded.get(SESSIONS, place)] == [7, 8]
    decoded.keep(SESSIONS, 9, read, 1000)
    assert [place for place in range(10) if decoded.get(SESSIONS, place)] == [9]


@pytest.mark.parametrize("kind", ["folder", "fifo", "device"])
def test_what_is_no_ordinary_file_is_refused_without_waiting(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.incident"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(Trouble):
        open_incident(path)
