"""Buffers: figures as SQL over pg_buffercache has them, hit rates by difference, and what is said without it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg.rows import dict_row

from console.model import Kind, Level, Record, Snapshot, Trouble, View
from console.panes.buffers import (
    BUFFERS,
    HIT_RATES,
    MOST_SCANNED,
    RELATIONS,
    SUMMARY,
    autoprewarm,
    relations,
    summary,
)
from console.reading.reader import Reader
from console.rules.server import METRIC_LEVEL
from console.sql import content
from tests.activity import console
from tests.servers import PostgresServer as Running
from tests.waiting import eventually

pytestmark = pytest.mark.spread

BY_SQL = """
SELECT count(*) * 8192,
       100.0 * count(*) / (SELECT setting::int FROM pg_settings WHERE name = 'shared_buffers'),
       100.0 * count(*) FILTER (WHERE relforknumber = 0) * 8192 / pg_relation_size(%s::text::regclass),
       avg(usagecount)
  FROM pg_buffercache
 WHERE relfilenode = pg_relation_filenode(%s::text::regclass)
   AND reldatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
SHOWN = {
    "public.t": ("table", "t"),
    "public.t_pkey": ("index", "t_pkey"),
    "public.m": ("matview", "m"),
}


@pytest.fixture
def filled(pg: Running, database: str) -> Iterator[str]:
    """A database with a table, its index and TOAST, and a materialized view, read and partly changed."""
    with pg.connect(database) as owner:
        for statement in (
            "CREATE EXTENSION pg_buffercache",
            "CREATE TABLE t (id int PRIMARY KEY, x text) WITH (autovacuum_enabled = off)",
            "ALTER TABLE t ALTER x SET STORAGE EXTERNAL",
            "INSERT INTO t SELECT g, repeat('x', 3000) FROM generate_series(1, 500) g",
            "CREATE MATERIALIZED VIEW m AS SELECT g FROM generate_series(1, 5000) g",
            "CHECKPOINT",
            "SELECT count(x) FROM t WHERE id > 0",
            "UPDATE t SET id = id WHERE id = 7",
        ):
            owner.execute(statement.encode())
        yield database


def by_sql(pg: Running, database: str, relation: str) -> tuple[Any, ...]:
    """Bytes, share of shared_buffers, share that is cached, and mean usage count of a relation."""
    with pg.connect(database) as own:
        row = own.execute(BY_SQL, (relation, relation)).fetchone()
    assert row is not None
    return tuple(map(float, row))


async def read(pg: Running, database: str, view: View, user: str = "postgres") -> Snapshot:
    async with console(pg, database, user) as reading:
        return await Reader(view).read(reading)


async def test_each_relation_has_the_figures_of_sql(pg: Running, filled: str) -> None:
    with pg.connect(filled) as own:
        row = own.execute("SELECT reltoastrelid::regclass::text FROM pg_class WHERE relname = 't'").fetchone()
    assert row is not None
    relations = {name: name for name in SHOWN} | {"TOAST": str(row[0]), "TOAST index": f"{row[0]}_index"}
    seen: list[str] = []

    async def agree() -> bool:  # what is cached of a quiet table changes when a page is evicted or read
        before = {name: by_sql(pg, filled, relation) for name, relation in relations.items()}
        rows = {_key(row): row for row in (await read(pg, filled, RELATIONS)).records()}
        after = {name: by_sql(pg, filled, relation) for name, relation in relations.items()}
        seen[:] = [
            f"{name}: {rows.get(name)}, by SQL {before[name]}"
            for name in relations
            if name not in rows or (before[name] == after[name] and _figures(rows[name]) != pytest.approx(before[name]))
        ]
        return not seen and before == after

    try:
        await eventually(agree)
    except AssertionError:
        pytest.fail("\n".join(seen))


def _key(row: Record) -> str:
    """How a relation of this test is called: TOAST by its kind, others by name."""
    own = row["name"] == "public.t" and str(row["kind"]).startswith("TOAST")
    return str(row["kind"] if own else row["relation"] if not row["toast_of"] else row["oid"])


def _figures(row: Record) -> tuple[float, ...]:
    return tuple(float(str(row[name])) for name in ("bytes", "share", "cached", "usage"))


