"""Capacity: what is read of a server, what is kept of it, and what the pane makes of both."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.cli.markdown_chart import RowCourse, chart
from console.format import cells
from console.model import Record, Snapshot, Trouble, number
from console.running.trail.audit import Trail
from console.series import course, limits, what_if
from console.series.days import DAY, MONTH, Sample, SeriesName
from console.series.sampled import Sampled, Trends
from console.settings.config import load
from console.sources.host.source import HostSource
from console.sources.postgres import PostgresServer as Reading
from console.sources.registry import CAPACITY, Sources
from console.tui.capacity_chart import capacity_course
from console.tui.vitals import Metrics
from console.watching import samples
from console.watching.capacity import READS, Capacity, capacity_source
from console.watching.store import NAME, Store, target_key
from tests import recording
from tests.acting import Desk
from tests.activity import console
from tests.command import run
from tests.screens import console as screen
from tests.screens import shows
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()
TARGET = "host=h port=1 dbname=shop"
SIZE = SeriesName("table", "public.item", "size")
GIGABYTE = float(1 << 30)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state" / "findings.sqlite3")


def kept(store: Store, name: SeriesName = SIZE) -> list[Sample]:
    return list(samples.load(store, TARGET, 0).get(name, ()))


def keep_days(store: Store, target: str, name: SeriesName, value: Callable[[int], float], days: int = 60) -> None:
    """A sample for each of the last days."""
    now = time.time()
    for ago in range(days, 0, -1):
        assert samples.keep(store, target, {name: value(days - ago)}, now - ago * DAY)


def filled(server: Cluster, database: str) -> None:
    with server.connect(database) as owner:
        owner.execute("CREATE TABLE item (id serial PRIMARY KEY, note text)")
        owner.execute("INSERT INTO item (note) SELECT repeat('x', 100) FROM generate_series(1, 5000)")
        owner.execute("CREATE TABLE event (at timestamptz NOT NULL) PARTITION BY RANGE (at)")
        owner.execute("CREATE INDEX ON event (at)")
        owner.execute("CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2020-01-01') TO (now() + '40 days')")
        owner.execute("INSERT INTO event SELECT now() FROM generate_series(1, 3000)")
        owner.execute("ANALYZE")


async def rows_of(capacity: Capacity, query: str, key: str) -> dict[str, Record]:
    return {str(record[key]): record for record in (await capacity.fetch(query)).records()}


# What is read


async def test_a_console_samples_without_being_asked_but_not_at_once(
    pg: Cluster, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(pg, database)
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"), load(environ={}))
    async with desk.workspace() as workspace:
        waiting = asyncio.create_task(workspace.keep_samples())
        await asyncio.sleep(0)
        assert "capacity" not in vars(workspace)  # nothing is even loaded for it
        waiting.cancel()
        monkeypatch.setattr("console.workspace.UNSAMPLED", 0.0)
        keeping = asyncio.create_task(workspace.keep_samples())
        target = target_key(await workspace.sources.postgres.connect())
        store = Store(workspace.trail.path.with_name(NAME))
        await eventually(lambda: samples.load(store, target, 0))
        keeping.cancel()
        await asyncio.gather(waiting, keeping, return_exceptions=True)


async def test_sizes_are_those_of_the_server_and_partitions_count_with_their_table(
    pg: Cluster, database: str, store: Store
) -> None:
    filled(pg, database)
    async with console(pg, database) as reading:
        found = await rows_of(Capacity(Sources(reading), store), "capacity_growth", "table")
    with pg.connect(database) as owner:
        for table, whole in (("item", "'item'::regclass"), ("event", "'event_1'::regclass")):
            query = f"SELECT pg_total_relation_size({whole}), pg_relation_size({whole}), pg_indexes_size({whole})"
            assert owner.execute(query.encode()).fetchone() == tuple(
                found[f"public.{table}"][column] for column in ("size", "heap", "indexes")
            )
    assert (found["public.event"]["partitions"], found["public.event"]["rows"]) == (1, 3000)
    assert "public.event_1" not in found
    assert found["public.item"]["band"] == "1 of 14 days sampled"
    assert float(str(found["public.item"]["row_bytes"])) == pytest.approx(140, rel=0.2)


async def test_limits_are_those_of_the_server(pg: Cluster, database: str, store: Store) -> None:
    filled(pg, database)
    async with console(pg, database) as reading:
        found = await rows_of(Capacity(Sources(reading), store), "capacity_limits_ahead", "subject")
    with pg.connect(database) as owner:
        usable = owner.execute(
            "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
            " - coalesce(current_setting('reserved_connections', true), '0')::int"
        ).fetchone()
    assert usable
    assert found["connections"]["limit"] == usable[0]
    assert float(str(found["connections"]["used"])) >= 1
    assert (found["sequence item_id_seq"]["used"], found["sequence item_id_seq"]["limit"]) == (5000, 2**31 - 1)
    assert found["disk"]["when"] == "not known here"
    units = {str(row["kind"]): row["unit"] for row in found.values()}
    expected = {"connections": "sessions", "xid": "IDs", "mxid": "IDs", "sequence": "values", "disk": "bytes"}
    assert expected.items() <= units.items()
    at = found["partitions of event"]["at"]
    assert isinstance(at, datetime)
    assert (at.timestamp() - time.time()) / DAY == pytest.approx(40, abs=0.1)


async def test_a_locked_table_is_left_out_at_once(pg: Cluster, database: str, store: Store) -> None:
    filled(pg, database)
    with pg.connect(database) as holder, holder.transaction():
        holder.execute("LOCK TABLE item, event_1 IN ACCESS EXCLUSIVE MODE")
        async with console(pg, database) as reading:
            found = await rows_of(Capacity(Sources(reading), store), "capacity_growth", "table")
    assert {"public.item", "public.event"}.isdisjoint(found)
    assert "(database)" in found


async def test_sequences_that_cannot_be_read_are_counted(pg: Cluster, database: str, store: Store) -> None:
    filled(pg, database)
    async with console(pg, database, "pipeline_monitor") as reading:
        taken = await Capacity(Sources(reading), store).fetch("capacity_limits_ahead")
    assert [why.lacks.grants for why in taken.hidden] == [("pg_read_all_data",)]
    assert not [subject for subject in taken.values("subject") if str(subject).startswith("sequence")]


# What is kept


def test_a_sample_is_kept_at_most_once_an_hour(store: Store) -> None:
    assert samples.is_due(store, TARGET, NOW)
    assert [samples.keep(store, TARGET, {SIZE: 1.0}, NOW + minute * 60) for minute in (0, 30, 59, 60)] == [
        *(True, False, False, True)
    ]
    assert not samples.is_due(store, TARGET, NOW + 3600)
    assert samples.is_due(store, "another", NOW)
    assert kept(store) == [Sample(NOW, 1.0), Sample(NOW + 3600, 1.0)]


def test_samples_are_thinned_to_the_highest_of_each_day(store: Store) -> None:
    for hour in range(5 * 24):
        samples.keep(store, TARGET, {SIZE: float(hour % 24)}, NOW + hour * 3600)
    found = kept(store)
    days = [sample for sample in found if sample.at < NOW + 2 * DAY]
    assert len(days) == len({int(sample.at // DAY) for sample in days})
    assert 48 <= len(found) - len(days) <= 96
    assert all(sample.value == 23.0 for sample in days[1:-1])


def test_what_is_kept_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MOST_SAMPLES", 5)
    monkeypatch.setattr(samples, "MOST_SERIES", 3)
    for day in range(20):
        names = [SIZE, *(SeriesName("table", f"public.t{day}_{number}", "size") for number in range(3))]
        samples.keep(store, TARGET, dict.fromkeys(names, float(day)), NOW + day * DAY)
    assert [sample.value for sample in kept(store)] == [15.0, 16.0, 17.0, 18.0, 19.0]
    with closing(sqlite3.connect(store.path)) as database:
        assert database.execute("SELECT count(*) FROM series").fetchone() == (3,)
        assert database.execute("SELECT count(*) FROM samples").fetchone() == (7,)


def test_a_clock_that_is_wrong_for_a_while_loses_nothing(store: Store) -> None:
    for day in range(10):
        samples.keep(store, TARGET, {SIZE: float(day)}, NOW + day * DAY)
    for wrong in (NOW + 4000 * DAY, 1000.0):
        assert samples.keep(store, TARGET, {SIZE: 0.0}, wrong)
    assert samples.keep(store, TARGET, {SIZE: 10.0}, NOW + 10 * DAY)
    assert [sample.value for sample in kept(store) if NOW <= sample.at < NOW + 11 * DAY] == list(map(float, range(11)))


async def test_a_recording_keeps_nothing(store: Store) -> None:
    capacity = Capacity(Sources(recording.load("postgres")), store)
    for query in READS:
        assert (await capacity.fetch(query, {"kind": "database", "series": "database"})).rows
    assert not store.exists


async def test_whoever_runs_keeps_a_sample(pg: Cluster, database: str, store: Store) -> None:
    filled(pg, database)
    async with console(pg, database) as reading:
        await Capacity(Sources(reading), store).sample()
        found = samples.load(store, target_key(reading.facts), 0)
    assert {"size", "heap", "indexes", "toast", "rows"} <= {name.measure for name in found if name == _of(name)}
    parts = {"index", "partition", "toast"}
    whole = {"table", "connections", "xid", "mxid", "database", "wal", "sequence"}
    assert {name.kind for name in found} - {"slot"} == whole | parts


def _of(name: SeriesName) -> SeriesName:
    return SeriesName("table", "public.item", name.measure)


async def test_samples_that_cannot_be_kept_are_a_note(pg: Cluster, database: str, store: Store) -> None:
    store.path.parent.mkdir()
    store.path.mkdir()
    async with console(pg, database) as reading:
        taken = await Capacity(Sources(reading), store).fetch("capacity_growth")
    assert taken.rows
    assert any(str(store.path) in note for note in taken.notes)


# What is made of it


async def test_growth_is_named_from_what_was_kept(pg: Cluster, database: str, store: Store, tmp_path: Path) -> None:
    filled(pg, database)
    async with console(pg, database) as reading:
        target = target_key(await reading.connect())
        now = await rows_of(Capacity(Sources(reading), Store(tmp_path / "another")), "capacity_growth", "table")
        size = float(str(now["public.item"]["size"]))
        keep_days(store, target, SIZE, lambda day: size - 2e4 * (60 - day) + (4e5 if day < 40 else 0))
        row = (await rows_of(Capacity(Sources(reading), store), "capacity_growth", "table"))["public.item"]
    assert float(str(row["month"])) == pytest.approx(2e4 * MONTH, rel=0.1)
    assert float(str(row["low"])) <= float(str(row["month"])) <= float(str(row["high"]))
    assert row["days"] == 61
    assert str(row["note"]).startswith("-391 kB at once on ")


async def test_single_partitions_indexes_and_toast_have_sizes_and_growth_of_their_own(
    pg: Cluster, database: str, store: Store
) -> None:
    filled(pg, database)
    size, at = GIGABYTE, "public.event_1"
    async with console(pg, database) as reading:
        target = target_key(await reading.connect())
        keep_days(store, target, SeriesName("partition", at, "used"), lambda day: size + 1e6 * day)
        taken = await Capacity(Sources(reading), store).fetch("capacity_part_growth")
        with pg.connect(database) as owner:
            sizes = "pg_total_relation_size('event_1'), pg_relation_size('item_pkey'), pg_total_relation_size(t)"
            toast = "(SELECT reltoastrelid t FROM pg_class WHERE oid = 'item'::regclass) x"
            expected = owner.execute(f"SELECT {sizes} FROM {toast}".encode()).fetchone()
    rows = {(row["kind"], row["part"]): row for row in taken.records()}
    wanted = [("partition", at), ("index", "public.item_pkey"), ("toast", "public.item")]
    assert tuple(rows[key]["size"] for key in wanted) == expected
    assert [rows[key]["of"] for key in wanted] == ["public.event", "public.item", "public.item"]
    assert rows["partition", at]["days"] == 61
    assert rows["index", "public.item_pkey"]["band"] == "1 of 14 days sampled"


async def test_a_limit_that_comes_near_is_dated_and_comes_first(pg: Cluster, database: str, store: Store) -> None:
    filled(pg, database)
    name = SeriesName("sequence", "public.item_id_seq", "used")
    async with console(pg, database) as reading:
        target = target_key(await reading.connect())
        with pg.connect(database) as owner:
            owner.execute("SELECT setval('item_id_seq', 2147000000)")
        keep_days(store, target, name, lambda day: 2147000000 - (60 - day) * 20_000)
        taken = await Capacity(Sources(reading), store).fetch("capacity_limits_ahead")
    first = next(iter(taken.records()))
    assert (first["subject"], first["outlook"]) == ("sequence item_id_seq", "dated")
    assert isinstance(first["at"], datetime)
    assert (first["at"].timestamp() - time.time()) / DAY == pytest.approx((2**31 - 1 - 2147000000) / 20_000, rel=0.1)


async def test_three_days_of_samples_do_not_tell(pg: Cluster, database: str, store: Store) -> None:
    filled(pg, database)
    async with console(pg, database) as reading:
        target = target_key(await reading.connect())
        keep_days(store, target, SIZE, lambda day: 1e6 + 1e4 * day, days=2)
        row = (await rows_of(Capacity(Sources(reading), store), "capacity_growth", "table"))["public.item"]
    assert (row["month"], row["band"], row["days"]) == (None, "3 of 14 days sampled", 3)


def disk_rows(*places: tuple[object, ...]) -> dict[str, Record]:
    """The rows of the limits about disks, after 60 days in which the data directory grew by a gigabyte a day."""
    growing = [Sample(NOW - (59 - day) * DAY, (40 + day) * GIGABYTE) for day in range(60)]
    known = Sampled({SeriesName("disk", "data directory", "used"): growing}, Trends(), NOW + 60)
    taken = Snapshot("capacity_limits", ("kind", "subject", "used", "limit"), (), datetime.now(UTC))
    disks = Snapshot("host_disks", ("what", "device", "size", "free"), places, datetime.now(UTC))
    return {str(row["subject"]): row for row in limits.rows(taken, None, None, known, disks=disks).records()}


def test_a_disk_that_fills_has_a_date_and_holds_all_its_directories() -> None:
    data = ("data directory", "vda", 200 * GIGABYTE, 101 * GIGABYTE)
    found = disk_rows(data, ("pg_wal", *data[1:]), ("tablespace far", "vdb", GIGABYTE, None))
    (row,) = found.values()
    assert row["subject"] == "disk of data directory, pg_wal"
    at = row["at"]
    assert isinstance(at, datetime)
    assert (at.timestamp() - NOW) / DAY == pytest.approx(101, rel=0.1)


def test_disks_that_cannot_be_measured_are_one_row_that_says_so() -> None:
    (row,) = disk_rows(("data directory", "", None, None)).values()
    assert row["when"] == "not known here"


async def test_the_disk_of_the_server_is_a_limit_where_it_can_be_measured(
    pg: Cluster, database: str, store: Store
) -> None:
    async with console(pg, database) as reading:
        host = HostSource(reading)
        try:
            await host.fetch("host_disks")
        except Trouble as why:
            pytest.skip(str(why))
        capacity = Capacity(Sources(reading, host), store)
        found = await rows_of(capacity, "capacity_limits_ahead", "kind")
        target = target_key(reading.facts)
    if found["disk"]["limit"] is not None:  # else its mount is another one than ours
        kept = samples.load(store, target, 0)
        assert SeriesName("disk", "data directory", "used") in kept


def wal_row(keeper: tuple[object, ...] | None, free: float | None, days: int = 60) -> Record:
    """The row of what keeps WAL, after so many days in which a gigabyte was written each day."""
    written = [Sample(NOW - (days - 1 - day) * DAY, (500 + day) * GIGABYTE) for day in range(days)]
    followed = [Sample(each.at, GIGABYTE / 10) for each in written]
    known = {SeriesName("wal", "WAL written", "used"): written, SeriesName("slot", "east", "used"): followed}
    columns, now = ("kind", "subject", "used", "limit"), datetime.now(UTC)
    wal = Snapshot("capacity_wal", (*columns, "active"), (keeper,) if keeper else (), now)
    disks = Snapshot("host_disks", ("what", "device", "size", "free"), (("pg_wal", "vda", 90 * GIGABYTE, free),), now)
    read, history = Snapshot("capacity_limits", columns, (), now), Sampled(known, Trends(), NOW + 60)
    taken = limits.rows(read, None, None, history, disks=disks, wal=wal)
    return next(row for row in taken.records() if str(row["subject"]).startswith("WAL "))


@pytest.mark.parametrize(
    ("keeper", "free", "days", "note"),
    [
        (("slot", "west", 5 * GIGABYTE, 25 * GIGABYTE, False), None, 20, "then the slot is lost"),
        (("slot", "west", 5 * GIGABYTE, 25 * GIGABYTE, False), 10 * GIGABYTE, 10, "then the server stops"),
        (("slot", "west", 5 * GIGABYTE, None, False), 40 * GIGABYTE, 40, "all WAL is kept until it is used"),
        (("archiver", "archiver", 2 * GIGABYTE, None, False), 30 * GIGABYTE, 30, "then the server stops"),
    ],
)
def test_wal_that_nobody_takes_fills_its_room_on_a_date(
    keeper: tuple[object, ...], free: float | None, days: float, note: str
) -> None:
    row = wal_row(keeper, free)
    at, earliest, latest = row["at"], row["earliest"], row["latest"]
    assert isinstance(at, datetime)
    assert isinstance(earliest, datetime)
    assert isinstance(latest, datetime)
    assert (at.timestamp() - NOW) / DAY == pytest.approx(days, rel=0.1)
    assert earliest <= at <= latest
    assert note in str(row["note"])


def test_wal_without_a_date_says_why() -> None:
    stopped = ("slot", "west", 5 * GIGABYTE, None, False)
    assert wal_row(None, None)["when"] == "does not grow"
    assert wal_row(("slot", "east", GIGABYTE / 10, None, True), 40 * GIGABYTE)["when"] == "does not grow"
    assert wal_row(stopped, None)["when"] == "cannot tell: disk unknown"
    assert wal_row(stopped, 40 * GIGABYTE, days=3)["when"] == "3 of 14 days sampled"


async def test_the_wal_that_a_slot_keeps_is_a_limit(pg: Cluster, database: str, store: Store) -> None:
    name = f"kept_{database}"
    with pg.connect(database) as owner:
        owner.execute(f"SELECT pg_create_physical_replication_slot('{name}', true)".encode())
        try:
            owner.execute("CREATE TABLE item AS SELECT repeat('x', 100) FROM generate_series(1, 5000)")
            async with console(pg, database) as reading:
                found = await rows_of(Capacity(Sources(reading), store), "capacity_limits_ahead", "subject")
                kept = samples.load(store, target_key(reading.facts), 0)
        finally:
            owner.execute(f"SELECT pg_drop_replication_slot('{name}')".encode())
    row = found[f"WAL kept by slot {name}"]
    assert float(str(row["used"])) > 500_000
    assert row["when"] == "cannot tell: disk unknown"
    assert SeriesName("slot", name, "used") in kept


def limit_row(used: Callable[[int], float], limit: float) -> Record:
    """The row of connections with such samples of 60 days."""
    history = [Sample(NOW - (59 - day) * DAY, used(day)) for day in range(60)]
    read = ("connections", "connections", used(59), limit)
    taken = Snapshot("capacity_limits", ("kind", "subject", "used", "limit"), (read,), datetime.now(UTC))
    known = Sampled({SeriesName("connections", "connections", "used"): history}, Trends(), NOW + 60)
    return next(iter(limits.rows(taken, None, None, known).records()))


@pytest.mark.parametrize(
    ("used", "when"),
    [
        (lambda _: 50.0, "does not grow"),
        (lambda day: 80.0 - day, "does not grow"),
        (lambda day: 100.0 + day, "reached"),
        (lambda day: 10 + day / 100, "not within 10 years"),
        (lambda day: 20 + random.Random(day).uniform(0, 50) + day / 3, "cannot tell yet"),
        (lambda day: 10.0 + day, "2026-07-02"),
    ],
)
def test_a_limit_has_a_date_or_says_why_not(used: Callable[[int], float], when: str) -> None:
    assert limit_row(used, 100)["when"] == when


def test_what_if_takes_the_bytes_a_row_of_the_tables_at_hand() -> None:
    columns = ("table", "heap", "indexes", "toast", "rows", "size")
    rows = (
        ("public.content_requests", 2_000_000, 500_000, 0, 10_000.0, 2_500_000),
        ("public.generated_assets", 5_000_000, 1_000_000, 1_000_000, 50_000.0, 7_000_000),
        ("public.content_analytics", 10_000_000, 5_000_000, 0, 100_000.0, 15_000_000),
        ("public.other", 1, 1, 1, 1.0, 3),
    )
    taken = what_if.rows(Snapshot("capacity_tables", columns, rows, datetime.now(UTC)))
    found = {row["table"]: row for row in taken.records()}
    assert found["public.content_requests"]["size"] == 24 * 100_000 * 250
    assert found["public.generated_assets"]["size"] == 24 * 500_000 * 140
    assert found["public.content_analytics"]["month_rows"] == 1_000_000
    assert found["public.content_analytics"]["size"] == 24 * 1_000_000 * 150
    assert found["(all)"]["size"] == 24 * (100_000 * 250 + 500_000 * 140 + 1_000_000 * 150)
    assert "public.other" not in found


# The fronts


def test_show_prints_the_pane_and_keeps_a_sample(any_pg: Cluster, tmp_path: Path) -> None:
    database = any_pg.fresh_database()
    filled(any_pg, database)
    state = {"XDG_STATE_HOME": str(tmp_path)}
    for view in ("growth", "limits", "what-if"):
        options = ("-t", any_pg.uri(database), "--view", view, "--format", "json")
        document = json.loads(run(tmp_path, "show", "capacity", *options, **state).out)
        assert (document["view"], document["server"]["database"]) == (view, database)
    assert list(tmp_path.rglob("findings.sqlite3"))


async def test_the_pane_is_read_and_shown(any_pg: Cluster) -> None:
    database = any_pg.fresh_database()
    filled(any_pg, database)
    async with screen(any_pg.uri(database), pane=CAPACITY) as (_, pilot):
        await shows(pilot, "item", "1 of 14 days")
        await pilot.press("v")
        await shows(pilot, "item_pkey", "partition")
        await pilot.press("v")
        await shows(pilot, "connections", "not known here")


async def test_an_unknown_query_is_refused(store: Store) -> None:
    server = Reading("")
    source = capacity_source(Capacity(Sources(server), store), server)
    with pytest.raises(Trouble, match="There is no query"):
        await source.fetch("nothing")


# The course that is drawn


def course_of(value: Callable[[int], float | None], days: int = 60) -> Snapshot:
    """The course of a table whose size on each of the last days is `value`."""
    sizes = [Sample(NOW - ago * DAY, found) for ago in range(days, -1, -1) if (found := value(days - ago)) is not None]
    kept = {
        SIZE: sizes,
        SeriesName("table", "public.item", "toast"): [Sample(each.at, 7.0) for each in sizes],
        SeriesName("table", "public.item", "partitions"): [Sample(each.at, 3.0) for each in sizes],
    }
    read = Snapshot("capacity_tables", (), (), datetime.fromtimestamp(NOW, UTC))
    return course.rows("table", "public.item", Sampled(kept, Trends(), NOW), read)


def test_a_course_has_a_value_for_each_day_and_a_forecast_as_far_ahead() -> None:
    records = list(course_of(lambda day: 1e6 + 1e4 * day).records())
    past = [record for record in records if record["value"] is not None]
    ahead = [record for record in records if record["forecast"] is not None]
    assert len(past) == 61
    assert {(record["toast"], record["partitions"], record["indexes"]) for record in past} == {(7.0, 3.0, None)}
    last = ahead[-1]
    assert isinstance(last["at"], datetime)
    assert (last["at"].timestamp() - NOW) / DAY == pytest.approx(60)
    assert last["forecast"] == pytest.approx(1e6 + 1e4 * 120, rel=0.1)
    assert number(last["low"]) <= number(last["forecast"]) <= number(last["high"])


@pytest.mark.parametrize(
    ("value", "days", "forecast"),
    [
        (lambda day: 1e6 + 1e4 * day, 2, ""),  # three days do not tell
        (lambda day: 1e6 + random.Random(day).gauss(0, 3e5), 60, "band"),  # noise: a band without a middle
        (lambda day: 1e6 - 1e4 * day, 90, "forecast"),  # what shrinks never falls below zero
    ],
)
def test_a_course_forecasts_only_what_can_be_told(value: Callable[[int], float], days: int, forecast: str) -> None:
    records = list(course_of(value, days).records())
    assert any(record["high"] is not None for record in records) is bool(forecast)
    assert any(record["forecast"] is not None for record in records) is (forecast == "forecast")
    assert all(number(record[column]) >= 0 for record in records for column in ("low", "high", "forecast"))


@pytest.mark.parametrize(("width", "height"), [(78, 8), (20, 3), (158, 18)])
def test_a_course_is_drawn_in_its_room_with_what_its_curves_are(width: int, height: int) -> None:
    drawn = capacity_course(course_of(lambda day: 1e9 + 1e7 * day), width, height, Metrics()).plain
    lines = drawn.splitlines()
    assert len(lines) <= height
    assert all(cells(line) <= max(width, cells(lines[0])) for line in lines)
    assert "⣿ size  ⣿ TOAST  ⣿ 95 % band  ⣿ forecast  partitions: 3 to 3" in lines[0]
    assert height < 8 or "2026-04-02" in lines[-1]
    assert height < 8 or "2.00 GB" in drawn


def test_a_report_has_a_line_for_each_course_with_its_ends_and_forecast() -> None:
    grows, still = course_of(lambda day: 1e6 + 1e4 * day), course_of(lambda _: 5e6)
    few = course_of(lambda day: 1.0 if day == 60 else None)
    named = (("public.`item` " + "x" * 60, grows), ("still", still), ("few", few))
    fence, _head, _, first, second, end = chart([RowCourse(name, True, taken) for name, taken in named])
    assert (fence, end) == ("```text", "```")
    assert "`" not in first
    bars = first[31:].split("  ")[0]
    assert (bars[0], bars[40], bars[-1], len(bars)) == ("▁", "│", "█", 61)
    assert "977 kB 2026-04-02 -> 1.53 MB 2026-06-01 -> 2.10 MB 2026-07-31" in first
    assert second[31] == "▁"
    assert chart([RowCourse("few", True, few)]) == []


def test_a_course_of_one_day_is_not_drawn() -> None:
    assert not capacity_course(course_of(lambda day: 1e6, 0), 78, 8, Metrics()).plain


async def test_the_chart_is_of_the_row_under_the_cursor() -> None:
    async with screen("", sources=Sources(recording.load("postgres")), pane=CAPACITY) as (_, pilot):
        await shows(pilot, "⣿ used")
        await pilot.press("j", "j", "j")
        await shows(pilot, "⣿ size  ⣿ indexes  ⣿ TOAST", "partitions: 29 to 33")
        await pilot.press("v", "v")
        await shows(pilot, "runs out")
