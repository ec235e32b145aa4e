"""`setup` on a server of its own: killed, doubled, cut off, without room, without rights; and what it remembers."""

from __future__ import annotations

import contextlib
import json
import os
import random
import secrets
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

from console.actions.schema.create_roles import ROLES as FOUND
from console.actions.tuning import apply_tuning
from console.cli.setup_text import page_text
from console.demo.account import give, server_account
from console.model import Facts, Record, Source
from console.running.trail.audit import Trail
from console.settings import config
from console.setup.guide import Guide, Standing
from console.setup.memory import LATER, RUN, SKIP, GuideMemory
from console.sources.postgres import PostgresServer
from console.tuning.machine import Machine
from tests import command, grown
from tests.acting import Desk
from tests.command import Done
from tests.servers import Pooler, Servers
from tests.servers import PostgresServer as Cluster
from tests.waiting import wait

ROLES = """
SELECT coalesce(string_agg(quote_ident(rolname), ', '), '') FROM pg_roles WHERE rolname ~ '^(pipeline_|pgbouncer_)'
"""
ACTING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pipeline-console act' AND datname = %s"
# What an interrupted set-up could leave: half-built indexes, partitions made but not attached, bounds of their making.
LEFT = """
SELECT 'invalid index', indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid
UNION ALL
SELECT 'orphan', oid::regclass::text FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relname ~ '_[0-9]{4}_[0-9]{2}$' AND relkind = 'r'
   AND NOT relispartition
UNION ALL
SELECT 'bounds', conrelid::regclass::text FROM pg_constraint WHERE conname = 'pipeline_console_bounds'
UNION ALL
SELECT 'lock', pid::text FROM pg_locks WHERE locktype = 'advisory'
"""
# Recurring jobs without exactly one pending occurrence; 1 if there is none at all.
UNSCHEDULED = """
SELECT count(*) FILTER (WHERE pending <> 1) + (count(*) = 0)::int
  FROM (SELECT count(*) FILTER (WHERE status = 'pending') AS pending FROM public.background_jobs
         WHERE schedule_name IS NOT NULL GROUP BY schedule_name) j
"""

TOGETHER = 4  # kills of the set-up of one database


