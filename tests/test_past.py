"""What was read is kept as it was, in little room, whatever happens to the console that keeps it."""

from __future__ import annotations

import gc
import json
import random
import stat
import time
import tracemalloc
import zlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from console.model import Kind, Snapshot, Trouble
from console.past import encoding, framing, store
from console.past.allowance import BURST, BYTES, Allowance
from console.past.moment import PartOf, PastMoment, Usual
from console.past.readings import PastReadings
from console.past.recorder import ReadingRecorder
from console.past.segment import LONGEST_CHAIN, ReadingRecord, SegmentWriter, Stream, answers, parsed, reading_payload
from console.past.store import ReadingLibrary, ReadingStore
from console.past.times import moment_meant, window_meant
from tests.pasts import SERVER, at, keep, keep_answer, reading

SESSIONS = Stream("postgres", "sessions")


@pytest.fixture
def kept(tmp_path: Path) -> ReadingStore:
    return ReadingStore(tmp_path / "state" / "readings" / "abc")


def through(snapshots: list[Snapshot]) -> list[Snapshot]:
    """PastReadings after they were written to a file and read back."""
    writer, content = SegmentWriter(), framing.MAGIC
    for each in snapshots:
        record = writer.record(SESSIONS, each, each.taken_at.timestamp())
        content += framing.framed(reading_payload(SESSIONS, record))
    chain = parsed(content).chains[SESSIONS]
    found = [answer for _, answer in answers(chain)]
    assert all(isinstance(answer, Snapshot) for answer in found)
    return found  # type: ignore[return-value]


def test_a_reading_that_nobody_else_holds_takes_few_bytes_until_the_next_one(kept: ReadingStore) -> None:
    recorder = ReadingRecorder(kept)

    def rows(second: int) -> list[tuple[object, ...]]:
        return [(n, n * 1.5, f"{n} {second if n % 50 == 0 else 0} {'x' * 200}") for n in range(2000)]

    tracemalloc.start()
    try:
        for second in (0, 40, 80):
            keep(recorder, reading("sessions", second, rows(second)))
            keep(recorder, reading("vitals", second + 35, [(second,)]))
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 400_000  # the rows are a megabyte
    found = [answer for _, answer in answers(recorder.readings(at(80)).segments[-1].chains[SESSIONS])]
    assert [answer.rows for answer in found if isinstance(answer, Snapshot)] == [
        tuple(rows(second)) for second in (0, 40, 80)
    ]
    recorder.close()


VALUES: tuple[object, ...] = (
    *(None, True, False, 0, -7, 2**70, 0.1, 1e300, float("inf"), "x", "[/b]\x1b[31m", "\ud800", b"\xff\x00"),
    *([1, 2], [], {"a": 1}, Decimal("1.20"), datetime(2026, 1, 1, 3, 4, 5, 6, tzinfo=UTC), date(2026, 1, 1)),
)


def test_readings_are_what_they_were_whatever_they_hold_and_however_rows_come_and_go() -> None:
    chance = random.Random(7)
    rows: list[tuple[object, ...]] = []
    snapshots = []
    for second in range(300):
        rows = [row for row in rows if chance.random() > 0.05]
        rows = [(row[0], chance.choice(VALUES), *row[2:]) if chance.random() < 0.3 else row for row in rows]
        rows = [(*row[:3], round(row[3] + 1.000001, 6) if isinstance(row[3], float) else row[3]) for row in rows]
        rows += [
            (second * 10 + n, chance.choice(VALUES), chance.choice(VALUES), chance.choice([1.5, 3, None]))
            for n in range(chance.randrange(3))
        ]
        if chance.random() < 0.1:
            chance.shuffle(rows)
        notes = ("you see 3 of 41 sessions",) if chance.random() < 0.1 else ()
        columns = ("pid", "a", "b", "age") if second < 200 else ("pid", "a", "c", "age")
        snapshots.append(reading("sessions", second, rows, columns, notes=notes, origin="o" if second % 9 else "p"))
    assert through(snapshots) == snapshots


