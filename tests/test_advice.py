"""The index adviser: what it advises of planted workloads, what it never does, and how it is shown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.actions.indexes.create_index import CREATE_INDEX
from console.actions.indexes.explained_statements import query_ids
from console.advising.adviser import COLUMNS, UNNEEDED, advise
from console.advising.candidates import Candidate, uses_of
from console.advising.workload import placed_change
from console.advising.writes import ColumnsChanged, change_of
from console.demo.cluster import OWNER
from console.explaining.explain import Asked
from console.explaining.kept import FOLDER, KeptPlans
from console.explaining.lines import document, lines
from console.explaining.plan import Node
from console.explaining.subject import Subject
from console.model import Outcome, Snapshot, Trouble
from console.running.trail.audit import Trail
from console.settings.config import Wanted
from console.sources.postgres import PostgresServer
from console.tui.action_flow import parameters_from_rows
from console.watching.usual_plans import DAY, UsualPlans
from console.workspace import Workspace
from tests.planted import MISSING, USELESS, call, plant, precision_and_recall
from tests.screens import console, settings, shows, until
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers
from tests.statements import OWN_STATEMENTS

ENOUGH = 0.9


@pytest.fixture(scope="module")
def planted(pg_servers: Servers) -> Iterator[tuple[Cluster, str]]:
    """A database whose statements lack twelve indexes, on a server that has hypopg."""
    cluster = next(filter(has_hypopg, (pg_servers[major] for major in sorted(pg_servers))), None)
    if cluster is None:
        pytest.skip("no server with hypopg")
    yield from workload(cluster, "CREATE EXTENSION hypopg")


@pytest.fixture(scope="module")
def unaided(pg18: Cluster) -> Iterator[tuple[Cluster, str]]:
    """The same on a server that has no hypopg."""
    yield from workload(pg18, "SELECT 1")


def workload(cluster: Cluster, extension: str) -> Iterator[tuple[Cluster, str]]:
    name = cluster.fresh_database()
    own = f"SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = '{name}'"
    with cluster.connect(name) as admin, cluster.connect(name, OWNER) as session:
        admin.execute(f"{extension}; CREATE EXTENSION pg_stat_statements".encode())
        admin.execute(f"GRANT ALL ON SCHEMA public TO {OWNER}".encode())
        plant(session)
        admin.execute(own.encode())
        call(session)
    yield cluster, name
    cluster.drop_database(name)


def has_hypopg(cluster: Cluster) -> bool:
    with cluster.connect() as session:
        query = "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'hypopg')"
        return session.execute(query).fetchone() == (True,)


def advised(snapshot: Snapshot) -> list[tuple[str, tuple[str, ...]]]:
    return [
        (str(row["name"]), tuple(key.strip('"') for key in str(row["keys"]).split(", "))) for row in snapshot.records()
    ]


def test_enough_is_planted() -> None:
    assert (len(MISSING), len(USELESS)) == (12, 8)


@pytest.mark.parametrize("user", [OWNER, "postgres"])
async def test_the_planner_tells_missing_indexes_from_useless_ones_and_nothing_is_run(
    planted: tuple[Cluster, str], user: str
) -> None:
    cluster, name = planted
    calls = (
        "SELECT sum(calls) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid"
        f" WHERE d.datname = '{name}' "
        " AND query ~ '^(SELECT|UPDATE|DELETE).*(FROM|UPDATE) (orders|events|lines|tickets)'"
    ).encode()
    with cluster.connect(name) as admin:
        before = admin.execute(calls).fetchone()
        relations = admin.execute("SELECT count(*) FROM pg_class").fetchone()
        server = PostgresServer(cluster.uri(name, user))
        found = await advise(server)
        await server.close()
        assert admin.execute(calls).fetchone() == before
        assert admin.execute("SELECT count(*) FROM pg_class").fetchone() == relations
    precision, recall = precision_and_recall(advised(found))
    assert min(precision, recall) >= ENOUGH, advised(found)
    assert not {(table, columns[:1]) for table, columns in advised(found)} & set(USELESS)
    assert {row["judged"] for row in found.records()} == {"hypopg"}
    for row in found.records():
        assert row["cost_after"] < 0.7 * row["cost_before"]  # type: ignore[operator]
        assert row["size"] > 2**19  # type: ignore[operator]


async def test_without_hypopg_heuristics_advise_and_say_so(unaided: tuple[Cluster, str]) -> None:
    cluster, name = unaided
    server = PostgresServer(cluster.uri(name, OWNER))
    found = await advise(server)
    await server.close()
    assert {row["judged"] for row in found.records()} == {"heuristics"}
    assert any("hypopg" in note for note in found.notes)
    indexes = advised(found)
    assert {("orders", ("customer",)), ("events", ("session",)), ("lines", ("batch",))} <= set(indexes)
    assert not {(table, columns[:1]) for table, columns in indexes} & set(USELESS)


async def test_the_view_offers_to_build_an_index_that_is_advised(planted: tuple[Cluster, str]) -> None:
    cluster, name = planted
    async with console(cluster.uri(name, OWNER), size=(120, 40), pane="indexes") as (app, pilot):
        await until(pilot, lambda: app.pane_view.table.row_count)
        app.pane_view.choose_view("advice")
        await shows(pilot, "planned, none run", "session", "batch")
        app.pane_view.table.seek({"keys": "batch"})
        await until(pilot, lambda: (app.pane_view.table.cursor_row or {}).get("keys") == "batch")
        parameters = parameters_from_rows(CREATE_INDEX, app.pane_view.chosen_rows)
        plan = await app.workspace.plan(CREATE_INDEX, parameters)
    assert "CREATE INDEX CONCURRENTLY lines_batch_idx ON public.lines USING btree (batch)" in plan.steps[0].sql


COMPARED = [
    ("((o.a = $1) AND (o.b > $2))", {"equal": ("a",), "ranged": ("b",)}),
    ("((o.a)::text = ANY ('{x,y}'::text[]))", {"equal": ("a",)}),
    ("((o.a = 1) OR (o.b = 2))", {}),
    (
        "(((o.a)::text = 'y'::text) AND (NOT o.c) AND ((o.d >= '2024-01-01') AND (o.d < 1)))",
        {"equal": ("a",), "ranged": ("d",)},
    ),
    ("(lower(o.a) = 'x'::text)", {}),
    ("(o.a ~~ '%x%'::text)", {}),
    ('(o."Od d" = 5)', {"equal": ("Od d",)}),
    ("(o.a = o.b)", {}),
    ("(o.a <> 5)", {}),
    ("(a = 5)", {"equal": ("a",)}),
]


@pytest.mark.parametrize(("condition", "uses"), COMPARED, ids=[condition for condition, _ in COMPARED])
def test_conditions_that_must_hold_suggest_their_columns(condition: str, uses: dict[str, tuple[str, ...]]) -> None:
    scan = Node("Seq Scan", 10.0, 1.0, 8, "public", "t", "o", conditions=(("Filter", condition),))
    found = uses_of(scan).get(("public", "t"))
    assert {name: getattr(found, name) for name in uses} == uses
    assert uses or found is None


def test_joins_and_orders_suggest_theirs() -> None:
    left, right = (Node("Seq Scan", 10.0, 1.0, 8, "public", name, name[0]) for name in ("orders", "lines"))
    join = Node("Hash Join", 20.0, 1.0, 8, conditions=(("Hash Cond", "(l.order_id = o.id)"),), children=(left, right))
    sort = Node("Sort", 30.0, 1.0, 8, keys=("o.placed DESC", "o.id DESC", "l.id"), children=(join,))
    found = uses_of(sort)
    assert found["public", "orders"].joined == ("id",)
    assert found["public", "lines"].joined == ("order_id",)
    assert found["public", "orders"].ordered == ("placed", "id")


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("UPDATE t SET a = $1, b = b + 1 WHERE c = 1", ColumnsChanged("t", frozenset("ab"))),
        (
            'UPDATE ONLY s."T" AS x SET (a, b) = ($1, $2), c = (SELECT d FROM e) FROM u',
            ColumnsChanged("T", frozenset("abc"), "s"),
        ),
        ("WITH q AS (SELECT 1) UPDATE t SET a = x IS DISTINCT FROM y WHERE z = 1", ColumnsChanged("t", frozenset("a"))),
        ("SELECT * FROM t FOR UPDATE", None),
        ("INSERT INTO t VALUES (1)", None),
        ("UPDATE t SET a = 'cut", None),
    ],
)
def test_an_update_says_which_columns_it_changes(text: str, change: ColumnsChanged | None) -> None:
    assert change_of(text) == change


@pytest.mark.parametrize(
    ("keys", "serves"), [(["a", "b", "c"], True), (["a", "b"], True), (["a"], False), (["b", "a"], False)]
)
def test_an_index_serves_a_candidate_whose_columns_it_begins_with(keys: list[str], serves: bool) -> None:
    assert Candidate("public", "t", ("a", "b")).is_served_by(keys) is serves
    assert len(COLUMNS) == len(set(COLUMNS))
    assert Candidate("s", 'T"', ("A b",)).sql == 'CREATE INDEX ON "s"."T""" ("A b")'


