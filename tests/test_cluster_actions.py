"""Actions on a Citus cluster where there is none, and what rows of a whole cluster give them."""

from __future__ import annotations

import pytest

from console.actions import action
from console.actions.planning import plan
from console.model import Kind, Trouble
from console.settings import config
from console.tui.action_flow import parameters_from_rows
from tests.activity import console
from tests.servers import PostgresServer as Running


@pytest.mark.parametrize(("name", "given"), [("rebalance-cluster", {}), ("cancel-cluster-job", {"job": "1"})])
async def test_without_citus_an_action_on_the_cluster_names_the_extension(
    pg: Running, database: str, name: str, given: dict[str, str]
) -> None:
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