def test_rows_that_no_first_cell_tells_apart_and_rows_without_cells_are_kept() -> None:
    plain: list[list[tuple[object, ...]]] = [
        [(1, "a"), (1, "b")],
        [(1, "a"), (1, "c"), (1, "d")],
        [([1], "a")],
        [],
        [(None, None)] * 3,
    ]
    snapshots = [reading("sessions", n, rows, ("k", "v")) for n, rows in enumerate(plain)]
    snapshots += [reading("sessions", 10 + n, [()] * n, ()) for n in range(3)]
    assert through(snapshots) == snapshots


def test_hidden_parts_and_failures_are_kept_as_they_were_said(kept: ReadingStore) -> None:
    why = Trouble(Kind.DENIED, "Only pg_monitor sees this.", "GRANT pg_monitor TO dba;", "42501")
    recorder = ReadingRecorder(kept)
    keep(recorder, reading("sessions", 0, [(1, 2, "x")]).hiding(why))
    keep_answer(recorder, "sessions", why, at(2))
    keep_answer(recorder, "sessions", why, at(4))
    found = [found.answer for s in (0, 2, 4) if (found := recorder.readings(at(4)).at(SESSIONS, at(s)))]
    assert isinstance(found[0], Snapshot)
    assert [str(each) for each in (*found[0].hidden, *found[1:])] == [str(why)] * 3
    assert isinstance(found[1], Trouble)
    assert (found[1].kind, found[1].sqlstate) == (why.kind, why.sqlstate)
    assert recorder.readings(at(4)).segments[-1].count == 2  # the same failure again is not


def test_a_file_cut_at_any_byte_opens_to_its_last_whole_record(kept: ReadingStore) -> None:
    recorder = ReadingRecorder(kept)
    snapshots = [reading("sessions", second, [(1, second, "x" * second)]) for second in range(5)]
    ends = []
    for each in snapshots:
        keep(recorder, each)
        (file,) = kept.files()
        ends.append(file.size)  # each reading is in the file at once: killing the console loses none that was encoded
    content = file.path.read_bytes()
    for cut in range(len(framing.MAGIC), len(content) + 1):
        chain = parsed(content[:cut]).chains.get(SESSIONS)
        whole = [answer for _, answer in answers(chain)] if chain else []
        assert whole == snapshots[: sum(end <= cut for end in ends)]


def test_what_follows_a_damaged_record_is_not_read_and_another_file_is_refused(kept: ReadingStore) -> None:
    recorder = ReadingRecorder(kept)
    keep(recorder, *(reading("sessions", second, [(1, second, "x")]) for second in range(3)))
    content = bytearray(kept.files()[0].path.read_bytes())
    content[-3] ^= 1
    assert len(parsed(bytes(content)).chains[SESSIONS].times) == 2
    with pytest.raises(ValueError, match="not a file"):
        parsed(b"PGDMP" + bytes(content))


@pytest.mark.parametrize(
    "document",
    [
        b"[" * 100_000,
        b'{"t": 1}',
        b'{"columns": ["a"], "rows": [[1, 2]], "t": {"datetime": "2026-01-01T00:00:00+00:00"}, "d": 0, "c": 0}',
        b'{"order": [[0, 1000000000000]], "t": {"datetime": "2026-01-01T00:00:00+00:00"}, "d": 0, "c": 0}',
        b'{"order": [[-1, 49999], [-1, 49999]], "t": {"datetime": "2026-01-01T00:00:00+00:00"}, "d": 0, "c": 0}',
        b'{"cells": [[-1, "=", [1], [1]]], "t": {"datetime": "2026-01-01T00:00:00+00:00"}, "d": 0, "c": 0}',
        b'{"cells": [[0, "=", [-5], [1]]], "t": {"datetime": "2026-01-01T00:00:00+00:00"}, "d": 0, "c": 0}',
        b'{"cells": [[2, "+", [1], [1]]], "t": {"datetime": "2026-01-01T00:00:00+00:00"}, "d": 0, "c": 0}',
        b'{"trouble": {"kind": "no such kind"}}',
        b'{"columns": [], "rows": [], "t": {"decimal": "1e999999999999999999"}, "d": 0, "c": 0}',
    ],
)
def test_what_no_console_wrote_is_refused_by_its_reading_alone(document: bytes) -> None:
    first = SegmentWriter().record(SESSIONS, reading("sessions", 0, [(1, 2, "x")]), at(0))
    payloads = [
        reading_payload(SESSIONS, each) for each in (first, ReadingRecord(at(1), False, zlib.compress(document)))
    ]
    chain = parsed(framing.MAGIC + b"".join(map(framing.framed, payloads))).chains[SESSIONS]
    assert chain.answer(0) == reading("sessions", 0, [(1, 2, "x")])
    assert chain.answer(1) is None


