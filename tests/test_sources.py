"""What can be asked: which names each source knows, what it would send, and what it says instead of failing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console import sql
from console.cli import main
from console.doctor import Status, examine
from console.model import Column, Database, Extension, Facts, Kind, Pane, Source, Trouble, View
from console.opening import sources_for
from console.panes import PANES
from console.reading.reader import Readers
from console.running.trail.audit import Trail
from console.settings import config
from console.settings.config import Wanted
from console.sources import replay
from console.sources.host.source import HostSource
from console.sources.log.source import LogSource
from console.sources.pgbouncer.admin import SHOWS, PgBouncerServer
from console.sources.pgbouncer.several import PgBouncers
from console.sources.postgres import PostgresServer, queries
from console.sources.redis.server import RedisServer
from console.sources.registry import Sources
from console.sources.replicas.source import Replicas
from tests import recording
from tests.activity import console
from tests.screens import console as screen
from tests.screens import shows
from tests.servers import Pooler
from tests.servers import PostgresServer as Cluster
from tests.sources import console_of
from tests.sql_files import content_in

VIEWS = [(pane, view) for pane in PANES for view in pane.views]
NOWHERE = "postgresql://127.0.0.1:1/x"
POOLER = "postgresql://x@127.0.0.1:1"
VERSIONS = {
    14: "1.9",
    15: "1.10",
    16: "1.10",
    17: "1.11",
    18: "1.12",
    19: "1.13",
}


def facts(major: int, *, extensions: bool = True) -> Facts:
    """Those of a server that nobody has connected to."""
    at = tuple(map(int, VERSIONS[major].split(".")))
    known = {name: Extension(at, 'odd "schema"') for name in ("pg_stat_statements", "pgstattuple")}
    return Facts("postgres", major * 10000 + 4, f"{major}.4", database="shop", extensions=known if extensions else {})


def test_a_source_that_is_made_while_another_is_made_of_it_stays_known() -> None:
    sources = sources_for(Wanted(NOWHERE, replicas=(("near", NOWHERE),), heavy_reads="near"))

    def made_of_heavy_reads() -> Source:
        assert sources.heavy is not None
        return sources.named("console")

    sources.add_later("rules", made_of_heavy_reads)
    sources.named("rules")
    assert sources.heavy is not None


def every_query(view: View) -> list[str]:
    """All that a view asks."""
    lookups = (lookup.query for lookup in view.lookups if not lookup.source)
    return [query for query in (view.query, *lookups, view.detail) if query]


SOURCES = ("postgres", "pgbouncer", "redis", "replicas", "host", "console")


def all_sources(*, pooler: bool = True) -> Sources:
    """Every source there can be, none of them reachable."""
    postgres = PostgresServer(NOWHERE)
    poolers = [PgBouncers([PgBouncerServer(POOLER)])] if pooler else []
    redis = RedisServer("redis://127.0.0.1:1/0")
    recorded = console_of(Trail(Path("/nonexistent/audit.jsonl")), [], postgres)
    replicas = Replicas(postgres, [PostgresServer(NOWHERE)])
    return Sources(postgres, recorded, HostSource(postgres), LogSource(postgres), redis, replicas, *poolers)


def view_of(query: str) -> View:
    return View("all", "All", query, (Column("n", "n"),), ("n",))


def pane_of(source: str, query: str) -> Pane:
    return Pane("a pane", "z", "A pane", "", (view_of(query),), source=source)


# Names


@pytest.mark.parametrize(
    ("source", "query", "known"),
    [
        ("postgres", "locks", True),
        ("postgres", "actions/repack_table", True),
        ("postgres", "doctor/role", True),
        ("postgres", "pooler_pools", False),
        ("postgres", "activity", False),
        ("pgbouncer", "pooler_pools", True),
        ("pgbouncer", "pooler_limits", True),
        ("pgbouncer", "locks", False),
        ("pgbouncer", "actions/repack_table", False),
        ("redis", "redis_reads", True),
        ("redis", "pooler_pools", False),
        ("replicas", "replica_states", True),
        ("replicas", "replica_scans", True),
        ("replicas", "locks", False),
        ("host", "host_disks", True),
        ("host", "host_processes", True),
        ("host", "locks", False),
        ("console", "activity", True),
        ("console", "audit_database", True),
        ("console", "locks", False),
        ("console", "pooler_pools", False),
        *((source, "no such query", False) for source in SOURCES),
    ],
)
async def test_a_source_knows_its_own_names_and_says_so_of_others(source: str, query: str, known: bool) -> None:
    sources = all_sources()
    asked = sources.of(pane_of(source, query))
    assert asked.name == source
    if known:
        assert asked.obstacle(query) is None
        assert asked.text(query).strip()
        return
    obstacle = asked.obstacle(query)
    assert obstacle is not None
    assert obstacle.kind is Kind.MISSING
    assert "There is no query" in obstacle.sentence
    with pytest.raises(Trouble, match="There is no query"):
        asked.text(query)
    assert "There is no query" in sources.text(pane_of(source, query), view_of(query))


async def test_an_unknown_query_is_one_sentence_on_every_source(
    pg: Cluster, database: str, pgbouncer: Callable[[Cluster, str], Pooler]
) -> None:
    pooler = PgBouncers([PgBouncerServer(pgbouncer(pg, database).stats_uri)])
    postgres = PostgresServer(pg.uri(database))
    reached: tuple[Source, ...] = (
        *(postgres, pooler, console_of(Trail(Path("/nonexistent/audit.jsonl")), [], postgres)),
        recording.load("postgres"),
    )
    for source in reached:
        for query in ("no such query", "actions/no_such_query", ""):
            with pytest.raises(Trouble) as caught:
                await source.fetch(query)
            assert caught.value.kind is Kind.MISSING, (source, query)
        await source.close()


def test_a_source_that_is_not_configured_says_how_to_get_it() -> None:
    sources = Sources(PostgresServer(NOWHERE), hints={"pgbouncer": "Name it in the target."})
    for pane, sentence, remedy in (
        (pane_of("pgbouncer", "pooler_pools"), "no pooler", "Name it in the target."),
        (pane_of("replica:near", "locks"), "no source replica:near", ""),
    ):
        with pytest.raises(Trouble, match=sentence) as caught:
            sources.of(pane)
        assert (caught.value.kind, caught.value.remedy) == (Kind.MISSING, remedy)


async def test_several_postgresql_servers_stand_side_by_side(pg: Cluster, database: str) -> None:
    """A pane that names a replica reads it, and does not share its readers with the primary."""
    primary, replica = pg.uri(database), pg.uri(pg.fresh_database())
    sources = Sources(PostgresServer(primary), PostgresServer(replica, name="replica:near"))
    readers = Readers()
    here, there = (pane_of(name, "connections_summary") for name in ("postgres", "replica:near"))
    try:
        assert sources.of(here).name == sources.postgres.name == "postgres"
        assert (await sources.of(there).learn()).database != (await sources.of(here).learn()).database
    finally:
        await sources.close()
    assert readers.of(here.source, here.views[0]) is readers.of(here.source, here.views[0])
    assert readers.of(here.source, here.views[0]) is not readers.of(there.source, there.views[0])


# What would be sent


@pytest.mark.parametrize("major", VERSIONS)
@pytest.mark.parametrize("extensions", [True, False], ids=["with extensions", "without"])
def test_every_query_of_every_pane_has_a_text_on_every_version(major: int, extensions: bool) -> None:
    known = facts(major, extensions=extensions)
    sources = all_sources()
    for pane, view in VIEWS:
        for lookup in (each for each in view.lookups if each.source and each.source not in recording.MADE):
            assert sources.named(lookup.source).text(lookup.query).strip()
        for query in every_query(view):
            if pane.source_of(view) in recording.MADE:
                continue  # made of the others by the workspace
            if pane.source_of(view) != sources.postgres.name:
                assert sources.of(pane, view).text(query).strip()
                continue
            text = queries.chosen(query, known).statement
            obstacle = queries.obstacle(query, known)
            assert obstacle is None or obstacle.kind in (Kind.UNSUPPORTED, Kind.MISSING)
            assert "%%" not in text
            if extensions and obstacle is None:
                assert "@extschema@" not in text


@pytest.mark.parametrize(("pane", "view"), VIEWS, ids=lambda each: each.name)
@pytest.mark.parametrize("pooler", [True, False], ids=["with a pooler", "without"])
def test_all_that_a_view_sends_is_shown_with_and_without_its_source(pane: Pane, view: View, pooler: bool) -> None:
    if pane.source_of(view) in recording.MADE:
        pytest.skip("made of the others by the workspace")
    text = all_sources(pooler=pooler).text(pane, view)
    assert text.strip()
    assert "There is no" not in text
    for query in every_query(view):
        if query in SHOWS:
            assert f"{SHOWS[query].command};" in text
        elif query in sql.names():
            assert sql.load(query).statement.strip() in text


async def test_what_is_read_again_and_again_is_planned_once(pg: Cluster, database: str) -> None:
    server = PostgresServer(pg.uri(database))
    for _ in range(5):
        await server.ask("often", "SELECT generic_plans::int FROM pg_catalog.pg_prepared_statements")
    (plans,) = (await server.ask("often", "SELECT generic_plans::int FROM pg_catalog.pg_prepared_statements")).rows
    await server.close()
    assert plans == (5,)  # all but the first


async def test_what_a_server_can_run_is_found_once_until_its_facts_are_read_again(
    pg: Cluster, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[str] = []
    chosen = queries.chosen

    def counted(name: str, facts: Facts | None) -> sql.Query:
        found.append(name)
        return chosen(name, facts)

    monkeypatch.setattr(queries, "chosen", counted)
    async with console(pg, database) as server:
        for _ in range(3):
            await server.fetch("changes")
        assert found == ["changes"]
        await server.learn()
        await server.fetch("changes")
    assert found == ["changes"] * 2


async def test_a_view_that_changes_between_two_reads_is_read_as_it_is(pg: Cluster, database: str) -> None:
    server = PostgresServer(pg.uri(database))
    found = []
    with pg.connect(database) as session:
        for columns in ("1::int AS n", "'one'::text AS n", "'one'::text AS n, 2 AS m"):
            session.execute(f"DROP VIEW IF EXISTS public.changing; CREATE VIEW public.changing AS SELECT {columns}")
            for _ in range(6):
                read = await server.ask("changing", "SELECT * FROM public.changing")
            found.append((read.columns, read.rows))
    await server.close()
    assert found == [(("n",), ((1,),)), (("n",), (("one",),)), (("n", "m"), (("one", 2),))]


async def test_what_is_shown_is_what_was_sent(pg: Cluster, database: str) -> None:
    with pg.connect(database) as connection:
        connection.execute('CREATE SCHEMA "odd %s"')
        connection.execute('CREATE EXTENSION pg_stat_statements SCHEMA "odd %s"')
    async with console(pg, database) as server:
        for query in ("statements", "foreign_keys", "connections_summary", "vacuum_progress", "indexes"):
            assert (await server.fetch(query)).sql == server.text(query), query
        assert '"odd %s".pg_stat_statements' in server.text("statements")


@pytest.mark.parametrize("with_pooler", [True, False], ids=["with a pooler", "without"])
async def test_the_sql_of_the_pooler_pane_can_be_shown(
    any_pg: Cluster, pgbouncer: Callable[[Cluster, str], Pooler], with_pooler: bool
) -> None:
    database = any_pg.fresh_database()
    poolers = (pgbouncer(any_pg, database).stats_uri,) if with_pooler else ()
    async with screen(any_pg.uri(database), poolers=poolers, pane="pooler") as (_, pilot):
        await shows(pilot, "No pools yet." if with_pooler else "There is no pooler")
        await pilot.press("S")
        await shows(pilot, "SHOW POOLS;", "SHOW DATABASES;")


# Versions and extensions


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of sql/ in which queries may be added."""
    shutil.copytree(sql.content() / "sql", tmp_path / "sql")
    (tmp_path / "config").symlink_to(sql.content() / "config")
    (tmp_path / "sql" / "actions" / "made").mkdir()
    with content_in(tmp_path, monkeypatch):
        yield tmp_path / "sql"


