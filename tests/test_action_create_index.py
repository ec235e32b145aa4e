"""create-index: an index on columns of a table, built online, unless one serves them already."""

from __future__ import annotations

import re
from dataclasses import replace

import psycopg
import pytest

from console.actions.indexes.create_index import CREATE_INDEX, column_names
from console.demo.cluster import OWNER
from console.model import Kind, Outcome, Trouble
from tests.acting import Desk, held
from tests.care import INVALID, care_desk, done, index_names

__all__ = ["care_desk"]


async def test_an_index_is_built_online_and_its_undo_drops_it(desk: Desk) -> None:
    desk.do("ANALYZE public.t")
    run = await desk.run(CREATE_INDEX, table="t", columns="n, id")
    done(run)
    [step] = run.plan.steps
    assert step.sql == "CREATE INDEX CONCURRENTLY t_n_id_idx ON public.t USING btree (n, id)"
    assert "It needs about 21.7 kB of disk space, and up to as much for temporary files while it is built." in (
        run.plan.notes
    )
    assert run.plan.result == "index t_n_id_idx on public.t built"
    assert index_names(desk, "public.t") == "t_n t_n_id_idx t_pkey"
    desk.do(*run.undo)
    assert index_names(desk, "public.t") == "t_n t_pkey"


@pytest.mark.parametrize("table", ["p", "public.deep"])
async def test_a_partitioned_table_gets_it_partition_by_partition(desk: Desk, table: str) -> None:
    logged = len(desk.cluster.log)
    desk.do(
        "CREATE TABLE public.deep (id int, n int) PARTITION BY RANGE (id)",
        "CREATE TABLE public.deep_a PARTITION OF public.deep FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (n)",
        "CREATE TABLE public.deep_a1 PARTITION OF public.deep_a FOR VALUES FROM (0) TO (10)",
        "CREATE INDEX ON public.deep_a1 (n, id)",
    )
    run = await desk.run(CREATE_INDEX, table=table, columns="n,id")
    done(run)
    kinds = [step.sql.split(" ON ")[0].split()[:3] for step in run.plan.steps]
    assert ["CREATE", "INDEX", "CONCURRENTLY"] in kinds or table == "public.deep"
    assert any("ON ONLY" in step.sql for step in run.plan.steps)
    assert any("ATTACH PARTITION" in step.sql for step in run.plan.steps)
    assert desk.ask(INVALID) == 0
    assert "WARNING" not in desk.cluster.log[logged:]  # as of a COMMIT outside a transaction
    with pytest.raises(Trouble, match="serves these columns already"):
        await desk.plan(CREATE_INDEX, table=table, columns="n,id")


@pytest.mark.parametrize(
    ("index", "columns", "method"),
    [
        ("(n, id)", "n, id", "btree"),
        ("(x, n, id)", "x, n", "btree"),
        ("(x DESC, id DESC) INCLUDE (n)", "x,id", "btree"),
        ("(x, n)", "x", "hash"),
        ("USING hash (x)", "x", "hash"),
        ("USING brin (id)", "id", "brin"),
    ],
)
async def test_an_index_that_serves_the_columns_is_a_reason_to_refuse(
    desk: Desk, index: str, columns: str, method: str
) -> None:
    desk.do(
        "DROP INDEX public.t_n", "ALTER TABLE public.t DROP CONSTRAINT t_pkey", f"CREATE INDEX it ON public.t {index}"
    )
    with pytest.raises(Trouble, match=r"Index it of public\.t serves these columns already") as caught:
        await desk.plan(CREATE_INDEX, table="public.t", columns=columns, method=method)
    assert caught.value.kind is Kind.REFUSED


@pytest.mark.parametrize(
    ("index", "columns"),
    [
        ("(x, n)", "n, x"),  # another order
        ("(x, n DESC)", "x, n"),  # the rows of an x in another direction
        ("(x text_pattern_ops)", "x"),
        ('(x COLLATE "POSIX")', "x"),
        ("(x) WHERE n > 5", "x"),
        ("((x))", "x, id"),
        ("(lower(x))", "x"),
        ("(id) INCLUDE (x)", "id, x"),
        ("USING hash (x)", "x"),
    ],
)
async def test_an_index_that_does_not_serve_the_columns_is_none(desk: Desk, index: str, columns: str) -> None:
    desk.do(f"CREATE INDEX it ON public.t {index}")
    done(await desk.run(CREATE_INDEX, table="public.t", columns=columns))


async def test_what_an_interrupted_build_left_is_dropped_first(desk: Desk) -> None:
    with held(desk, "UPDATE public.t SET n = n WHERE id = 1"), desk.session() as session:
        session.execute("SET lock_timeout = '300ms'")
        for name, definition in (("mine", "(n, id)"), ("t_n_id_idx", "(n, id, x)")):
            with pytest.raises(psycopg.errors.LockNotAvailable):
                session.execute(f"CREATE INDEX CONCURRENTLY {name} ON public.t {definition}".encode())
    run = await desk.run(CREATE_INDEX, table="t", columns="n, id")
    done(run)
    assert [step.sql for step in run.plan.steps] == [
        "DROP INDEX CONCURRENTLY public.mine",
        "CREATE INDEX CONCURRENTLY mine ON public.t USING btree (n, id)",
    ]
    assert index_names(desk, "public.t") == "mine t_n t_n_id_idx t_pkey", "what is defined otherwise stays"