async def test_kinds_and_what_prewarm_takes_from_a_row(pg: Running, filled: str) -> None:
    rows = {_key(row): row for row in (await read(pg, filled, RELATIONS)).records()}
    assert [rows[name]["kind"] for name in SHOWN] == [kind for kind, _ in SHOWN.values()]
    assert (rows["public.t"]["table"], rows["public.t"]["index"]) == ("public.t", None)
    assert (rows["public.t_pkey"]["table"], rows["public.t_pkey"]["index"]) == (None, "public.t_pkey")
    assert str(rows["TOAST"]["table"]).startswith("pg_toast.pg_toast_")


async def test_blocks_of_other_databases_are_a_row_a_database(pg: Running, filled: str) -> None:
    with pg.connect("template1") as other:
        other.execute("SELECT count(*) FROM pg_attribute")
        taken = await read(pg, filled, RELATIONS)
    rows = {row["name"]: row for row in taken.records()}
    there = rows["database template1"]
    assert (there["kind"], there["cached"], there["table"], there["index"]) == ("other db", None, None, None)
    assert int(str(there["buffers"])) > 0
    assert any("hold blocks of other databases" in note for note in taken.notes)


async def test_a_locked_relation_has_an_estimated_size_and_keeps_nobody_waiting(pg: Running, filled: str) -> None:
    with pg.connect(filled) as owner:
        owner.execute("ANALYZE t")
        owner.execute("BEGIN; LOCK TABLE t")
        rows = {row["relation"]: row for row in (await read(pg, filled, RELATIONS)).records()}
    assert rows["public.t"]["approximate"] == "≈"
    assert rows["public.m"]["approximate"] == ""


async def test_the_summary_adds_up(pg: Running, filled: str) -> None:
    rows = {row["metric"]: row for row in (await read(pg, filled, SUMMARY)).records()}
    with pg.connect(filled) as own:
        (total,) = own.execute("SELECT setting::int FROM pg_settings WHERE name = 'shared_buffers'").fetchone() or (0,)
        (used,) = own.execute("SELECT count(relfilenode) FROM pg_buffercache").fetchone() or (0,)
    buffers = {name: int(str(row["buffers"])) for name, row in rows.items() if row["buffers"] is not None}
    assert buffers["used"] + buffers["unused"] == total
    assert abs(buffers["used"] - used) < total / 10
    counts = sum(buffers[f"usage count {at}"] for at in range(6))
    assert abs(counts - buffers["used"]) < total / 100  # buffers are counted one after the other
    assert 0 < buffers["dirty"] <= buffers["used"]
    assert str(rows["restart"]["means"]).startswith("Lost")
    assert str(rows["autoprewarm"]["means"]).startswith("Off: pg_prewarm is not preloaded")


async def test_the_hit_rate_is_of_the_last_minutes(pg: Running, filled: str) -> None:
    last: dict[str, object] = {}
    async with console(pg, filled) as reading:
        reader = Reader(HIT_RATES)

        async def is_counted() -> bool:
            with pg.connect(filled) as other:
                other.execute("SELECT count(*) FROM t")
            found = [row for row in (await reader.read(reading)).records() if row["relation"] == "public.t"]
            last.update(*found)
            return bool(last.get("hit"))

        await eventually(is_counted)
    assert last["hit"] == 100
    assert float(str(last["lookup_rate"])) > 0 == last["read_rate"]
    with pg.connect(filled) as own:
        row = own.execute(
            "SELECT heap_blks_hit, heap_blks_read FROM pg_statio_user_tables WHERE relname = 't'"
        ).fetchone()
    assert row is not None
    assert 0 < int(str(last["hits"])) <= row[0]
    assert last["reads"] == row[1]


async def test_without_the_extension_its_statement_is_named_and_the_rest_is_shown(pg: Running, database: str) -> None:
    with pytest.raises(Trouble, match="pg_buffercache is not installed") as caught:
        await read(pg, database, RELATIONS)
    assert caught.value.remedy == "CREATE EXTENSION pg_buffercache;"
    taken = await read(pg, database, SUMMARY)
    assert taken.values("metric") == ("restart", "autoprewarm")
    assert [why.remedy for why in taken.hidden] == ["CREATE EXTENSION pg_buffercache;"]
    assert (await read(pg, database, HIT_RATES)).rows


