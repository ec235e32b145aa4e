"""Indexes are built online on plain and partitioned tables, from whatever state an interrupted build left."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from console.actions.indexes.build import Build, IndexToBuild, build
from console.actions.indexes.index_definition import columns, exact, expressions, faults, loose
from console.demo.cluster import APPLICATION
from console.model import Claim, Outcome, Plan
from console.running.progress import Run
from console.running.runner import Runner
from console.running.trail.audit import Trail
from console.sources.postgres import ActingSession, PostgresServer
from tests.acting import Desk, felt, held
from tests.care import INVALID, done, index_names
from tests.servers import PostgresServer as Cluster

BTREE = "USING btree (n DESC, id)"
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = '{}'::regclass"


@pytest.fixture(name="desk")
def building_desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    """A plain table and one that is partitioned twice."""
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    desk.do(
        "CREATE TABLE public.t (id int PRIMARY KEY, n int, x text)",
        "INSERT INTO public.t SELECT g, g % 7, 'x' FROM generate_series(1, 1000) g",
        "CREATE TABLE public.p (id int, n int) PARTITION BY RANGE (id)",
        "CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE public.p2 PARTITION OF public.p FOR VALUES FROM (10) TO (20) PARTITION BY LIST (n)",
        "CREATE TABLE public.p2a PARTITION OF public.p2 FOR VALUES IN (0, 1, 2)",
        "CREATE TABLE public.p2b PARTITION OF public.p2 DEFAULT",
        "INSERT INTO public.p SELECT g, g % 5 FROM generate_series(0, 19) g",
    )
    return desk


async def planned(desk: Desk, table: str, name: str, definition: str = BTREE, unique: bool = False) -> Build:
    oid = desk.ask(f"SELECT '{table}'::regclass::oid::bigint")
    server = PostgresServer(desk.uri)
    try:
        return await build(server, [IndexToBuild(oid, name, definition, unique)])
    finally:
        await server.close()


async def built(desk: Desk, table: str, name: str, definition: str = BTREE, unique: bool = False) -> Run:
    oid = desk.ask(f"SELECT '{table}'::regclass::oid::bigint")
    server = PostgresServer(desk.uri)
    try:
        made = await build(server, [IndexToBuild(oid, name, definition, unique)])
        assert not made.left
        return await Runner(ActingSession(desk.uri), server, desk.trail).run(
            Plan(Claim(table), made.steps, action="build")
        )
    finally:
        await server.close()


def broken(desk: Desk, statement: str, table: str) -> None:
    """Run a CONCURRENTLY statement that fails in the middle, because a transaction is open."""
    with desk.session() as other, desk.session() as session:
        other.execute("BEGIN")
        other.execute(f"UPDATE {table} SET n = n".encode())
        session.execute("SET lock_timeout = '300ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            session.execute(statement.encode())


def statements(made: Build) -> list[str]:
    return [step.sql for step in made.steps]


async def test_an_index_of_a_plain_table_is_built_once_and_undone(desk: Desk) -> None:
    run = await built(desk, "public.t", "t_n_id")
    done(run)
    assert [one.step.sql for one in run.steps] == [f"CREATE INDEX CONCURRENTLY t_n_id ON public.t {BTREE}"]
    again = await planned(desk, "public.t", "t_n_id")
    assert (again.steps, again.left, len(again.present)) == ((), (), 1)
    desk.do(*run.undo)
    assert index_names(desk, "public.t") == "t_pkey"


@pytest.mark.parametrize(
    "definition",
    [
        "(n desc,id)",
        'using BTREE ("n" DESC NULLS FIRST, id ASC NULLS LAST)',
        "USING btree (n DESC, id)",
    ],
)
async def test_an_equal_index_counts_under_whatever_name_and_spelling(desk: Desk, definition: str) -> None:
    desk.do("CREATE INDEX other ON public.t USING btree (n DESC, id)")
    made = await planned(desk, "public.t", "t_n_id", definition)
    assert (made.steps, len(made.present)) == ((), 1)


async def test_what_the_server_rewrites_counts_under_its_name(desk: Desk) -> None:
    definition = "(n, lower(x)) WHERE x IN ('a', 'b') AND n > 3"
    done(await built(desk, "public.t", "t_mixed", definition))
    assert not (await planned(desk, "public.t", "t_mixed", definition)).steps
    assert (await planned(desk, "public.t", "t_mixed", "(n, upper(x)) WHERE x IN ('a', 'b') AND n > 3")).left


async def test_a_partitioned_table_is_indexed_part_by_part(desk: Desk) -> None:
    desk.do("CREATE INDEX older ON public.p2a USING btree (n DESC, id)")
    run = await built(desk, "public.p", "p_n_id")
    done(run)
    assert [one.step.sql for one in run.steps] == [
        f"CREATE INDEX p_n_id ON ONLY public.p {BTREE}",
        f"CREATE INDEX p2_n_id ON ONLY public.p2 {BTREE}",
        "ALTER INDEX public.p_n_id ATTACH PARTITION public.p2_n_id",
        f"CREATE INDEX CONCURRENTLY p1_n_id ON public.p1 {BTREE}",
        "ALTER INDEX public.p_n_id ATTACH PARTITION public.p1_n_id",
        "ALTER INDEX public.p2_n_id ATTACH PARTITION public.older",
        f"CREATE INDEX CONCURRENTLY p2b_n_id ON public.p2b {BTREE}",
        "ALTER INDEX public.p2_n_id ATTACH PARTITION public.p2b_n_id",
    ]
    assert (desk.ask(INVALID), desk.ask(VALID.format("public.p_n_id"))) == (0, True)
    assert not (await planned(desk, "public.p", "p_n_id")).steps


async def test_building_in_parts_can_be_undone_to_the_last_one(desk: Desk) -> None:
    run = await built(desk, "public.p", "p_n_id")
    done(run)
    desk.do(*run.undo)
    assert desk.ask("SELECT count(*) FROM pg_class WHERE relname LIKE '%n_id'") == 0


async def test_building_goes_on_wherever_it_was_broken_off(desk: Desk) -> None:
    """The statements are run one by one, with a new plan after each."""
    whole = statements(await planned(desk, "public.p", "p_n_id"))
    for at in range(len(whole)):
        left = statements(await planned(desk, "public.p", "p_n_id"))
        assert left == whole[at:]
        desk.do(left[0])
    assert (desk.ask(INVALID), desk.ask(VALID.format("public.p_n_id"))) == (0, True)


@pytest.mark.parametrize(("table", "name"), [("public.t", "t_n_id"), ("public.p2b", "p2b_n_id")])
async def test_what_an_interrupted_build_left_is_dropped_and_built_anew(desk: Desk, table: str, name: str) -> None:
    root = "public.t" if table == "public.t" else "public.p"
    wanted = "t_n_id" if root == "public.t" else "p_n_id"
    broken(desk, f"CREATE INDEX CONCURRENTLY {name} ON {table} {BTREE}", table)
    assert desk.ask(INVALID) == 1
    run = await built(desk, root, wanted)
    done(run)
    assert f"DROP INDEX CONCURRENTLY public.{name}" in [one.step.sql for one in run.steps]
    assert (desk.ask(INVALID), desk.ask(VALID.format(name))) == (0, True)


async def test_a_partition_that_comes_in_between_does_no_harm(desk: Desk) -> None:
    whole = statements(await planned(desk, "public.p", "p_n_id"))
    desk.do(*whole[:4], "CREATE TABLE public.p3 PARTITION OF public.p FOR VALUES FROM (20) TO (30)")
    done(await built(desk, "public.p", "p_n_id"))
    assert (desk.ask(INVALID), desk.ask(VALID.format("public.p_n_id"))) == (0, True)


async def test_a_taken_name_is_told_and_nothing_planned(desk: Desk) -> None:
    desk.do(
        "CREATE INDEX t_n_id ON public.t (n)", "CREATE TABLE public.p_n_id ()", "CREATE VIEW public.v AS SELECT 1 AS n"
    )
    for table, name, told in (
        ("public.t", "t_n_id", "another definition"),
        ("public.p", "p_n_id", "another relation: a table"),
        ("public.v", "v_n", "neither a table"),
    ):
        made = await planned(desk, table, name)
        assert made.steps == ()
        assert told in made.left[0]


async def test_a_taken_name_of_a_partition_is_avoided(desk: Desk) -> None:
    desk.do("CREATE TABLE public.p1_n_id ()")
    done(await built(desk, "public.p", "p_n_id"))
    assert index_names(desk, "public.p1") == "p1_n_id1"


async def test_only_the_owner_may(desk: Desk) -> None:
    stranger = Desk(desk.cluster, desk.database, desk.trail, user=APPLICATION)
    server = PostgresServer(stranger.uri)
    made = await build(server, [IndexToBuild(desk.ask("SELECT 'public.t'::regclass::oid::bigint"), "t_n_id", BTREE)])
    await server.close()
    assert "only its owner" in made.left[0]


async def test_duplicates_end_in_a_sentence_and_what_is_left_is_named(desk: Desk) -> None:
    run = await built(desk, "public.t", "t_once", "USING btree (n)", unique=True)
    assert run.outcome is Outcome.FAILED
    assert any("DROP INDEX CONCURRENTLY public.t_once" in note for note in run.notes), run.notes
    desk.do("DELETE FROM public.t WHERE id > 7")
    done(await built(desk, "public.t", "t_once", "USING btree (n)", unique=True))
    assert desk.ask(INVALID) == 0


async def test_writers_go_on_while_a_reader_keeps_its_transaction_open(desk: Desk) -> None:
    read = "SELECT count(*) FROM public.p"
    with (
        held(desk, read, seconds=6.0),
        felt(desk, "UPDATE public.p SET n = n WHERE id = 5") as waits,
        felt(desk, "INSERT INTO public.p VALUES (15, 4)") as more,
    ):
        done(await built(desk, "public.p", "p_n_id"))
    assert desk.ask(INVALID) == 0
    assert max(waits) < 2
    assert max(more) < 2


async def test_hostile_names_stay_names(desk: Desk) -> None:
    table, name = "a\"'; DROP TABLE t; -- %s\n", "i\"'; DROP TABLE t; -- %(x)s" + "ä" * 16
    quoted = table.replace('"', '""')
    for part in (
        f'CREATE TABLE public."{quoted}" (id int, n int) PARTITION BY RANGE (id)',
        f'CREATE TABLE public."{quoted}1" PARTITION OF public."{quoted}" FOR VALUES FROM (0) TO (10)',
        f'CREATE TABLE public."{quoted}{"ö" * 17}" PARTITION OF public."{quoted}" FOR VALUES FROM (10) TO (20)',
    ):
        desk.do(part)
    given = 'public."' + quoted.replace("'", "''") + '"'
    run = await built(desk, given, name)
    done(run)
    assert (desk.ask(INVALID), len(run.steps)) == (0, 5)
    assert not (await planned(desk, given, name)).steps
    assert desk.ask("SELECT count(*) FROM public.t") == 1000


def test_definitions_are_compared_by_what_they_mean() -> None:
    shown = "USING btree (organization_id, priority DESC) WHERE (status = ANY (ARRAY['a b'::text, 'c'::text]))"
    assert exact(
        "(\"organization_id\",priority desc nulls first) where (status = any (array['a b'::text,'c'::text]))"
    ) == (exact(shown))
    written = "(organization_id, priority DESC) WHERE status IN ('a b', 'c')"
    assert exact(written) != exact(shown)
    assert loose(written) == loose(shown)
    for other in (
        "(organization_id, priority) WHERE status IN ('a b', 'c')",
        "(organization_id, priority DESC) WHERE status IN ('ab', 'c')",
        "(organization_id, priority DESC NULLS LAST) WHERE status IN ('a b', 'c')",
        "(\"Organization_id\", priority DESC) WHERE status IN ('a b', 'c')",
        "USING gin (organization_id, priority DESC) WHERE status IN ('a b', 'c')",
    ):
        assert loose(other) != loose(shown)
    assert loose("((t AT TIME ZONE 'UTC')::date)") != loose("((t AT TIME ZONE 'UTC'))")


@pytest.mark.parametrize(
    ("kind", "written", "other"),
    [
        ("smallint", "(((coalesce(n, (0)::bigint))::numeric))", "((coalesce(n, 1)::numeric))"),
        ("numeric", "(((coalesce(n, (0)::bigint))::numeric)) WHERE n > 0", "((coalesce(n, 0))) WHERE n > 1"),
        ("varchar(20)", "(id) WHERE n IN ('a', 'b')", "(id) WHERE n IN ('a', 'c')"),
        ("varchar(20)", "(lower(n) DESC, id) INCLUDE (x)", "(lower(n), id) INCLUDE (x)"),
        ("text", "((n || ' WHERE (' || x))", "((n || ' where (' || x))"),
    ],
)
async def test_an_index_is_known_again_whatever_types_the_columns_have(
    desk: Desk, kind: str, written: str, other: str
) -> None:
    desk.do("ALTER TABLE public.t DROP COLUMN n", f"ALTER TABLE public.t ADD n {kind}")
    done(await built(desk, "public.t", "t_typed", written))
    again = await planned(desk, "public.t", "t_typed", written)
    assert (again.steps, again.left, len(again.present)) == ((), (), 1)
    assert "another definition" in (await planned(desk, "public.t", "t_typed", other)).left[0]


def test_expressions_of_a_definition_are_its_computed_keys_and_its_predicate() -> None:
    shape, found = expressions(
        "USING gin (a, (b ->> 'x, (y)'), s.lower(c) COLLATE \"C\" DESC) INCLUDE (d) WHERE (e > 0)"
    )
    assert found == ("(b ->> 'x, (y)')", "s.lower(c)", "(e > 0)")
    assert exact(shape) == exact('USING gin (a, ?, ? COLLATE "C" DESC) INCLUDE (d) WHERE ?')
    assert expressions("(a, b DESC)") == ("(a, b DESC)", ())


@pytest.mark.parametrize(
    ("definition", "found"),
    [
        ("USING gin (a, b public.gin_trgm_ops) WITH (fastupdate=off) WHERE c IN ('x', 'y')", {"a", "b", "c"}),
        ("(((a ->> 'model'::text)), lower(b) COLLATE \"C\" DESC NULLS LAST)", {"a", "b"}),
        ("(((a AT TIME ZONE 'UTC'::text))::date) INCLUDE (b)", {"a", "b"}),
        ("((CASE WHEN (a > 0) THEN ((COALESCE(b, (0)::bigint))::numeric / a) ELSE (0)::numeric END))", {"a", "b"}),
        ('("Odd ""name", public.f("a"))', {'Odd "name', "a"}),
    ],
)
async def test_columns_of_a_definition_are_told_from_all_else(desk: Desk, definition: str, found: set[str]) -> None:
    server = PostgresServer(desk.uri)
    keywords = set(map(str, (await server.fetch("actions/keywords")).values("word")))
    await server.close()
    assert columns(definition, keywords) == found


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        ("(n); DROP TABLE t", "semicolon"),
        ("(n) -- x", "comment"),
        ("(n) /* x */", "comment"),
        ("(n", "unmatched opening"),
        ("(n))", "unmatched closing"),
        ("(lower('x))", "unterminated quote"),
        ("(lower($$x$$))", "dollar"),
        ("n, m", "must begin"),
        ("(lower('; --'))", ""),
        ('USING gin ("a;b" jsonb_path_ops)', ""),
    ],
)
def test_a_definition_is_one_definition(definition: str, told: str) -> None:
    assert (told in faults(definition)) if told else not faults(definition)
