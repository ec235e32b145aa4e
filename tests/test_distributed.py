"""Which actions Citus runs on the shards of a distributed table, and how the others refuse one; without a cluster."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from console.actions import ACTIONS
from console.actions.distributed import changed_by, named_by, refuse_distributed
from console.actions.needs import Needs
from console.model import Claim, Extension, Facts, Kind, Plan, Snapshot, Step, Trouble

HERE = {"requests": "distributed by organization_id"}


class Coordinator:
    """Answers as the query does: the first of these relations that is distributed."""

    name = label = "postgres"
    retry_in = 0.0

    def __init__(self) -> None:
        known = {"citus": Extension((13, 2), "pg_catalog")}
        self.facts = Facts(kind="postgres", version=150020, version_text="15.20", extensions=known)
        self.asked: list[object] = []

    async def fetch(self, query: str, parameters: Any = None) -> Snapshot:
        self.asked.append(parameters)
        names = [name for name in parameters["names"] if name.removeprefix("public.") in HERE]
        rows = tuple((f"public.{name.removeprefix('public.')}", HERE["requests"]) for name in names[:1])
        return Snapshot(query, ("name", "kind"), rows, datetime.now(UTC))

    async def learn(self) -> Facts:
        return self.facts

    def text(self, query: str) -> str:
        return query

    def obstacle(self, query: str) -> Trouble | None:
        del query
        return None

    async def close(self) -> None: ...


async def test_a_distributed_table_is_refused_with_what_to_use() -> None:
    with pytest.raises(Trouble) as caught:
        await refuse_distributed(Coordinator(), "do-it", Needs(instead="SELECT other();"), ["notes", "requests"])
    assert caught.value.kind is Kind.REFUSED
    assert "public.requests is distributed by organization_id: do-it would" in caught.value.sentence
    assert caught.value.remedy == "SELECT other();"


@pytest.mark.parametrize(
    ("needs", "names"),
    [(Needs(on_shards=True), ["requests"]), (Needs(), [""])],
    ids=["what Citus runs on shards", "no relation"],
)
async def test_nothing_is_asked_where_nothing_can_be_refused(needs: Needs, names: list[str]) -> None:
    server = Coordinator()
    await refuse_distributed(server, "do-it", needs, names)
    assert not server.asked


def test_relations_are_those_of_the_parameters_and_of_the_steps() -> None:
    assert named_by({"table": "a, b", "key": "c"}) == ["a, b", "a", "b"]
    plan = Plan(Claim("x"), (Step("SELECT 1", "SHARE on public.t, ROW SHARE on public.u", "public.v"),))
    assert changed_by(plan) == ["public.v", "public.t", "public.u"]


def test_the_actions_that_citus_runs_on_shards_are_known() -> None:
    shards = {action.name for action in ACTIONS if action.needs.on_shards}
    assert shards == {
        *("analyze-table", "create-index", "distribute-table", "drop-index", "reindex", "repair-invalid-indexes"),
        *("set-autovacuum", "undo", "vacuum-table"),
    }
