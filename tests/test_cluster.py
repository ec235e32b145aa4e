"""A real Citus cluster: each fault is found and clears, actions refuse or run on all shards. Needs the extension."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from console.actions import action as named_action
from console.actions.planning import Action
from console.model import Finding, Kind, Outcome, Trouble
from console.rules.diagnoses import DIAGNOSES
from console.running.trail.audit import Trail
from console.settings import config
from console.sources.postgres import PostgresServer
from console.sources.registry import Sources
from console.watching.observer import Observer
from tests import clusters
from tests.acting import Desk
from tests.clusters import CitusCluster
from tests.faults import CLUSTER_FAULTS, SETTINGS, ClusterFault
from tests.faults.cluster import node_that_holds_most
from tests.servers import Servers
from tests.stopping import BACKEND, CONSOLE, stopper
from tests.test_action_waits import Case
from tests.test_stopped_anywhere import Found, Subject, carried_out, desk_in, judge, minute, one_if_long
from tests.waiting import eventually

__all__ = ["minute"]

pytestmark = pytest.mark.slow
EACH = [(rule, fault) for rule, faults in CLUSTER_FAULTS.items() for fault in faults]


@pytest.fixture(scope="module")
def citus() -> Iterator[CitusCluster]:
    found = clusters.installation()
    if found is None:
        pytest.skip(f"no PostgreSQL with Citus here; {clusters.FOLDER} names the folder of its programs")
    servers = Servers({})
    try:
        yield clusters.start(servers, found)
    finally:
        servers.close()


@pytest.mark.parametrize(("rule", "fault"), EACH, ids=[fault.__name__ for _, fault in EACH])
async def test_a_fault_of_a_cluster_is_the_first_finding_of_its_rules_and_clears(
    citus: CitusCluster, rule: str, fault: ClusterFault
) -> None:
    settings = config.load(environ={})
    settings = SETTINGS[rule](settings) if rule in SETTINGS else settings
    rules = [each for each in DIAGNOSES if each.name in CLUSTER_FAULTS]
    source = PostgresServer(citus.uri)
    observer = Observer(Sources(source), rules, settings.thresholds)
    await source.connect()  # the rules ask only where the extension is known to be

    async def findings() -> tuple[Finding, ...]:
        return (await observer.look(everything=True)).findings

    try:
        with fault(citus) as named:

            async def is_first() -> bool:
                return any(each.rule == rule and named in each.sentence for each in (await findings())[:1])

            await eventually(is_first)

        async def is_gone() -> bool:
            return rule not in {each.rule for each in await findings()}

        await eventually(is_gone)
    finally:
        await source.close()


@pytest.mark.parametrize(
    ("action", "parameters", "instead"),
    [
        ("partition-by-hash", {"table": "requests"}, "alter_distributed_table"),
        ("partition-table", {"table": "public.requests", "key": "id"}, "create_distributed_table"),
        ("prewarm", {"index": "requests_title_idx"}, "run_command_on_shards"),
        ("repack-table", {"table": "notes, requests"}, "alter_distributed_table"),
    ],
)
async def test_an_action_of_one_server_refuses_a_distributed_table_and_names_what_to_use(
    citus: CitusCluster, tmp_path: Path, action: str, parameters: dict[str, str], instead: str
) -> None:
    async with desk(citus, tmp_path).workspace() as workspace:
        with pytest.raises(Trouble) as caught:
            await workspace.plan(named_action(action), parameters)
    assert caught.value.kind is Kind.REFUSED
    assert "public.requests is distributed by organization_id" in caught.value.sentence
    assert instead in caught.value.remedy


async def test_vacuum_and_missing_indexes_know_shells_from_tables(citus: CitusCluster) -> None:
    named = "SELECT oid::bigint FROM pg_class WHERE relname IN ('requests', 'requests_pkey', 'notes', 'plans')"
    source = PostgresServer(citus.uri)
    try:
        await source.connect()
        asked = [oid for (oid,) in citus.do(named)]
        found = {row["oid"] for row in (await source.fetch("cluster_shells", {"oid": asked})).records()}
    finally:
        await source.close()
    ((notes,),) = citus.do("SELECT 'notes'::regclass::oid::bigint")
    assert found == set(asked) - {notes}
    assert len(found) == 3


async def test_the_bloat_of_a_distributed_table_is_what_a_rewrite_of_its_shards_gives_back(citus: CitusCluster) -> None:
    named = "SELECT oid::bigint FROM pg_class WHERE relname IN ('requests', 'plans', 'notes')"
    asked = [oid for (oid,) in citus.do("DELETE FROM requests WHERE id % 3 = 0", "ANALYZE requests, plans", named)]
    ((requests, before),) = citus.do("SELECT 'requests'::regclass::oid::bigint, citus_table_size('requests')")
    source = PostgresServer(citus.uri)
    try:
        await source.connect()
        sums = {row["oid"]: row for row in (await source.fetch("cluster_bloat", {"oid": asked})).records()}
    finally:
        await source.close()
    assert len(sums) == 2
    assert {row["cluster_bloat_reason"] for row in sums.values()} == {""}
    ((after,),) = citus.do("VACUUM FULL requests", "SELECT citus_table_size('requests')")
    assert 0.8 < float(str(sums[requests]["cluster_bloat"])) / (before - after) < 1.3


async def test_empty_shards_that_were_never_analysed_leave_the_bloat_of_a_table_known(citus: CitusCluster) -> None:
    ((few,),) = citus.do(
        "SET citus.shard_count = 8",
        "CREATE TABLE few (organization_id uuid PRIMARY KEY, note text)",
        "SELECT create_distributed_table('few', 'organization_id', colocate_with => 'none')",
        "SELECT 'few'::regclass::oid::bigint",
    )
    source = PostgresServer(citus.uri)
    try:
        await source.connect()
        (empty,) = (await source.fetch("cluster_bloat", {"oid": [few]})).records()
        citus.do("INSERT INTO few VALUES (md5('org1')::uuid)")
        (filled,) = (await source.fetch("cluster_bloat", {"oid": [few]})).records()
    finally:
        await source.close()
        citus.do("DROP TABLE few")
    assert (empty["cluster_bloat"], empty["cluster_bloat_reason"]) == (0, "")
    assert (filled["cluster_bloat"], filled["cluster_bloat_reason"]) == (None, "1 of 8 shards: never analysed")


async def test_an_index_is_built_and_dropped_on_every_shard(citus: CitusCluster, tmp_path: Path) -> None:
    built = "SELECT sum(result::int) FROM run_command_on_shards('requests', $$SELECT count(*) FROM pg_index"
    built += " WHERE indrelid = '%s'::regclass AND indexrelid::regclass::text LIKE '%%body%%'$$)"
    async with desk(citus, tmp_path).workspace() as workspace:
        made = await workspace.plan(named_action("create-index"), {"table": "requests", "columns": "body"})
        assert (await workspace.run(made)).outcome is Outcome.DONE
        assert citus.do(built) == [(8,)]
        made = await workspace.plan(named_action("drop-index"), {"index": "requests_body_idx"})
        assert (await workspace.run(made)).outcome is Outcome.DONE
        assert citus.do(built) == [(0,)]


async def test_a_session_on_a_worker_is_cancelled_and_ended_by_its_global_pid(
    citus: CitusCluster, tmp_path: Path
) -> None:
    with citus.workers[0].connect(clusters.DATABASE, application_name="stuck") as session:
        session.execute("BEGIN")
        session.execute("UPDATE plans SET name = name")  # on every node: a reference table
        ((gpid,),) = session.execute("SELECT citus_backend_gpid()").fetchall()
        async with desk(citus, tmp_path).workspace() as workspace:
            with pytest.raises(Trouble) as caught:
                await workspace.plan(named_action("cancel-backend"), {"pid": str(gpid)})
            assert "is not running a statement (idle in transaction)" in caught.value.sentence
            assert "terminate-backend" in caught.value.remedy
            before = {"pid": str(gpid), "started": "2020-01-01 00:00:00+00:00"}
            with pytest.raises(Trouble) as caught:
                await workspace.plan(named_action("terminate-backend"), before)
            assert "now belongs to another session" in caught.value.sentence
            made = await workspace.plan(named_action("terminate-backend"), {"pid": str(gpid)})
            assert made.table is not None
            assert "stuck" in str(made.table.rows)
            assert (await workspace.run(made)).outcome is Outcome.DONE
            with pytest.raises(Trouble) as caught:
                await workspace.plan(named_action("terminate-backend"), {"pid": str(gpid)})
            assert f"No node that answers has a session with global pid {gpid}" in caught.value.sentence
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")


async def test_a_rebalance_moves_the_shards_that_its_plan_lists(citus: CitusCluster, tmp_path: Path) -> None:
    rebalance = named_action("rebalance-cluster")
    wanted = {"strategy": "by_shard_count", "transfer": "block_writes"}
    async with desk(citus, tmp_path).workspace() as workspace:
        assert not (await workspace.plan(rebalance, wanted)).steps
        with node_that_holds_most(citus):
            made = await workspace.plan(rebalance, wanted)
            assert made.table is not None
            moved = {int(str(shard)) for shard in made.table.values("shard")}
            assert (await workspace.run(made)).outcome is Outcome.DONE
            with pytest.raises(Trouble) as caught:
                await workspace.plan(named_action("cancel-cluster-job"), {"job": "0"})
            assert "There is no background job 0" in caught.value.sentence
            citus.do("SELECT citus_rebalance_wait()")
            target = str(made.table.values("to")[0])
            there = citus.do(f"SELECT shardid FROM citus_shards WHERE nodename || ':' || nodeport = '{target}'")
            assert moved
            assert moved <= {shard for (shard,) in there}
            assert not (await workspace.plan(rebalance, wanted)).steps


async def test_a_rebalance_under_way_is_refused_again_and_cancelled(citus: CitusCluster, tmp_path: Path) -> None:
    rebalance = named_action("rebalance-cluster")
    wanted = {"strategy": "by_shard_count", "transfer": "block_writes"}
    with node_that_holds_most(citus), citus.coordinator.connect(clusters.DATABASE) as reader:
        reader.execute("BEGIN")
        reader.execute("LOCK TABLE requests IN SHARE ROW EXCLUSIVE MODE")  # a move has to wait
        async with desk(citus, tmp_path).workspace() as workspace:
            assert (await workspace.run(await workspace.plan(rebalance, wanted))).outcome is Outcome.DONE
            with pytest.raises(Trouble) as caught:
                await workspace.plan(rebalance, wanted)
            assert "A rebalance is running" in caught.value.sentence
            ((job,),) = citus.do("SELECT max(job_id) FROM pg_dist_background_job")
            made = await workspace.plan(named_action("cancel-cluster-job"), {"job": str(job)})
            assert (await workspace.run(made)).outcome is Outcome.DONE
            with pytest.raises(Trouble) as caught:
                await workspace.plan(named_action("cancel-cluster-job"), {"job": str(job)})
            assert f"Background job {job} is cancelled" in caught.value.sentence
        reader.execute("ROLLBACK")


@pytest.mark.parametrize("owner", ["postgres", "app"])
async def test_a_table_is_distributed_after_a_rehearsal_with_all_its_rows_and_back(
    citus: CitusCluster, tmp_path: Path, owner: str
) -> None:
    with events(citus, owner):
        async with desk(citus, tmp_path).workspace() as workspace:
            made = await workspace.plan(distribute(), {"table": "events", "column": "organization_id"})
            assert "co-location" not in str(made.notes)
            done = await workspace.run(made)
            assert done.outcome is Outcome.DONE, done.message
            assert "1,000 rows in 8 shards on 2 nodes." in done.notes
            assert not citus.do("SELECT 1 FROM pg_namespace WHERE nspname LIKE 'pipeline_console_%'")
            kept = "SELECT pg_relation_size('events'), (SELECT count(*) FROM pg_dist_partition WHERE colocationid = ("
            kept += "SELECT colocationid FROM pg_dist_partition WHERE logicalrelid = 'events'::regclass))"
            assert citus.do(kept) == [(0, 5)]  # with organizations, requests and usage with its partition
            assert not (await workspace.plan(distribute(), {"table": "events"})).steps
            for step in done.plan.steps:
                if step.undo:
                    citus.do(step.undo)
        assert citus.do("SELECT count(*) FROM events") == [(1000,)]
        assert not citus.do("SELECT 1 FROM pg_dist_partition WHERE logicalrelid = 'events'::regclass")


async def test_a_table_stays_as_it_is_if_its_shards_do_not_hold_all_rows(citus: CitusCluster, tmp_path: Path) -> None:
    with events(citus, "postgres"):
        async with desk(citus, tmp_path).workspace() as workspace:
            made = await workspace.plan(distribute(), {"table": "events", "column": "organization_id"})
            steps = tuple(
                replace(step, sql=step.sql.replace("pg_catalog.count(*)::text", "(pg_catalog.count(*) + 1)::text"))
                for step in made.steps
            )
            done = await workspace.run(replace(made, steps=steps))
        assert done.outcome is not Outcome.DONE
        assert "do not hold as many rows" in done.message
        assert not citus.do("SELECT 1 FROM pg_dist_partition WHERE logicalrelid = 'events'::regclass")
        assert citus.do("SELECT count(*) FROM events") == [(1000,)]


async def test_what_must_change_is_listed_and_a_rehearsal_reports_what_citus_refuses(
    citus: CitusCluster, tmp_path: Path
) -> None:
    citus.do(
        "CREATE TABLE orders (id bigint PRIMARY KEY, organization_id uuid REFERENCES organizations (id), note int"
        " REFERENCES notes, code text UNIQUE, copy_of bigint REFERENCES orders, n serial)",
        "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'",
        "CREATE TRIGGER stamp BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION stamp()",
        "CREATE TABLE order_lines (id bigint PRIMARY KEY, order_id bigint REFERENCES orders (id))",
    )
    try:
        async with desk(citus, tmp_path).workspace() as workspace:
            with pytest.raises(Trouble) as caught:
                await workspace.plan(distribute(), {"table": "orders", "column": "organization_id"})
            listed = caught.value.sentence.splitlines()[1:-1]
            assert [line.split(".")[0] for line in listed] == [
                "- primary key orders_pkey (id) lacks organization_id",
                "- unique constraint orders_code_key (code) lacks organization_id",
                "- foreign key order_lines_order_id_fkey of public",
                "- foreign key orders_copy_of_fkey does not go through organization_id of both rows",
                "- foreign key orders_note_fkey refers to public",
                "- trigger stamp: Citus runs no triggers on a distributed table",
            ]
            wanted = {"table": "orders", "column": "organization_id", "only-rehearse": "yes"}
            made = await workspace.plan(distribute(), wanted)
            assert any("counts in integer" in note for note in made.notes)
            done = await workspace.run(made)
            assert done.outcome is Outcome.FAILED
            assert "Foreign keys are supported in two cases" in done.message
        assert not citus.do("SELECT 1 FROM pg_namespace WHERE nspname LIKE 'pipeline_console_%'")
    finally:
        citus.do("DROP TABLE order_lines, orders", "DROP FUNCTION stamp()")


async def test_tables_are_distributed_in_the_order_of_their_foreign_keys(citus: CitusCluster, tmp_path: Path) -> None:
    citus.do(
        "CREATE TABLE kinds (id int PRIMARY KEY)",
        "INSERT INTO kinds SELECT generate_series(1, 10)",
        "CREATE TABLE shops (organization_id uuid PRIMARY KEY)",
        "INSERT INTO shops SELECT id FROM organizations",
        "CREATE TABLE sales (organization_id uuid REFERENCES shops, id bigint, kind int REFERENCES kinds,"
        " PRIMARY KEY (organization_id, id))",
        "INSERT INTO sales SELECT organization_id, 1, 1 FROM shops",
    )
    try:
        async with desk(citus, tmp_path).workspace() as workspace:
            sales = {"table": "sales", "column": "organization_id"}
            with pytest.raises(Trouble) as caught:
                await workspace.plan(distribute(), sales)
            assert caught.value.sentence.count("First run distribute-table on") == 2
            made = await workspace.plan(distribute(), {"table": "kinds", "as": "reference"})
            assert (await workspace.run(made)).outcome is Outcome.DONE
            shops = {"table": "shops", "column": "organization_id", "colocate-with": "none", "shards": "4"}
            made = await workspace.plan(distribute(), shops)
            assert any("Run distribute-table on public.sales next" in note for note in made.notes)
            assert (await workspace.run(made)).outcome is Outcome.DONE
            assert citus.do("SELECT pg_relation_size('shops') > 0") == [(True,)]  # sales still refers to these rows
            made = await workspace.plan(distribute(), sales)
            assert any("lie with those of public.shops" in note for note in made.notes)
            assert (await workspace.run(made)).outcome is Outcome.DONE
            made = await workspace.plan(distribute(), {"table": "shops"})
            assert (await workspace.run(made)).outcome is Outcome.DONE
        found = citus.do("SELECT pg_relation_size('shops'), (SELECT count(*) FROM sales), (SELECT count(*) FROM shops)")
        assert found == [(0, clusters.TENANTS, clusters.TENANTS)]
    finally:
        citus.do("DROP TABLE sales, shops, kinds")


async def test_a_table_is_distributed_online_where_the_server_allows_the_plugin(
    citus: CitusCluster, tmp_path: Path
) -> None:
    known = citus.do("SELECT setting FROM pg_settings WHERE name = 'output_plugin_libraries'")
    wanted = {"table": "events", "column": "organization_id", "online": "yes"}
    with events(citus, "postgres"):
        async with desk(citus, tmp_path).workspace() as workspace:
            if known:
                with pytest.raises(Trouble) as caught:
                    await workspace.plan(distribute(), wanted)
                assert "output_plugin_libraries" in caught.value.sentence
                for node in citus.nodes():
                    change = f"ALTER SYSTEM SET output_plugin_libraries = {known[0][0]}, citus"
                    citus.do(change, "SELECT pg_reload_conf()", server=node)
            done = await workspace.run(await workspace.plan(distribute(), wanted))
        assert done.outcome is Outcome.DONE
        assert "1,000 rows in 8 shards on 2 nodes." in done.notes


@pytest.mark.parametrize("whom", [CONSOLE, BACKEND])
async def test_whoever_is_stopped_in_an_action_on_the_cluster_nothing_is_lost(
    citus: CitusCluster, tmp_path: Path, whom: str
) -> None:
    found = Found()

    def carry_out(action: str, rows: str, **given: str) -> None:
        here = desk_in(desk(citus, tmp_path), tmp_path)
        subject = Subject(Case(action), here, tmp_path, rows, whom, one_if_long((3, 10, 22)))
        with stopper(tmp_path) as mine:
            carried_out(mine, subject, given, found)

    with events(citus, "postgres"):
        every = "SELECT (count(*), sum(id))::text FROM events"
        await asyncio.to_thread(carry_out, "distribute-table", every, table="events", column="organization_id")
        assert citus.do("SELECT count(*) FROM citus_tables WHERE table_name = 'events'::regclass") == [(1,)]
    every = "SELECT (count(*), sum(id))::text FROM requests"
    with node_that_holds_most(citus):
        given = {"strategy": "by_shard_count", "transfer": "block_writes"}
        await asyncio.to_thread(carry_out, "rebalance-cluster", every, **given)
        citus.do("SELECT citus_rebalance_wait()")
    with node_that_holds_most(citus), citus.coordinator.connect(clusters.DATABASE) as reader:
        reader.execute("BEGIN")
        reader.execute("LOCK TABLE requests IN SHARE ROW EXCLUSIVE MODE")  # a move has to wait
        ((job,),) = citus.do("SELECT citus_rebalance_start('by_shard_count', shard_transfer_mode => 'block_writes')")
        await asyncio.to_thread(carry_out, "cancel-cluster-job", "", job=str(job))
        assert citus.do(f"SELECT state FROM pg_dist_background_job WHERE job_id = {job}")[0][0].startswith("cancel")
        reader.execute("ROLLBACK")
    judge(found)


@contextmanager
def events(citus: CitusCluster, owner: str) -> Iterator[None]:
    """A table of 1,000 rows on the coordinator alone."""
    if not citus.do(f"SELECT 1 FROM pg_roles WHERE rolname = '{owner}'"):
        citus.do(f"CREATE ROLE {owner} LOGIN", f"GRANT CREATE ON DATABASE {clusters.DATABASE} TO {owner}")
        citus.do(f"GRANT CREATE ON SCHEMA public TO {owner}")
    citus.do(
        "CREATE TABLE events (organization_id uuid, id bigint, PRIMARY KEY (organization_id, id))",
        "INSERT INTO events SELECT md5('org' || g % 50)::uuid, g FROM generate_series(1, 1000) g",
        f"ALTER TABLE events OWNER TO {owner}",
    )
    try:
        yield
    finally:
        citus.do("DROP TABLE events")


def distribute() -> Action:
    """The action that distributes a table."""
    return named_action("distribute-table")


def desk(citus: CitusCluster, folder: Path) -> Desk:
    """A console on the coordinator."""
    return Desk(citus.coordinator, clusters.DATABASE, Trail(folder / "audit.jsonl"), config.load(environ={}))
