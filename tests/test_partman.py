"""Tables that pg_partman manages are skipped by actions on partitions, on servers that have the extension."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console.actions.archive.archive_analytics import ARCHIVE_ANALYTICS
from console.actions.archive.export_archive import EXPORT_ARCHIVE
from console.actions.archive.restore_analytics import RESTORE_ANALYTICS
from console.actions.partitions.create_partitions import CREATE_PARTITIONS
from console.demo.cluster import OWNER
from console.demo.content import install_schema
from console.model import Trouble
from console.running.trail.audit import Trail
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster

MANAGED = "public.content_analytics"


@pytest.fixture(name="desk")
def desk_with_partman(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    with pg.connect(database) as session:
        there = session.execute("SELECT FROM pg_available_extensions WHERE name = 'pg_partman'").fetchone()
        if there is None:
            pytest.skip("pg_partman is not installed on this server")
        session.execute("CREATE SCHEMA partman")
        session.execute("CREATE EXTENSION pg_partman SCHEMA partman")
    with pg.connect(database, OWNER) as session:
        install_schema(session, pg.major)
    return Desk(pg, database, Trail(tmp_path / "audit.jsonl"))


def manage(desk: Desk, table: str = MANAGED) -> None:
    """Have a table in the configuration of pg_partman, in addition to the partitions that it has."""
    desk.do(
        "INSERT INTO partman.part_config (parent_table, control, partition_type, partition_interval) "
        f"SELECT '{table}', 'performance_date', CASE WHEN extversion < '5' THEN 'native' ELSE 'range' END, '1 month' "
        "FROM pg_extension WHERE extname = 'pg_partman'"
    )


async def test_a_table_that_partman_partitioned_itself_is_skipped(desk: Desk) -> None:
    former = desk.ask("SELECT extversion < '5' FROM pg_extension WHERE extname = 'pg_partman'")
    kind = "p_type => 'native', p_interval => 'monthly'" if former else "p_interval => '1 month'"
    desk.do(
        "CREATE TABLE public.events (at timestamptz NOT NULL) PARTITION BY RANGE (at)",
        f"SELECT partman.create_parent('public.events', 'at', {kind})",
    )
    plan = await desk.plan(CREATE_PARTITIONS, table="public.events", months="30")
    assert plan.steps == ()
    assert plan.notes == (
        "public.events is managed by pg_partman and skipped: partman.run_maintenance() takes care of it.",
    )


async def test_a_table_that_partman_manages_is_skipped_and_the_others_are_not(desk: Desk) -> None:
    before = [step.sql for step in (await desk.plan(CREATE_PARTITIONS, months="9")).steps]
    manage(desk)
    plan = await desk.plan(CREATE_PARTITIONS, months="9")
    assert [step.sql for step in plan.steps] == [sql for sql in before if MANAGED not in sql]
    assert 0 < len(plan.steps) < len(before)
    assert f"{MANAGED} is managed by pg_partman and skipped: partman.run_maintenance() takes care of it." in plan.notes
    plan = await desk.plan(ARCHIVE_ANALYTICS, table=MANAGED)
    assert plan.steps == ()
    assert "is managed by pg_partman" in plan.notes[0]
    with pytest.raises(Trouble, match="is managed by pg_partman"):
        await desk.plan(RESTORE_ANALYTICS, month="2020-01", table=MANAGED)


async def test_a_month_of_an_archive_that_partman_manages_is_not_dropped(desk: Desk, tmp_path: Path) -> None:
    manage(desk, "public.content_analytics_archive")
    with pytest.raises(Trouble, match="is managed by pg_partman"):
        await desk.plan(EXPORT_ARCHIVE, month="2020-01", table=MANAGED, drop="yes", directory=str(tmp_path))


async def test_a_role_that_cannot_read_what_partman_manages_is_told_which_grants_it_needs(desk: Desk) -> None:
    owner = replace(desk, user=OWNER)
    plan = await owner.plan(CREATE_PARTITIONS, months="9")
    assert plan.steps == ()
    assert "GRANT USAGE ON SCHEMA partman and SELECT ON partman.part_config" in plan.notes[0]
    desk.do(f"GRANT USAGE ON SCHEMA partman TO {OWNER}", f"GRANT SELECT ON partman.part_config TO {OWNER}")
    assert (await owner.plan(CREATE_PARTITIONS, months="9")).steps
    manage(desk)
    assert (await owner.plan(CREATE_PARTITIONS, months="9", table=MANAGED)).steps == ()