async def refusal(source: Source, query: str) -> Trouble:
    with pytest.raises(Trouble) as caught:
        await source.fetch(query)
    assert str(source.obstacle(query)) == str(caught.value)
    return caught.value


async def test_a_query_that_only_later_servers_know_is_one_sentence(pg: Cluster, database: str, files: Path) -> None:
    (files / "monitoring" / f"later.{pg.major + 1}.sql").write_text("-- I/O.\nSELECT 1 AS n")
    async with console(pg, database) as server:
        why = await refusal(server, "later")
        running = server.facts.version_text
        assert why.kind is Kind.UNSUPPORTED
        assert why.sentence == f"later needs PostgreSQL {pg.major + 1} or later; this server runs {running}."
        assert server.text("later").startswith("-- I/O.")
        text = Sources(server).text(pane_of("postgres", "later"), view_of("later"))
    assert text.startswith(f"-- {why.sentence}\n-- I/O.")


async def test_an_action_s_query_may_need_an_extension(pg: Cluster, database: str, files: Path) -> None:
    text = "-- Something.\n-- extension: pgstattuple\nSELECT * FROM @extschema@.pgstattuple(1259)"
    (files / "actions" / "made" / "some_action.sql").write_text(text)
    async with console(pg, database) as server:
        why = await refusal(server, "actions/some_action")
        assert (why.kind, why.remedy) == (Kind.MISSING, "CREATE EXTENSION pgstattuple;")
        with pg.connect(database) as connection:
            connection.execute("CREATE SCHEMA extensions")
            connection.execute("CREATE EXTENSION pgstattuple SCHEMA extensions")
        assert (await server.fetch("actions/some_action")).rows
        assert '"extensions".pgstattuple' in server.text("actions/some_action")


