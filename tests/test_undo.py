"""undo: reverts the last run, last step first, and never twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import sql
from console.actions import action
from console.actions.planning import plan
from console.actions.trail.undo import UNDO
from console.demo.cluster import OWNER
from console.model import Claim, Kind, Outcome, Plan, Standalone, Step, Transaction, Trouble
from console.running.progress import Run
from console.running.runner import Runner
from console.running.trail.audit import Trail, default_trail, process
from console.settings.config import load
from console.sources.postgres import ActingSession, PostgresServer
from console.tui.plan_dialog import PlanDialog
from tests.acting import Desk
from tests.screens import console as opened
from tests.screens import until
from tests.servers import PostgresServer as Cluster
from tests.test_every_key import leave

SETTINGS = load(environ={"HOME": "/nonexistent"})
MADE = (
    Step("CREATE TABLE public.one (n int)", undo="DROP TABLE public.one"),
    Step("CREATE INDEX one_n ON public.one (n)", execution=Standalone(), undo="DROP INDEX CONCURRENTLY public.one_n"),
    Step("ANALYZE public.one", execution=Standalone()),
)


@pytest.fixture(autouse=True)
def trail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trail:
    """The trail of this user is one of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return default_trail()


class Console:
    """One role on one database."""

    def __init__(self, pg: Cluster, database: str, user: str = OWNER) -> None:
        self.uri = pg.uri(database, user)

    async def run(self, *steps: Step, action: str = "test", subject: str = "public.one") -> Run:
        return await self.carry_out(Plan(Claim(subject, name="one"), steps, action=action))

    async def carry_out(self, made: Plan) -> Run:
        server = PostgresServer(self.uri)
        try:
            await server.connect()
            return await Runner(ActingSession(self.uri), server, default_trail()).run(made)
        finally:
            await server.close()

    async def planned(self, **given: str) -> Plan:
        server = PostgresServer(self.uri)
        try:
            return await plan(UNDO, server, given, SETTINGS)
        finally:
            await server.close()


@pytest.fixture
def console(pg: Cluster, database: str) -> Console:
    return Console(pg, database)


def tables(pg: Cluster, database: str) -> set[str]:
    with pg.connect(database) as session:
        return {str(row[0]) for row in session.execute("SELECT relname FROM pg_stat_user_tables").fetchall()}


async def test_one_key_plans_to_undo_the_last_run(pg: Cluster, database: str, console: Console) -> None:
    await console.run(*MADE)
    async with opened(console.uri) as (app, pilot):
        await until(pilot, lambda: app.pane_view.arranged is not None)
        await pilot.press("O")
        await until(pilot, lambda: isinstance(app.screen, PlanDialog))
        dialog = app.screen
        assert isinstance(dialog, PlanDialog)
        assert [step.sql for step in dialog._plan.steps][-1] == "DROP TABLE public.one"
        await leave(app, pilot, "O")
    assert "one" in tables(pg, database)


async def test_the_last_run_is_taken_back_last_statement_first_and_the_audit_refers_to_it(
    pg: Cluster, database: str, console: Console, trail: Trail
) -> None:
    done = await console.run(*MADE)
    made = await console.planned()
    assert [step.sql for step in made.steps] == ["DROP INDEX CONCURRENTLY public.one_n", "DROP TABLE public.one"]
    assert [step.execution for step in made.steps] == [Standalone(0.0), Transaction("1")]
    assert (made.claim.subject, made.claim.typed, made.destructive) == ("public.one", "one", True)
    undone = await console.carry_out(made)
    assert undone.outcome is Outcome.DONE
    assert tables(pg, database) == set()
    told = [entry for entry in trail.entries() if entry["run"] == undone.id]
    assert all(entry["action"] == "undo" and entry["parameters"] == {"run": done.id} for entry in told)


async def test_an_undo_is_not_undone(console: Console) -> None:
    done = await console.run(*MADE)
    await console.carry_out(await console.planned())
    with pytest.raises(Trouble, match="itself an undo") as caught:
        await console.planned()
    assert caught.value.kind is Kind.REFUSED
    assert (await console.planned(run=done.id)).steps == ()  # all of it was undone already


async def test_nothing_to_undo_is_refused(console: Console) -> None:
    with pytest.raises(Trouble, match="nothing to undo") as caught:
        await console.planned()
    assert caught.value.kind is Kind.REFUSED
    await console.run(Step("SELECT 1"))
    with pytest.raises(Trouble, match="nothing to undo"):
        await console.planned()


