"""create-extensions on real servers: what is missing or outdated, what needs a restart, a right or a package."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.actions.schema.create_extensions import CONTRIB, CREATE_EXTENSIONS
from console.model import Kind, Outcome, Trouble
from console.running.trail.audit import Trail
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers

INSTALLED = (
    "SELECT coalesce(string_agg(extname, ',' ORDER BY extname), '') FROM pg_extension WHERE extname <> 'plpgsql'"
)
VERSION = "SELECT extversion FROM pg_extension WHERE extname = 'pg_stat_statements'"
NEWEST = "SELECT default_version FROM pg_available_extensions WHERE name = 'pg_stat_statements'"


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    """A superuser at an empty database."""
    return Desk(pg, database, Trail(tmp_path / "audit.jsonl"))


@pytest.fixture
def owner(desk: Desk) -> Desk:
    """The owner of the database, no superuser."""
    return Desk(desk.cluster, desk.database, desk.trail, user="pipeline_owner")


async def test_all_are_created_and_again_nothing(desk: Desk) -> None:
    done = await desk.run(CREATE_EXTENSIONS)
    assert done.outcome is Outcome.DONE, done.message
    assert desk.ask(INSTALLED) == ",".join(sorted(CONTRIB))
    assert done.undo == tuple(f"DROP EXTENSION {name}" for name in reversed(CONTRIB))
    assert (await desk.run(CREATE_EXTENSIONS)).outcome is Outcome.NOTHING


async def test_an_outdated_one_is_updated(desk: Desk) -> None:
    desk.do("CREATE EXTENSION pg_stat_statements WITH SCHEMA public VERSION '1.4'")
    done = await desk.run(CREATE_EXTENSIONS, extensions="pg_stat_statements")
    assert [step.sql for step in done.plan.steps] == [
        f"ALTER EXTENSION pg_stat_statements UPDATE TO '{desk.ask(NEWEST)}'"
    ]
    assert desk.ask(VERSION) == desk.ask(NEWEST)


async def test_what_only_a_superuser_may_is_named_and_nothing_done(owner: Desk, desk: Desk) -> None:
    with pytest.raises(Trouble, match="may not create or update pg_stat_statements, pgstattuple") as why:
        await owner.run(CREATE_EXTENSIONS)
    assert why.value.kind is Kind.REFUSED
    assert "CREATE EXTENSION pg_stat_statements WITH SCHEMA public; CREATE EXTENSION pgstattuple" in why.value.remedy
    assert "btree_gin" not in why.value.sentence
    assert owner.ask(INSTALLED) == ""
    desk.do(why.value.remedy)  # as it is printed, by a superuser
    assert "pgstattuple" in owner.ask(INSTALLED)


async def test_a_trusted_one_needs_no_superuser(owner: Desk, desk: Desk) -> None:
    if owner.cluster.major < 15:
        desk.do("GRANT CREATE ON SCHEMA public TO pipeline_owner")
    done = await owner.run(CREATE_EXTENSIONS, extensions="btree_gin")
    assert done.outcome is Outcome.DONE, done.message
    assert owner.ask(INSTALLED) == "btree_gin"


async def test_the_grant_for_a_trusted_one_is_exact(desk: Desk) -> None:
    stranger = Desk(desk.cluster, desk.database, desk.trail, user="pipeline_app")
    with pytest.raises(Trouble) as why:
        await stranger.run(CREATE_EXTENSIONS, extensions="btree_gin")
    for grant in (
        f"GRANT CREATE ON DATABASE {desk.database} TO pipeline_app;",
        "GRANT CREATE ON SCHEMA public TO pipeline_app;",
    ):
        assert grant in why.value.remedy
        desk.do(grant)
    assert (await stranger.run(CREATE_EXTENSIONS, extensions="btree_gin")).outcome is Outcome.DONE


async def test_one_without_files_is_left_out_and_its_package_named(desk: Desk) -> None:
    done = await desk.run(CREATE_EXTENSIONS, extensions="pg_prewarm, no_such_thing")
    assert done.outcome is Outcome.DONE, done.message
    assert desk.ask(INSTALLED) == "pg_prewarm"
    (note,) = done.plan.notes
    assert note.startswith("no_such_thing is skipped: it is not available on the server; install ")
    assert f"postgresql-{desk.cluster.major}" in note or "postgresql-contrib" in note


@pytest.mark.parametrize(
    ("libraries", "told"),
    [("pg_stat_statements", ""), ("auto_explain", "shared_preload_libraries = 'auto_explain, pg_stat_statements'")],
)
async def test_a_restart_that_is_needed_is_told(
    pg: Cluster, pg_servers: Servers, tmp_path: Path, libraries: str, told: str
) -> None:
    server = pg_servers.new(pg.major, {"shared_preload_libraries": libraries})
    try:
        plan = await Desk(server, "postgres", Trail(tmp_path / "audit.jsonl")).plan(CREATE_EXTENSIONS)
    finally:
        server.stop()
    assert any(told in note and "restart" in note for note in plan.notes) is bool(told)
    assert not any("shared_preload" in step.sql for step in plan.steps)


async def test_another_schema_must_exist(desk: Desk) -> None:
    with pytest.raises(Trouble, match="Schema extensions does not exist"):
        await desk.plan(CREATE_EXTENSIONS, schema="extensions")
    desk.do('CREATE SCHEMA "a ""b; c"')
    done = await desk.run(CREATE_EXTENSIONS, schema='a "b; c', extensions="btree_gin")
    assert done.outcome is Outcome.DONE, done.message


async def test_a_name_that_is_none_is_refused(desk: Desk) -> None:
    with pytest.raises(Trouble) as why:
        await desk.plan(CREATE_EXTENSIONS, extensions="btree_gin; DROP TABLE x")
    assert why.value.kind is Kind.USAGE