async def test_a_name_that_is_taken_or_too_long_is_changed(desk: Desk) -> None:
    long = "ä" * 25
    desk.do("CREATE TABLE public.t_id_n_idx ()", f"ALTER TABLE public.t ADD COLUMN {long} int")
    done(await desk.run(CREATE_INDEX, table="t", columns="id, n"))
    done(await desk.run(CREATE_INDEX, table="t", columns=f"{long}, id, n"))
    built = index_names(desk, "public.t").split()
    assert "t_id_n_idx1" in built
    assert any(name.startswith('"t_ä') for name in built), built


async def test_hostile_names_stay_what_they_are(desk: Desk) -> None:
    desk.do(
        'CREATE SCHEMA "s.""x"',
        'CREATE TABLE "s.""x"."a""; DROP TABLE t; --" ("n, m" int, n int, "m%s" int, "C""; --" int, "\x1b[31m" int)',
    )
    table = '"s.""x"."a""; DROP TABLE t; --"'
    for columns in ('"n, m", n', '"C""; --",m%s', "\x1b[31m"):
        run = await desk.run(CREATE_INDEX, table=table, columns=columns)
        done(run)
        assert "\x1b" not in run.plan.result + run.plan.summary
        with pytest.raises(Trouble, match="serves these columns already"):
            await desk.plan(CREATE_INDEX, table=table, columns=columns)
    assert desk.ask("SELECT count(*) FROM public.t") == 1000


async def test_it_is_built_with_the_rights_of_the_owner_and_by_the_owner_alone(desk: Desk) -> None:
    stranger = replace(desk, user=OWNER)
    with pytest.raises(Trouble, match="only its owner may create indexes"):
        await stranger.plan(CREATE_INDEX, table="public.t", columns="id,n")
    desk.give_away()
    run = await desk.run(CREATE_INDEX, table="public.t", columns="id,n")
    done(run)
    assert desk.ask("SELECT count(DISTINCT relowner) FROM pg_class WHERE relname IN ('t', 't_id_n_idx')") == 1


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"columns": "n, nothing, less"}, Kind.REFUSED, r"public\.t has no column nothing, less"),
        ({"columns": "ctid"}, Kind.REFUSED, "has no column ctid"),
        ({"columns": "n) WHERE (true"}, Kind.REFUSED, "has no column"),
        ({"columns": "n + id"}, Kind.REFUSED, r"columns alone\. As it is, .* widen the first, as in n::bigint"),
        ({"columns": "abs(n)"}, Kind.REFUSED, r"columns alone\.$"),
        ({"columns": "n,n"}, Kind.USAGE, "given twice"),
        ({"columns": "n,"}, Kind.USAGE, "separated by commas"),
        ({"columns": ",".join(["n"] * 33)}, Kind.USAGE, "at most 32"),
        ({"columns": "n", "method": "btree)"}, Kind.USAGE, "must be one of btree, hash"),
        ({"columns": "n,id", "method": "hash"}, Kind.USAGE, "one column"),
        ({"columns": "n", "table": "nothing"}, Kind.REFUSED, "no table or view nothing"),
        ({"columns": "n", "table": "v"}, Kind.REFUSED, "neither a table nor a materialized view"),
    ],
)
async def test_what_can_have_no_index_is_refused(desk: Desk, given: dict[str, str], kind: Kind, said: str) -> None:
    desk.do("CREATE VIEW public.v AS SELECT 1 AS n")
    with pytest.raises(Trouble) as caught:
        await desk.plan(CREATE_INDEX, **{"table": "public.t", **given})
    assert re.search(said, caught.value.sentence)
    assert caught.value.kind is kind


@pytest.mark.pg(">= 18")
async def test_a_virtual_generated_column_can_have_no_index(desk: Desk) -> None:
    desk.do("ALTER TABLE public.t ADD COLUMN twice int GENERATED ALWAYS AS (n * 2) VIRTUAL")
    with pytest.raises(Trouble, match="twice is a virtual generated column"):
        await desk.plan(CREATE_INDEX, table="public.t", columns="id, twice")


async def test_what_only_the_server_knows_ends_in_its_sentence(desk: Desk) -> None:
    run = await desk.run(CREATE_INDEX, table="public.t", columns="n", method="gin")
    assert run.outcome is Outcome.FAILED
    assert "no default operator class" in run.message
    assert desk.ask(INVALID) == 0


async def test_long_values_are_warned_of_unless_a_foreign_key_keeps_them_short(desk: Desk) -> None:
    desk.do(
        "CREATE TABLE public.named (name text PRIMARY KEY)",
        "CREATE TABLE public.used (name text REFERENCES public.named, x text)",
    )
    limit = "more than 2,704 bytes cannot be inserted"
    assert limit in " ".join((await desk.plan(CREATE_INDEX, table="used", columns="x")).notes)
    assert limit not in " ".join((await desk.plan(CREATE_INDEX, table="used", columns="name")).notes)
    assert limit not in " ".join((await desk.plan(CREATE_INDEX, table="used", columns="x", method="hash")).notes)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a", ("a",)),
        (" a , b ", ("a", "b")),
        ("two words,b", ("two words", "b")),
        ('"a, b",c', ('"a, b"', "c")),
        ('"a""b"', ('"a""b"',)),
        ("a,,b", None),
        ("a,", None),
        (",a", None),
        ("", None),
        (" ", None),
        ('"a', None),
        ('a"b', None),
    ],
)
def test_names_of_columns_are_read_as_sql_writes_them(text: str, names: tuple[str, ...] | None) -> None:
    if names is None:
        with pytest.raises(Trouble, match="separated by commas"):
            column_names(text)
    else:
        assert column_names(text) == names
