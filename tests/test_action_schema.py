"""apply-schema: pending files as a plan, one transaction each with its ledger row, one runner at a time."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.actions.planning import plan
from console.actions.schema.apply_schema import APPLY_SCHEMA
from console.demo.cluster import APPLICATION, OWNER
from console.demo.content import install_schema
from console.model import Kind, Outcome, Plan, Standalone, Trouble
from console.panes.schema import LEDGER
from console.reading.reader import Reader
from console.running.progress import Run
from console.running.runner import Runner
from console.running.trail.audit import Trail
from console.settings.config import load
from console.sources.postgres import ActingSession, PostgresServer
from console.sql import content, migrations
from tests.servers import PostgresServer as Cluster
from tests.sql_files import content_in

SETTINGS = load(environ={"HOME": "/nonexistent"})
FILES = migrations.migrations((18,))


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    return Trail(tmp_path / "state" / "audit.jsonl")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of migrations of a console whose files may be changed."""
    whole = tmp_path / "content"
    shutil.copytree(content() / "sql", whole / "sql")
    with content_in(whole, monkeypatch):
        yield whole / "sql" / "schema"


def keep_ledger(files: Path) -> None:
    for path in files.glob("00*"):
        if path.name != "0001_ledger.sql":
            path.unlink()


async def planned(uri: str) -> Plan:
    server = PostgresServer(uri)
    try:
        return await plan(APPLY_SCHEMA, server, {}, SETTINGS)
    finally:
        await server.close()


async def applied(uri: str, trail: Trail) -> Run:
    server = PostgresServer(uri)
    try:
        made = await plan(APPLY_SCHEMA, server, {}, SETTINGS)
        return await Runner(ActingSession(uri), server, trail).run(made)
    finally:
        await server.close()


def rows(pg: Cluster, database: str, query: str) -> list[tuple[object, ...]]:
    with pg.connect(database) as session:
        return session.execute(query).fetchall()


LEDGER_ROWS = "SELECT version, name, checksum FROM schema_migrations ORDER BY version"
SHAPE = """
SELECT c.oid::regclass::text, a.attname, a.atttypid::regtype::text, pg_get_expr(d.adbin, d.adrelid)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, 2
"""


async def test_an_empty_database_gets_what_the_other_runner_makes(pg: Cluster, database: str, trail: Trail) -> None:
    uri = pg.uri(database, OWNER)
    before = await planned(uri)
    locks = {file.locks or "new objects only" for file in migrations.migrations((pg.major,))}
    assert locks <= {step.lock for step in before.steps}, "those of each file are in the plan"
    assert before.claim.advisory_lock == migrations.LOCK
    run = await applied(uri, trail)
    assert (run.outcome, run.notes) == (Outcome.DONE, [])
    assert (await planned(uri)).steps == ()

    other = pg.fresh_database(owner=OWNER)
    with pg.connect(other, OWNER) as session:
        install_schema(session, pg.major)
    try:
        assert rows(pg, database, LEDGER_ROWS) == rows(pg, other, LEDGER_ROWS)
        assert rows(pg, database, SHAPE) == rows(pg, other, SHAPE)
        assert migrations.pending(migrations.migrations((pg.major,)), _ledger(pg, other)) == ()
    finally:
        pg.drop_database(other)
    assert rows(pg, database, "SELECT count(*) FROM schema_migrations WHERE seconds > 0") == [(len(FILES),)]
    assert rows(pg, database, "SELECT outcome FROM console_audit") == [("done",)]


def _ledger(pg: Cluster, database: str) -> tuple[migrations.Applied, ...]:
    with pg.connect(database) as session:
        return migrations.read_ledger(session)


async def test_a_file_that_fails_leaves_those_before_it_and_the_next_run_goes_on(
    pg: Cluster, database: str, trail: Trail
) -> None:
    uri = pg.uri(database, OWNER)
    with pg.connect(database, OWNER) as session:
        session.execute("CREATE TABLE public.background_jobs (mine int)")
    run = await applied(uri, trail)
    assert run.outcome is Outcome.STOPPED
    assert "background_jobs" in run.message
    assert rows(pg, database, "SELECT max(version) FROM schema_migrations") == [(6,)]
    with pg.connect(database, OWNER) as session:
        session.execute("DROP TABLE public.background_jobs")
    again = await applied(uri, trail)
    assert (again.outcome, rows(pg, database, "SELECT count(*) FROM schema_migrations")) == (
        Outcome.DONE,
        [(len(FILES),)],
    )