def test_a_reading_that_inflates_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        encoding.unpacked(zlib.compress(b" " * (encoding.MOST_BYTES + 1)))


def test_files_are_private_and_two_consoles_write_to_files_of_their_own(kept: ReadingStore) -> None:
    one, other = ReadingRecorder(kept), ReadingRecorder(kept)
    for second in range(0, 20, 2):
        keep(one, reading("sessions", second, [(1, second, "one")]))
        keep(other, reading("sessions", second + 1, [(2, second, "other")]))
    assert len(kept.files()) == 2
    assert {stat.S_IMODE(each.path.stat().st_mode) for each in kept.files()} == {0o600}
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700
    for readings in (one.readings(at(20)), PastReadings(ReadingLibrary(kept).segments(at(20)))):
        seen = [found.answer for second in range(20) if (found := readings.at(SESSIONS, at(second)))]
        texts = [row["text"] for each in seen if isinstance(each, Snapshot) for row in each.records()]
        assert texts == ["one", "other"] * 10


def test_a_folder_that_cannot_be_written_leaves_the_readings_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    recorder = ReadingRecorder(ReadingStore(tmp_path / "file" / "readings"))
    keep(recorder, reading("sessions", 0, [(1, 2, "x")]))
    assert recorder.trouble is not None
    assert recorder.readings(at(1)).at(SESSIONS, at(1)) is not None