async def test_an_extension_that_is_too_old_is_one_sentence_with_its_cure(
    pg: Cluster, database: str, files: Path
) -> None:
    (files / "monitoring" / "new.2.0.sql").write_text("-- New.\n-- extension: pg_stat_statements\nSELECT 1 AS n")
    with pg.connect(database) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
    async with console(pg, database) as server:
        why = await refusal(server, "new")
    assert why.kind is Kind.UNSUPPORTED
    assert why.sentence.startswith("new needs pg_stat_statements 2.0 or later; database")
    assert why.remedy == "ALTER EXTENSION pg_stat_statements UPDATE;"


# Recordings


def test_what_is_no_recording_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a file"
    good = json.loads((recording.FOLDER / "pgbouncer.json").read_text())
    read = good["reads"]["pooler_pools"][0]
    broken = (
        *("", "[]", "{}", "nonsense", '"\\ud800"', '{"facts": {}, "reads": {}}'),
        json.dumps({**good, "facts": {**good["facts"], "unknown": 1}}),
        json.dumps({**good, "reads": {"pooler_pools": [{**read, "rows": [[1]]}]}}),
        json.dumps({**good, "reads": {"pooler_pools": [{**read, "taken_at": "now"}]}}),
        json.dumps({**good, "reads": {"pooler_pools": [{**read, "clock": None}]}}),
        json.dumps({**good, "reads": []}),
    )
    for text in broken:
        path.write_text(text)
        with pytest.raises(Trouble) as caught:
            replay.load(path, "pgbouncer")
        assert (caught.value.kind, caught.value.sentence) == (Kind.USAGE, f"{path} is not a recording."), text[:80]
    with pytest.raises(Trouble, match="cannot be read"):
        replay.load(tmp_path / "nothing", "pgbouncer")


