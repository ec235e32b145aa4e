"""A console that stays open while its standby is promoted, its primary goes away, or becomes a standby."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from console.actions import action
from console.model import Kind, Outcome, Snapshot, Trouble
from console.panes import PANES
from console.running.trail.audit import Trail
from console.settings.config import Wanted
from console.workspace import Workspace
from tests.screens import console, settings, shows
from tests.servers import PostgresServer, Servers
from tests.standbys import standby_of
from tests.waiting import eventually, wait


@pytest.fixture
def primary(pg_servers: Servers) -> Iterator[PostgresServer]:
    """A server that no other test needs."""
    if pg_servers.choices[pg_servers.newest].installation is None:
        pytest.skip("needs local binaries")
    server = pg_servers.new(pg_servers.newest, {})
    with server.connect() as session:
        session.execute("CREATE EXTENSION pg_stat_statements")
        session.execute("CREATE TABLE public.t (id int PRIMARY KEY)")
    yield server
    server.stop()


def promote(server: PostgresServer) -> None:
    with server.connect() as session:
        session.execute("SELECT pg_promote()")


def in_recovery(server: PostgresServer) -> bool:
    with server.connect() as session:
        return session.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)


async def reads_everything(workspace: Workspace) -> list[str]:
    """Read each view as the open console does; what failed."""
    failed = []
    for view in (view for pane in PANES for view in pane.views if pane.source_of(view) == "postgres"):
        try:
            await workspace.sources.postgres.fetch(view.query)
        except Trouble as why:
            if why.kind is not Kind.MISSING:  # an extension that is not there
                failed.append(f"{view.query}: {why}")
    return failed


async def test_a_standby_that_is_promoted_is_a_primary_at_once(
    pg_servers: Servers, primary: PostgresServer, tmp_path: Path
) -> None:
    trail = Trail(tmp_path / "audit.jsonl")
    with standby_of(pg_servers, primary) as standby:
        async with (
            Workspace(settings(), Wanted(standby.uri()), trail=trail) as workspace,
            console(standby.uri()) as (_, pilot),
        ):
            await shows(pilot, " standby ")
            with pytest.raises(Trouble, match="This server is a standby"):
                await workspace.plan(action("vacuum-table"), {"table": "public.t"})
            before = (await workspace.observer.look(everything=True)).judged
            promote(standby)
            await shows(pilot, " primary ")
            assert await reads_everything(workspace) == []
            verdict = await workspace.observer.look(everything=True)
            assert [finding.sentence for finding in verdict.findings if "standby" in finding.sentence] == []
            assert before <= verdict.judged, "a rule that was judged is judged on a primary too"
            with pytest.raises(Trouble, match="This server is a primary"):
                await workspace.plan(action("resume-replay"), {})
            run = await workspace.run(await workspace.plan(action("vacuum-table"), {"table": "public.t"}))
            assert run.outcome is Outcome.DONE, run.message
            assert '"standby": true' not in trail.path.read_text(), "the trail says what the server was then"
        async with Workspace(settings(), Wanted(primary.uri()), trail=trail) as workspace:
            run = await workspace.run(await workspace.plan(action("vacuum-table"), {"table": "public.t"}))
            assert run.outcome is Outcome.DONE, run.message


async def test_a_plan_that_was_made_before_a_server_became_a_standby_changes_nothing(
    primary: PostgresServer, tmp_path: Path
) -> None:
    assert primary.data is not None
    async with (
        Workspace(settings(), Wanted(primary.uri()), trail=Trail(tmp_path / "audit.jsonl")) as workspace,
        console(primary.uri()) as (_, pilot),
    ):
        planned = await workspace.plan(action("vacuum-table"), {"table": "public.t"})
        await shows(pilot, " primary ")
        primary.stop()
        (primary.data / "standby.signal").touch()
        primary.start()
        wait(lambda: in_recovery(primary))
        run = await workspace.run(planned)
        assert run.outcome is Outcome.FAILED
        assert "recovery" in run.message
        await shows(pilot, " standby ")
        await eventually(lambda: _refused_as_standby(workspace))
        assert await reads_everything(workspace) == []
        await workspace.observer.look(everything=True)
        assert workspace.observer.unreachable is None


async def _refused_as_standby(workspace: Workspace) -> bool:
    try:
        await workspace.plan(action("vacuum-table"), {"table": "public.t"})
    except Trouble as why:
        return why.sentence.startswith("This server is a standby")
    return False


async def test_counters_of_the_old_primary_are_not_compared_with_those_of_the_new_one(
    pg_servers: Servers, primary: PostgresServer, tmp_path: Path
) -> None:
    with standby_of(pg_servers, primary) as standby:
        hosts = {"host": f"{primary.host},{standby.host}", "port": f"{primary.port},{standby.port}"}
        both = make_conninfo(primary.uri(), **hosts, target_session_attrs="primary")
        async with Workspace(settings(), Wanted(both), trail=Trail(tmp_path / "audit.jsonl")) as workspace:
            await workspace.observer.look(everything=True)
            old = await workspace.sources.postgres.fetch("database_counters")
            for _ in range(60):  # more than the primary has counted
                standby.connect().close()
            primary.stop()
            promote(standby)
            await eventually(lambda: _answers(workspace))
            new = await workspace.sources.postgres.fetch("database_counters")
            assert _sessions(new) > _sessions(old), "else a counter that fell would do"
            assert new.since(old) is None
            await workspace.observer.look(everything=True)
            kept = workspace.observer.frame.readings["database_counters"]
            assert {reading.origin for reading in kept} == {new.origin}
            run = await workspace.run(await workspace.plan(action("vacuum-table"), {"table": "public.t"}))
            assert run.outcome is Outcome.DONE, run.message
            assert workspace.sources.postgres.facts.host == f"{standby.host}:{standby.port}"


async def _answers(workspace: Workspace) -> bool:
    try:
        await workspace.sources.postgres.fetch("vitals")
    except Trouble as why:
        if why.kind is Kind.UNREACHABLE:
            return False
        raise
    return True


def _sessions(taken: Snapshot) -> int:
    return sum(int(str(row["sessions"])) for row in taken.records())


async def test_a_replay_that_is_to_be_resumed_on_a_server_that_was_promoted_meanwhile_says_so(
    primary: PostgresServer, pg_servers: Servers, tmp_path: Path
) -> None:
    with standby_of(pg_servers, primary) as standby:
        with standby.connect() as session:
            session.execute("SELECT pg_wal_replay_pause()")
        wanted = Wanted(standby.uri())
        async with Workspace(settings(), wanted, trail=Trail(tmp_path / "audit.jsonl")) as workspace:

            async def steps() -> bool:
                return bool((await workspace.plan(action("resume-replay"), {})).steps)

            await eventually(steps)
            plan = await workspace.plan(action("resume-replay"), {})
            promote(standby)
            wait(lambda: not in_recovery(standby))
            run = await workspace.run(plan)
    assert run.outcome is Outcome.FAILED
    assert "The server was promoted: it replays no WAL any more." in run.message