def test_an_hour_of_a_large_server_stays_within_bounds(kept: ReadingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_BYTES", 3 * 2**20)
    monkeypatch.setattr("console.past.allowance.BYTES", 1000.0)  # a second
    chance = random.Random(3)
    recorder = ReadingRecorder(kept)
    for second in range(0, 2 * 3600, 20):
        noise = [(n, second, chance.randbytes(150).hex()) for n in range(200)]
        keep(recorder, reading("statements", second, noise), reading("vitals", second, [(1, second, "x")]))
    total = sum(each.size for each in kept.files())
    assert total <= store.MOST_BYTES + 1000 * 600
    own = recorder.readings(at(7200)).segments
    assert sum(each.size for each in own) <= 1000 * 3600 * 1.5
    times = dict.fromkeys(("statements", "vitals"), 0)
    for segment in own:
        for stream, chain in segment.chains.items():
            times[stream.query] += len(chain.times)
    assert times["vitals"] >= 180  # what costs little is kept whole
    assert 20 <= times["statements"] < 180


def test_within_the_allowance_every_reading_is_kept_and_beyond_it_the_cheap_ones() -> None:
    allowance = Allowance()
    kept = {"dear": 0, "cheap": 0}
    for second in range(3600):
        for name, cost in (("dear", 3 * BYTES), ("cheap", 0.1 * BYTES)):
            if allowance.allows(name, second):
                kept[name] += 1
                allowance.spend(name, second, int(cost), 0.0)
    assert kept["cheap"] == 3600
    assert kept["dear"] * 3 + kept["cheap"] * 0.1 <= 3600 + 2 * BURST


def test_what_a_reading_may_cost_is_decided_without_looking_at_every_query() -> None:
    class Query:
        looked_up = 0

        def __hash__(self) -> int:
            Query.looked_up += 1
            return id(self)

    allowance, queries = Allowance(), [Query() for _ in range(200)]
    for second, query in enumerate(queries):
        assert allowance.allows(query, second / 10)
        allowance.spend(query, second / 10, 100, 0.0)
    before = Query.looked_up
    assert allowance.allows(queries[7], 20)
    allowance.spend(queries[7], 20, 100, 0.0)
    assert Query.looked_up - before <= 12


def test_a_chain_of_differences_does_not_grow_without_end() -> None:
    snapshots = [reading("sessions", second, [(1, second, "x")]) for second in range(3 * LONGEST_CHAIN)]
    writer = SegmentWriter()
    whole = [writer.record(SESSIONS, each, each.taken_at.timestamp()).whole for each in snapshots]
    assert 2 <= sum(whole) < len(snapshots) / 10


def test_looked_up_answers_go_on_into_later_files(kept: ReadingStore) -> None:
    recorder = ReadingRecorder(kept)
    answer = reading("texts", 0, [(7, "SELECT 1")], ("queryid", "query"))
    keep(recorder, answer, parameters=json.dumps({"queryid": [7]}))
    for second in range(0, 7200, 60):
        keep(recorder, reading("sessions", second, [(1, second, "x")]))
    found = list(PastReadings(ReadingLibrary(kept).segments(at(7200))).looked_up("postgres", "texts", at(7200)))
    assert [each.answer for _, each in found][:1] == [answer]


async def test_a_moment_has_the_rows_and_the_rates_of_then_and_says_how_old_they_are(kept: ReadingStore) -> None:
    recorder = ReadingRecorder(kept)
    keep(recorder, *(reading("sessions", second, [(1, second**2, "x")]) for second in range(0, 60, 2)))
    past = PastMoment(recorder.readings(at(60)), at(31), lambda _: Usual(5, 30))
    assert (await past.named("postgres").fetch("sessions")).rows == ((1, 900, "x"),)
    assert past.named("postgres").facts == SERVER
    late = PastMoment(past.readings, at(80), past.usually)
    assert (await late.named("postgres").fetch("sessions")).notes == ("Read 22s before this moment.",)
    gone = PastMoment(past.readings, at(600), past.usually)
    with pytest.raises(Trouble, match=r"Not read at 2026-01-01 12:10:00 UTC. The nearest .* 12:00:58 UTC, 9m earlier"):
        await gone.named("postgres").fetch("sessions")
    with pytest.raises(Trouble, match="Not read within an hour"):
        await past.named("postgres").fetch("locks")


async def test_where_another_answer_has_all_of_it_the_nearest_of_both_readings_is_named(kept: ReadingStore) -> None:
    recorder = ReadingRecorder(kept)
    keep(recorder, *(reading("all", second, [(1, second, "x")]) for second in (0, 400)))
    keep(recorder, reading("some", 60, [(1, 60, "x")]))
    parts = {("postgres", "some"): PartOf("postgres", "all", lambda found, _: found)}
    for moment, nearest in ((100, "12:01:00 UTC, 40s earlier"), (350, "12:06:40 UTC, 50s later")):
        past = PastMoment(recorder.readings(at(500)), at(moment), lambda _: Usual(5, 30), parts=parts)
        with pytest.raises(Trouble, match=f"The nearest reading is from 2026-01-01 {nearest}"):
            await past.named("postgres").fetch("some")
    known = PastMoment(recorder.readings(at(500)), at(410), lambda _: Usual(5, 30), parts=parts)
    assert (await known.named("postgres").fetch("some")).rows == ((1, 400, "x"),)


async def test_a_look_up_finds_each_row_in_the_last_answer_until_then(kept: ReadingStore) -> None:
    recorder = ReadingRecorder(kept)
    for second, rows in ((0, [(1, "a"), (2, "b")]), (10, [(2, "B")]), (20, [(1, "later")])):
        asked = json.dumps({"oid": [row[0] for row in rows]})
        keep(recorder, reading("sizes", second, rows, ("oid", "size")), parameters=asked)
    source = PastMoment(recorder.readings(at(15)), at(15)).named("postgres")
    assert set((await source.fetch("sizes", {"oid": [1, 2, 3]})).rows) == {(1, "a"), (2, "B")}
    assert (await source.fetch("sizes", {"oid": [9]})).rows == ()


def test_steps_go_from_reading_to_reading(kept: ReadingStore) -> None:
    recorder = ReadingRecorder(kept)
    keep(recorder, *(reading("sessions", second, [(1, second, "x")]) for second in (0, 4, 8, 100, 104)))
    readings = recorder.readings(at(104))
    assert [readings.last(at(second)) for second in (104, 99, 7)] == [at(104), at(8), at(4)]
    assert [readings.next(at(second)) for second in (-5, 8, 99)] == [at(0), at(100), at(100)]
    assert (readings.next(at(104)), readings.last(at(-1))) == (None, None)


NOW = datetime(2026, 11, 29, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("-5m", NOW - timedelta(minutes=5)),
        ("90s", NOW - timedelta(seconds=90)),
        ("-1h30m", NOW - timedelta(minutes=90)),
        ("2d ago", NOW - timedelta(days=2)),
        ("14:04", NOW - timedelta(minutes=1)),
        ("14:04:30", NOW - timedelta(seconds=30)),
        ("14:06", NOW - timedelta(hours=23, minutes=59)),
        ("2026-11-29T13:00:00Z", NOW - timedelta(minutes=65)),
        ("2026-11-29 14:00", NOW - timedelta(minutes=5)),
    ],
)
def test_a_moment_is_written_as_people_do(text: str, meant: datetime) -> None:
    assert moment_meant(text, NOW, UTC) == meant


