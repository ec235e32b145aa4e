"""create-partitions on real servers: bounds in UTC, nothing twice, nobody locked out, hostile names harmless."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console import sql
from console.actions.partitions.create_partitions import CREATE_PARTITIONS
from console.model import Kind, Outcome, Trouble
from console.running.trail.audit import Trail
from console.settings.config import PartitionPolicy
from tests.acting import Desk
from tests.dates import MONTH
from tests.servers import PostgresServer as Cluster

EVENTS = "CREATE TABLE public.events (id int, at timestamptz NOT NULL, note text DEFAULT 'x') PARTITION BY RANGE (at)"
HOSTILE = ("\"'; DROP TABLE public.witness; --" + '"x;' * 12)[:63]
NEXT = f"({MONTH} + interval '1 month')"


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    return Desk(pg, database, Trail(tmp_path / "audit.jsonl"))


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def partitions(desk: Desk, parent: str = "public.events") -> list[str]:
    with desk.session(options="-c timezone=UTC") as session:
        return [
            str(row[0])
            for row in session.execute(
                "SELECT pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid "
                "WHERE inhparent = %s::regclass ORDER BY 1",
                (parent,),
            )
        ]


async def test_what_is_missing_is_created_once(desk: Desk) -> None:
    desk.do(EVENTS, "CREATE INDEX ON public.events (at)")
    run = await desk.run(CREATE_PARTITIONS, table="public.events", months="2")
    assert run.outcome is Outcome.DONE, run.message
    assert len(partitions(desk)) == 3
    assert desk.ask("SELECT count(*) FROM pg_index i JOIN pg_inherits h ON inhrelid = indexrelid") == 3
    assert desk.ask("SELECT count(*) FROM pg_constraint WHERE conname = 'pipeline_console_bounds'") == 0
    assert (await desk.run(CREATE_PARTITIONS, table="public.events", months="2")).outcome is Outcome.NOTHING


async def test_one_table_and_all_of_them_are_not_done_at_once(desk: Desk) -> None:
    desk.do(EVENTS, EVENTS.replace("events", "others"))
    policies = tuple(PartitionPolicy(f"public.{name}", "at") for name in ("events", "others"))
    everything = replace(desk, settings=replace(desk.settings, partitions=policies))
    (one,) = (await desk.plan(CREATE_PARTITIONS, table="events")).claim.parts
    with desk.session() as other:
        other.execute(sql.load("actions/take_subject").text, {"subject": one})
        refused = await everything.run(CREATE_PARTITIONS)
    assert refused.outcome is Outcome.REFUSED
    assert partitions(desk) == []


async def test_bounds_are_midnights_of_utc_whatever_the_time_zone_of_the_database(desk: Desk) -> None:
    desk.do(EVENTS, f"ALTER DATABASE {desk.database} SET timezone = 'Asia/Tokyo'")
    await desk.run(CREATE_PARTITIONS, table="public.events", months="1")
    assert all(bound.count("-01 00:00:00+00") == 2 for bound in partitions(desk))


@pytest.mark.parametrize(("kind", "midnight"), [("date", "-01'"), ("timestamp", "-01 00:00:00'")])
async def test_dates_and_local_timestamps_are_keys_too(desk: Desk, kind: str, midnight: str) -> None:
    desk.do(f"CREATE TABLE public.events (at {kind}) PARTITION BY RANGE (at)")
    await desk.run(CREATE_PARTITIONS, table="events", months="1")
    assert [bound.count(midnight) for bound in partitions(desk)] == [2, 2]


async def test_real_bounds_are_compared_and_a_month_that_is_covered_in_part_is_completed(desk: Desk) -> None:
    desk.do(
        EVENTS,
        f"DO $$ BEGIN EXECUTE format('CREATE TABLE public.odd PARTITION OF public.events FOR VALUES FROM (MINVALUE) "
        f"TO (%L)', to_char({NEXT} + interval '10 days', 'YYYY-MM-DD') || ' 00:00+00'); END $$",
    )
    run = await desk.run(CREATE_PARTITIONS, table="public.events", months="2")
    assert run.outcome is Outcome.DONE
    assert len(partitions(desk)) == 3
    assert desk.ask(f'SELECT to_regclass(to_char({NEXT}, \'"public.events_"YYYY_MM"_11"\')) IS NOT NULL')
    assert desk.ask("SELECT to_regclass(to_char(now() AT TIME ZONE 'UTC', '\"public.events_\"YYYY_MM')) IS NULL")


async def test_the_bundled_tables_get_the_same_as_from_the_function(
    pg: Cluster, pg_pipeline: str, tmp_path: Path
) -> None:
    desk = Desk(pg, pg_pipeline, Trail(tmp_path / "audit.jsonl"))
    assert (await desk.plan(CREATE_PARTITIONS)).steps == ()
    run = await desk.run(CREATE_PARTITIONS, months="5")
    assert run.outcome is Outcome.DONE
    made = {step.execution for step in run.plan.steps}
    assert len(made) == 6
    assert desk.ask("SELECT count(DISTINCT relowner) FROM pg_class WHERE relkind = 'r' AND relispartition") == 1
    assert (
        desk.ask(
            "SELECT count(DISTINCT reloptions) FROM pg_class JOIN pg_inherits ON oid = inhrelid "
            "WHERE inhparent = 'public.api_usage'::regclass"
        )
        == 1
    )
    assert desk.ask("SELECT bool_and(outcome LIKE 'exists%') FROM public.ensure_partitions('public.api_usage', 5)")
    assert any("SHARE ROW EXCLUSIVE on public.api_providers" in step.lock for step in run.plan.steps)


async def test_the_owner_can_do_it_without_being_superuser(pg: Cluster, pg_pipeline: str, tmp_path: Path) -> None:
    desk = Desk(pg, pg_pipeline, Trail(tmp_path / "audit.jsonl"), user="pipeline_owner")
    run = await desk.run(CREATE_PARTITIONS, months="4")
    assert run.outcome is Outcome.DONE, run.message
    assert not any("OWNER TO" in step.sql for step in run.plan.steps)


@pytest.mark.pg(">= 18")
@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("CREATE TABLE {} (a int)", "a table"),
        ("CREATE VIEW {} AS SELECT 1", "a view"),
        ("CREATE TYPE {} AS ENUM ('a')", "a data type"),
    ],
)
async def test_an_occupied_name_is_refused_with_the_reason(desk: Desk, statement: str, what: str) -> None:
    name = desk.ask(f"SELECT to_char({NEXT}, '\"public.events_\"YYYY_MM')")
    desk.do(EVENTS, statement.format(name))
    with pytest.raises(Trouble, match=f"{name} cannot be created as the partition .* name belongs to {what}") as why:
        await desk.plan(CREATE_PARTITIONS, table="public.events")
    assert why.value.kind is Kind.REFUSED


async def test_rows_in_the_default_partition_are_refused_with_their_count(desk: Desk) -> None:
    desk.do(
        EVENTS,
        "CREATE TABLE public.rest PARTITION OF public.events DEFAULT",
        f"INSERT INTO public.events SELECT 1, {NEXT} AT TIME ZONE 'UTC' FROM generate_series(1, 7)",
    )
    with pytest.raises(Trouble, match=r"7 rows of \d{4}-\d\d are in the default partition public.rest"):
        await desk.plan(CREATE_PARTITIONS, table="public.events")
    desk.do("TRUNCATE public.rest")
    run = await desk.run(CREATE_PARTITIONS, table="public.events")
    assert run.outcome is Outcome.DONE
    assert any("ACCESS EXCLUSIVE on public.rest" in step.lock for step in run.plan.steps)


@pytest.mark.pg(">= 18")
@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("CREATE TABLE public.events (at date)", "is not partitioned"),
        ("CREATE TABLE public.events (at date) PARTITION BY LIST (at)", "not partitioned by ranges of one date"),
        ("CREATE TABLE public.events (at int) PARTITION BY RANGE (at)", "not partitioned by ranges of one date"),
        ("CREATE TABLE public.events (a date, b date) PARTITION BY RANGE (a, b)", "not partitioned by ranges of one"),
        ("CREATE TABLE public.events (a date) PARTITION BY RANGE ((a + 1))", "not partitioned by ranges of one"),
        ("CREATE TABLE public.others (a date)", "There is no table or view public.events"),
    ],
)
async def test_other_tables_are_refused(desk: Desk, table: str, why: str) -> None:
    desk.do(table)
    with pytest.raises(Trouble, match=why):
        await desk.plan(CREATE_PARTITIONS, table="public.events")


async def test_a_detach_that_was_interrupted_is_told(desk: Desk) -> None:
    desk.do(EVENTS)
    await desk.run(CREATE_PARTITIONS, table="public.events", months="0")
    desk.do("UPDATE pg_inherits SET inhdetachpending = true WHERE inhparent = 'public.events'::regclass")
    with pytest.raises(Trouble, match=r"is being detached.*FINALIZE"):
        await desk.plan(CREATE_PARTITIONS, table="public.events")


@pytest.mark.parametrize("name", [HOSTILE, "é" * 31, "Weird.Name"])
async def test_a_malicious_name_changes_nothing_but_itself(desk: Desk, name: str) -> None:
    desk.do(
        "CREATE TABLE public.witness (a int)",
        f"CREATE SCHEMA {quoted(name)}",
        f"CREATE TABLE {quoted(name)}.{quoted(name)} ({quoted(name)} timestamptz) PARTITION BY RANGE ({quoted(name)})",
    )
    run = await desk.run(CREATE_PARTITIONS, table=f"{name}.{name}", months="1")
    assert run.outcome is Outcome.DONE, run.message
    assert len(partitions(desk, f"{quoted(name)}.{quoted(name)}")) == 2
    assert (await desk.plan(CREATE_PARTITIONS, table=f"{name}.{name}", months="1")).steps == ()
    desk.do(*run.undo)
    assert partitions(desk, f"{quoted(name)}.{quoted(name)}") == []
    assert desk.ask("SELECT to_regclass('public.witness') IS NOT NULL")


async def test_undo_drops_the_new_partition_only_while_it_is_empty(desk: Desk) -> None:
    desk.do(EVENTS)
    run = await desk.run(CREATE_PARTITIONS, table="public.events", months="0")
    desk.do("INSERT INTO public.events VALUES (1, now())")
    with pytest.raises(Exception, match="has rows"):
        desk.do(*run.undo)
    assert desk.ask("SELECT count(*) FROM public.events") == 1
    desk.do("DELETE FROM public.events", *run.undo)
    assert partitions(desk) == []
