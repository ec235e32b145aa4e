"""repack-table on real servers that have pg_repack: bloat goes, nobody is locked out, leftovers are mended."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.actions.maintenance import repack
from console.actions.maintenance.repack import REPACK_TABLE
from console.actions.planning import plan
from console.demo.cluster import OWNER
from console.model import Kind, Outcome, Trouble
from console.running.runner import Runner
from console.running.trail.audit import Trail
from console.sources.postgres import ActingSession, PostgresServer
from tests.acting import Desk, held
from tests.care import bloat, done
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers
from tests.waiting import wait

SIZE = "SELECT pg_relation_size('public.bloated')"
LEFT = "SELECT count(*) FROM pg_class WHERE relnamespace = 'repack'::regnamespace AND relname ~ '^(log|table)_[0-9]+$'"
ODD = "\"';DROP TABLE public.bloated;--"


@pytest.fixture
def desk(pg_servers: Servers, tmp_path: Path) -> Iterator[Desk]:
    """A bloated table on a server that has pg_repack."""
    cluster = next(filter(has_repack, (pg_servers[major] for major in sorted(pg_servers))), None)
    if cluster is None:
        pytest.skip("no server with pg_repack")
    desk = Desk(cluster, cluster.fresh_database(), Trail(tmp_path / "audit.jsonl"))
    bloat(desk)
    yield desk
    cluster.drop_database(desk.database)


def has_repack(cluster: Cluster) -> bool:
    if not os.access(f"/usr/lib/postgresql/{cluster.major}/bin/pg_repack", os.X_OK):
        return False
    with cluster.connect() as session:
        return bool(session.execute("SELECT FROM pg_available_extensions WHERE name = 'pg_repack'").fetchall())


async def test_bloat_goes_and_every_row_stays(desk: Desk) -> None:
    before = desk.ask(SIZE)
    run = await desk.run(REPACK_TABLE, table="bloated")
    done(run)
    assert desk.ask(SIZE) < before / 5
    assert desk.ask("SELECT count(*) FROM public.bloated") == 500
    assert desk.ask(LEFT) == 0
    assert "--no-kill-backend" in run.steps[-1].step.sql
    assert "passw" not in run.steps[-1].step.sql.replace("--no-password", "")


async def test_a_malicious_name_is_an_argument_and_nothing_else(desk: Desk) -> None:
    quoted = '"' + ODD.replace('"', '""') + '"'
    desk.do(f"CREATE TABLE public.{quoted} (id int PRIMARY KEY)", f"INSERT INTO public.{quoted} VALUES (1)")
    done(await desk.run(REPACK_TABLE, table=ODD))
    assert desk.ask("SELECT count(*) FROM public.bloated") == 500


async def test_it_gives_up_beside_a_long_reader_and_says_so_and_cancels_nobody(desk: Desk) -> None:
    with held(desk, "SELECT count(*) FROM public.bloated"):
        run = await desk.run(REPACK_TABLE, table="bloated", wait_timeout="1")
    assert run.outcome is Outcome.FAILED
    assert "did not get its lock" in run.message
    assert desk.ask(LEFT) == 0


async def test_what_a_killed_one_left_is_named_and_dropped_by_running_it_again(desk: Desk) -> None:
    oid = desk.ask("SELECT 'public.bloated'::regclass::oid")
    desk.do(
        f"CREATE TYPE repack.pk_{oid} AS (id int)",
        f"CREATE TABLE repack.log_{oid} (id bigint PRIMARY KEY, pk repack.pk_{oid}, row public.bloated)",
        "CREATE TRIGGER repack_trigger AFTER INSERT ON public.bloated FOR EACH ROW "
        f"EXECUTE FUNCTION repack.repack_trigger('INSERT INTO repack.log_{oid}(pk, row) VALUES(NULL, $2)')",
    )
    run = await desk.run(REPACK_TABLE, table="bloated")
    done(run)
    assert [one.step.sql.split()[1] for one in run.steps[:-1]] == ["TRIGGER", "TABLE", "TYPE"]
    assert desk.ask(LEFT) == 0


async def test_stopping_the_run_stops_the_program_and_it_cleans_up(desk: Desk) -> None:
    server = PostgresServer(desk.uri)
    made = await plan(REPACK_TABLE, server, {"table": "bloated"}, desk.settings)
    with held(desk, "SELECT count(*) FROM public.bloated"):
        task = asyncio.create_task(Runner(ActingSession(desk.uri), server, desk.trail).run(made))
        working = "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'pg_repack'"
        await asyncio.to_thread(wait, lambda: desk.ask(working))
        task.cancel()
        run = await task
    await server.close()
    assert run.outcome is Outcome.FAILED
    await asyncio.to_thread(wait, lambda: not desk.ask(working))
    assert desk.ask(LEFT) == 0


async def test_functions_of_the_owner_do_not_run_as_a_superuser(desk: Desk) -> None:
    desk.do(f"GRANT CREATE ON SCHEMA public TO {OWNER}", f"ALTER TABLE public.bloated OWNER TO {OWNER}")
    with pytest.raises(Trouble, match="could add functions to them meanwhile") as caught:
        await desk.plan(REPACK_TABLE, table="bloated")
    assert caught.value.kind is Kind.REFUSED
    assert f"Connect as {OWNER}" in caught.value.remedy
    trusted = await desk.run(REPACK_TABLE, table="bloated", trust_owner="yes")
    done(trusted)
    assert "run with your rights" in trusted.steps[-1].step.note
    with desk.session(OWNER) as owner:
        owner.execute("CREATE FUNCTION public.evil(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1'")
        owner.execute("CREATE INDEX ON public.bloated (public.evil(id))")
    with pytest.raises(Trouble, match="rights of a superuser") as caught:
        await desk.plan(REPACK_TABLE, table="bloated", trust_owner="yes")
    assert caught.value.kind is Kind.REFUSED


async def test_what_is_missing_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.do("CREATE TABLE public.keyless (id int)")
    with pytest.raises(Trouble, match="primary key"):
        await desk.plan(REPACK_TABLE, table="keyless")
    with monkeypatch.context() as other:
        other.setattr(repack, "_candidates", lambda major: iter(()))
        with pytest.raises(Trouble, match="not installed on this machine") as caught:
            await desk.plan(REPACK_TABLE, table="bloated")
    assert f"postgresql-{desk.cluster.major}-repack" in caught.value.remedy
    desk.do("DROP EXTENSION pg_repack")
    with pytest.raises(Trouble, match="CREATE EXTENSION pg_repack"):
        await desk.plan(REPACK_TABLE, table="bloated")


@pytest.mark.pg("< 19")
async def test_a_server_without_it_says_which_package_has_it(pg: Cluster, tmp_path: Path) -> None:
    name = pg.fresh_database()
    try:
        desk = Desk(pg, name, Trail(tmp_path / "audit.jsonl"))
        desk.do("CREATE TABLE public.t (id int PRIMARY KEY)")
        with pytest.raises(Trouble, match="not installed in this database") as caught:
            await desk.plan(REPACK_TABLE, table="t")
        assert f"postgresql-{pg.major}-repack" in caught.value.remedy or "CREATE EXTENSION" in caught.value.remedy
    finally:
        pg.drop_database(name)