@dataclass(frozen=True, slots=True)
class Place:
    """One empty database, and a home of a user who never ran the console."""

    cluster: Cluster
    database: str
    home: Path
    user: str = "postgres"

    @property
    def uri(self) -> str:
        return self.cluster.uri(self.database, self.user)

    def setup(self, *arguments: str) -> Done:
        """Run the set-up to its end."""
        return command.run(self.home, "setup", "-t", self.uri, *arguments)

    def begin(self) -> subprocess.Popen[str]:
        """Start `setup --yes`; its progress comes line by line."""
        return subprocess.Popen(
            command.argv("setup", "--yes", "-t", self.uri),
            env=command.environment(self.home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What a superuser reads in the database."""
        with self.cluster.connect(self.database, client_encoding="utf8") as session:
            return session.execute(query.encode(), parameters).fetchall()

    def rest(self) -> None:
        """Wait until the server is rid of the sessions of a console that is gone."""
        wait(lambda: self.rows(ACTING, self.database) == [(0,)])

    def complete(self) -> None:
        """Assert that everything is there and that nothing is left to plan."""
        again = self.setup("--yes", "--format", "json")
        assert again.code == 0, again.out + again.err
        told = json.loads(again.out)
        assert told["outcome"] == "nothing to do", told["message"]
        assert {page["name"]: page["steps"] for page in told["pages"] if page["steps"]} == {}
        assert self.rows(LEFT) == []
        assert self.rows(UNSCHEDULED) == [(0,)]
        shown = command.run(self.home, "show", "schema", "-t", self.uri, "--format", "json")
        assert {row["status"] for row in json.loads(shown.out)["rows"]} == {"applied"}


@pytest.fixture(scope="module")
def cluster(pg_servers: Servers, any_pg: Cluster) -> Iterator[Cluster]:
    """A server of its own, because roles and settings are of the whole server."""
    if pg_servers.choices[any_pg.major].installation is None:
        pytest.skip("a server of its own needs local binaries")
    server = pg_servers.new(any_pg.major, {})
    yield server
    server.stop()


@pytest.fixture
def place(cluster: Cluster, tmp_path: Path) -> Iterator[Place]:
    with unprepared(cluster, tmp_path) as made:
        yield made


@contextlib.contextmanager
def unprepared(cluster: Cluster, home: Path, making: str = "") -> Iterator[Place]:
    """An empty database on a server without roles and settings of the pipeline."""
    name = f"first_day_{secrets.token_hex(4)}"
    with cluster.connect() as session:
        if roles := session.execute(ROLES.encode()).fetchall()[0][0]:
            session.execute(f"DROP ROLE {roles}")
        session.execute("ALTER SYSTEM RESET ALL")
        session.execute("SELECT pg_reload_conf()")
        session.execute(f"CREATE DATABASE {name} {making}".encode())
    home.mkdir(exist_ok=True)
    yield Place(cluster, name, home)
    cluster.drop_database(name)


def page(done: Done, name: str) -> dict[str, Any]:
    """One page of a document."""
    found: dict[str, Any] = next(each for each in json.loads(done.out)["pages"] if each["name"] == name)
    return found


# Interrupted


@pytest.mark.parametrize("kills", [pytest.param(2, marks=pytest.mark.brief), pytest.param(10, marks=pytest.mark.slow)])
def test_killed_at_any_moment_the_rerun_completes(cluster: Cluster, tmp_path: Path, kills: int) -> None:
    with unprepared(cluster, tmp_path / "whole") as place:
        lines = place.setup("--yes").err.count("\n")
        ledger = place.rows("SELECT version, name FROM schema_migrations ORDER BY version")
    assert lines > 50
    middle = lines // 2  # the first kill of a chain comes early: it meets a set-up that runs, however late it is sent
    moments = sorted({random.randrange(1, middle), *random.sample(range(1, lines), kills - 1)})
    chains = -(-kills // TOGETHER)
    cut = 0
    for number in range(chains):
        chain = moments[number::chains]
        with unprepared(cluster, tmp_path / str(number)) as place:
            for before, at in pairwise((0, *chain)):
                cut += killed_after(place, at - before)
            done = place.setup("--yes")
            assert done.code == 0, f"killed after {chain} of {lines} lines: {done.out}{done.err}"
            assert place.rows(LEFT) == []
            assert place.rows("SELECT version, name FROM schema_migrations ORDER BY version") == ledger
            place.complete()
    assert cut, "no kill met a running set-up"


def killed_after(place: Place, lines: int) -> bool:
    """Kill a set-up after so many lines; whether it still ran. It goes on where the one before was killed."""
    with place.begin() as process:
        assert process.stderr is not None
        for _ in range(lines):
            process.stderr.readline()
        process.send_signal(signal.SIGKILL)
    place.rest()
    return process.returncode == -signal.SIGKILL


def test_three_at_once_one_works_and_two_say_who(place: Place) -> None:
    with place.begin() as first:
        assert first.stderr is not None
        first.stderr.readline()
        first.send_signal(signal.SIGSTOP)
        others = [place.setup("--yes") for _ in range(2)]
        first.send_signal(signal.SIGCONT)
        first.stderr.read()
        ended = first.wait()
    if ended == 4:  # stopped inside a transaction, which the server ends after 2 s, and with it the session
        ended = place.setup("--yes").code
    assert ended == 0
    for other in others:
        assert other.code == 3
        assert "Another set-up of this database is running: pid" in other.err
        assert "postgres" in other.err
    place.complete()


def test_a_pooler_is_refused_and_keeps_no_lock(
    any_pg: Cluster, pipeline: str, pgbouncer: Callable[[Cluster, str], Pooler], tmp_path: Path
) -> None:
    pooler = pgbouncer(any_pg, pipeline)
    with psycopg.connect(pooler.admin_uri, autocommit=True, prepare_threshold=None) as admin:
        # Else it refuses the console at once: so do most, until somebody makes another client work with it.
        admin.execute("SET ignore_startup_parameters = 'extra_float_digits,options'")
    done = command.run(tmp_path, "setup", "--yes", "-t", pooler.uri())
    assert (done.code, "through a connection pooler" in done.err) == (3, True), done.err
    with any_pg.connect(pipeline) as session:
        locks = session.execute(
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
            "WHERE l.locktype = 'advisory' AND d.datname = current_database()"
        ).fetchall()
    assert locks == [(0,)]


def test_a_lost_connection_is_told_and_the_rerun_completes(place: Place) -> None:
    with place.begin() as process:
        assert process.stderr is not None
        said = [process.stderr.readline() for _ in range(12)]
        process.send_signal(signal.SIGSTOP)
        place.rows(ACTING.replace("count(*)", "pg_terminate_backend(pid)"), place.database)
        process.send_signal(signal.SIGCONT)
        said.append(process.stderr.read())
    assert process.returncode == 4, said
    assert "connection" in said[-1]
    assert "the same command resumes it" in said[-1]
    assert place.setup("--yes").code == 0
    place.complete()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_is_told_and_with_room_the_rerun_completes(cluster: Cluster, tmp_path: Path) -> None:
    space = cluster.data.parent / f"small-{secrets.token_hex(3)}" if cluster.data else tmp_path
    space.mkdir(mode=0o700)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(space)], check=False).returncode:
        pytest.skip("this machine does not allow to mount a small file system")
    try:
        give(server_account(), space)
        with cluster.connect() as session:
            session.execute(f"CREATE TABLESPACE small LOCATION '{space}'")
        with unprepared(cluster, tmp_path / "home", "TABLESPACE small") as place:
            filler = space / "filler"
            filler.write_bytes(bytes(os.statvfs(space).f_bavail * os.statvfs(space).f_bsize - 600_000))
            done = place.setup("--yes")
            assert done.code == 4, done.out + done.err
            assert "No space left on device" in done.out + done.err
            assert place.rows(LEFT) == []
            filler.unlink()
            assert place.setup("--yes").code == 0
            place.complete()
        with cluster.connect() as session:
            session.execute("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", str(space)], check=True)


# Grown


@pytest.mark.parametrize("counters", ["integer", "numeric"])
def test_a_grown_database_with_other_types_is_set_up_to_the_last_page(
    pg_servers: Servers, tmp_path: Path, counters: str
) -> None:
    server = pg_servers.new(pg_servers.newest, {})
    name = server.fresh_database()
    desk = Desk(server, name, Trail(tmp_path / "audit.jsonl"))
    grown.make(desk, rows=300, months=3, requests=100, misfits=False, counters=counters)
    place = Place(server, name, tmp_path)
    done = place.setup("--yes", "--format", "json")
    assert done.code == 0, done.out + done.err
    for each in ("indexes", "adopted", "rights", "tuning"):
        assert page(done, each)["state"] in {"done", "later"}, page(done, each)
    assert page(done, "pooler")["state"] != "waits"
    found = "SELECT pg_get_indexdef('public.content_analytics_engagement_idx'::regclass)"
    assert "(0)::bigint" not in place.rows(found)[0][0], "the constants have the type of the columns"
    again = place.setup("--yes", "--format", "json")
    assert again.code == 0, again.out + again.err
    assert "another definition" not in again.out
    server.stop()


def test_an_index_that_really_differs_is_left_with_a_note_and_stops_no_page(place: Place) -> None:
    assert place.setup("--yes").code == 0
    with place.cluster.connect(place.database) as session:
        session.execute("DROP INDEX public.content_analytics_engagement_idx, public.campaigns_brand_idx")
        session.execute("CREATE INDEX content_analytics_engagement_idx ON public.content_analytics (likes)")
    done = place.setup("--yes")
    assert done.code == 0, done.out + done.err
    _, _, end = done.out.rpartition("\nDone:")
    listed, _, left = end.partition("\nLeft:")
    assert "Indexes:" in listed
    assert "content_analytics_engagement_idx is an index of public.content_analytics with another definition" in left
    assert place.rows("SELECT to_regclass('public.campaigns_brand_idx') IS NOT NULL") == [(True,)]


def test_a_refused_page_stops_only_the_pages_that_need_it(place: Place) -> None:
    with place.cluster.connect(place.database) as session:
        session.execute("CREATE TABLE public.schema_migrations (version integer)")
    done = place.setup("--yes", "--format", "json")
    states = {each["name"]: each["state"] for each in json.loads(done.out)["pages"]}
    assert states["schema"] == "cannot"
    assert states["indexes"] == "waits"
    assert states["tuning"] in {"done", "later"}
    assert done.code == 4, done.out + done.err


def test_a_grown_database_is_adopted_partitioned_and_indexed_with_every_row(
    pg_servers: Servers, tmp_path: Path
) -> None:
    server = pg_servers.new(pg_servers.newest, {})
    name = server.fresh_database()
    desk = Desk(server, name, Trail(tmp_path / "audit.jsonl"))
    grown.make(desk, misfits=False)
    count = "SELECT count(*) FROM public.{}"
    before = {table: desk.ask(count.format(table)) for table in grown.TIMED}
    place = Place(server, name, tmp_path)
    done = place.setup("--yes")
    assert done.code == 0, done.out + done.err
    assert {table: desk.ask(count.format(table)) for table in grown.TIMED} == before
    kinds = "SELECT string_agg(DISTINCT relkind::text, '') FROM pg_class WHERE oid = ANY (%s::regclass[])"
    assert place.rows(kinds, [f"public.{table}" for table in before]) == [("p",)]
    place.complete()
    server.stop()


# Not possible


@pytest.mark.parametrize("there", [(), FOUND], ids=["no role", "all roles"])
def test_a_role_without_rights_is_told_which_and_nothing_is_done(place: Place, there: tuple[str, ...]) -> None:
    with place.cluster.connect(place.database) as session:
        for name in there:
            session.execute(f"CREATE ROLE {name} LOGIN IN ROLE pg_monitor, pg_signal_backend".encode())
        session.execute("CREATE ROLE pipeline_nobody LOGIN PASSWORD 'x'")
        session.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    done = command.run(
        place.home, "setup", "--yes", "-t", place.cluster.uri(place.database, "pipeline_nobody"), PGPASSWORD="x"
    )
    assert done.code == 1
    assert "pipeline_nobody has no CREATE privilege on schema public" in done.out
    assert "GRANT CREATE ON SCHEMA public TO" in done.out
    assert "nothing was changed" in done.err
    assert place.rows("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]


def test_an_owner_who_is_no_superuser_gets_the_database_and_the_rest_is_named(place: Place) -> None:
    with place.cluster.connect() as session:
        session.execute("CREATE ROLE pipeline_maker LOGIN PASSWORD 'x'")
        session.execute(f"ALTER DATABASE {place.database} OWNER TO pipeline_maker")
    uri = place.cluster.uri(place.database, "pipeline_maker")
    done = command.run(place.home, "setup", "--yes", "-t", uri, "--format", "json", PGPASSWORD="x")
    assert done.code == 0, done.out + done.err
    assert page(done, "schema")["state"] == "done"
    for name in ("roles", "tuning"):
        assert page(done, name)["state"] == "cannot", name
        assert page(done, name)["remedy"], name
    assert "Not done: Roles" in json.loads(done.out)["message"]
    again = command.run(place.home, "setup", "--yes", "-t", uri, "--format", "json", PGPASSWORD="x")
    assert again.code == 0
    assert [each["name"] for each in json.loads(again.out)["pages"] if each["steps"]] == []
    unit = page(again, "next")["file"]
    assert "[Service]" in unit
    assert any("user=pipeline_maker" in line for line in unit)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_another_encoding_is_refused_before_anything_is_done(cluster: Cluster, tmp_path: Path, encoding: str) -> None:
    making = f"ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    with unprepared(cluster, tmp_path / "home", making) as place:
        done = place.setup("--yes")
        assert done.code == 3
        assert f"has encoding {encoding}" in done.out
        assert "ENCODING 'UTF8'" in done.out
        assert place.rows(ROLES) == [("",)]


def test_without_yes_the_plans_are_shown_and_nothing_is_done(place: Place) -> None:
    for arguments, code in ((), 3), (("--dry-run",), 0), (("--yes", "--read-only"), 3):
        done = place.setup(*arguments)
        assert done.code == code, arguments
        assert "CREATE TABLE public.organizations" in done.out
        assert "waits: Needs the page Schema first." in done.out
    assert place.rows(ROLES) == [("",)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--skip", "rolls"), "There is no page rolls. Pages: connection,"),
        (("--set", "tuning.ram"), "--set takes [PAGE.]PARAMETER=VALUE."),
        (("--set", "memory=1"), "There is no parameter memory."),
        (("--set", "tuning.memory=1"), "There is no parameter tuning.memory. tuning accepts preset,"),
        (("--set", "moon.ram=1"), "There is no parameter moon.ram."),
    ],
)
def test_a_wrong_page_or_parameter_is_a_mistake_in_the_command(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = command.run(tmp_path, "setup", "--yes", "-t", "host=127.0.0.1 port=1", *arguments)
    assert (done.code, said in done.err) == (2, True), done.err


@pytest.mark.parametrize("name", ["tuning.storage", "storage"])
def test_a_value_that_an_action_does_not_take_stops_the_set_up_before_its_first_page(place: Place, name: str) -> None:
    done = place.setup("--yes", "--set", f"{name}=tape")
    assert done.code == 2
    assert "storage must be ssd or hdd" in done.err
    assert place.rows(ROLES) == [("",)]


def test_without_policies_there_is_nothing_to_partition(place: Place) -> None:
    (place.home / "own.yml").write_text("partitions: []\nrefreshes: []\n", encoding="utf-8")
    done = place.setup("--yes", "--format", "json", "--config", "own.yml", "--skip", "tuning")
    assert done.code == 0, done.err
    assert page(done, "partitions")["state"] == "not applicable"


# Decided


def test_a_page_can_be_left_out_and_another_be_told_its_parameters(place: Place) -> None:
    done = place.setup("--yes", "--skip", "roles", "--skip", "pooler", "--set", "tuning.preset=autovacuum")
    assert done.code == 0, done.out + done.err
    assert "skipped: by --skip" in done.out
    assert "Roles: skipped by --skip" in done.out.rpartition("\nLeft:")[2]
    assert place.rows(ROLES) == [("",)]
    assert place.rows("SHOW autovacuum_vacuum_scale_factor") == [("0.05",)]
    assert place.rows("SHOW track_functions") == [("none",)], "of another preset"


def test_what_is_done_is_never_listed_as_left(place: Place) -> None:
    assert place.setup("--yes").code == 0
    GuideMemory.of(
        Facts("postgres", 180000, "18", f"127.0.0.1:{place.cluster.port}", database=place.database),
        {"HOME": str(place.home)},
    ).decide("roles", SKIP)
    done = place.setup("--yes", "--skip", "tuning", "--skip", "pooler")
    assert done.code == 0, done.out + done.err
    assert "skipped: by --skip" in done.out
    assert "skipped: in the guide" in done.out
    assert "Left:" not in done.out
    assert "There is nothing to do." in done.out


def test_what_was_skipped_in_the_guide_is_left_out_and_what_was_put_off_is_run(place: Place) -> None:
    facts = Facts("postgres", 180000, "18", f"127.0.0.1:{place.cluster.port}", database=place.database)
    memory = GuideMemory.of(facts, {"HOME": str(place.home)})
    memory.decide("roles", SKIP)
    memory.decide("tuning", LATER)
    assert memory.path.stat().st_mode & 0o777 == 0o600
    done = place.setup("--yes", "--format", "json")
    assert done.code == 0, done.err
    assert page(done, "roles")["state"] == "skipped"
    assert "in the guide" in page(done, "roles")["sentence"]
    assert page(done, "tuning")["state"] == "done"
    assert {name: one.choice for name, one in memory.read().pages.items()}["tuning"] == RUN
    memory.path.write_text("{", encoding="utf-8")
    assert memory.read().pages == {}, "the server knows what is done"


async def test_what_cannot_be_measured_is_put_off_and_never_guessed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def elsewhere(server: Source, row: Record) -> Machine:
        return Machine()

    monkeypatch.setattr(apply_tuning, "read_machine", elsewhere)
    server = PostgresServer(place.uri)
    settings = config.load(environ={})
    try:
        state = (await Guide(server, settings).states())["tuning"]
        assert "ram" in state.unmeasured
        assert "--set tuning.ram=…" in page_text(state, later=True)
        given = {"tuning": {"ram": "8GB", "cores": "4", "disk": "100GB"}}
        told = (await Guide(server, settings, given).states())["tuning"]
        assert (told.standing, told.unmeasured) == (Standing.TODO, ())
    finally:
        await server.close()


def test_json_is_one_document_and_asks_for_yes(place: Place) -> None:
    done = place.setup("--format", "json")
    assert done.code == 3
    assert json.loads(done.out)["outcome"] == "refused"
    assert page(done, "schema")["steps"][0]["status"] == "pending"
    assert place.rows(ROLES) == [("",)]
