"""rollback-prepared and drop-slot: what is left behind is ended, and nothing that is in use or somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from console.actions.lock_conflicts import conflicts
from console.actions.replication.drop_slot import DROP_SLOT
from console.actions.sessions.rollback_prepared import ROLLBACK_PREPARED
from console.forecast.forecasting import forecast_steps
from console.model import Kind, Outcome, Step, Trouble
from console.running.progress import Run
from console.running.trail.audit import Trail
from console.sources.postgres import ActingSession
from tests.acting import Desk
from tests.faults.servers import faulty
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers
from tests.waiting import wait

GID = "order's 17"


@pytest.fixture(scope="module", name="pg")
def own_server(pg: Cluster, pg_servers: Servers) -> Iterator[Cluster]:
    with faulty(pg_servers, pg.major) as server:
        yield server


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    made.do("CREATE TABLE item (id int)", "CREATE TABLE other (id int)", "GRANT ALL ON item, other TO pipeline_app")
    yield made
    with made.session() as session:
        for (gid,) in session.execute("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"):
            session.execute(psycopg.sql.SQL("ROLLBACK PREPARED {}").format(gid))
        session.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            " WHERE NOT active AND database = current_database() OR slot_name = 'standby1'"
        )


def prepare(desk: Desk, gid: str = GID, user: str = "") -> None:
    with desk.session(user) as session:
        session.execute("BEGIN; INSERT INTO item VALUES (1); LOCK other IN SHARE MODE")
        session.execute(psycopg.sql.SQL("PREPARE TRANSACTION {}").format(gid))


def prepared(desk: Desk) -> int:
    return int(desk.ask("SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()"))


async def refused(desk: Desk, gid: str) -> str:
    with pytest.raises(Trouble) as caught:
        await desk.plan(ROLLBACK_PREPARED, gid=gid)
    assert caught.value.kind is Kind.REFUSED
    return str(caught.value)


async def test_a_prepared_transaction_is_rolled_back_by_its_identifier(desk: Desk) -> None:
    prepare(desk)
    prepare(desk, "another")
    plan = await desk.plan(ROLLBACK_PREPARED, gid=GID)
    assert plan.destructive
    assert plan.claim.typed == desk.database, "an identifier that is no plain word is not typed"
    assert (await desk.plan(ROLLBACK_PREPARED, gid="another")).claim.typed == "another"
    assert "item" in plan.steps[-1].note
    assert "other" in plan.steps[-1].note
    assert GID in plan.summary
    run = await desk.run(ROLLBACK_PREPARED, gid=GID)
    assert run.outcome is Outcome.DONE, run.message
    assert desk.ask("SELECT array_agg(gid) FROM pg_prepared_xacts WHERE database = current_database()") == ["another"]
    assert desk.ask("SELECT count(*) FROM item") == 0
    kept = desk.trail.path.read_text(encoding="utf-8")
    assert "rollback-prepared" in kept
    assert "ROLLBACK PREPARED" in kept
    assert "no prepared transaction" in await refused(desk, GID)


async def test_one_of_another_database_is_refused_and_its_database_named(desk: Desk) -> None:
    prepare(desk)
    elsewhere = Desk(desk.cluster, "postgres", desk.trail)
    assert desk.database in await refused(elsewhere, GID)
    assert prepared(desk) == 1


async def test_only_the_role_that_prepared_it_or_a_superuser_rolls_it_back(desk: Desk) -> None:
    prepare(desk)
    prepare(desk, "its own", "pipeline_app")
    mine = Desk(desk.cluster, desk.database, desk.trail, user="pipeline_app")
    assert "prepared by postgres" in await refused(mine, GID)
    run = await mine.run(ROLLBACK_PREPARED, gid="its own")
    assert run.outcome is Outcome.DONE, run.message
    assert prepared(desk) == 1


async def test_one_that_ended_after_the_plan_is_no_success(desk: Desk) -> None:
    prepare(desk)
    async with desk.workspace() as workspace:
        plan = await workspace.plan(ROLLBACK_PREPARED, {"gid": GID})
        desk.do("COMMIT PREPARED 'order''s 17'")
        run = await workspace.run(plan)
    assert run.outcome is Outcome.FAILED
    assert desk.ask("SELECT count(*) FROM item") == 1


async def test_a_later_one_with_the_same_identifier_is_not_rolled_back(desk: Desk) -> None:
    prepare(desk)
    at = str(desk.ask("SELECT prepared FROM pg_prepared_xacts WHERE gid LIKE 'order%'"))
    async with desk.workspace() as workspace:
        plan = await workspace.plan(ROLLBACK_PREPARED, {"gid": GID, "prepared": at})
        desk.do("ROLLBACK PREPARED 'order''s 17'")
        prepare(desk)
        run = await workspace.run(plan)
        assert run.outcome is not Outcome.DONE
        assert "It has ended meanwhile; nothing was rolled back." in run.message
        with pytest.raises(Trouble, match="another has its identifier; nothing was rolled back"):
            await workspace.plan(ROLLBACK_PREPARED, {"gid": GID, "prepared": at})
    assert prepared(desk) == 1


async def test_one_that_is_exchanged_when_the_statement_is_about_to_be_sent_is_not_rolled_back(desk: Desk) -> None:
    prepare(desk)
    exchanged: list[str] = []

    def exchange(run: Run) -> None:
        if run.steps[-1].status == "running" and not exchanged:
            exchanged.append(GID)
            desk.do("ROLLBACK PREPARED 'order''s 17'")
            prepare(desk)

    async with desk.workspace() as workspace:
        run = await workspace.run(await workspace.plan(ROLLBACK_PREPARED, {"gid": GID}), exchange)
    assert exchanged
    assert (run.outcome, run.message) == (Outcome.FAILED, "It has ended meanwhile; nothing was rolled back.")
    assert prepared(desk) == 1


async def test_a_statement_depends_on_the_answer_that_is_sent_with_it(desk: Desk) -> None:
    rollback = "ROLLBACK PREPARED 'order''s 17'"
    prepare(desk)
    session = ActingSession(desk.cluster.uri(desk.database))
    await session.open()
    try:
        assert not await session.execute_if("SELECT false, 'no'", rollback)
        assert not await session.execute_if("SELECT false, 'no'", "VACUUM item")
        assert not await session.execute_if("SELECT NULL::bool, 'unknown'", rollback)
        assert not await session.execute_if("SELECT true, '' WHERE false", rollback)
        assert prepared(desk) == 1
        with pytest.raises(psycopg.errors.UndefinedTable):
            await session.execute_if("SELECT true, '' FROM gone", rollback)
        assert prepared(desk) == 1
        assert await session.execute_if("SELECT true, ''", rollback)
        with pytest.raises(psycopg.errors.UndefinedObject):
            await session.execute_if("SELECT true, ''", rollback)
        assert await session.query("SELECT 1") == [(1,)], "outside a transaction, and not in a pipeline"
        desk.do(f"SELECT pg_terminate_backend({session.pid})")
        with pytest.raises(psycopg.OperationalError):
            await session.execute_if("SELECT true, ''", rollback)
    finally:
        await session.close()


async def test_a_slot_that_was_used_or_created_again_is_not_dropped(desk: Desk) -> None:
    seen = "SELECT restart_lsn::text FROM pg_replication_slots WHERE slot_name = 'standby1'"
    create = "SELECT pg_create_physical_replication_slot('standby1', true)"
    desk.do(create)
    before = str(desk.ask(seen))
    async with desk.workspace() as workspace:
        plan = await workspace.plan(DROP_SLOT, {"slot": "standby1", "restart-lsn": before})
        desk.do("SELECT pg_drop_replication_slot('standby1')", "INSERT INTO item VALUES (1)", "CHECKPOINT", create)
        run = await workspace.run(plan)
        assert run.outcome is not Outcome.DONE
        assert "used or created again meanwhile" in run.message
        with pytest.raises(Trouble, match="nothing was dropped"):
            await workspace.plan(DROP_SLOT, {"slot": "standby1", "restart-lsn": before})
        with pytest.raises(Trouble, match="such as 0/3000060"):
            await workspace.plan(DROP_SLOT, {"slot": "standby1", "restart-lsn": "x"})
    assert slots(desk) == ["standby1"]


def slots(desk: Desk) -> list[str]:
    return desk.ask("SELECT coalesce(array_agg(slot_name::text), '{}') FROM pg_replication_slots") or []


async def slot_refused(desk: Desk, slot: str) -> str:
    with pytest.raises(Trouble) as caught:
        await desk.plan(DROP_SLOT, slot=slot)
    assert caught.value.kind is Kind.REFUSED
    return str(caught.value)


@pytest.mark.parametrize(
    ("create", "warned"),
    [
        ("pg_create_physical_replication_slot('standby1', true)", "must be rebuilt"),
        ("pg_create_logical_replication_slot('standby1', 'pgoutput')", "copy its tables again"),
    ],
)
async def test_an_inactive_slot_is_dropped(desk: Desk, create: str, warned: str) -> None:
    desk.do(f"SELECT {create}")
    plan = await desk.plan(DROP_SLOT, slot="standby1")
    assert plan.destructive
    assert plan.claim.typed == "standby1"
    assert any(warned in note for note in plan.notes)
    assert "of WAL" in plan.steps[0].estimate
    run = await desk.run(DROP_SLOT, slot="standby1")
    assert run.outcome is Outcome.DONE, run.message
    assert slots(desk) == []
    assert "no replication slot standby1" in await slot_refused(desk, "standby1")


async def test_an_active_or_temporary_slot_is_refused(desk: Desk) -> None:
    with psycopg.connect(desk.uri + "&replication=database", autocommit=True) as session:
        session.execute("CREATE_REPLICATION_SLOT passing TEMPORARY LOGICAL pgoutput")
        assert "in use by pid" in await slot_refused(desk, "passing")
        assert slots(desk) == ["passing"]


async def test_without_replication_a_slot_is_refused_and_the_attribute_named(desk: Desk) -> None:
    desk.do("SELECT pg_create_physical_replication_slot('standby1')")
    mine = Desk(desk.cluster, desk.database, desk.trail, user="pipeline_app")
    assert "ALTER ROLE pipeline_app REPLICATION" in await slot_refused(mine, "standby1")
    assert slots(desk) == ["standby1"]


async def test_a_slot_that_became_active_after_the_plan_is_left(desk: Desk) -> None:
    desk.do("SELECT pg_create_logical_replication_slot('standby1', 'pgoutput')")
    async with desk.workspace() as workspace:
        plan = await workspace.plan(DROP_SLOT, {"slot": "standby1"})
        with closing(psycopg.connect(desk.uri + "&replication=database", autocommit=True)) as consumer:
            consumer.pgconn.send_query(
                b"START_REPLICATION SLOT standby1 LOGICAL 0/0 (proto_version '1', publication_names 'none')"
            )
            wait(lambda: desk.ask("SELECT bool_and(active) FROM pg_replication_slots"))
            run = await workspace.run(plan)
    assert run.outcome is not Outcome.DONE
    assert slots(desk) == ["standby1"]


async def test_a_plan_names_the_prepared_transaction_in_its_way_and_those_that_wait_already(desk: Desk) -> None:
    with desk.session() as session, desk.session() as waiting:
        session.execute("BEGIN")
        session.execute("INSERT INTO item VALUES (1)")
        session.execute(psycopg.sql.SQL("PREPARE TRANSACTION {}").format(GID))
        waiting.pgconn.send_query(b"BEGIN; LOCK TABLE item")
        wait(lambda: desk.ask("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'item'::regclass") == 1)
        wait(
            lambda: desk.ask("SELECT prepared < now() - interval '1 s' FROM pg_prepared_xacts WHERE gid LIKE 'order%'")
        )
        async with desk.workspace() as workspace:
            await workspace.sources.postgres.connect()
            steps, _ = await forecast_steps(workspace.sources.postgres, [Step("x", "SHARE on public.item")])
            (note,) = conflicts(steps)
        assert note.startswith(f"prepared transaction {GID} has held ROW EXCLUSIVE on public.item for ")
        assert note.endswith(" 1 session waits there already.")
        waiting.cancel_safe()
        waiting.close()  # without the COMMIT of its block