@pytest.mark.parametrize("how", ["edited", "missing"])
async def test_an_edited_or_missing_file_is_refused_by_name(any_pg: Cluster, pipeline: str, how: str) -> None:
    change = "checksum = repeat('0', 64)" if how == "edited" else "version = 9000, name = '0003_brands'"
    with any_pg.connect(pipeline) as session:
        session.execute(f"UPDATE schema_migrations SET {change} WHERE version = 3")
    with pytest.raises(Trouble, match="0003_brands") as caught:
        await planned(any_pg.uri(pipeline))
    assert caught.value.kind is Kind.REFUSED


@pytest.mark.pg(">= 15, < 19")
async def test_files_without_a_transaction_are_resumed_after_a_run_that_could_not_record_them(
    pg: Cluster, database: str, trail: Trail, files: Path
) -> None:
    keep_ledger(files)
    text = "-- Where to look.\n-- transaction: no\nCREATE INDEX CONCURRENTLY IF NOT EXISTS t_n_idx ON public.t (n);\n"
    (files / "0002_index.sql").write_text(text)
    uri = pg.uri(database, OWNER)
    with pg.connect(database, OWNER) as session:
        session.execute("CREATE TABLE public.t (n int)")
        session.execute(
            "CREATE INDEX t_n_idx ON public.t (n)"
        )  # as a run that was killed before its ledger row left it
    made = await planned(uri)
    step = next(step for step in made.steps if "CONCURRENTLY" in step.sql)
    assert step.execution == Standalone()
    assert "public.t" in step.lock
    assert (await applied(uri, trail)).outcome is Outcome.DONE
    checksum = hashlib.sha256(text.encode()).hexdigest()
    assert rows(pg, database, LEDGER_ROWS)[1] == (2, "0002_index", checksum)
    assert (await planned(uri)).steps == ()


async def test_the_other_runner_and_this_one_exclude_each_other(pg: Cluster, database: str, trail: Trail) -> None:
    uri = pg.uri(database, OWNER)
    with pg.connect(database) as session:
        session.execute("SELECT pg_advisory_lock(%s)", (migrations.LOCK,))
        run = await applied(uri, trail)
        assert run.outcome is Outcome.REFUSED
        assert f"pid {session.info.backend_pid}" in run.message
    assert rows(pg, database, "SELECT to_regclass('public.schema_migrations')") == [(None,)]


async def test_the_lock_of_an_existing_table_is_told_and_the_header_wins(
    any_pg: Cluster, pipeline: str, files: Path
) -> None:
    (files / "0900_column.sql").write_text("-- A column.\nALTER TABLE public.users ADD COLUMN nick text;\n")
    (files / "0901_told.sql").write_text("-- Told.\n-- locks: SHARE on public.users\nSELECT 1 FROM public.users;\n")
    steps = (await planned(any_pg.uri(pipeline))).steps
    assert [step.lock for step in steps if "ledger row" not in step.note][-2:] == [
        "up to ACCESS EXCLUSIVE on public.users, which exist already",
        "SHARE on public.users",
    ]


async def test_the_ledger_that_may_not_be_read_is_named_with_its_grant(any_pg: Cluster, pipeline: str) -> None:
    with any_pg.connect(pipeline) as session:
        session.execute(f"REVOKE ALL ON schema_migrations FROM pg_monitor, PUBLIC, {APPLICATION}")
    with pytest.raises(Trouble, match=r"GRANT SELECT ON public\.schema_migrations") as caught:
        await planned(any_pg.uri(pipeline, APPLICATION))
    assert caught.value.kind is Kind.DENIED


async def test_the_pane_tells_applied_pending_edited_and_missing_files(any_pg: Cluster, pipeline: str) -> None:
    with any_pg.connect(pipeline) as session:
        session.execute("DELETE FROM schema_migrations WHERE version = 12")
        session.execute("UPDATE schema_migrations SET checksum = repeat('0', 64) WHERE version = 3")
        session.execute("UPDATE schema_migrations SET version = 9000, name = '9000_gone' WHERE version = 4")
    server = PostgresServer(any_pg.uri(pipeline))
    shown = {record["version"]: record for record in (await Reader(LEDGER).read(server)).records()}
    await server.close()
    told = {version: record["status"] for version, record in shown.items()}
    assert (told[2], told[3], told[4], told[12], told[9000]) == ("applied", "edited", "pending", "pending", "missing")
    assert shown[2]["applied_at"] is not None
    assert shown[2]["name"] == "0002_organizations"


async def test_the_pane_of_an_empty_database_lists_every_file_as_pending(pg: Cluster, database: str) -> None:
    server = PostgresServer(pg.uri(database))
    told = (await Reader(LEDGER).read(server)).values("status")
    await server.close()
    assert told == ("pending",) * len(FILES)