async def test_advice_for_one_statement_stands_below_its_plan(planted: tuple[Cluster, str]) -> None:
    cluster, name = planted
    async with Workspace(settings(), Wanted(cluster.uri(name, OWNER))) as workspace:
        missing = await workspace.explain(Asked(Subject("SELECT * FROM lines WHERE batch = $1")))
        served = await workspace.explain(Asked(Subject("SELECT * FROM lines WHERE id = $1")))
    (sentence,) = missing.advice
    assert sentence.startswith("An index on lines (batch) of ")
    assert sentence.endswith("create-index table=public.lines columns=batch")
    assert served.advice == (f"{UNNEEDED} (judged by the planner with hypopg).",)
    assert sentence in " ".join(line.text.strip() for line in lines(missing, 120))
    assert document(missing)["advice"] == [sentence]


async def test_a_created_index_is_explained_before_and_after(unaided: tuple[Cluster, str]) -> None:
    cluster, name = unaided
    with cluster.connect(name) as admin:
        text = f"SELECT queryid FROM {OWN_STATEMENTS} WHERE query ~ '^SELECT .*FROM lines .*batch = ' LIMIT 1"
        (queryid,) = admin.execute(text).fetchone() or (0,)
    for user in (OWNER, "postgres"):
        given = {"table": "lines", "columns": "batch", "statements": f"{queryid},1"}
        async with Workspace(settings(), Wanted(cluster.uri(name, user))) as workspace:
            plan = await workspace.plan(CREATE_INDEX, given)
            before, gone = (note for note in plan.notes if note.startswith("Now: "))
            assert "Seq Scan on lines" in before
            assert gone == "Now: query id 1: not explained: pg_stat_statements no longer has this statement."
            run = await workspace.run(plan)
        assert run.outcome is Outcome.DONE
        (after,) = (note for note in run.notes if "→" in note)
        assert "Before: cost" in after
        assert "Seq Scan on lines" in after.partition("After: ")[0]
        assert "lines_batch_idx" in after.partition("After: ")[2]
        with cluster.connect(name) as admin:
            admin.execute("DROP INDEX lines_batch_idx")


