"""limit-idle-transactions: what later sessions of a role get, whose role may be changed, and the former value again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from console.actions.sessions.limit_idle_transactions import LIMIT_IDLE_TRANSACTIONS, SETTING
from console.actions.trail.undo import UNDO
from console.model import Kind, Outcome, Trouble
from console.running.trail.audit import default_trail
from tests.acting import Desk, held
from tests.founding import BORROWED, Ground, bare_server, borrowed, empty_ground  # noqa: F401  fixtures, found by name
from tests.killed import killed
from tests.servers import PostgresServer as Cluster
from tests.waiting import wait

WEB = "pipeline_app"
OWN = (
    "SELECT coalesce(array_to_string(array_agg(c ORDER BY c), ' '), '') "
    "FROM pg_db_role_setting s, unnest(s.setconfig) c WHERE s.setrole = '{}'::regrole AND s.setdatabase = 0"
)
pytestmark = pytest.mark.pg("!= 16, != 17, != 19")


@pytest.fixture
def desk(ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A superuser's console on a server with the role of an application, which has a setting of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    ground.desk.do(f"CREATE ROLE {WEB} LOGIN", f"ALTER ROLE {WEB} SET work_mem = '5MB'")
    return replace(ground.desk, trail=default_trail())


async def limited(desk: Desk, role: str = WEB, seconds: str = "300", outcome: Outcome = Outcome.DONE) -> list[str]:
    """Run the action; the notes of its plan."""
    run = await desk.run(LIMIT_IDLE_TRANSACTIONS, role=role, seconds=seconds)
    assert run.outcome is outcome, run.message
    return list(run.plan.notes)


async def refused(desk: Desk, role: str, seconds: str = "300") -> Trouble:
    with pytest.raises(Trouble) as caught:
        await desk.plan(LIMIT_IDLE_TRANSACTIONS, role=role, seconds=seconds)
    return caught.value


async def test_later_sessions_are_ended_in_a_forgotten_transaction_and_earlier_ones_are_not(
    ground: Ground, desk: Desk
) -> None:
    theirs = borrowed(ground, "")
    with theirs.session() as earlier:
        earlier.execute("BEGIN")
        notes = await limited(desk, BORROWED, "1")
        assert any("connected now keep what they have" in note for note in notes)
        with theirs.session() as later:
            later.execute("BEGIN")
            there = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {later.info.backend_pid}"
            wait(lambda: desk.ask(there) == 0)
            with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
                later.execute("SELECT 1")
        earlier.execute("SELECT 1")


async def test_the_former_value_or_none_comes_back_by_undo_and_other_settings_stay(desk: Desk) -> None:
    await limited(desk)
    assert desk.ask(OWN.format(WEB)) == f"{SETTING}=300s work_mem=5MB"
    await limited(desk, outcome=Outcome.NOTHING)
    assert (await desk.run(UNDO)).outcome is Outcome.DONE
    assert desk.ask(OWN.format(WEB)) == "work_mem=5MB"
    desk.do(f"ALTER ROLE {WEB} SET {SETTING} = '5min'")
    await limited(desk, outcome=Outcome.NOTHING)
    plan = await desk.plan(LIMIT_IDLE_TRANSACTIONS, role=WEB, seconds="reset")
    assert "until now 5min" in plan.steps[0].note
    await limited(desk, seconds="reset")
    assert desk.ask(OWN.format(WEB)) == "work_mem=5MB"
    assert (await desk.run(UNDO)).outcome is Outcome.DONE
    assert desk.ask(OWN.format(WEB)) == f"{SETTING}=5min work_mem=5MB"


async def test_what_goes_before_it_a_superuser_and_a_role_without_sessions_are_named(desk: Desk) -> None:
    desk.do(
        f"ALTER ROLE {WEB} IN DATABASE {desk.database} SET {SETTING} = '1h'",
        f"ALTER ROLE {WEB} SUPERUSER NOLOGIN",
    )
    notes = " ".join(await limited(desk))
    assert f"which goes before this one: {desk.database}: 1h." in notes
    assert f"{WEB} is a superuser" in notes
    assert f"{WEB} has NOLOGIN" in notes
    assert "PgBouncer" not in notes
    desk = replace(desk, poolers=("postgresql://nobody@127.0.0.1:1/pgbouncer",))
    plan = await desk.plan(LIMIT_IDLE_TRANSACTIONS, role=WEB, seconds="10")
    assert any("Behind PgBouncer the role is that of the server connections" in note for note in plan.notes)


async def test_only_whose_right_it_is_may_and_nobody_limits_the_console_or_a_role_that_is_not_there(
    ground: Ground, desk: Desk, bare: Cluster
) -> None:
    plain = borrowed(ground, "NOCREATEROLE")
    why = await refused(plain, WEB)
    assert (why.kind, why.sentence) == (
        Kind.REFUSED, f"Role {BORROWED} lacks CREATEROLE, without which it changes no other role."
    )  # fmt: skip
    desk.do(f"ALTER ROLE {BORROWED} CREATEROLE")
    if bare.major >= 16:
        why = await refused(plain, WEB)
        assert why.remedy == f"GRANT {WEB} TO {BORROWED} WITH ADMIN OPTION; -- as a superuser"
        desk.do(f"GRANT {WEB} TO {BORROWED} WITH ADMIN OPTION")
    await limited(plain)
    assert desk.ask(OWN.format(WEB)) == f"{SETTING}=300s work_mem=5MB"
    assert "only a superuser may" in (await refused(plain, "postgres")).sentence
    assert "the one that this console connects as" in (await refused(plain, BORROWED)).sentence
    assert "the one that this console connects as" in (await refused(desk, "postgres")).sentence
    assert (await refused(desk, "no one's")).sentence == "There is no role no one's."
    assert "one of PostgreSQL's own" in (await refused(desk, "pg_monitor")).sentence
    for seconds in ("0", "604801", "5min", ""):
        assert (await refused(desk, WEB, seconds)).kind is Kind.USAGE


async def test_a_quoted_name_is_one_role(desk: Desk) -> None:
    name = 'web "shop"; DROP ROLE pipeline_app'
    desk.do('CREATE ROLE "web ""shop""; DROP ROLE pipeline_app"')
    try:
        await limited(desk, name)
        kept = desk.ask("SELECT setconfig[1] FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = setrole "
                        "WHERE rolname LIKE 'web %'")  # fmt: skip
        assert kept == f"{SETTING}=300s"
    finally:
        desk.do('DROP ROLE "web ""shop""; DROP ROLE pipeline_app"')


async def test_a_killed_console_leaves_the_former_value_and_the_same_command_goes_on(desk: Desk) -> None:
    killed(desk, "limit-idle-transactions", "commit", role=WEB)
    assert desk.ask(OWN.format(WEB)) == "work_mem=5MB"
    await limited(desk)
    assert desk.ask(OWN.format(WEB)) == f"{SETTING}=300s work_mem=5MB"


async def test_another_change_of_the_role_that_is_open_is_not_waited_for(desk: Desk) -> None:
    with held(desk, f"ALTER ROLE {WEB} SET work_mem = '6MB'"):
        run = await desk.run(LIMIT_IDLE_TRANSACTIONS, patience=0.5, role=WEB)
        assert run.outcome is Outcome.FAILED
    await limited(desk)
    assert desk.ask(OWN.format(WEB)) == f"{SETTING}=300s work_mem=6MB"
