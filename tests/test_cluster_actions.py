"""Actions on a Citus cluster where there is none, and what rows of a whole cluster give them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from console.actions import action
from console.actions.cluster.distribution import Distribution, check, facts_of, worth
from console.actions.planning import Request, plan
from console.actions.relations import Relation
from console.model import Kind, Snapshot, Trouble
from console.settings import config
from console.tui.action_flow import parameters_from_rows
from tests.activity import console
from tests.servers import PostgresServer as Running


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("rebalance-cluster", {}),
        ("cancel-cluster-job", {"job": "1"}),
        ("distribute-table", {"table": "requests", "column": "organization_id"}),
    ],
)
async def test_without_citus_an_action_on_the_cluster_names_the_extension(
    pg: Running, database: str, name: str, given: dict[str, str]
) -> None:
    with pg.connect(database) as session:
        session.execute("CREATE TABLE requests (organization_id uuid, id bigint)")
    async with console(pg, database) as reading:
        with pytest.raises(Trouble) as caught:
            await plan(action(name), reading, given, config.load(environ={}))
    assert caught.value.kind is Kind.MISSING
    assert "CREATE EXTENSION citus" in caught.value.remedy


async def test_without_citus_a_global_pid_is_no_pid(pg: Running, database: str) -> None:
    async with console(pg, database) as reading:
        with pytest.raises(Trouble) as caught:
            await plan(action("terminate-backend"), reading, {"pid": "10000000123"}, config.load(environ={}))
    assert caught.value.kind is Kind.USAGE


def test_a_row_of_the_whole_cluster_gives_its_global_pid_and_a_lock_that_of_the_blocker() -> None:
    session = {"gpid": 30000000123, "pid": 123, "backend_start": "2026-11-22 14:00:00+00:00"}
    assert parameters_from_rows(action("terminate-backend"), [session]) == {
        "pid": "30000000123",
        "started": "2026-11-22 14:00:00+00:00",
    }
    wait = {"waiting_gpid": 10000000001, "blocking_gpid": 20000000002, "blocking_start": None}
    assert parameters_from_rows(action("cancel-backend"), [wait]) == {"pid": "20000000002"}


TABLE = Relation(1, "public.requests", "r")
WANTED = Distribution(
    reference=False, column="", companion="", shards=None, online=False, only_rehearse=False, anyway=False
)
FACTS: dict[str, object] = {
    "partition": False,
    "parent": None,
    "persistence": "p",
    "nodes": 2,
    "rebalance": None,
    "own": True,
    "has_column": True,
    "column": "organization_id",
    "generated": False,
    "companion": "public.organizations",
    "already": None,
    "wal_level": "logical",
    "plugins": None,
    "has_identity": True,
    "has_keys": False,
    "distributed": 0,
}


class Coordinator:
    """Answers with what it is given, by the name of the query."""

    def __init__(self, **answers: list[dict[str, object]]) -> None:
        self.answers = answers

    async def fetch(self, query: str, parameters: Any = None) -> Snapshot:
        del parameters
        rows = self.answers[query.removeprefix("actions/")]
        columns = tuple(rows[0]) if rows else ()
        return Snapshot(query, columns, tuple(tuple(row.values()) for row in rows), datetime.now(UTC))


@pytest.mark.parametrize(
    ("facts", "wanted", "why", "remedy"),
    [
        ({"partition": True, "parent": "usage"}, {}, "is a partition", "usage"),
        ({"persistence": "u"}, {}, "temporary or unlogged", "permanent"),
        ({"nodes": 0}, {}, "No active node", "citus_add_node"),
        ({"rebalance": 7}, {}, "A rebalance is running (job 7)", "cancel-cluster-job"),
        ({"own": False}, {}, "Only the owner", ""),
        ({"has_column": False}, {}, "has no column that identifies the tenant", "as=reference"),
        ({"has_column": False}, {"column": "shop"}, "has no column shop", "column="),
        ({"generated": True}, {}, "is generated", ""),
        ({"companion": None}, {"companion": "plans"}, "plans is not distributed by a column of that type", "Groups"),
        ({"wal_level": "replica"}, {"online": True}, "needs wal_level = logical", "online=no"),
        ({"plugins": "pgoutput, test_decoding"}, {"online": True}, "output_plugin_libraries", "add citus"),
        ({"has_identity": False}, {"online": True}, "no primary key or replica identity", "online=no"),
        ({"has_keys": True}, {"online": True}, "because of its foreign keys", "online=no"),
    ],
)
async def test_a_table_that_cannot_be_distributed_is_refused_with_the_reason(
    facts: dict[str, object], wanted: dict[str, Any], why: str, remedy: str
) -> None:
    server = Coordinator(distribution_facts=[FACTS | facts])
    with pytest.raises(Trouble) as caught:
        await facts_of(server, TABLE, replace(WANTED, **wanted))  # type: ignore[arg-type]
    assert caught.value.kind is Kind.REFUSED
    assert why in caught.value.sentence
    assert remedy in caught.value.remedy


async def test_a_table_that_can_be_distributed_is_not_refused_online_where_the_plugin_is_allowed() -> None:
    server = Coordinator(distribution_facts=[FACTS | {"plugins": "pgoutput, citus"}])
    facts = await facts_of(server, TABLE, replace(WANTED, online=True))  # type: ignore[arg-type]
    assert facts["companion"] == "public.organizations"


def test_all_that_must_change_is_listed_at_once_but_a_rehearsal_goes_on() -> None:
    obstacles: list[dict[str, object]] = [
        {"blocks": True, "sentence": "primary key p (id) lacks organization_id", "remedy": "ALTER TABLE …;"},
        {"blocks": True, "sentence": "trigger t", "remedy": ""},
        {"blocks": False, "sentence": "view v reads it", "remedy": ""},
    ]
    with pytest.raises(Trouble) as caught:
        check(TABLE, FACTS, obstacles, WANTED)
    assert "2 things must change:\n- primary key p (id) lacks organization_id. ALTER TABLE …;" in caught.value.sentence
    assert "view v" not in caught.value.sentence
    assert len(check(TABLE, FACTS, obstacles, replace(WANTED, only_rehearse=True))) == 3
    assert check(TABLE, FACTS, obstacles[2:], WANTED) == ("view v reads it.",)


@pytest.mark.parametrize(
    ("gigabytes", "share", "distributed", "pays"),
    [(40, 5.0, 0, False), (120, 5.0, 0, True), (120, 95.0, 0, False), (40, 95.0, 3, True)],
    ids=["one server does", "large", "one tenant holds most", "a cluster that distributes already"],
)
async def test_distributing_pays_by_the_size_of_all_tables_of_the_tenants(
    gigabytes: int, share: float, distributed: int, pays: bool
) -> None:
    tables: list[dict[str, object]] = [
        {"oid": oid, "size": gigabytes * 2**29, "largest_share": share} for oid in (1, 2)
    ]
    request = Request(Coordinator(tenant_tables=tables), {}, config.load(environ={}))  # type: ignore[arg-type]
    facts = FACTS | {"distributed": distributed}
    if pays:
        assert await worth(request, TABLE, facts, WANTED)
        return
    with pytest.raises(Trouble) as caught:
        await worth(request, TABLE, facts, WANTED)
    assert "pays from" in caught.value.sentence
    assert "anyway=yes" in caught.value.remedy
    assert await worth(request, TABLE, facts, replace(WANTED, anyway=True))