async def test_a_recording_answers_as_its_server_did_and_can_be_written_again(tmp_path: Path) -> None:
    recorded = recording.load("postgres")
    first = await recorded.fetch("statements")
    second = await recorded.fetch("statements")
    assert second.clock > first.clock
    assert await recorded.fetch("statements") is second, "at its end it says the same again"
    assert recorded.text("statements") == first.sql
    replay.save(tmp_path / "copy.json", recorded.facts, {"statements": [first, second]})
    again = replay.load(tmp_path / "copy.json", "postgres")
    assert (again.facts, again.name) == (recorded.facts, "postgres")
    assert (await again.fetch("statements")).rows == first.rows
    assert (obstacle := again.obstacle("locks")) is not None
    assert obstacle.sentence == "locks was not recorded."


async def test_a_lookup_gets_the_recorded_rows_it_asks_for() -> None:
    recorded = recording.load("postgres")
    every = await recorded.fetch("statement_texts")
    key = ("userid", "dbid", "queryid")
    at = [every.index(column) for column in key]
    wanted = [tuple(row[i] for i in at) for row in every.rows[:2]]
    found = await recorded.fetch("statement_texts", {name: [row[i] for row in wanted] for i, name in enumerate(key)})
    assert [tuple(row[i] for i in at) for row in found.rows] == wanted
    assert (await recorded.fetch("statement_texts", {"unknown": 1})).rows == ()


def test_a_recording_stands_in_for_a_database() -> None:
    database: Database = recording.load("postgres")
    assert database.known == database.facts


# The command line


def test_show_says_in_one_line_that_the_server_is_too_old(
    pg: Cluster, database: str, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "monitoring" / "connections.sql").rename(files / "monitoring" / "connections.90.sql")
    assert main(["show", "connections", "-t", pg.uri(database)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("pipeline-console: connections needs PostgreSQL 90 or later; this server runs ")
    assert said.err.count("\n") == 1


async def test_doctor_goes_on_where_a_pane_needs_a_later_server(pg: Cluster, database: str, files: Path) -> None:
    (files / "monitoring" / "locks.sql").rename(files / "monitoring" / "locks.90.sql")
    wanted = Wanted(pg.uri(database))
    sources = sources_for(wanted)
    try:
        report = await examine(sources, wanted, config.load(environ={}), seconds=120)
    finally:
        await sources.close()
    panes = {check.name: check for check in report.of("pane")}
    assert "needs PostgreSQL 90 or later; this server runs" in panes["locks"].why
    assert panes["locks"].state in (Status.CANNOT, Status.LIMITED)
    assert panes["connections"].state is Status.OK