async def test_of_a_last_run_that_cannot_be_undone_none_is_and_an_older_one_must_be_named(console: Console) -> None:
    first = await console.run(*MADE)
    await console.run(Step("ANALYZE public.one"), action="analyze-table")
    failed = await console.run(Step("CREATE TABLE public.one ()", undo="DROP TABLE public.one"), action="again")
    assert failed.outcome is Outcome.FAILED
    with pytest.raises(Trouble, match="last run here cannot be undone: analyze-table") as caught:
        await console.planned()
    assert caught.value.kind is Kind.REFUSED
    assert caught.value.remedy.startswith("The newest run that can be is test of public.one at ")
    assert f"--set run={first.id}" in caught.value.remedy
    made = await console.planned(run=first.id)
    assert len(made.steps) == 2
    assert "analyze-table" in made.notes[1]
    assert "again" not in made.notes[1]


async def test_runs_of_other_databases_and_roles_are_not_touched(pg: Cluster, database: str, console: Console) -> None:
    await console.run(*MADE)
    other = pg.fresh_database(owner=OWNER)
    try:
        for elsewhere in (Console(pg, other), Console(pg, database, "postgres")):
            with pytest.raises(Trouble, match="nothing to undo"):
                await elsewhere.planned()
    finally:
        pg.drop_database(other)


async def test_an_undo_that_was_stopped_goes_on(pg: Cluster, database: str, console: Console) -> None:
    await console.run(*MADE)
    with pg.connect(database) as session:
        session.execute("CREATE VIEW public.uses AS SELECT n FROM public.one")
    stopped = await console.carry_out(await console.planned())
    assert stopped.outcome is Outcome.STOPPED
    with pg.connect(database) as session:
        session.execute("DROP VIEW public.uses")
    made = await console.planned()
    assert [step.sql for step in made.steps] == ["DROP TABLE public.one"]
    assert (await console.carry_out(made)).outcome is Outcome.DONE
    with pytest.raises(Trouble, match="itself an undo"):
        await console.planned()


def kill(trail: Trail, process: str) -> None:
    """The trail as a console of that process leaves it that was killed before its run ended."""
    kept = [entry for entry in trail.entries() if entry["event"] != "end"]
    trail.path.unlink()
    for entry in kept:
        trail.write({**entry, "process": process})


async def test_a_run_whose_console_was_killed_is_undone_by_what_its_steps_left(
    pg: Cluster, database: str, console: Console, trail: Trail
) -> None:
    await console.run(*MADE)
    kill(trail, process())
    with pytest.raises(Trouble, match="has not ended"):
        await console.planned()
    kill(trail, "elsewhere 1 1")
    assert [step.sql for step in (await console.planned()).steps] == [MADE[1].undo, MADE[0].undo]


async def test_what_concerns_a_password_is_refused(console: Console) -> None:
    done = await console.run(
        Step("SELECT 1", undo="ALTER ROLE CURRENT_USER PASSWORD 'hush'"),
    )
    with pytest.raises(Trouble, match="password"):
        await console.planned(run=done.id)


async def test_a_run_that_does_not_exist_is_wrong_usage(console: Console) -> None:
    with pytest.raises(Trouble, match="There is no run") as caught:
        await console.planned(run="nowhere")
    assert caught.value.kind is Kind.USAGE


async def test_the_audit_table_of_the_database_says_which_runs_were_undone(
    pg: Cluster, database: str, console: Console
) -> None:
    with pg.connect(database, OWNER) as session:
        session.execute((sql.content() / "sql" / "schema" / "0011_audit.sql").read_bytes())
    first = await console.run(*MADE)
    second = await console.run(Step("CREATE TABLE public.two ()", undo="DROP TABLE public.two"), subject="public.two")
    undo = await console.carry_out(await console.planned(run=first.id))
    again = await console.run(*MADE)
    server = PostgresServer(console.uri)
    try:
        found = await server.fetch("audit_database")
    finally:
        await server.close()
    rows = {str(row["run"]): (row["outcome"], row["undo"]) for row in found.records()}
    assert rows == {
        first.id: ("undone", False),
        second.id: ("done", True),
        undo.id: ("done", False),
        again.id: ("done", True),
    }


async def test_an_undo_that_left_an_invalid_index_removes_it_and_goes_on(
    pg: Cluster, database: str, trail: Trail
) -> None:
    desk = Desk(pg, database, trail)
    desk.do(
        "CREATE TABLE public.t (id int, n int)",
        "INSERT INTO public.t SELECT g, g FROM generate_series(1, 10) g",
        'CREATE INDEX "the index" ON public.t ((10 / n)) TABLESPACE pg_default WHERE id > 0',
    )
    assert (await desk.run(action("drop-index"), index='public."the index"')).outcome is Outcome.DONE
    desk.do("INSERT INTO public.t VALUES (11, 0)")  # ends the build, as a full disk does
    assert (await desk.run(action("undo"))).outcome is Outcome.FAILED
    assert desk.ask("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 1
    desk.do("DELETE FROM public.t WHERE id = 11")
    run = await desk.run(action("undo"))
    assert run.outcome is Outcome.DONE, run.message
    assert desk.ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'public.\"the index\"'::regclass")
