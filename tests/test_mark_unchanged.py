"""What is marked and compared at once: in no view of no pane a row is new, gone or changed that nobody changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console.model import Pane, Record, Trouble, View
from console.panes import PANES
from console.past.mark import Mark
from console.past.readings import PastReadings
from console.reading.difference import CHANGE, CHANGED
from console.reading.reader import Reader, keys
from console.settings.config import Wanted
from console.sources.registry import Sources
from console.watching.marking import UNREAD, mark_present
from console.workspace import Workspace
from tests.screens import console, settings, shows, until
from tests.servers import Pooler, PostgresServer, Servers

STORAGE = frozenset({"bloat", "indexes", "partitions", "views"})  # where sizes are estimated until they are looked up
COUNTED = frozenset({"hit-rates"})  # views of what was read at all: reading a catalog may make a row
STATEMENTS = "slow-queries"  # where the statements that read the mark are new themselves
ROUNDS = 30  # look-ups for the rows of one view


@pytest.fixture(name="waiting")
def a_server_with_settings_that_wait(
    pg_servers: Servers, any_pg: PostgresServer
) -> Iterator[tuple[PostgresServer, str]]:
    """A server of the test's own with a pipeline database, nobody at work, and two settings that wait for a restart."""
    server = pg_servers.new(any_pg.major, {"autovacuum": "off"})
    name = server.fresh_database(pg_servers.pipeline_template(server))
    with server.connect(name) as session:
        session.execute("VACUUM ANALYZE")
        session.execute("ALTER SYSTEM SET shared_buffers = '65MB'")
        session.execute("ALTER SYSTEM SET max_connections = 99")
        session.execute("SELECT pg_reload_conf()")
    yield server, name
    server.stop()


async def test_no_row_differs_that_nobody_changed(
    waiting: tuple[PostgresServer, str], pgbouncer: Callable[[PostgresServer, str], Pooler]
) -> None:
    server, name = waiting
    pooler = pgbouncer(server, name)
    wanted = Wanted(server.uri(name), poolers=(pooler.admin_uri,))
    found: dict[str, list[Record]] = {}
    async with Workspace(settings(), wanted) as workspace:
        mark = await mark_present(workspace.sources, PastReadings(()))
        for each, view in views():
            if (rows := await differences(workspace.sources, mark, each, view)) is not None:
                found[f"{each.name} {view.name}"] = [row for row in rows if not is_counted(row, view, each)]
    assert len(found) > 40
    assert {view: rows for view, rows in found.items() if rows} == {}


def views() -> Iterator[tuple[Pane, View]]:
    for each in PANES:
        for view in each.views:
            if each.source_of(view) not in UNREAD and each.name != STATEMENTS:
                yield each, view


async def differences(sources: Sources, mark: Mark, each: Pane, view: View) -> list[Record] | None:
    """What differs from the mark, with all that can be looked up now; None: the view is not read here."""
    name = each.source_of(view)
    try:
        source = sources.of(each, view)
        if source.obstacle(view.query) is not None:
            return None
        reader = Reader(view, sources.named)
        last = await reader.read(source)
        for _ in range(ROUNDS):
            present = [column for column in view.key if column in last.columns]
            if (filled := await reader.fill(source, keys(last, present))) is None:
                break
            last = filled
        await mark.learn(name, view)
        compared = mark.compare(name, view, reader)
    except Trouble:
        return None
    return [] if compared is None else list(compared.records())


def is_counted(row: Record, view: View, each: Pane) -> bool:
    """Whether only counters of a row differ: reading moves those of the server itself, and what is judged by them.

    The server writes its own catalogs.
    """
    judged = {"verdict"} if each.name == "indexes" else set()
    texts = [row[column.name] for column in view.columns if column.name not in judged and column.name in row]
    is_kept = each.name in STORAGE and not any("pg_catalog." in str(value) for value in row.values())
    sizes = [row.get(column.name) for column in view.columns if is_kept and column.format == "size"]
    is_there = row[CHANGE] == CHANGED or view.name in COUNTED
    return is_there and not any(sizes) and not any(isinstance(text, str) and " → " in text for text in texts)


@pytest.mark.usefixtures("own_state")
async def test_a_setting_that_waits_for_a_restart_is_not_new_since_a_mark(waiting: tuple[PostgresServer, str]) -> None:
    server, name = waiting
    async with console(server.uri(name), pane="settings", toasts=True) as (app, pilot):
        await until(pilot, lambda: app.pane_view.table.row_count)
        await pilot.press("b")
        await until(pilot, lambda: app.marks.mark)
        app.pane_view.choose_view("pending")
        await shows(pilot, "shared_buffers", "2 of ")
        await pilot.press("D")
        await shows(pilot, "Nothing differs from the mark.")


@pytest.fixture
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings of this test alone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
