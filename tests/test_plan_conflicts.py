"""A plan names who holds a lock that it will have to wait for, and what queues behind it meanwhile."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from console.actions import action
from console.actions.lock_conflicts import conflicts
from console.forecast.forecasting import forecast_steps
from console.model import Standalone, Step
from console.running.trail.audit import Trail
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster
from tests.waiting import wait

TABLE = 'CREATE TABLE public."a, ACCESS EXCLUSIVE on b" (id int PRIMARY KEY, n int)'
NAME = 'public."a, ACCESS EXCLUSIVE on b"'
FILL = f"INSERT INTO {NAME} SELECT g, g FROM generate_series(1, 9) g"
YOUNG = "SELECT count(*) FROM pg_stat_activity WHERE pid = {} AND xact_start > clock_timestamp() - interval '1 s'"


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    desk.do(TABLE, FILL)
    return desk


def update(desk: Desk, session: psycopg.Connection[object], row: int) -> int:
    """Update a row in a transaction that has been open for a second; the session's pid."""
    session.execute("BEGIN")
    session.execute(f"UPDATE {NAME} SET n = 0 WHERE id = {row}".encode())
    wait(lambda: desk.ask(YOUNG.format(session.info.backend_pid)) == 0)
    return session.info.backend_pid


async def said(desk: Desk, step: Step) -> tuple[str, ...]:
    async with desk.workspace() as workspace:
        await workspace.sources.postgres.connect()
        steps, _ = await forecast_steps(workspace.sources.postgres, [step])
        return conflicts(steps)


async def test_a_plan_names_the_session_that_it_must_wait_for(desk: Desk) -> None:
    assert not any(
        "has held" in note for note in (await desk.plan(action("set-autovacuum"), table=NAME, enabled="no")).notes
    )
    with desk.session(application_name="care") as session:
        session.execute("BEGIN")
        session.execute(f"LOCK TABLE {NAME} IN SHARE UPDATE EXCLUSIVE MODE".encode())
        wait(lambda: desk.ask(YOUNG.format(session.info.backend_pid)) == 0)
        plan = await desk.plan(action("set-autovacuum"), table=NAME, enabled="no")
        (note,) = (note for note in plan.notes if "has held" in note)
        assert note.startswith(
            f"pid {session.info.backend_pid} (care, postgres, idle in transaction) has held SHARE UPDATE EXCLUSIVE "
            f"on {NAME} for "
        )
        assert note.endswith(": SHARE UPDATE EXCLUSIVE waits until that ends.")  # nobody queues behind it


@pytest.mark.parametrize(
    ("step", "behind"),
    [
        (Step("x", f"SHARE on {NAME}"), "; writes that arrive in the meantime queue behind it, 0.2 s at a time."),
        (
            Step("x", f"ACCESS EXCLUSIVE on {NAME}"),
            "; reads and writes that arrive in the meantime queue behind it, 0.2 s at a time.",
        ),
        (
            Step("x", f"ACCESS EXCLUSIVE on {NAME}", execution=Standalone(lock_timeout=None)),
            "; reads and writes that arrive in the meantime queue behind it, 0.2 s at a time.",
        ),
    ],
    ids=["writes", "reads", "standalone"],
)
async def test_what_queues_behind_a_step_depends_on_its_lock(desk: Desk, step: Step, behind: str) -> None:
    with desk.session(application_name="shop") as first, desk.session(application_name="mobile") as second:
        pid = update(desk, first, 1)
        update(desk, second, 2)
        (note,) = await said(desk, step)
        assert note.startswith(f"pid {pid} (shop, postgres, idle in transaction) has held ROW EXCLUSIVE on ")
        assert ", as 1 other session does: " in note
        assert note.endswith(behind)
        assert await said(desk, Step("x", f"ROW SHARE on {NAME}")) == ()
        assert await said(desk, Step("x", "ACCESS EXCLUSIVE on public.gone")) == ()