@pytest.mark.parametrize(
    ("text", "end", "seconds"),
    [
        ("-20m..-15m", NOW - timedelta(minutes=15), 300.0),
        ("-90s..", NOW, 90.0),
        ("-5m", NOW - timedelta(minutes=5), None),
    ],
)
def test_a_window_is_two_moments_or_ends_now(text: str, end: datetime, seconds: float | None) -> None:
    assert window_meant(text, NOW, UTC) == (end.timestamp(), seconds)


@pytest.mark.parametrize("machine", [False, True], ids=["zone given", "zone of the machine"])
@pytest.mark.parametrize(
    ("now", "text", "meant"),
    [
        ("2027-03-28T08:00Z", "01:30", "2027-03-28T00:30Z"),  # before that night's change to summer
        ("2027-03-28T08:00Z", "10:00", "2027-03-28T08:00Z"),
        ("2027-03-28T08:00Z", "11:00", "2027-03-27T10:00Z"),
        ("2027-03-31T21:59:59Z", "23:59:59", "2027-03-31T21:59:59Z"),  # the last second of a month
        ("2027-10-31T08:00Z", "02:30", "2027-10-31T01:30Z"),  # an hour that comes twice
        ("2027-10-31T01:10Z", "02:30", "2027-10-31T00:30Z"),
        ("2027-10-31T00:10Z", "02:30", "2027-10-30T00:30Z"),
        ("2027-12-31T23:30Z", "00:15", "2027-12-31T23:15Z"),  # another year than in UTC
        ("2028-02-29T23:30Z", "00:45", "2028-02-28T23:45Z"),
        ("2027-12-01T12:00Z", "2027-07-01 14:00", "2027-07-01T12:00Z"),  # summer, asked for in winter
    ],
)
def test_a_time_of_the_day_is_that_of_the_clock_on_the_wall_on_its_day(
    machine: bool, now: str, text: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        found = moment_meant(text, datetime.fromisoformat(now), None if machine else ZoneInfo("Europe/Berlin"))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found == datetime.fromisoformat(meant)


@pytest.mark.parametrize("text", ["", "soon", "-5", "25:00", "2026-13-01", "2026-11-29T15:00:00Z"])
def test_what_is_no_moment_of_the_past_is_refused(text: str) -> None:
    with pytest.raises(Trouble) as told:
        moment_meant(text, NOW, UTC)
    assert told.value.kind is Kind.USAGE


def test_the_clock_that_is_set_back_loses_no_reading(kept: ReadingStore) -> None:
    recorder = ReadingRecorder(kept)
    for second in (1000, 1002, 400, 402):
        keep(recorder, reading("sessions", second, [(1, second, "x")]))
    readings = recorder.readings(at(1002))
    found = [readings.at(SESSIONS, at(second)) for second in (402, 1002)]
    assert [each and each.at for each in found] == [at(402), at(1002)]
