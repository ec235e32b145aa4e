"""create-roles on real servers without any role: who may what afterwards, and where passwords are, and are not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from console.actions.schema.create_roles import CREATE_ROLES, ROLES
from console.actions.server_folder import server_folder
from console.actions.trail.undo import UNDO
from console.cli.plan_text import plan_text, run_document
from console.files import local_files
from console.files.scram import matches
from console.model import Kind, LocalFile, Outcome, Trouble
from console.running.progress import Run
from console.sources.postgres import PostgresServer
from console.tui.plan_dialog import plan_text as dialog_text
from tests.acting import Desk
from tests.founding import BORROWED, Ground, bare_server, borrowed, carry_out, empty_ground  # noqa: F401  fixtures, found by name
from tests.servers import PostgresServer as Cluster
from tests.sources import console_of

pytestmark = pytest.mark.usefixtures("pg")
STORED = "SELECT rolpassword FROM pg_authid WHERE rolname = '{}'"


async def run(desk: Desk, ground: Ground, renew: str = "") -> Run:
    """Create the roles."""
    done = await desk.run(CREATE_ROLES, passwords=str(ground.passwords), renew=renew)
    assert done.outcome in {Outcome.DONE, Outcome.NOTHING}, done.message
    return done


@contextmanager
def refused(kind: type[psycopg.Error] = errors.InsufficientPrivilege) -> Iterator[None]:
    with pytest.raises(kind):
        yield


async def test_each_role_may_what_it_is_for(ground: Ground) -> None:
    ground.desk.do("CREATE TABLE public.before (id int)")
    await run(ground.desk, ground)
    assert set(ground.known) == set(ROLES)
    with ground.login("pipeline_owner") as owner:
        owner.execute("CREATE TABLE public.after (id int GENERATED ALWAYS AS IDENTITY, name text)")
        owner.execute("CREATE MATERIALIZED VIEW public.seen AS SELECT name FROM public.after")
    with ground.login("pipeline_app") as app:
        app.execute("INSERT INTO public.after (name) VALUES ('x')")
        app.execute("INSERT INTO public.before VALUES (1)")
        app.execute("UPDATE public.after SET name = 'y'")
        with refused():
            app.execute("CREATE TABLE public.mine (id int)")
        with refused():
            app.execute("TRUNCATE public.after")
        with refused():
            app.execute("SELECT pgbouncer.get_auth('pipeline_app')")
    with ground.login("pipeline_readonly") as reader:
        assert reader.execute("SELECT name FROM public.after").fetchall() == [("y",)]
        reader.execute("SELECT FROM public.before, public.seen")
        with refused():
            reader.execute("DELETE FROM public.after")
        with refused():
            reader.execute("SELECT nextval('public.after_id_seq')")
    with ground.login("pipeline_monitor") as monitor:
        assert monitor.execute("SELECT pg_has_role('pg_monitor', 'USAGE')").fetchone() == (True,)
        with refused():
            monitor.execute("SELECT FROM public.after")


async def test_the_pooler_is_told_verifiers_but_none_of_superusers(ground: Ground) -> None:
    await run(ground.desk, ground)
    with ground.login("pgbouncer_auth") as pooler:
        ((name, stored),) = pooler.execute("SELECT * FROM pgbouncer.get_auth('pipeline_app')").fetchall()
        assert name == "pipeline_app"
        assert matches(ground.known["pipeline_app"], stored)
        assert pooler.execute("SELECT * FROM pgbouncer.get_auth('postgres')").fetchall() == []


async def test_no_password_leaves_the_file(ground: Ground) -> None:
    done = await run(ground.desk, ground)
    shown = run_document(done) + plan_text(done.plan) + dialog_text(done.plan, 120).plain
    shown += str((await console_of(ground.desk.trail, [done]).fetch("activity_run", {"run": done.id})).rows)
    kept = ground.desk.trail.path.read_text()
    log = ground.log.read_text(errors="replace")
    assert "CREATE ROLE pipeline_app LOGIN PASSWORD" in log
    for secret in ground.known.values():
        assert len(secret) >= 32
        assert secret not in shown + kept + log
    assert "SCRAM-SHA-256$4096" in log
    assert "SCRAM-SHA-256$4096" not in shown + kept
    assert any("log_statement is all" in note for note in done.plan.notes)
    assert str(ground.passwords) in " ".join(done.plan.notes)
    assert ground.passwords.stat().st_mode & 0o777 == 0o600


async def test_a_plan_alone_writes_nothing(ground: Ground) -> None:
    plan = await ground.desk.plan(CREATE_ROLES, passwords=str(ground.passwords))
    assert plan.steps
    assert not ground.passwords.exists()


async def test_running_again_plans_only_what_is_missing(ground: Ground) -> None:
    await run(ground.desk, ground)
    assert (await run(ground.desk, ground)).outcome is Outcome.NOTHING
    ground.desk.do(
        "REVOKE pg_monitor FROM pipeline_monitor",
        "ALTER DEFAULT PRIVILEGES FOR ROLE pipeline_owner REVOKE DELETE ON TABLES FROM pipeline_app",
        "GRANT EXECUTE ON FUNCTION pgbouncer.get_auth(text) TO PUBLIC",
        "DROP OWNED BY pipeline_readonly",
        "DROP ROLE pipeline_readonly",
        "CREATE TABLE public.later (id int)",
    )
    stored = ground.desk.ask(STORED.format("pipeline_app"))
    before = ground.known
    done = await run(ground.desk, ground)
    statements = "\n".join(step.sql for step in done.plan.steps)
    assert "CREATE ROLE pipeline_app" not in statements
    assert "GRANT pg_monitor TO pipeline_monitor" in statements
    assert "GRANT SELECT ON TABLE public.later TO pipeline_readonly" in statements
    assert ground.known == before
    assert ground.desk.ask(STORED.format("pipeline_app")) == stored
    ground.login("pipeline_readonly").close()
    assert (await run(ground.desk, ground)).outcome is Outcome.NOTHING


async def test_a_password_changes_only_when_asked(ground: Ground) -> None:
    await run(ground.desk, ground)
    chosen = "Kürbis=ﬁ\u00a0x"
    ground.passwords.write_text(f"# ours\npipeline_app={chosen}\n")
    assert (await run(ground.desk, ground)).outcome is Outcome.NOTHING
    done = await run(ground.desk, ground, renew="pipeline_app, pipeline_monitor")
    assert [step.undo for step in done.plan.steps if "ALTER ROLE" in step.sql] == ["", ""]
    assert ground.passwords.read_text().startswith(f"# ours\npipeline_app={chosen}\npipeline_monitor=")
    for name in ("pipeline_app", "pipeline_monitor"):
        ground.login(name).close()
    assert (await run(ground.desk, ground, renew="pipeline_app")).outcome is Outcome.NOTHING
    with pytest.raises(Trouble) as why:
        await run(ground.desk, ground, renew="postgres")
    assert why.value.kind is Kind.USAGE


async def test_a_file_that_others_may_read_is_refused(ground: Ground) -> None:
    ground.passwords.write_text("pipeline_app=x\n")
    ground.passwords.chmod(0o644)
    with pytest.raises(Trouble, match="others may read it") as why:
        await run(ground.desk, ground)
    assert why.value.kind is Kind.REFUSED
    assert f"chmod 600 {ground.passwords}" in why.value.remedy


async def test_a_file_changed_since_the_plan_is_left_alone(ground: Ground) -> None:
    plan = await ground.desk.plan(CREATE_ROLES, passwords=str(ground.passwords))
    ground.passwords.write_text("pipeline_app=mine\n")
    ground.passwords.chmod(0o600)
    done = await carry_out(ground.desk, plan)
    assert done.outcome is Outcome.REFUSED
    assert "has changed since the plan was made" in done.message
    assert ground.passwords.read_text() == "pipeline_app=mine\n"
    assert ground.desk.ask("SELECT count(*) FROM pg_roles WHERE rolname = 'pipeline_app'") == 0


async def test_a_run_that_ended_after_the_file_was_written_goes_on(ground: Ground) -> None:
    plan = await ground.desk.plan(CREATE_ROLES, passwords=str(ground.passwords))
    file = plan.steps[0].execution
    assert isinstance(file, LocalFile)
    local_files.write(file)
    before = ground.known
    await run(ground.desk, ground)
    assert ground.known == before
    ground.login("pipeline_app").close()


async def test_without_the_right_nothing_is_done_and_the_right_is_named(ground: Ground) -> None:
    desk = borrowed(ground, "NOCREATEROLE")
    with pytest.raises(Trouble, match="lacks CREATEROLE") as why:
        await run(desk, ground)
    assert why.value.kind is Kind.REFUSED
    assert f"ALTER ROLE {BORROWED} CREATEROLE;" in why.value.remedy
    assert not ground.passwords.exists()


async def test_createrole_is_enough_where_the_server_allows(ground: Ground, bare: Cluster) -> None:
    desk = borrowed(ground, "CREATEROLE")
    if bare.major >= 16:
        with pytest.raises(Trouble, match="may not grant pg_monitor, pg_signal_backend") as why:
            await run(desk, ground)
        grant = f"GRANT pg_monitor, pg_signal_backend TO {BORROWED} WITH ADMIN OPTION;"
        assert grant in why.value.remedy
        ground.desk.do(grant)
    done = await run(desk, ground)
    assert any("Skipped: pgbouncer.get_auth" in note for note in done.plan.notes)
    assert not desk.ask(
        "SELECT pg_has_role('pipeline_owner', 'SET')"
        if bare.major >= 16
        else "SELECT pg_has_role('pipeline_owner', 'MEMBER')"
    )
    with ground.login("pipeline_owner") as owner:
        if bare.major >= 15:  # before, the schema public is not the database owner's
            owner.execute("CREATE TABLE public.t (id int)")
            ground.login("pipeline_app").execute("INSERT INTO public.t VALUES (1)").connection.close()
    assert (await run(desk, ground)).outcome is Outcome.NOTHING
    ground.desk.do(f"REASSIGN OWNED BY {BORROWED} TO postgres")


async def test_a_look_up_in_a_schema_of_somebody_else_is_refused(ground: Ground) -> None:
    borrowed(ground, "")
    ground.desk.do(f"CREATE SCHEMA pgbouncer AUTHORIZATION {BORROWED}")
    with pytest.raises(Trouble, match=f"owned by {BORROWED}"):
        await run(ground.desk, ground)


async def test_what_was_created_is_taken_back(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.actions.trail.undo.default_trail", lambda: ground.desk.trail)
    await run(ground.desk, ground)
    done = await ground.desk.run(UNDO)
    assert done.outcome is Outcome.DONE, done.message
    names = ",".join(ROLES)
    assert ground.desk.ask(f"SELECT count(*) FROM pg_roles WHERE rolname = ANY ('{{{names}}}')") == 0
    assert ground.desk.ask("SELECT count(*) FROM pg_namespace WHERE nspname = 'pgbouncer'") == 0
    entries = [json.loads(line) for line in ground.desk.trail.path.read_text().splitlines()]
    assert entries[-1]["outcome"] == "done"


async def test_each_server_has_a_folder_of_its_own(ground: Ground, pg: Cluster, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        folders = []
        for uri in (ground.desk.uri, pg.uri()):
            server = PostgresServer(uri)
            try:
                folders.append(await server_folder(server))
            finally:
                await server.close()
        assert len(set(folders)) == 2
        assert {folder.parent for folder in folders} == {tmp_path / "pipeline-console" / "servers"}
        planned = await ground.desk.plan(CREATE_ROLES)
    assert str(folders[0] / "passwords") in " ".join(planned.notes)
