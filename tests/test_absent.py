"""A catalog that lacks what a query names costs the columns that are made of it, and nothing else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from console import sql
from console.drift.reading import drift
from console.model import CannotTell, Frame, Snapshot, Trouble
from console.sources.postgres import PostgresServer
from console.sources.postgres.absent import (
    AbsentName,
    Span,
    absent_at,
    consequences,
    place_before,
    position_in,
    with_any_name,
    without,
)
from tests.catalogs import SYSTEM_MODS, Name
from tests.catalogs import without as without_name
from tests.servers import PostgresServer as Cluster

# What is found in a text


@pytest.mark.parametrize(
    ("text", "absent", "unknown", "chooses"),
    [
        ("SELECT a.x, a.y FROM t a", "a.y", {"y"}, False),
        ("SELECT a.x, coalesce(a.y, 0) + 1 AS more FROM t a", "a.y", {"more"}, False),
        ("SELECT a.x, a.y::text FROM t a", "a.y", {"y"}, False),
        ("SELECT a.x FROM t a WHERE a.y > 1", "a.y", set(), True),
        ("SELECT a.x, count(*) FILTER (WHERE a.y > 1) AS n FROM t a GROUP BY 1", "a.y", {"n"}, False),
        ("SELECT a.x, (SELECT b.z FROM b WHERE b.y = a.x) AS z FROM t a", "b.y", {"z"}, False),
        ("SELECT a.x FROM t a WHERE a.x IN (SELECT b.y FROM b)", "b.y", set(), True),
        ("SELECT a.x, b.z FROM t a LEFT JOIN b ON b.y = a.x", "b.y", set(), True),
        ("WITH c AS (SELECT a.x, a.y AS z FROM t a) SELECT c.x, c.z FROM c", "a.y", {"z"}, False),
        ("WITH c AS (SELECT a.x FROM t a WHERE a.y) SELECT c.x FROM c", "a.y", set(), True),
        ("WITH c AS (SELECT a.x, a.y AS z FROM t a) SELECT c.x FROM c WHERE c.z", "a.y", set(), True),
        ("SELECT a.x AS one, 2 AS two FROM t a UNION ALL SELECT b.x, b.y FROM b", "b.y", {"two"}, False),
        ("SELECT DISTINCT ON (a.x) a.x, a.y FROM t a ORDER BY a.x, a.y", "a.y", {"y"}, False),
        ("SELECT a.x IS DISTINCT FROM a.y AS same, a.z FROM t a", "a.y", {"same"}, False),
        ("SELECT a.x, a.z FROM t a ORDER BY a.y LIMIT 5", "a.y", set(), True),
        ("SELECT a.x, a.y FROM t a ORDER BY 2, 1 LIMIT 5", "a.y", {"y"}, True),
        ("WITH c(p, q) AS MATERIALIZED (SELECT a.x, a.y FROM t a) SELECT c.p, c.q FROM c", "a.y", {"q"}, False),
        ("SELECT d.p, d.q FROM (SELECT a.x, a.y FROM t a) AS d(p, q)", "a.y", {"q"}, False),
        ("SELECT a.x, f.z FROM t a CROSS JOIN LATERAL unnest(a.y) f(z)", "a.y", set(), True),
        ("SELECT a.x, f.z FROM t a, ROWS FROM (unnest(a.y), unnest(a.w)) f(z)", "a.y", set(), True),
        ("SELECT a.x, 'a.y' AS text -- a.y\n FROM t a ORDER BY a.y", "a.y", set(), False),
    ],
)
def test_what_is_made_of_an_absent_column(text: str, absent: str, unknown: set[str], chooses: bool) -> None:
    spans = [Span(*found.span()) for found in re.finditer(re.escape(absent) + r"\b", text) if _is_code(text, found)]
    found, decides = consequences(text, spans)
    assert (set(found), decides) == (unknown, chooses)


@pytest.mark.parametrize(
    ("text", "replaced", "unknown", "chooses"),
    [
        ("SELECT a.x FROM t a", "SELECT a.x FROM (SELECT WHERE false) a", set(), True),
        ("SELECT count(*) AS n FROM t", 'SELECT count(*) AS n FROM (SELECT WHERE false) AS "t"', {"n"}, True),
        ("SELECT a.x FROM b a, t WHERE a.x", 'SELECT a.x FROM b a, (SELECT WHERE false) AS "t" WHERE a.x', set(), True),
        (
            "SELECT (SELECT count(*) FROM t a) AS n, 1 AS m",
            "SELECT (SELECT count(*) FROM (SELECT WHERE false) a) AS n, 1 AS m",
            {"n"},
            False,
        ),
        (
            "WITH c AS (SELECT sum(a.x) AS s FROM t AS a) SELECT c.s FROM c",
            "WITH c AS (SELECT sum(a.x) AS s FROM (SELECT WHERE false) AS a) SELECT c.s FROM c",
            {"s"},
            True,
        ),
    ],
)
def test_what_is_made_of_an_absent_relation(text: str, replaced: str, unknown: set[str], chooses: bool) -> None:
    place = re.search(r"\bt\b", text)
    assert place is not None
    found = absent_at(text, place.start(), is_relation=True)
    assert found is not None
    absent, span = found
    assert without(text, {span: absent}) == replaced
    names, decides = consequences(text, (span,), (span,))
    assert (set(names), decides) == (unknown, chooses)


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("SELECT x FROM f(1, (2)) AS l(x, y) WHERE x", "SELECT x FROM (SELECT WHERE false) AS l WHERE x"),
        ("SELECT x FROM f(1) WITH ORDINALITY l (x)", "SELECT x FROM (SELECT WHERE false) AS l"),
        ("SELECT a.x FROM b, LATERAL f(b.y) a", "SELECT a.x FROM b, LATERAL (SELECT WHERE false) a"),
        (
            "SELECT count(*) FILTER (WHERE x) AS n FROM f(1) a",
            "SELECT count(*) FILTER (WHERE x) AS n FROM (SELECT WHERE false) a",
        ),
        ("SELECT f(a.x, 1) FROM b a", 'SELECT (SELECT NULL::text AS "f") FROM b a'),
        ("SELECT a.y, f(a.x) FROM b a", 'SELECT a.y, (SELECT NULL::text AS "f") FROM b a'),
    ],
)
def test_a_function_that_is_read_is_a_relation(text: str, replaced: str) -> None:
    found = absent_at(text, text.index("f("), is_function=True)
    assert found is not None
    absent, span = found
    assert without(text, {span: replace(absent, type="text")}) == replaced


def test_rows_are_grouped_without_an_aggregate_that_is_gone_too() -> None:
    text = "SELECT a.x, pg_catalog.count(*) FILTER (WHERE a.y) AS n FROM b a GROUP BY 1"
    found = absent_at(text, text.index("pg_catalog.count"), is_function=True)
    assert found is not None
    made = without(text, {found[1]: replace(found[0], type="bigint")})
    assert made == text.replace(
        "pg_catalog.count(*) FILTER (WHERE a.y)", "CASE WHEN pg_catalog.bool_and(NULL) THEN NULL::bigint END"
    )
    windowed = "SELECT count(*) OVER (PARTITION BY a.x) AS n FROM b a"
    found = absent_at(windowed, windowed.index("count"), is_function=True)
    assert found is not None
    assert without(windowed, {found[1]: replace(found[0], type="bigint")}) == (
        'SELECT (SELECT NULL::bigint AS "count") AS n FROM b a'
    )


def test_a_name_that_is_unknown_can_be_quoted() -> None:
    text = "SELECT format('DROP TABLE %%I.%%I (%%s)', a.x, a.y, a.z) AS sql, format('') FROM a"
    assert with_any_name(text) == text.replace(" a.x, a.y,", " coalesce( a.x, '?'), coalesce( a.y, '?'),")


def test_a_relation_of_a_single_row_leaves_the_rows_of_others() -> None:
    text = "SELECT w.x, b.y FROM pg_catalog.pg_stat_bgwriter b CROSS JOIN pg_catalog.pg_stat_wal w"
    found = absent_at(text, text.index("pg_catalog.pg_stat_wal"), is_relation=True)
    assert found is not None
    assert without(text, {found[1]: found[0]}).endswith("CROSS JOIN (SELECT) w")


def _is_code(text: str, found: re.Match[str]) -> bool:
    return text.count("'", 0, found.start()) % 2 == 0 and "--" not in text[: found.start()].rpartition("\n")[2]


def test_places_are_those_of_the_text_before_parameters_and_unknown_values() -> None:
    text = "SELECT %(one)s, '%%', %(other)s, %(one)s, a.gone, f(a.b, (1)) FROM t a"
    sent = "SELECT $1, '%', $2, $1, a.gone, f(a.b, (1)) FROM t a"
    at = position_in(text, sent.index("a.gone"))
    assert text[at:].startswith("a.gone")
    found = absent_at(text, at)
    assert found is not None
    absent, span = found
    made = without(text, {span: replace(absent, type="text")})
    assert made == text.replace("a.gone", '(SELECT NULL::text AS "gone")')
    assert place_before(text, {span: replace(absent, type="text")}, made.index("f(")) == text.index("f(")
    assert place_before(text, {span: replace(absent, type="text")}, made.index("NULL")) == -1
    function = absent_at(text, text.index("f("), is_function=True)
    assert function is not None
    assert text[function[1].start : function[1].end] == "f(a.b, (1))"
    assert absent_at(text, text.index("a.b"), is_function=True) is None
    assert AbsentName("pg_catalog.f", is_function=True).last == "f"


# On a server


@asynccontextmanager
async def changed(pg: Cluster, database: str, *statements: str) -> AsyncIterator[PostgresServer]:
    """A server whose catalogs are changed in one database; the console is connected already."""
    server = PostgresServer(pg.uri(database))
    try:
        await server.connect()
        with pg.connect(database, options="-c allow_system_table_mods=on") as owner:
            for statement in statements:
                owner.execute(statement.encode())
        yield server
    finally:
        await server.close()


def rename(function: str, column: str) -> str:
    """Gives a column that a function of pg_catalog returns another name."""
    return (
        f"UPDATE pg_catalog.pg_proc SET proargnames = array_replace(proargnames, '{column}', '{column}_renamed') "
        f"WHERE oid = 'pg_catalog.{function}'::regproc"
    )


@pytest.mark.pg(">= 18, < 19")
async def test_a_renamed_column_is_unknown_and_named_and_the_others_are_read(pg: Cluster, database: str) -> None:
    async with changed(pg, database, rename("pg_stat_get_activity", "wait_event")) as server:
        with pg.connect(database, application_name="somebody"):
            taken = await server.fetch("connections")
            again = await server.fetch("connections")
    assert taken.unknown == again.unknown == ("wait",)
    assert not taken.is_partial
    assert "Column wait_event is not there on this server" in " ".join(taken.notes)
    (row,) = (row for row in taken.records() if row["application"] == "somebody")
    assert (row["state"], row["database"], row["wait"]) == ("idle", database, None)
    assert server.text("connections") == sql.load("connections", (18,)).statement


@pytest.mark.pg(">= 18, < 19")
async def test_a_rule_that_looks_at_an_unknown_column_cannot_tell_and_the_others_can(
    pg: Cluster, database: str
) -> None:
    async with changed(pg, database, rename("pg_stat_get_activity", "xact_start")) as server:
        with pg.connect(database):
            taken = await server.fetch("connections")
    assert "xact_age" in taken.unknown
    (row, *_) = frame(taken).rows("connections")
    assert row["state"] is not None
    with pytest.raises(CannotTell, match="Column xact_start is not there"):
        assert row["xact_age"]
    with pytest.raises(CannotTell, match="Column xact_start is not there"):
        assert row.get("xact_age")


@pytest.mark.pg(">= 18, < 19")
async def test_rows_that_may_be_missing_are_no_facts_for_rules(pg: Cluster, database: str) -> None:
    async with changed(pg, database, rename("pg_stat_get_activity", "backend_type")) as server:
        taken = await server.fetch("connections")
    assert taken.is_partial
    assert "Rows may be missing" in " ".join(taken.notes)
    with pytest.raises(CannotTell, match="backend_type"):
        frame(taken).rows("connections")


@pytest.mark.pg(">= 18")
async def test_a_view_that_is_gone_costs_what_is_made_of_it(pg: Cluster, database: str) -> None:
    async with changed(pg, database, "ALTER VIEW pg_catalog.pg_roles RENAME TO pg_roles_gone") as server:
        taken = await server.fetch("server_facts")
    assert set(taken.unknown) == {"superuser", "assumed_by", "sees_all_sessions", "reads_all_data"}
    assert not taken.is_partial
    assert "Relation pg_roles is not there on this server" in " ".join(taken.notes)


@pytest.mark.pg(">= 18")
async def test_sessions_are_shown_where_the_view_of_locks_is_gone(pg: Cluster, database: str) -> None:
    async with changed(pg, database, "ALTER VIEW pg_catalog.pg_locks RENAME TO pg_locks_gone") as server:
        with pg.connect(database, application_name="somebody"):
            taken = await server.fetch("connections")
    assert "Relation pg_locks is not there on this server" in " ".join(taken.notes)
    assert "somebody" in taken.values("application")
    assert "state" not in taken.unknown


@pytest.mark.pg(">= 18")
async def test_a_server_whose_catalogs_lack_what_is_read_at_connecting_is_connected_to(
    pg: Cluster, database: str
) -> None:
    gone = ("pg_roles", "pg_extension")
    async with changed(pg, database, *(f"{_alter(pg, name)} RENAME TO {name}_gone" for name in gone)):
        superuser, plain = PostgresServer(pg.uri(database)), PostgresServer(pg.uri(database, "pipeline_app"))
        async with closing(superuser), closing(plain):
            assert (await superuser.connect()).superuser
            facts = await plain.connect()
            assert (facts.superuser, facts.sees_all_sessions, facts.standby) == (False, False, False)
            assert (facts.database, facts.user, facts.major) == (database, "pipeline_app", pg.major)
            with pytest.raises(Trouble, match=r"pg_stat_statements is installed is not known: Relation.* pg_extension"):
                await plain.fetch("statements")
            assert (await plain.fetch("connections")).rows


@pytest.mark.pg(">= 18")
@pytest.mark.parametrize("function", ["pg_backend_pid", "array_agg", "set_config"])
async def test_a_server_without_a_function_that_connecting_takes_is_connected_to(
    pg: Cluster, database: str, function: str
) -> None:
    with pg.connect(database, options=SYSTEM_MODS) as owner, without_name(owner, Name("ROUTINE", function)):
        server = PostgresServer(pg.uri(database))
        async with closing(server):
            facts = await server.connect()
            assert (facts.database, facts.superuser, facts.standby) == (database, True, False)
            assert "pid" in (await server.fetch("connections")).columns
            (setting,) = (await server.ask("asked", "SHOW default_transaction_read_only")).rows
    assert setting == ("on",)


def _alter(pg: Cluster, name: str) -> str:
    return f"ALTER {'VIEW' if name == 'pg_roles' else 'TABLE'} pg_catalog.{name}"


def frame(taken: Snapshot) -> Frame:
    return Frame({taken.name: (taken,)}, taken.taken_at)


@pytest.mark.pg(">= 18, < 19")
async def test_what_decides_on_safety_or_a_change_is_read_in_full_or_not_at_all(pg: Cluster, database: str) -> None:
    async with changed(pg, database) as server, renamed(pg, database, "pg_trigger", "tgname") as is_renamed:
        assert is_renamed
        with pytest.raises(Trouble, match="Column tgname of pg_trigger is not there"):
            await drift(server)
    async with changed(pg, database) as server, renamed(pg, database, "pg_roles", "rolsuper") as is_renamed:
        assert is_renamed
        with pytest.raises(Trouble, match="rolsuper does not exist"):
            await server.fetch("explain_role", {"role": "postgres"})


@asynccontextmanager
async def renamed(pg: Cluster, database: str, relation: str, column: str) -> AsyncIterator[bool]:
    """A database in which a column of a catalog has another name; whether it has that column at all."""
    with pg.connect(database, options="-c allow_system_table_mods=on") as owner:
        kind = owner.execute(
            "SELECT c.relkind FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid "
            "WHERE a.attrelid = pg_catalog.to_regclass(%s) AND a.attname = %s",
            (f"pg_catalog.{relation}", column),
        ).fetchone()
        word = "VIEW" if kind == ("v",) else "TABLE"
        if kind:
            owner.execute(f"ALTER {word} pg_catalog.{relation} RENAME COLUMN {column} TO {column}_renamed".encode())
        try:
            yield kind is not None
        finally:
            if kind:
                owner.execute(f"ALTER {word} pg_catalog.{relation} RENAME COLUMN {column}_renamed TO {column}".encode())


@asynccontextmanager
async def closing(server: PostgresServer) -> AsyncIterator[PostgresServer]:
    try:
        yield server
    finally:
        await server.close()