@pytest.mark.parametrize(("given", "says"), [("1,x", "query ids separated by commas")])
def test_what_is_no_query_id_is_wrong_usage(given: str, says: str) -> None:
    with pytest.raises(Trouble, match=says):
        query_ids(given)


def test_hot_updates_of_another_schema_are_not_lost() -> None:
    change = change_of('UPDATE "other".orders SET state = $1 WHERE id = $2')
    assert change == ColumnsChanged("orders", frozenset({"state"}), "other")
    assert change.concerns("other", "orders")
    assert not change.concerns("public", "orders")
    unqualified = change_of("UPDATE orders SET state = $1")
    assert unqualified is not None
    plan = Node("ModifyTable", 1.0, 1.0, 8, "public", "orders")
    placed = placed_change(unqualified, plan)
    assert (placed.concerns("public", "orders"), placed.concerns("other", "orders")) == (True, False)
    assert placed_change(unqualified, None).concerns("other", "orders")


async def test_plans_are_kept_once_a_day_by_whatever_console(unaided: tuple[Cluster, str], tmp_path: Path) -> None:
    cluster, name = unaided
    server, folder = PostgresServer(cluster.uri(name, OWNER)), tmp_path / FOLDER
    try:
        assert await UsualPlans(server, KeptPlans(folder)).keep_daily() == DAY
        plans = list(folder.glob("*.json"))
        assert plans
        for path in plans:
            path.unlink()
        assert 0 < await UsualPlans(server, KeptPlans(folder)).keep_daily() < DAY
        assert not list(folder.glob("*.json"))
        (note,) = folder.iterdir()
        os.utime(note, (note.stat().st_atime, note.stat().st_mtime - DAY))
        assert await UsualPlans(server, KeptPlans(folder)).keep_daily() == DAY
        assert len(list(folder.glob("*.json"))) == len(plans)
    finally:
        await server.close()


async def test_the_plan_of_before_is_known_without_anybody_having_asked(
    unaided: tuple[Cluster, str], tmp_path: Path
) -> None:
    """Plans of the statements that cost most are kept daily: an index that is gone since shows in what E says."""
    cluster, name = unaided
    with cluster.connect(name, OWNER) as session:
        session.execute("CREATE INDEX lines_batch ON lines (batch)")
        text = f"SELECT query FROM {OWN_STATEMENTS} WHERE query ~ '^SELECT .*FROM lines .*batch = ' LIMIT 1"
        (statement,) = session.execute(text).fetchone() or ("",)
    async with Workspace(settings(), Wanted(cluster.uri(name, OWNER)), trail=Trail(tmp_path / "a.jsonl")) as workspace:
        server = workspace.sources.postgres
        assert isinstance(server, PostgresServer)
        assert await UsualPlans(server, KeptPlans(tmp_path / FOLDER)).keep()
        with cluster.connect(name, OWNER) as session:
            session.execute("DROP INDEX lines_batch")
        explained = await workspace.explain(Asked(Subject(str(statement))))
    assert explained.before is not None
    assert "lines_batch" in explained.before.shape
    assert "Seq Scan on lines" in explained.plan.shape
