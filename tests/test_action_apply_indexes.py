"""apply-indexes: what is missing of a pack, built online, with EXPLAIN before and after kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from console.actions.indexes.apply_indexes import APPLY_INDEXES
from console.actions.indexes.explain import Explained, explain
from console.actions.indexes.index_pack import PackIndex, load
from console.actions.indexes.index_safety import danger
from console.model import Kind, Outcome, Trouble
from console.running.trail.audit import Trail
from console.sources.postgres import PostgresServer
from tests.acting import Desk
from tests.care import INVALID, done
from tests.servers import PostgresServer as Cluster
from tests.waiting import wait

DASHBOARD, SEARCH, ANALYTICS = (
    "content_requests_dashboard_idx",
    "content_requests_search_idx",
    "content_analytics_asset_date_idx",
)
MORE = """
INSERT INTO public.content_requests (organization_id, brand_profile_id, requested_by, title, description, status,
                                     priority, created_at)
SELECT r.organization_id, r.brand_profile_id, r.requested_by,
       CASE WHEN g % 50 = 0 THEN 'Harbour ' ELSE 'Poster ' END || g,
       'About ' || md5(g::text),
       CASE WHEN g % 8 = 0 THEN 'pending' ELSE 'completed' END, g % 10, now() - g * interval '1 minute'
  FROM (SELECT * FROM public.content_requests ORDER BY id LIMIT 1) r, generate_series(1, 20000) g
