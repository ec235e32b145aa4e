"""Upgrade: what stands in its way is found and named with what fixes it, as pg_upgrade itself finds it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from console.doctor import Status, examine
from console.model import Record
from console.panes.server import UPGRADE
from console.reading.reader import Reader
from console.running.trail.audit import Trail
from console.settings import config
from console.settings.config import Wanted
from console.workspace import Workspace
from tests.activity import console
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers
from tests.upgrades import LATER, upgrade

COMPATIBLE, COMPLETE = "Clusters are compatible", "Upgrade Complete"
# What is planted → the object that must be found, in OTHERS with its effect.
STOPS = {
    "CREATE DATABASE shut; ALTER DATABASE shut ALLOW_CONNECTIONS false": "database shut",
    "CREATE DATABASE mule ENCODING 'MULE_INTERNAL' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0": "database mule",
    "CREATE TABLE a (rights aclitem)": "column public.a.rights",
    "CREATE DOMAIN f AS regproc; CREATE TABLE b (calls f[])": "column public.b.calls",
    "CREATE TABLE c (held pg_class)": "column public.c.held",
    "CREATE TABLE d (n int NOT NULL); CREATE TABLE e () INHERITS (d); ALTER TABLE e ALTER n DROP NOT NULL": (
        "column public.e.n"
    ),
    "CREATE EXTENSION btree_gist; CREATE TABLE g (i inet); CREATE INDEX g_i ON g USING gist (i)": "index public.g_i",
    "CREATE EXTENSION adminpack": "extension adminpack",
    'CREATE ROLE "two\nlines"': "role two\nlines",
    "CREATE ROLE app; ALTER ROLE app SET escape_string_warning = off": "role app",
    "CREATE FUNCTION h() RETURNS int LANGUAGE sql SET escape_string_warning = off AS 'SELECT 1'": "routine public.h()",
    "CREATE VIEW v AS SELECT checkpoints_timed FROM pg_stat_bgwriter": "view public.v",
    "BEGIN; CREATE TABLE later (n int); PREPARE TRANSACTION 'order 17'": "transaction order 17",
}
OTHERS = {
    "SELECT pg_create_physical_replication_slot('standby')": ("lost", "slot standby"),
    "SET password_encryption = md5; CREATE ROLE old LOGIN PASSWORD 'x'": ("warns", "role old"),
    "CREATE FUNCTION w() RETURNS text LANGUAGE sql AS 'SELECT checkpoints_req::text FROM pg_stat_bgwriter'": (
        "breaks",
        "routine public.w()",
    ),
    "ALTER SYSTEM SET vacuum_defer_cleanup_age = 1; SELECT pg_reload_conf()": (
        "breaks",
        "setting vacuum_defer_cleanup_age",
    ),
}


@dataclass(frozen=True, slots=True)
class Machine:
    """A server of its own, and where its files are."""

    server: Cluster
    folder: Path

    async def rows(self, user: str = "postgres") -> list[Record]:
        """What the view lists."""
        async with console(self.server, "postgres", user) as reading:
            taken = await Reader(UPGRADE).read(reading)
        return [row for row in taken.records() if row["version"] is not None]

    def do(self, statements: str) -> None:
        """Run statements, each by itself."""
        with self.server.connect() as session:
            for statement in statements.split("; "):
                session.execute(statement.encode())

    def plant(self) -> None:
        """Put everything in the way."""
        for statements in (*OTHERS, *STOPS):
            self.do(statements)


@pytest.fixture
def machine(pg: Cluster, pg_servers: Servers) -> Iterator[Machine]:
    if pg_servers.choices[pg.major].installation is None:
        pytest.skip("needs local binaries")
    server = pg_servers.new(pg.major, {"max_prepared_transactions": "4"})
    yield Machine(server, pg_servers.folder)
    server.stop()


def fixes(rows: list[Record]) -> list[str]:
    """The statements that SQL can run, those on what is planted by the test."""
    return [
        str(row["fix"])
        for row in rows
        if row["effect"] in {"stops", "lost"} or str(row["fix"]).startswith("ALTER SYSTEM RESET")
    ]


@pytest.mark.pg("<= 15")
async def test_every_obstacle_is_found_and_its_statement_removes_it(machine: Machine) -> None:
    clean = await machine.rows()
    assert {row["effect"] for row in clean} == {"default"}
    assert {"data checksums", "setting jit"} <= {row["subject"] for row in clean}
    machine.plant()
    rows = await machine.rows()
    found = {(row["effect"], row["subject"]) for row in rows if row["effect"] != "default"}
    assert found == {*(("stops", subject) for subject in STOPS.values()), *OTHERS.values()}
    assert all(row["fix"] and row["what"] for row in rows)
    for statement in fixes(rows):
        machine.do(statement)
    machine.do("SELECT pg_reload_conf(); DROP ROLE old; DROP FUNCTION w()")
    assert {row["effect"] for row in await machine.rows()} == {"default"}


async def test_the_view_says_until_when_the_version_gets_fixes_and_a_plain_role_can_read_it(pg: Cluster) -> None:
    async with console(pg, "postgres", "pipeline_monitor") as reading:
        taken = await Reader(UPGRADE).read(reading)
    assert any(f"PostgreSQL {pg.major} " in note for note in taken.notes) is (pg.major < 19)
    if pg.major == 19:
        assert [row for row in taken.records() if row["version"] is not None] == []
    else:
        assert {"data checksums", "setting jit"} & {row["subject"] for row in taken.records()}


@pytest.mark.pg("== 14")  # 19rc1 is older than the 15 of these tests, and knows not all options of its columns
async def test_a_restored_dump_fails_with_the_obstacles_and_not_without(machine: Machine, pg_servers: Servers) -> None:
    """What pg_dumpall of 19 makes of the old server, run by psql of 19 on an empty server of 19."""
    later = later_server(pg_servers)
    bindir = str(later.bindir)
    machine.plant()
    rows = await machine.rows()
    before = restored(machine, later, bindir, "--globals-only")
    assert "contains a newline" in before
    for statement in fixes(rows):
        machine.do(statement)
    later.stop()
    after = later_server(pg_servers)
    assert restored(machine, after, bindir, "--schema-only") == ""
    after.stop()


def later_server(servers: Servers) -> Cluster:
    if 19 not in servers:
        pytest.skip("no PostgreSQL 19")
    server = servers.new(19, {})
    with server.connect() as session:  # the roles of the tests come from the dump
        for (role,) in session.execute("SELECT rolname FROM pg_roles WHERE rolname !~ '^(pg_|postgres$)'").fetchall():
            session.execute(psycopg.sql.SQL("DROP ROLE {}").format(psycopg.sql.Identifier(role)))
    return server


def restored(machine: Machine, later: Cluster, bindir: str, *options: str) -> str:
    """The first errors of dump and restore; empty: none."""
    dumped = subprocess.run(
        [f"{bindir}/pg_dumpall", "--dbname", machine.server.uri(), *options], check=False, capture_output=True
    )
    if dumped.returncode:
        return dumped.stderr.decode()
    own = (b"CREATE ROLE postgres", b"ALTER ROLE postgres")  # whom the later server has already, with its own password
    script = b"\n".join(line for line in dumped.stdout.splitlines() if not line.startswith(own))
    run = subprocess.run(
        [f"{bindir}/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", later.uri()],
        input=script, check=False, capture_output=True,
    )  # fmt: skip
    return run.stderr.decode() if run.returncode else ""


@pytest.mark.spread
@pytest.mark.pg("<= 15")
@pytest.mark.parametrize(("planted", "subject"), STOPS.items(), ids=[subject.split()[0] for subject in STOPS.values()])
async def test_each_obstacle_alone_stops_pg_upgrade(
    machine: Machine, pg_servers: Servers, planted: str, subject: str
) -> None:
    machine.do(planted)
    assert [row["subject"] for row in await machine.rows() if row["effect"] == "stops"] == [subject]
    with upgrade(pg_servers, machine.server) as made:
        assert COMPLETE not in made.run()


@pytest.mark.pg("<= 15")
async def test_pg_upgrade_refuses_a_copy_with_them_and_takes_it_after_the_statements(
    machine: Machine, pg_servers: Servers, tmp_path: Path
) -> None:
    """Whole from 14. The newest releases of 15 store an option of columns (pg_attver) that 19rc1 does not know."""
    database = pg_servers.pipeline_template(machine.server)
    machine.plant()
    rows = await machine.rows()
    with upgrade(pg_servers, machine.server) as made:
        assert COMPATIBLE not in made.run("--check")
    for statement in fixes(rows):
        machine.do(statement)
    machine.do("SELECT pg_reload_conf()")
    with upgrade(pg_servers, machine.server) as made:
        assert COMPATIBLE in made.run("--check")
        if machine.server.major == 14:
            assert COMPLETE in made.run()
            with made.upgraded() as later:
                fresh = pg_servers[LATER]
                expected = await states(fresh, pg_servers.pipeline_template(fresh), tmp_path)
                assert await states(later, database, tmp_path) == expected


async def states(server: Cluster, database: str, folder: Path) -> dict[tuple[str, str], Status]:
    """What the doctor says of each pane and action."""
    wanted, settings = Wanted(server.uri(database)), config.load(environ={})
    async with Workspace(settings, wanted, trail=Trail(folder / "audit.jsonl")) as workspace:
        report = await examine(workspace.sources, wanted, settings, {})
    assert report.server is not None
    assert report.server.major == server.major
    return {(each.subject, each.name): each.state for each in report.checks if each.subject in {"pane", "action"}}
