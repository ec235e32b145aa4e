"""A real Citus cluster: each fault is found and clears, actions refuse or run on all shards. Needs the extension."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from console.actions import action as named_action
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
from tests.waiting import eventually

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


def desk(citus: CitusCluster, folder: Path) -> Desk:
    """A console on the coordinator."""
    return Desk(citus.coordinator, clusters.DATABASE, Trail(folder / "audit.jsonl"), config.load(environ={}))
