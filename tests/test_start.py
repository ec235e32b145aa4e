"""The console asks its server while the terminal interface is being loaded."""

from __future__ import annotations

import asyncio

import pytest

from console.model import Snapshot
from console.reading.reader import Readers
from console.settings.config import Wanted
from console.tui import start
from console.tui.app import ConsoleApp
from console.tui.first_screen import FirstScreen
from console.workspace import Workspace
from tests.screens import LARGE, settings, shows, until
from tests.servers import PostgresServer
from tests.waiting import wait


async def read(workspace: Workspace) -> Readers:
    """What has been read before there is a screen."""
    readers = Readers()
    await start.read_ahead(asyncio.ensure_future(asyncio.sleep(0)), workspace, readers, FirstScreen(None))
    return readers


async def test_rows_that_were_read_before_are_painted_without_the_server(
    any_pg: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(settings(), Wanted(any_pg.uri("postgres"), pane="connections"))
    with any_pg.connect("postgres", application_name="asked before"):
        readers = await read(workspace)

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(workspace.sources.postgres, "fetch", never)
    async with ConsoleApp(workspace, readers).run_test(size=LARGE) as pilot:
        await shows(pilot, "asked before")
    await workspace.close()


async def test_rows_that_were_read_before_are_not_read_again_at_once(
    any_pg: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = settings(refresh={"connections": 600.0})
    workspace = Workspace(changed, Wanted(any_pg.uri("postgres"), pane="connections"))
    readers = await read(workspace)
    asked: list[str] = []
    fetch = workspace.sources.postgres.fetch

    async def noted(query: str, parameters: dict[str, object] | None = None) -> Snapshot:
        asked.append(query)
        return await fetch(query, parameters)

    monkeypatch.setattr(workspace.sources.postgres, "fetch", noted)
    app = ConsoleApp(workspace, readers)
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: "vitals" in asked and app.pane_view.opened.has_read)
        assert "connections" not in asked
        await pilot.press("+")
        await until(pilot, lambda: "connections" in asked)
    await workspace.close()


@pytest.mark.parametrize("pane", ["connections", ""])
async def test_a_server_that_is_away_is_no_obstacle(pane: str) -> None:
    workspace = Workspace(settings(), Wanted("host=127.0.0.1 port=1 connect_timeout=1", pane=pane))
    readers = await read(workspace)
    async with ConsoleApp(workspace, readers).run_test() as pilot:
        await shows(pilot, "refused")
    await workspace.close()


def test_the_server_is_asked_while_the_interface_is_loaded(
    any_pg: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interface is loaded in a thread until the rows are there, and gets them."""
    read_by_then: list[object] = []
    kept: list[Readers] = []
    monkeypatch.setattr(start, "Readers", lambda named: kept.append(Readers(named)) or kept[-1])  # type: ignore[func-returns-value]

    async def run_app(workspace: Workspace, readers: Readers, first_screen: FirstScreen) -> int:
        assert not first_screen.is_shown
        assert workspace.sources.postgres.known is not None
        read_by_then.extend(reader.last for reader in readers._readers.values())
        return 7

    def loaded() -> start.RunApp:
        wait(lambda: any(reader.last for reader in kept[0]._readers.values()))
        return run_app

    monkeypatch.setattr(start, "HEAD_START", 0.0)  # a server that is slow to answer
    monkeypatch.setattr(start, "_loaded", loaded)
    assert start.run_console(settings(), Wanted(any_pg.uri("postgres"), pane="connections")) == 7
    assert read_by_then


@pytest.mark.parametrize("pane", ["connections", ""])
def test_the_rows_come_before_the_interface_is_loaded(
    any_pg: PostgresServer, monkeypatch: pytest.MonkeyPatch, pane: str
) -> None:
    painted: list[object] = []

    async def run_app(*_: object) -> int:
        return 7

    def loaded() -> start.RunApp:
        assert painted[-1] is not None
        return run_app

    monkeypatch.setattr(FirstScreen, "paint", lambda _, seen: painted.append(seen.rows))
    monkeypatch.setattr(start, "HEAD_START", 60.0)
    monkeypatch.setattr(start, "_loaded", loaded)
    assert start.run_console(settings(), Wanted(any_pg.uri("postgres"), pane=pane)) == 7


def test_an_interface_that_cannot_be_loaded_leaves_no_connection(
    any_pg: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded() -> start.RunApp:
        raise ImportError("textual")

    monkeypatch.setattr(start, "_loaded", loaded)
    database = any_pg.fresh_database()
    with pytest.raises(ImportError):
        start.run_console(settings(), Wanted(any_pg.uri(database), pane="connections"))
    with any_pg.connect("postgres") as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        wait(lambda: connection.execute(query, (database,)).fetchone() == (0,))
    any_pg.drop_database(database)