@pytest.mark.parametrize("view", [RELATIONS, SUMMARY], ids=lambda view: view.name)
async def test_without_the_privilege_its_grant_is_named(pg: Running, filled: str, view: View) -> None:
    with pytest.raises(Trouble) as caught:
        await read(pg, filled, view, "pipeline_app")
    assert caught.value.kind is Kind.DENIED
    assert caught.value.lacks.grants == ("pg_monitor",)
    assert (await read(pg, filled, view, "pipeline_monitor")).rows


async def test_the_age_of_the_list_needs_a_grant_of_its_own(pg: Running, database: str) -> None:
    async with console(pg, database, "pipeline_monitor") as reading:
        with pytest.raises(Trouble) as caught:
            await reading.fetch("autoprewarm_dump", {"dump_file": ["autoprewarm.blocks"]})
    assert caught.value.lacks.grants == ("EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text, boolean)",)
    async with console(pg, database) as reading:
        taken = await reading.fetch("autoprewarm_dump", {"dump_file": ["autoprewarm.blocks"]})
    assert taken.rows == (("autoprewarm.blocks", True, None),)


ON = {"autoprewarm": "on", "every": 300, "dump_read": True, "dump_age": 60.0, "uptime": 7200.0}


@pytest.mark.parametrize(
    ("row", "level", "said"),
    [
        ({**ON, "autoprewarm": None}, "ok", "Off: pg_prewarm is not preloaded"),
        ({**ON, "autoprewarm": "off"}, "ok", "Off: pg_prewarm.autoprewarm is off"),
        ({**ON, "dump_read": None, "dump_age": None}, "ok", "On: writes its list of blocks every 5m"),
        ({**ON, "dump_age": None}, "ok", "On: no list of blocks yet"),
        (ON, "ok", "On: list written 1m ago, every 5m"),
        ({**ON, "dump_age": 901.0}, "warning", "Worker gone: list written 15m ago, due every 5m"),
        ({**ON, "dump_age": 9e6, "uptime": 300.0}, "ok", "On: list written"),
        ({**ON, "dump_age": 9e6, "every": 0}, "ok", "On: list written 104d ago, at shutdown only"),
    ],
)
def test_the_state_of_autoprewarm_shows_by_the_age_of_its_list(row: Record, level: str, said: str) -> None:
    found, means = autoprewarm(row)
    assert found == level
    assert means.startswith(said)
    assert METRIC_LEVEL.level(found) is (Level.WARNING if level == "warning" else Level.OK)


def test_the_pane_offers_prewarm() -> None:
    assert BUFFERS.actions == ("prewarm",)


@pytest.mark.parametrize("query", ["buffer_relations", "buffer_summary"])
def test_above_a_limit_no_buffer_is_read(pg: Running, filled: str, query: str) -> None:
    text = (content() / "sql" / "monitoring" / f"{query}.sql").read_text()
    text = text.replace("@extschema@", "public").replace("1048576", "8000")
    with pg.connect(filled, row_factory=dict_row) as own:
        plan = own.execute(f"EXPLAIN (ANALYZE, COSTS OFF, FORMAT TEXT) {text}".encode()).fetchall()
        (row,) = own.execute(text.encode()).fetchall()
    scans = [str(line["QUERY PLAN"]) for line in plan if "pg_buffercache_pages" in str(line["QUERY PLAN"])]
    assert scans
    assert all("never executed" in line for line in scans)
    taken = Snapshot(query, tuple(row), (tuple(row.values()),), datetime.now(UTC))
    if query == "buffer_relations":
        with pytest.raises(Trouble, match="makes a row of each of 8192 buffers, also for a sample"):
            relations(taken)
    else:
        assert [line[0] for line in summary(taken).rows] == ["restart", "autoprewarm"]
        assert "Not read: pg_buffercache makes a row" in summary(taken).notes[0]


def test_the_limit_is_the_same_in_queries_and_sentences() -> None:
    for name in ("buffer_relations", "buffer_summary"):
        text = (content() / "sql" / "monitoring" / f"{name}.sql").read_text()
        assert f"> {MOST_SCANNED} AS unread" in text
