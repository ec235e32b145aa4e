"""EXPLAIN on real servers: no code of another role runs, nothing is locked or left, the plan says what matters."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from console.cli.parsing import parse
from console.cli.plans import asked_for
from console.demo.cluster import APPLICATION, MONITOR, OWNER
from console.explaining import kept
from console.explaining.explain import Asked
from console.explaining.kept import Former, KeptPlans
from console.explaining.lines import lines
from console.explaining.subject import Subject
from console.model import Kind, Trouble
from console.running.trail.audit import Trail
from console.settings.config import Wanted
from console.tui.explain_flow import subject_of
from console.workspace import Workspace
from tests.command import run
from tests.screens import console, settings, shows, taken, until
from tests.servers import PostgresServer as Cluster
from tests.statements import OWN_STATEMENTS
from tests.waiting import eventually

# All of it belongs to pipeline_app; pipeline_owner explains.
HOSTILE = """
CREATE SCHEMA hostile;
GRANT USAGE ON SCHEMA hostile TO PUBLIC;
CREATE FUNCTION hostile.boom() RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION hostile.boom(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE FUNCTION hostile.stable_boom() RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION hostile.fits(int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
CREATE FUNCTION hostile.yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy() RETURNS int IMMUTABLE
  LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION hostile."no\u00a0break"() RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION hostile.sum3(int, int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE OPERATOR hostile.+@+ (LEFTARG = int, RIGHTARG = int, FUNCTION = hostile.sum3);
CREATE DOMAIN hostile.checked AS int CHECK (hostile.fits(VALUE));
CREATE TYPE hostile.pair AS (a hostile.checked, b int);
CREATE FUNCTION hostile.pair_to_int(hostile.pair) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE CAST (hostile.pair AS int) WITH FUNCTION hostile.pair_to_int AS IMPLICIT;
CREATE TABLE hostile.t (a hostile.checked[], b int, p hostile.pair);
CREATE FUNCTION hostile.shown(hostile.t) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE TABLE hostile.indexed (n int);
CREATE INDEX ON hostile.indexed (n) WHERE n > hostile.boom(7);
CREATE TABLE hostile.checked_table (n int CHECK (n > hostile.boom(7)));
CREATE TABLE hostile.guarded (n int);
ALTER TABLE hostile.guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON hostile.guarded USING (n > hostile.boom(7));
CREATE VIEW hostile.seen AS SELECT hostile.boom(7) AS n;
CREATE VIEW hostile.exported AS SELECT pg_catalog.table_to_xml('hostile.seen', true, false, '') AS x;
GRANT SELECT ON ALL TABLES IN SCHEMA hostile TO PUBLIC;
"""

TEXTS = (
    "SELECT 1; DROP TABLE victim",
    "SELECT 1 /* */ ; SELECT hostile.boom() --",
    "SELECT $a$;$a$; INSERT INTO victim VALUES (1)",
    "SELECT hostile.boom()",
    'SELECT "hostile" . "boom" /* x */ (1)',
    "SELECT * FROM victim WHERE n = hostile.stable_boom()",
    "SELECT boom()",
    "SELECT hostile.yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy()",
    "SELECT hostile.no\u00a0break()",
    'SELECT U&"hostile".U&"b\\006fom"()',
    "SELECT '1'::hostile.checked",
    "SELECT CAST('{1}' AS hostile.checked[])",
    "SELECT '{1}'::hostile._checked",
    "SELECT * FROM hostile.t WHERE a = '{1}'",
    "SELECT * FROM hostile.t WHERE p = '(1,2)'",
    "SELECT '(1,2)'::hostile.pair + 1",
    "SELECT 1 OPERATOR(hostile.+@+) 2",
    "SELECT 1+@+2",
    "SELECT x.shown FROM hostile.t x",
    "SELECT * FROM hostile.seen",
    "SELECT * FROM hostile.indexed WHERE n > 8",
    "SELECT * FROM hostile.checked_table WHERE n > 8",
    "SELECT * FROM hostile.guarded",
    "SELECT pg_catalog.table_to_xml('hostile.seen', true, false, '')",
    "SELECT * FROM hostile.exported",
    "WITH gone AS (DELETE FROM victim RETURNING *) SELECT * FROM gone",
    "UPDATE victim SET n = hostile.boom() WHERE n = hostile.boom()",
    "DO 'BEGIN PERFORM hostile.boom(); END'",
    "COPY victim TO PROGRAM 'true'",
    "EXPLAIN ANALYZE SELECT hostile.boom()",
    "CREATE TABLE left_behind AS SELECT hostile.boom()",
    "SELECT hostile.boom() INTO left_behind",
)

CALLS = "SELECT coalesce(sum(calls), 0)::int FROM pg_catalog.pg_stat_user_functions"
CATALOGS = """
SELECT c.relname FROM pg_catalog.pg_class c
 WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND c.relname <> 'pg_statistic'"""


@pytest.fixture(scope="module")
def ground(pg: Cluster) -> Iterator[str]:
    """A database with a table worth explaining and everything hostile."""
    name = pg.fresh_database()
    with pg.connect(name) as session:
        session.execute(
            f"GRANT CREATE ON DATABASE {name} TO {APPLICATION}; GRANT ALL ON SCHEMA public TO {OWNER}".encode()
        )
        session.execute(f"ALTER DATABASE {name} SET track_functions = 'pl'".encode())
    with pg.connect(name, APPLICATION) as session:
        session.execute(HOSTILE.encode())
    with pg.connect(name, OWNER) as session:
        session.execute(
            "CREATE TABLE victim (n int); CREATE TABLE customers (id int PRIMARY KEY, name text);"
            "CREATE TABLE orders (id bigserial PRIMARY KEY, customer int, note text)"
        )
        session.execute("INSERT INTO customers SELECT g, 'c' || g FROM generate_series(1, 2000) g")
        session.execute(
            "INSERT INTO orders (customer, note) SELECT g % 2000, repeat('x', 200) FROM generate_series(1, 40000) g"
        )
        session.execute("ANALYZE")
    yield name
    pg.drop_database(name)


@asynccontextmanager
async def workspace(pg: Cluster, database: str, folder: Path, user: str = OWNER) -> AsyncIterator[Workspace]:
    """A console without a front end, which keeps its plans in `folder`."""
    async with Workspace(settings(), Wanted(pg.uri(database, user)), trail=Trail(folder / "audit.jsonl")) as opened:
        yield opened


def rows_of_catalogs(session: psycopg.Connection[tuple[str]]) -> dict[str, object]:
    """How many rows each catalog has."""
    names = [name for (name,) in session.execute(CATALOGS).fetchall()]
    return {name: session.execute(f"SELECT count(*) FROM pg_catalog.{name}".encode()).fetchone() for name in names}


def modes(folder: Path) -> list[str]:
    """Who may read a folder and its files."""
    return [oct(path.stat().st_mode & 0o777) for path in (folder, *folder.iterdir())]


async def refused(opened: Workspace, asked: Asked) -> Trouble:
    with pytest.raises(Trouble) as caught:
        await opened.explain(asked)
    return caught.value


@pytest.mark.parametrize("confined", [False, True], ids=["as a plain role", "as superuser, confined"])
async def test_no_hostile_text_runs_anything_or_leaves_anything(
    pg: Cluster, ground: str, tmp_path: Path, confined: bool
) -> None:
    with pg.connect(ground) as watching:
        watching.execute("SELECT pg_stat_reset()")
        before = rows_of_catalogs(watching)
        async with workspace(pg, ground, tmp_path, "postgres" if confined else OWNER) as opened:
            for text in TEXTS:
                asked = Asked(Subject(text), role=OWNER if confined else "", search_path="hostile, public")
                assert (await refused(opened, asked)).kind is Kind.REFUSED, text
        own = "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE application_name = 'pipeline-console'"
        await eventually(lambda: watching.execute(own).fetchone() == (0,))
        with pg.connect(ground, OWNER) as control:  # what would have happened
            control.execute("EXPLAIN SELECT hostile.boom()")
        await eventually(lambda: watching.execute(CALLS).fetchone() == (1,))
        assert watching.execute("SELECT count(*) FROM victim").fetchone() == (0,)
        assert rows_of_catalogs(watching) == before


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("SELECT * FROM orders WHERE customer = $1 FOR UPDATE", None),
        ("UPDATE orders SET note = $1 WHERE customer = $2", ("5",)),
        ("DELETE FROM orders USING customers c WHERE c.id = customer AND c.name = $1", None),
        ("INSERT INTO orders (customer) SELECT id FROM customers WHERE name = $1", ("c1",)),
    ],
)
@pytest.mark.parametrize("user", [OWNER, "postgres"])
async def test_no_lock_goes_beyond_access_share(
    pg: Cluster, ground: str, tmp_path: Path, text: str, values: tuple[str] | None, user: str
) -> None:
    with pg.connect(ground) as holder, holder.transaction():
        # SHARE ROW EXCLUSIVE lets nothing pass that writes; EXPLAIN waits for a lock at most a tenth of a second.
        holder.execute("LOCK TABLE orders, customers IN EXCLUSIVE MODE")
        async with workspace(pg, ground, tmp_path, user) as opened:
            explained = await opened.explain(Asked(Subject(text), values, OWNER))
    assert explained.plan.cost > 0


async def test_a_superuser_is_refused_unless_a_plain_role_is_named(pg: Cluster, ground: str, tmp_path: Path) -> None:
    asked = Subject("SELECT * FROM orders WHERE customer = $1")
    with pg.connect(ground) as admin:
        admin.execute(
            "DROP ROLE IF EXISTS half_a_superuser; CREATE ROLE half_a_superuser IN ROLE pg_write_server_files"
        )
    async with workspace(pg, ground, tmp_path, "postgres") as opened:
        assert (await refused(opened, Asked(asked))).kind is Kind.REFUSED
        assert (await refused(opened, Asked(asked, role="postgres"))).kind is Kind.REFUSED
        assert "pg_write_server_files" in str(await refused(opened, Asked(asked, role="half_a_superuser")))
        assert "no role" in str(await refused(opened, Asked(asked, role="nobody_at_all")))
        assert (await refused(opened, Asked(asked, role=MONITOR))).kind is Kind.DENIED  # it may not read the table
        assert (await opened.explain(Asked(asked, role=OWNER))).role == OWNER
    async with workspace(pg, ground, tmp_path, OWNER) as opened:
        assert (await refused(opened, Asked(asked, role=APPLICATION))).kind is Kind.REFUSED
    with pg.connect(ground) as admin:
        admin.execute("DROP ROLE half_a_superuser")


async def test_a_superuser_who_acts_as_a_plain_role_is_one(pg: Cluster, ground: str, tmp_path: Path) -> None:
    uri = f"{pg.uri(ground)}&options=-crole%3D{OWNER}"
    async with Workspace(settings(), Wanted(uri), trail=Trail(tmp_path / "audit.jsonl")) as opened:
        why = await refused(opened, Asked(Subject("SELECT 1")))
    assert why.kind is Kind.REFUSED
    assert "superuser" in str(why)


@pytest.mark.parametrize("user", [OWNER, "postgres"])
async def test_values_are_bound_and_never_become_sql(pg: Cluster, ground: str, tmp_path: Path, user: str) -> None:
    text = "SELECT * FROM orders WHERE note = $1 AND customer = $2"
    evil = "x' OR 1 = 1; DROP TABLE victim; --\\"
    async with workspace(pg, ground, tmp_path, user) as opened:
        explained = await opened.explain(Asked(Subject(text), (evil, "5"), OWNER))
        generic = await opened.explain(Asked(Subject(text), role=OWNER))
        assert (await refused(opened, Asked(Subject(text), ("1",), OWNER))).kind is Kind.USAGE
        null = await opened.explain(Asked(Subject(text), (None, "5"), OWNER))
    (condition,) = [text for node in explained.plan.walk() for name, text in node.conditions if name == "Filter"]
    assert "OR 1 = 1; DROP TABLE victim" in condition
    assert "customer = 5" in condition
    assert "customer = $2" in str(generic.plan)
    assert null.plan.kind == "Result"


async def test_the_search_path_is_that_of_the_role_whose_statement_it_is(
    pg: Cluster, ground: str, tmp_path: Path
) -> None:
    with pg.connect(ground) as admin:
        admin.execute("CREATE SCHEMA other; CREATE TABLE other.orders (customer int)")
        admin.execute(f"GRANT USAGE ON SCHEMA other TO {OWNER}; GRANT SELECT ON other.orders TO {OWNER}")
        admin.execute(f'ALTER ROLE {MONITOR} IN DATABASE {ground} SET search_path = other, "$user"')
        admin.execute(f"ALTER ROLE {MONITOR} IN DATABASE {ground} SET work_mem = '64kB'")
        admin.execute(f"ALTER ROLE {MONITOR} IN DATABASE {ground} SET enable_seqscan = off")
    with pg.connect(ground, MONITOR) as session:
        session.execute("SELECT 1 AS one /* about orders */")
        pid = session.info.backend_pid
        async with workspace(pg, ground, tmp_path) as opened:
            explained = await opened.explain(Asked(Subject(pid=pid)))
            named = await opened.explain(Asked(Subject("SELECT * FROM orders"), search_path="other"))
            assert (await refused(opened, Asked(Subject("SELECT 1"), search_path="a; b"))).kind is Kind.USAGE
    assert explained.found.user == MONITOR
    assert {("search_path", f"other, {MONITOR}", "of the role in this database")} <= set(explained.settings)
    assert "work_mem = 64kB" in " ".join(explained.notes)
    assert f"search_path other, {MONITOR} (of the role {MONITOR} in this database)" in " ".join(explained.notes)
    assert named.plan.relation == "other.orders"


async def test_analyze_runs_only_a_select_that_only_reads(pg: Cluster, ground: str, tmp_path: Path) -> None:
    async with workspace(pg, ground, tmp_path) as opened:
        explained = await opened.explain(
            Asked(Subject("SELECT * FROM orders WHERE customer > $1 ORDER BY note, id"), ("5",), analyze=True)
        )
        for text, values in (
            ("SELECT pg_catalog.pg_terminate_backend(pg_backend_pid())", None),
            ("SELECT pg_advisory_lock(1)", None),
            ("UPDATE orders SET note = note", None),
            ("SELECT * FROM orders WHERE customer = $1", None),
        ):
            why = await refused(opened, Asked(Subject(text), values, analyze=True))
            assert why.kind in {Kind.REFUSED, Kind.USAGE}, text
    assert explained.milliseconds is not None
    assert explained.plan.counted == 40_000 - 120
    assert any("temporary files" in hint.sentence for hint in explained.hints)


async def test_hints_name_what_is_wrong_and_a_changed_plan_is_shown_with_the_one_before(
    pg: Cluster, ground: str, tmp_path: Path
) -> None:
    asked = Asked(Subject("SELECT * FROM orders WHERE customer = $1"))
    async with workspace(pg, ground, tmp_path) as opened:
        first = await opened.explain(asked)
        again = await opened.explain(asked)
        with pg.connect(ground, OWNER) as owner:
            owner.execute("CREATE INDEX orders_customer ON orders (customer)")
            changed = await opened.explain(asked)
            owner.execute("DROP INDEX orders_customer")
    assert "an index on the columns of (orders.customer = $1)" in first.hints[0].sentence
    assert (first.before, first.same_since) == (None, None)
    assert again.before is None
    assert again.same_since is not None
    assert changed.before is not None
    assert changed.before.shape == first.plan.shape != changed.plan.shape
    for width in (80, 180):
        shown = "\n".join(line.text for line in lines(changed, width))
        assert "What changed: until" in shown
        assert "Seq Scan on orders" in shown
        assert "orders_customer" in shown
    beside = [line.text for line in lines(changed, 180) if "Bitmap Heap Scan" in line.text and "Seq Scan" in line.text]
    assert beside, "the two plans are not side by side"
    assert modes(tmp_path / "plans") == ["0o700", "0o600"]


async def test_stale_statistics_and_loops_are_hinted_at(pg: Cluster, ground: str, tmp_path: Path) -> None:
    with pg.connect(ground, OWNER) as owner:
        owner.execute("CREATE TABLE fresh (id int, other int)")
        owner.execute("INSERT INTO fresh SELECT g, g FROM generate_series(1, 5000) g")
        text = "SELECT * FROM orders o JOIN fresh f ON f.id < o.customer"
        reading = "SELECT pg_stat_get_mod_since_analyze('fresh'::regclass)"
        owner.execute("SELECT 1")
        await eventually(lambda: owner.execute(reading).fetchone() == (5000,))
        async with workspace(pg, ground, tmp_path) as opened:
            explained = await opened.explain(Asked(Subject(text)))
        owner.execute("DROP TABLE fresh")
    sentences = " ".join(hint.sentence for hint in explained.hints)
    assert "fresh was never analyzed" in sentences
    assert "its inner side" in sentences


async def test_a_cut_text_and_one_of_another_database_are_refused(pg: Cluster, ground: str, tmp_path: Path) -> None:
    async with workspace(pg, ground, tmp_path) as opened:
        with pg.connect(ground, OWNER) as session:
            session.execute(f"SELECT '{'x' * 4096}'".encode())
            assert "cut" in str(await refused(opened, Asked(Subject(pid=session.info.backend_pid))))
        with pg.connect("postgres", OWNER) as session:
            session.execute("SELECT 1")
            assert "-d postgres" in str(await refused(opened, Asked(Subject(pid=session.info.backend_pid))))
        assert (await refused(opened, Asked(Subject(pid=2**31 - 1)))).kind is Kind.MISSING


async def test_a_placeholder_of_unknown_type_is_named_as_the_reason(pg: Cluster, ground: str, tmp_path: Path) -> None:
    async with workspace(pg, ground, tmp_path) as opened:
        why = await refused(opened, Asked(Subject("SELECT 1 WHERE current_date >= (current_date) - $1")))
    assert "as it is kept: operator does not exist: date >= integer" in why.sentence
    assert "from a session that runs it" in why.remedy


async def test_what_is_added_to_a_date_is_planned_as_a_number_of_days(pg: Cluster, ground: str, tmp_path: Path) -> None:
    """The server takes a parameter there for another date, and finds no operator for what comes of it."""
    kept = "SELECT id FROM orders WHERE now() >= current_date - $1 AND now() <= (now() AT TIME ZONE $2)::date + $3"
    async with workspace(pg, ground, tmp_path) as opened:
        generic = await opened.explain(Asked(Subject(kept)))
        typed = await opened.explain(Asked(Subject(kept), ("7", "UTC", "1")))
    assert (generic.how, typed.how) == ("generic plan", "plan with values")


async def test_a_statement_is_explained_with_the_rows_that_its_calls_returned(
    pg: Cluster, ground: str, tmp_path: Path
) -> None:
    with pg.connect(ground) as admin:
        admin.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    with pg.connect(ground, OWNER) as session:
        for _ in range(3):
            session.execute("SELECT id AS of_the_test FROM orders WHERE customer = 7", prepare=False)
    with pg.connect(ground) as admin:
        query = f"SELECT queryid FROM {OWN_STATEMENTS} WHERE query LIKE 'SELECT id AS of_the_test%'"
        ((queryid,),) = admin.execute(query).fetchall()
    async with workspace(pg, ground, tmp_path) as opened:
        explained = await opened.explain(Asked(Subject(queryid=queryid)))
    assert (explained.found.calls, explained.found.rows_a_call) == (3, 20)
    assert explained.found.user == OWNER
    assert explained.how == "generic plan"


@pytest.mark.parametrize(
    ("row", "subject"),
    [
        ({"queryid": 7, "userid": 10, "dbid": 5, "calls": 3}, Subject(queryid=7, userid=10, dbid=5)),
        ({"pid": 42, "query": "SELECT 1"}, Subject(pid=42)),
        ({"evidence": [{"row": {}}, {"row": {"pid": 42}}], "rule": "blocking-session"}, Subject(pid=42)),
        ({"evidence": [{"row": {"queryid": 7, "dbid": 5}}]}, Subject(queryid=7, dbid=5)),
        ({"pid": 0, "gid": "prepared"}, None),
        ({"index": "public.x", "queryid": None}, None),
    ],
)
def test_a_row_leads_to_the_statement_that_it_is_about(row: dict[str, object], subject: Subject | None) -> None:
    assert subject_of(row) == subject


async def test_a_folder_that_cannot_be_written_costs_only_the_comparison(
    pg: Cluster, ground: str, tmp_path: Path
) -> None:
    (tmp_path / "plans").write_text("in the way")
    async with workspace(pg, ground, tmp_path) as opened:
        explained = await opened.explain(Asked(Subject("SELECT 1")))
    assert explained.plan.kind == "Result"
    assert any("was not kept" in note for note in explained.notes)


def test_the_store_of_plans_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 3)
    plans, at = KeptPlans(tmp_path / "plans"), datetime(2026, 1, 1, tzinfo=UTC)
    for statement in range(6):
        for shape in "abcdea":
            plans.keep("target", f"statement {statement}", Former({"Node": shape}, shape, "generic", at, at))
    assert len(list((tmp_path / "plans").iterdir())) == 3
    assert [plan.shape for plan in plans.of("target", "statement 5")] == ["a", "e", "d"]
    plans.keep("target", "large", Former({"Node": "x" * kept.LONGEST}, "x", "generic", at, at))
    assert plans.of("target", "large") == ()


def test_the_command_prints_a_plan_and_says_why_there_is_none(pg: Cluster, ground: str, tmp_path: Path) -> None:
    target = ("-t", pg.uri(ground, OWNER))
    done = run(
        tmp_path, "explain", "SELECT * FROM orders WHERE customer = $1", "--value", "5", "--format", "json", *target
    )
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["how"] == "plan with values"
    assert document["plan"]["cost"] > 0
    done = run(tmp_path, "explain", "SELECT 1", "-t", pg.uri(ground))
    assert (done.code, done.out) == (3, "")
    assert "--as ROLE" in done.err


@pytest.mark.parametrize("given", [[], ["--pid", "5", "SELECT 1"], ["--pid", "5", "--query-id", "7"]])
def test_the_command_takes_exactly_one_statement(given: list[str]) -> None:
    with pytest.raises(Trouble) as caught:
        asked_for(parse(["explain", *given]))
    assert caught.value.kind is Kind.USAGE
    assert asked_for(parse(["explain", "--pid", "5", "--value", r"\N", "--value", ""])).values == (None, "")


async def test_the_key_explains_the_session_under_the_cursor_and_asks_for_values(pg: Cluster, ground: str) -> None:
    with pg.connect(ground, OWNER) as session, session.transaction():
        cursor = psycopg.Cursor(session)
        cursor.execute("SELECT count(*) FROM orders WHERE customer = 7", prepare=False)
        async with console(pg.uri(ground, OWNER), pane="connections") as (app, pilot):
            await until(pilot, lambda: app.pane_view.table.row_count)
            app.pane_view.go_to("idle-in-tx", {"pid": session.info.backend_pid})
            await shows(pilot, "SELECT count(*)")
            await pilot.press("E")
            await shows(pilot, "Plan as pipeline_owner", "Seq Scan on orders", "v values")
            await taken(pilot)
            await pilot.press("v")
            await shows(pilot, "search_path", "analyze")


async def test_a_superuser_is_asked_with_whose_rights_it_is_planned(pg: Cluster, ground: str) -> None:
    with pg.connect(ground, OWNER) as session, session.transaction():
        session.execute("SELECT count(*) FROM orders WHERE customer = 7", prepare=False)
        async with console(pg.uri(ground), pane="connections") as (app, pilot):
            await until(pilot, lambda: app.pane_view.table.row_count)
            app.pane_view.go_to("idle-in-tx", {"pid": session.info.backend_pid})
            await shows(pilot, "SELECT count(*)")
            await pilot.press("E")
            await shows(pilot, "role", OWNER, "a plain role")
            await taken(pilot)
            await pilot.press("enter")
            await shows(pilot, "Plan as pipeline_owner", "Seq Scan on orders")
