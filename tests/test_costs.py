"""What opening and refreshing costs, in numbers that no busy machine changes. A number may be raised with a reason."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from console.model import Snapshot
from console.sources.postgres import PostgresServer
from tests.command import command, loaded_modules
from tests.screens import console, until
from tests.servers import PostgresServer as Cluster

AWAY = "host=127.0.0.1 port=1 connect_timeout=1"
CONSOLE, ALL = 0, 1


@pytest.mark.parametrize(
    ("code", "most"),
    [
        (command("--help"), (22, 150)),
        (command("show", "connections", "-t", AWAY), (105, 430)),
        (command("check", "-t", AWAY), (175, 500)),
        ("import console.tui.start", (100, 430)),
        ("import console.tui.app", (335, 870)),
    ],
    ids=["help", "rows", "rules", "first screen", "screen"],
)
def test_few_modules_are_loaded_before_the_first_rows(tmp_path: Path, code: str, most: tuple[int, int]) -> None:
    found = loaded_modules(tmp_path, code)
    own = [name for name in found if name.partition(".")[0] == "console"]
    assert len(own) <= most[CONSOLE]
    assert len(found) <= most[ALL]


async def test_a_refresh_of_connections_is_two_statements(any_pg: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: dict[str, list[Snapshot]] = defaultdict(list)
    fetch = PostgresServer.fetch

    async def counted(server: PostgresServer, query: str, parameters: dict[str, object] | None = None) -> Snapshot:
        taken = await fetch(server, query, parameters)
        reads[query].append(taken)
        return taken

    monkeypatch.setattr(PostgresServer, "fetch", counted)
    async with console(any_pg.uri("postgres"), pane="connections", changed={"refresh": {}}) as (app, pilot):
        app.monitor.vitals.period = app.pane_view.state.period = 0.5
        await until(pilot, lambda: len(reads["connections"]) == 4)
    assert len(reads["vitals"]) <= len(reads["connections"]) + 1
    assert {len(taken.columns) for taken in reads["connections"]} <= set(range(23))
    assert {len(taken.columns) for taken in reads["vitals"]} <= set(range(36))
    assert max(len(reads[query]) for query in reads if query not in {"connections", "vitals"}) <= 1