"""


@pytest.fixture
def desk(pg: Cluster, pg_pipeline: str, tmp_path: Path) -> Desk:
    return Desk(pg, pg_pipeline, Trail(tmp_path / "audit.jsonl"))


@pytest.fixture
def plain(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    """One table, without an index but its key."""
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    desk.do(
        "CREATE TABLE public.t (id int PRIMARY KEY, n int, m int, big bigint, price money, at timestamptz, x text, "
        "y varchar(9))",
        "INSERT INTO public.t SELECT g, g % 500, g, g, 1, now(), md5(g::text), 'y' FROM generate_series(1, 20000) g",
        "ANALYZE public.t",
    )
    return desk


def pack(folder: Path, **indexes: str) -> str:
    path = folder / "pack.yml"
    body = "".join(f"  {name}:\n{textwrap.indent(textwrap.dedent(text), '    ')}\n" for name, text in indexes.items())
    path.write_text(f"name: mine\ntitle: My own\nindexes:\n{body}")
    return str(path)


def entry(definition: str, **more: str) -> str:
    keys = {"table": "public.t", "serves": "n = …", "query": "SELECT 1", **more, "definition": definition}
    return "".join(f"{key}: '{value.replace(chr(39), chr(39) * 2)}'\n" for key, value in keys.items())


async def test_a_pipeline_database_lacks_nothing(desk: Desk) -> None:
    run = await desk.run(APPLY_INDEXES)
    assert run.outcome is Outcome.NOTHING
    assert run.plan.notes == (
        f"{len(load('pipeline').entries)} of {len(load('pipeline').entries)} indexes of the pack exist.",
    )


async def test_what_is_missing_is_built_explained_and_kept(desk: Desk) -> None:
    desk.do(
        MORE, f"DROP INDEX public.{DASHBOARD}, public.{SEARCH}, public.{ANALYTICS}", "ANALYZE public.content_requests"
    )
    run = await desk.run(APPLY_INDEXES)
    done(run)
    assert run.plan.table is not None
    assert run.plan.table.values("index") == (DASHBOARD, SEARCH, ANALYTICS)
    assert "Sort" in str(run.plan.table.rows[0])
    told = {note.partition(":")[0]: note for note in run.notes}
    assert "used, no Sort. Before: Limit" in told[DASHBOARD]
    assert f"Index Scan using {DASHBOARD}" in told[DASHBOARD].partition("After:")[2]
    assert f"Bitmap Index Scan using {SEARCH}" in told[SEARCH].partition("After:")[2]
    (end,) = [one for one in desk.trail.entries() if one["event"] == "end"]
    assert set(told.values()) <= set(end["notes"])  # type: ignore[call-overload]
    assert desk.ask(INVALID) == 0
    assert "Dashboard" in desk.ask(f"SELECT obj_description('public.{DASHBOARD}'::regclass)")
    assert (await desk.run(APPLY_INDEXES)).outcome is Outcome.NOTHING


async def test_the_indexes_of_one_table_or_one_alone(desk: Desk) -> None:
    desk.do(f"DROP INDEX public.{DASHBOARD}, public.{SEARCH}, public.{ANALYTICS}")
    assert len((await desk.plan(APPLY_INDEXES, table="public.content_requests")).steps) == 4
    (built, comment) = (await desk.plan(APPLY_INDEXES, index=SEARCH)).steps
    assert built.sql.startswith(
        f"CREATE INDEX CONCURRENTLY {SEARCH} ON public.content_requests USING gin (organization_id"
    )
    assert comment.sql.startswith(f"COMMENT ON INDEX public.{SEARCH}")
    assert all(
        ANALYTICS.removeprefix("content_analytics") in step.sql
        for step in (await desk.plan(APPLY_INDEXES, table="content_analytics")).steps
    )
    for wrong in ({"index": "nothing"}, {"table": "organizations"}, {"pack": "nothing"}, {"analyze": "perhaps"}):
        with pytest.raises(Trouble) as caught:
            await desk.plan(APPLY_INDEXES, **wrong)
        assert caught.value.kind is Kind.USAGE


async def test_without_btree_gin_the_search_index_holds_the_vector_alone(desk: Desk) -> None:
    desk.do(f"DROP INDEX public.{SEARCH}", "DROP EXTENSION btree_gin")
    done(await desk.run(APPLY_INDEXES))
    assert "USING gin (search_vector)" in desk.ask(f"SELECT pg_get_indexdef('public.{SEARCH}'::regclass)")
    assert (await desk.run(APPLY_INDEXES)).outcome is Outcome.NOTHING


async def test_queries_are_run_on_request(desk: Desk) -> None:
    desk.do(f"DROP INDEX public.{DASHBOARD}")
    run = await desk.run(APPLY_INDEXES, analyze="yes")
    done(run)
    (note,) = [one for one in run.notes if one.startswith(DASHBOARD)]
    assert " ms, " in note
    assert note.count("took ") > 1
    assert "buffers=" in note


async def test_the_shape_of_dashboard_and_search(desk: Desk) -> None:
    """On the sample data and one large tenant, by the queries that the index pack names."""
    desk.do(MORE, "VACUUM (ANALYZE) public.content_requests")
    tenants = "SELECT organization_id, 'harbour' AS words FROM public.content_requests GROUP BY 1"
    big = f"{tenants} ORDER BY count(*) DESC LIMIT 1"
    shapes = {}
    server = PostgresServer(desk.uri)
    for one in load("pipeline").entries[:2]:
        shapes[one.name] = await explain(server, PackIndex(one.name, one.table, one.definition, "", one.query, big))
    await server.close()
    assert not shapes[DASHBOARD].sorts, shapes[DASHBOARD]
    assert shapes[DASHBOARD].indexes == {DASHBOARD}
    assert shapes[SEARCH].indexes == {SEARCH}, shapes[SEARCH]


def killed_while_it_waits(desk: Desk, index: str, hold: str) -> None:
    """A console is killed while CREATE INDEX CONCURRENTLY waits for an open transaction."""
    program = textwrap.dedent(f"""
        import asyncio, pathlib
        from console.settings import config
        from console.actions.indexes.apply_indexes import APPLY_INDEXES
        from console.actions.planning import plan
        from console.running.trail.audit import Trail
        from console.sources.postgres import ActingSession, PostgresServer
        from console.running.runner import Runner

        async def main():
            server = PostgresServer({desk.uri!r})
            made = await plan(APPLY_INDEXES, server, {{"index": {index!r}}}, config.load(environ={{}}))
            await Runner(ActingSession({desk.uri!r}), server, Trail(pathlib.Path({str(desk.trail.path)!r}))).run(made)

        asyncio.run(main())
    """)
    acting = f"application_name = 'pipeline-console act' AND datname = '{desk.database}'"
    with desk.session() as other:
        other.execute("BEGIN")
        other.execute(hold.encode())
        process = subprocess.Popen([sys.executable, "-c", program])
        wait(lambda: desk.ask(INVALID + " AND indexrelid::regclass::text LIKE '%_idx' AND indisready") > 0)
        wait(
            lambda: desk.ask(f"SELECT count(*) FROM pg_stat_activity WHERE {acting} AND wait_event = 'virtualxid'") == 1
        )
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        wait(lambda: desk.ask(f"SELECT count(*) FROM pg_stat_activity WHERE {acting}") == 0)


@pytest.mark.parametrize(
    ("index", "hold"),
    [
        (DASHBOARD, "SELECT count(*) FROM public.content_requests"),
        (ANALYTICS, "SELECT count(*) FROM public.content_analytics"),
    ],
)
async def test_a_killed_build_is_named_and_mended_by_running_it_again(desk: Desk, index: str, hold: str) -> None:
    desk.do(f"DROP INDEX public.{index}")
    killed_while_it_waits(desk, index, f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; {hold}")
    assert desk.ask(INVALID) > 0
    run = await desk.run(APPLY_INDEXES)
    done(run)
    assert run.plan.steps[0].sql.startswith("DROP INDEX CONCURRENTLY"), "what is left is named"
    assert desk.ask(INVALID) == 0
    assert (await desk.run(APPLY_INDEXES)).outcome is Outcome.NOTHING


async def test_an_index_whose_column_is_not_there_yet_is_left_out(desk: Desk) -> None:
    desk.do(
        f"DROP INDEX public.{DASHBOARD}",
        "ALTER TABLE public.content_requests DROP COLUMN search_vector",
        "ALTER TABLE public.generated_assets DROP COLUMN metadata",
        "DROP TABLE public.user_sessions",
    )
    run = await desk.run(APPLY_INDEXES)
    done(run)
    notes = " ".join(run.plan.notes)
    assert f"{SEARCH} is skipped: public.content_requests has no column search_vector." in notes
    assert "generated_assets_model_idx is skipped" in notes
    assert "Not in this database: public.user_sessions." in notes
    with pytest.raises(Trouble, match="adopt-schema"):
        await desk.plan(APPLY_INDEXES, index=SEARCH)


# A user's own pack


async def test_a_pack_of_ones_own_is_built(plain: Desk, tmp_path: Path) -> None:
    query = "SELECT count(*) FROM public.t WHERE n = :n AND x <> ';:n' AND at::date = :day"
    path = pack(
        tmp_path,
        t_n=entry("(n) WHERE x IN ('a', 'b')"),
        t_x=entry("(n, lower(left(x, 64)))", query=query, sample="SELECT n, at::date AS day FROM public.t"),
    )
    run = await plain.run(APPLY_INDEXES, pack=path)
    done(run)
    assert any(step.sql.startswith("ANALYZE") for step in run.plan.steps), "expressions have no statistics before"
    assert any("t_x: cost" in note and "used, no Sort" in note for note in run.notes), run.notes
    assert (await plain.run(APPLY_INDEXES, pack=path)).outcome is Outcome.NOTHING


async def test_hostile_names_and_values_stay_what_they_are(plain: Desk, tmp_path: Path) -> None:
    plain.do(
        'CREATE TABLE public."a""; DROP TABLE t; --" (n text)',
        'INSERT INTO public."a""; DROP TABLE t; --" VALUES ($$\'; DROP TABLE t; -- \\ :n$$)',
    )
    path = tmp_path / "pack.yml"
    path.write_text(
        "name: mine\ntitle: My own\nindexes:\n"
        "  'i\"; DROP TABLE t; --':\n    table: 'public.a\"; DROP TABLE t; --'\n    definition: (n)\n"
        "    serves: 'n = ''\\; DROP TABLE t'\n    short: the rows of a test\n"
        '    sample: SELECT n FROM public."a""; DROP TABLE t; --"\n'
        '    query: SELECT count(*) FROM public."a""; DROP TABLE t; --" WHERE n = :n\n'
    )
    run = await plain.run(APPLY_INDEXES, pack=str(path))
    done(run)
    assert any("cost" in note for note in run.notes), run.notes
    assert plain.ask("SELECT count(*) FROM public.t") == 20000
    assert (await plain.run(APPLY_INDEXES, pack=str(path))).outcome is Outcome.NOTHING


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        ("((at::date))", "((at AT TIME ZONE 'UTC')::date)"),
        ("(date(at))", "AT TIME ZONE"),
        ("(date_trunc('day', at))", "AT TIME ZONE"),
        ("(extract(hour FROM at))", "AT TIME ZONE"),
        ("(n) WHERE at > CURRENT_DATE - 90", "changes with time"),
        ("(n) WHERE at > now()", "changes with time"),
        ("((n + m))", "n::bigint"),
        ("((coalesce(n, 0) + coalesce(m, 0)))", "n::bigint"),
        ("((price::numeric))", "lc_monetary"),
        ("(n) INCLUDE (x)", "unbounded"),
        ("(n, x DESC)", "unbounded"),
        ("(lower(x))", "unbounded"),
        ("((random() * n))", "each time"),
    ],
)
async def test_an_unsafe_definition_is_refused_with_the_safe_form(
    plain: Desk, tmp_path: Path, definition: str, told: str
) -> None:
    with pytest.raises(Trouble) as caught:
        await plain.plan(APPLY_INDEXES, pack=pack(tmp_path, t_idx=entry(definition)))
    assert caught.value.kind is Kind.REFUSED
    assert told in str(caught.value)
    assert "t_idx" in str(caught.value)


@pytest.mark.parametrize(
    "definition",
    [
        "(((at AT TIME ZONE 'UTC')::date))",
        "(date_trunc('day', at AT TIME ZONE 'UTC'))",
        "(at DESC)",
        "(at) WHERE at > '2020-01-01 00:00:00+00'",
        "((n::bigint + m))",
        "((n::bigint + m + n))",
        "((coalesce(n, 0)::numeric + coalesce(m, 0)))",
        "(n) INCLUDE (y, big)",
        '("left"(x, 64))',
        "USING hash (x)",
        "(n) WHERE x = 'a'",
        "(price)",
    ],
)
async def test_a_safe_definition_is_built(plain: Desk, tmp_path: Path, definition: str) -> None:
    done(await plain.run(APPLY_INDEXES, pack=pack(tmp_path, t_idx=entry(definition))))


async def test_what_only_the_server_knows_to_be_unsafe_ends_in_its_sentence(plain: Desk, tmp_path: Path) -> None:
    plain.do("CREATE FUNCTION public.moody(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN $1; END'")
    run = await plain.run(APPLY_INDEXES, pack=pack(tmp_path, t_idx=entry("(public.moody(n))")))
    assert run.outcome is Outcome.FAILED
    assert "IMMUTABLE" in run.message
    assert plain.ask(INVALID) == 0


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("definition", "(n); DROP TABLE t", "semicolon"),
        ("query", "DELETE FROM public.t", "SELECT"),
        ("query", "SELECT 1; SELECT 2", "one statement"),
        ("query", "SELECT :n", "sample"),
        ("extension", "btree_gin", "otherwise"),
        ("colour", "red", "not known"),
    ],
)
def test_errors_of_a_pack_name_file_line_and_key(tmp_path: Path, key: str, value: str, told: str) -> None:
    given = {"query": "SELECT 1", key: value}
    definition = given.pop("definition", "(n)")
    with pytest.raises(Trouble, match=r"pack\.yml, line \d+: indexes\.t_idx") as caught:
        load(pack(tmp_path, t_idx=entry(definition, **given)))
    assert caught.value.kind is Kind.USAGE
    assert told in str(caught.value)


def test_a_name_that_is_too_long_and_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="63 bytes"):
        load(pack(tmp_path, **{"ä" * 32: entry("(n)")}))
    with pytest.raises(Trouble, match="cannot be read"):
        load(str(tmp_path / "nothing.yml"))
    (tmp_path / "empty.yml").write_text("")
    with pytest.raises(Trouble, match="empty"):
        load(str(tmp_path / "empty.yml"))


async def test_a_superuser_plans_no_query_that_runs_code_of_others(plain: Desk) -> None:
    plain.do(
        "GRANT ALL ON SCHEMA public TO pipeline_app",
        "SET SESSION AUTHORIZATION pipeline_app",
    )
    with plain.session() as session:
        session.execute("SET SESSION AUTHORIZATION pipeline_app")
        session.execute(
            "CREATE FUNCTION public.trap(int) RETURNS int IMMUTABLE LANGUAGE plpgsql "
            "AS 'BEGIN IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = CURRENT_USER) "
            "THEN RAISE EXCEPTION $$sprung$$; END IF; RETURN 1; END'"
        )
        session.execute("CREATE TABLE public.bait (n int)")
        session.execute("CREATE INDEX ON public.bait (n) WHERE n > public.trap(n)")
        session.execute("CREATE VIEW public.lure AS SELECT public.trap(1) AS n")
    server = PostgresServer(plain.uri)
    for query in ("SELECT n FROM public.bait", "SELECT n FROM public.lure"):
        assert not (await explain(server, PackIndex("i", "public.bait", "(n)", "", query))).problem
    for query in ("SELECT n FROM public.bait", 'SELECT 1 FROM public.t, "public"."lure"'):
        found = await explain(server, PackIndex("i", "public.t", "(n)", "", query))
        assert "with the rights of a superuser" in found.problem, found
    assert not (await explain(server, PackIndex("i", "public.t", "(n)", "", "SELECT n FROM public.t"))).problem
    await server.close()


async def test_a_query_that_cannot_be_explained_says_why(plain: Desk) -> None:
    server = PostgresServer(plain.uri)
    wrong = await explain(server, PackIndex("i", "public.t", "(n)", "", "SELECT nothing FROM public.t"))
    empty = await explain(
        server, PackIndex("i", "public.t", "(n)", "", "SELECT :n", "SELECT n FROM public.t WHERE false")
    )
    missing = await explain(server, PackIndex("i", "public.t", "(n)", "", "SELECT :m", "SELECT n FROM public.t"))
    await server.close()
    assert "nothing" in wrong.problem
    assert "no row to take values" in empty.problem
    assert "no column m" in missing.problem
    assert str(Explained(problem="so")) == "not explained: so"


def test_names_of_columns_may_be_anything() -> None:
    assert not danger("(n)", {'a(b"c': "integer", "n": "integer", "\\d": "timestamp with time zone"})
