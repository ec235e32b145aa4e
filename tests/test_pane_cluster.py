"""The cluster pane and its rules, over recordings of a real Citus cluster, and what is said where there is none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from console.model import Frame, Kind, Level, Record, Snapshot, Trouble, View
from console.panes import cluster_sums
from console.panes.bloat import BLOAT
from console.panes.cluster import CLUSTER, GROUPS, JOBS, LOCKS, NODES, SESSIONS, SHARDS, TABLES, TENANTS
from console.panes.indexes import INDEXES, foreign_keys
from console.panes.partitions import PARENTS, PARTITIONS_VIEW
from console.reading.reader import Reader
from console.rules.diagnoses import DIAGNOSES
from console.rules.judging import Memory, evaluate
from console.settings import config
from console.sources.postgres import PostgresServer
from console.sources.registry import Sources
from console.watching.observer import Observer
from tests import cluster_recording
from tests.activity import console
from tests.cluster_recording import load
from tests.faults import CLUSTER_FAULTS, SETTINGS
from tests.servers import PostgresServer as Running

RULES = [rule for rule in DIAGNOSES if rule.name in CLUSTER_FAULTS]
FOUND = {  # what the finding of each recorded fault must name
    "node_that_is_down": "shards cannot be read or written",
    "node_without_metadata": "not synced, metadata changes have not been sent to it",
    "node_that_knows_something_else": "metadata differ, it knows other nodes or placements than this node",
    "shard_that_is_placed_elsewhere": "foreign shards, placed elsewhere: public.requests_",
    "shard_that_is_gone": "shards missing, not there: public.organizations_",
    "node_that_holds_most": "more than the mean of the nodes",
}


async def rows(view: View, name: str = "whole") -> list[Record]:
    """What a view shows of a recording."""
    return list((await shown(view, name)).records())


async def shown(view: View, name: str = "whole") -> Snapshot:
    source = load(name)
    return await Reader(view, Sources(source).named).read(source)


async def test_each_node_has_its_shards_its_data_and_a_state() -> None:
    coordinator, *workers = await rows(NODES)
    assert (coordinator["role"], coordinator["state"]) == ("coordinator", "ok")
    assert [(row["role"], row["state"]) for row in workers] == [("worker", "ok")] * 2
    assert sum(int(str(row["shards"])) for row in workers) == 2 * 1 + 4 * 8  # copies of plans, and the distributed
    assert all(isinstance(row["size"], int) and row["size"] > 1_000_000 for row in workers)
    assert sum(float(str(row["share"])) for row in (coordinator, *workers)) == pytest.approx(100)


async def test_a_node_that_is_down_leaves_its_sizes_unknown_and_says_why() -> None:
    taken = await shown(NODES, "node_that_is_down")
    (down,) = (row for row in taken.records() if row["state"] == "down")
    assert down["size"] is None
    assert "failed to connect" in str(down["reason"])
    assert "sizes of 1 node are unknown" in taken.notes


async def test_the_size_of_a_distributed_table_is_that_of_its_shards() -> None:
    found = {row["table"]: row for row in await rows(TABLES)}
    requests = found["public.requests"]
    of_shards = sum(int(str(row["size"])) for row in await rows(SHARDS) if row["table"] == "public.requests")
    assert requests["size"] == of_shards > 1_000_000
    assert (requests["kind"], requests["column"], requests["shards"]) == ("distributed", "organization_id", 8)
    assert requests["rows"] == pytest.approx(12_000)
    assert found["public.plans"]["kind"] == "reference"
    assert found["public.plans"]["rows"] == 20  # once, although each node has a copy


async def test_skew_is_shown_by_shard_by_node_and_by_tenant() -> None:
    (requests,) = (row for row in await rows(TABLES) if row["table"] == "public.requests")
    assert float(str(requests["shard_skew"])) > 200
    assert float(str(requests["node_skew"])) > 100
    largest, *_ = await rows(TENANTS)
    assert float(str(largest["share"])) > 15
    assert largest["node"] in {row["node"] for row in await rows(NODES)}


async def test_tables_that_lie_together_are_one_group() -> None:
    groups = {row["kind"]: row for row in await rows(GROUPS)}
    assert "organizations, requests" in str(groups["distributed"]["members"])
    assert groups["distributed"]["apart"] == 0
    assert groups["reference"]["members"] == "plans"


async def test_sessions_and_locks_are_those_of_all_nodes() -> None:
    (wait,) = await rows(LOCKS)
    assert (wait["who"], wait["blocker"], wait["blocker_state"]) == ("api", "importer", "idle in transaction")
    assert wait["node"] != wait["blocking_node"]
    sessions = {row["gpid"]: row for row in await rows(SESSIONS)}
    assert sessions[wait["waiting_gpid"]]["who"] == "api"
    assert sessions[wait["blocking_gpid"]]["state"] == "idle in transaction"


async def test_a_rebalance_is_a_job_with_its_tasks() -> None:
    (job,) = await rows(JOBS)
    assert (job["type"], job["state"], job["done"]) == ("rebalance", "finished", 100)


async def test_the_storage_panes_show_sums_over_the_shards() -> None:
    shards = [row for row in await rows(SHARDS) if row["table"] == "public.requests"]
    taken = await shown(BLOAT.view("tables"))
    first, *_ = taken.records()
    assert first["table"] == "public.requests"
    assert first["total_size"] == sum(int(str(row["size"])) for row in shards)
    assert first["dead"] == sum(int(str(row["dead"])) for row in shards) > 0
    assert 0 < int(str(first["bloat"])) < int(str(first["total_size"]))
    assert (first["bloat"], first["bloat_reason"]) == (first["heap_bloat"], "")
    (index,) = (
        row for row in await rows(BLOAT.view("indexes")) if row["index"] == "public.requests_pkey"
    )  # fmt: skip
    assert index["bloat_reason"] == ""
    assert isinstance(index["bloat"], int)
    assert any("sums over their shards" in note for note in taken.notes)
    (alone,) = (row for row in taken.records() if row["table"] == "public.notes")
    assert (alone["cluster_kind"], alone["verdict"]) == (None, "ok")


def test_views_of_one_server_leave_shells_out_or_say_what_they_lack() -> None:
    columns = ("oid", "table", "estimated_size", "deleted", "updated", "rows", "shell")
    rows = ((1, "public.requests", 0, 0, 0, 0, True), (2, "public.notes", 8192, 1, 2, 3, None))
    taken = Snapshot("x", columns, rows, datetime.now(UTC))
    left = cluster_sums.without_shells(taken)
    assert left.rows == rows[1:]
    assert left.notes == (
        "1 row of tables of Citus left out: cluster, view tables, has the dead tuples of their shards",
    )
    missing = foreign_keys(taken)
    assert [(row["size"], row["approximate"]) for row in missing.records()] == [(None, ""), (8192, "≈")]
    assert [row["deleted"] for row in missing.records()] == [None, 1]
    assert "1 row of tables of Citus: without sizes and deletes, which only their nodes know" in missing.notes
    alone = Snapshot("x", columns, rows[1:], datetime.now(UTC))
    assert cluster_sums.without_shells(alone) is cluster_sums.with_shells_noted(alone, "sizes") is alone


async def test_an_index_is_judged_by_the_scans_of_all_its_shards() -> None:
    found = {row["index"]: row for row in await rows(INDEXES.view("all"))}
    assert int(str(found["public.requests_pkey"]["size"])) > 8 * 8192
    assert all(row["scans"] == row["cluster_scans"] for row in found.values() if row["cluster_kind"])
    assert cluster_sums.index({**found["public.requests_pkey"], "cluster_scans": 7})["scans"] == 7
    assert found["public.requests_title_idx"]["verdict"] != "unused"


async def test_a_distributed_table_that_is_partitioned_has_the_size_of_all_shards_of_its_partitions() -> None:
    (parent,) = await rows(PARENTS)
    of_shards = sum(int(str(row["size"])) for row in await rows(SHARDS) if row["table"] == "public.usage_2026")
    assert (parent["size"], parent["rows"]) == (of_shards, 5000)
    (partition,) = (await rows(PARTITIONS_VIEW))[:1]
    assert (partition["size"], partition["approximate"]) == (of_shards, "")


async def test_growth_counts_distributed_tables_with_all_their_shards() -> None:
    taken = await load("whole").fetch("capacity_tables")
    sizes = {row["table"]: row for row in taken.records()}
    of_shards = sum(int(str(row["size"])) for row in await rows(SHARDS) if row["table"] == "public.usage_2026")
    assert (sizes["public.usage"]["size"], sizes["public.usage"]["partitions"]) == (of_shards, 1)


@pytest.mark.parametrize("name", sorted(FOUND))
async def test_the_recorded_fault_of_a_cluster_is_found(name: str) -> None:
    (rule,) = (rule for rule, faults in CLUSTER_FAULTS.items() if name in {fault.__name__ for fault in faults})
    verdict, _ = evaluate(await frame(name, rule), RULES, Memory())
    assert [finding.rule for finding in verdict.findings][:1] == [rule]
    assert FOUND[name] in verdict.findings[0].sentence
    assert verdict.findings[0].level >= Level.WARNING


def test_every_fault_of_a_cluster_was_recorded() -> None:
    faults = {fault.__name__ for faults in CLUSTER_FAULTS.values() for fault in faults}
    assert faults == set(FOUND) == set(cluster_recording.names())


async def test_nothing_is_found_in_a_cluster_without_a_fault() -> None:
    verdict, _ = evaluate(await frame("whole"), RULES, Memory())
    assert not verdict.findings
    assert not verdict.unknown


async def test_balance_is_not_judged_while_a_node_is_down() -> None:
    verdict, _ = evaluate(await frame("node_that_is_down"), RULES, Memory())
    assert [unknown.rule for unknown in verdict.unknown] == ["cluster-unbalanced"]


async def frame(name: str, rule: str = "") -> Frame:
    """What the rules judge of a recording, with the settings under which a small fault is one."""
    settings = config.load(environ={})
    settings = SETTINGS[rule](settings) if rule in SETTINGS else settings
    observer = Observer(Sources(load(name)), RULES, settings.thresholds)
    await observer.look()
    return observer.frame


@pytest.mark.spread
async def test_without_citus_the_pane_names_the_extension_and_the_rules_ask_nothing(pg: Running, database: str) -> None:
    async with console(pg, database) as reading:
        for view in CLUSTER.views:
            with pytest.raises(Trouble) as caught:
                await reading.fetch(view.query)
            assert caught.value.kind is Kind.MISSING
            assert "CREATE EXTENSION citus" in caught.value.remedy
        asked: list[str] = []
        sources = Sources(reading)
        sources.be_heard(lambda _, query, *__: asked.append(query))
        verdict = await Observer(sources, RULES, {}).look()
        assert not asked
        assert not verdict.findings
        assert not verdict.unknown
    assert isinstance(reading, PostgresServer)