async def test_what_is_made_belongs_to_the_owner_that_is_given(pg: Cluster, trail: Trail) -> None:
    name = pg.fresh_database(owner="postgres")
    with pg.connect(name) as session:
        session.execute(f"GRANT CREATE ON SCHEMA public TO {OWNER}")
    server = PostgresServer(pg.uri(name))
    try:
        made = await plan(APPLY_SCHEMA, server, {"owner": OWNER}, SETTINGS)
        run = await Runner(ActingSession(pg.uri(name)), server, trail).run(made)
        assert (run.outcome, run.notes) == (Outcome.DONE, [])
        owners = "SELECT DISTINCT tableowner::text FROM pg_tables WHERE schemaname = 'public'"
        assert rows(pg, name, owners) == [(OWNER,)]
        with pytest.raises(Trouble, match="Role nobody_of_that_name does not exist"):
            await plan(APPLY_SCHEMA, server, {"owner": "nobody_of_that_name"}, SETTINGS)
    finally:
        await server.close()
        pg.drop_database(name)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_a_database_in_another_encoding_is_refused_before_anything_is_made(
    any_pg: Cluster, encoding: str
) -> None:
    name = f"test_{encoding.lower()}"
    with any_pg.connect() as session:
        session.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    try:
        with pytest.raises(Trouble, match=f"encoding {encoding}") as caught:
            await planned(any_pg.uri(name))
        assert caught.value.kind is Kind.REFUSED
        assert "UTF8" in caught.value.remedy
    finally:
        any_pg.drop_database(name)


async def refusal(pg: Cluster, database: str, *statements: str, maker: str, user: str = "postgres") -> Trouble:
    """Why the schema is not applied after somebody ran these statements; nothing but them was done."""
    with pg.connect(database, maker) as session:
        for statement in statements:
            session.execute(statement.encode())
    with pytest.raises(Trouble) as caught:
        await planned(pg.uri(database, user))
    with pg.connect(database, user) as session, pytest.raises(Trouble) as other:
        migrations.apply(session, FILES)
    assert (caught.value.kind, caught.value.sentence) == (Kind.REFUSED, other.value.sentence)
    assert rows(pg, database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") in ([(0,)], [(1,)])
    return caught.value


FALSE_LEDGER = "CREATE TABLE public.schema_migrations (version int, name text, checksum text, seconds float8)"


@pytest.mark.parametrize("user", ["postgres", OWNER])
async def test_a_ledger_that_another_role_may_have_made_is_not_believed(pg: Cluster, user: str) -> None:
    name = pg.fresh_database(owner=user)
    try:
        with pg.connect(name) as session:  # as every database before 15 grants to all
            session.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
        false = f"INSERT INTO public.schema_migrations VALUES (1, '{FILES[0].name}', '{FILES[0].checksum}', 1)"
        why = await refusal(pg, name, FALSE_LEDGER, false, maker=APPLICATION, user=user)
        assert f"owned by {APPLICATION}" in why.sentence
        assert f"--set owner={APPLICATION}" in why.remedy
    finally:
        pg.drop_database(name)


@pytest.mark.parametrize(
    "trap",
    [
        "CREATE TRIGGER t BEFORE INSERT ON public.schema_migrations FOR EACH ROW EXECUTE FUNCTION public.fires()",
        "CREATE RULE r AS ON INSERT TO public.schema_migrations DO ALSO SELECT public.evil()",
        "ALTER TABLE public.schema_migrations ADD COLUMN extra int DEFAULT public.evil()",
        "ALTER TABLE public.schema_migrations ALTER name SET DEFAULT ts_rewrite('a'::tsquery, 'SELECT evil()')::text",
        "ALTER TABLE public.schema_migrations ADD CHECK (public.evil() > 0) NOT VALID",
        "CREATE INDEX ON public.schema_migrations ((public.evil()))",
    ],
    ids=["trigger", "rule", "default", "query in a text", "check", "index"],
)
async def test_a_ledger_with_code_of_its_owner_is_refused(pg: Cluster, trap: str) -> None:
    name = pg.fresh_database(owner=OWNER)
    try:
        await refusal(
            pg,
            name,
            "CREATE FUNCTION public.evil() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'",
            "CREATE FUNCTION public.fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            FALSE_LEDGER,
            trap,
            maker=OWNER,
        )
    finally:
        pg.drop_database(name)


async def test_a_view_in_place_of_the_ledger_is_refused(pg: Cluster, database: str) -> None:
    view = "CREATE VIEW public.schema_migrations AS SELECT 1 AS version"
    assert "not an ordinary table" in (await refusal(pg, database, view, maker="postgres")).sentence
