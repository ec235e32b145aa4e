"""The console as its users see it: on a real server, at 80×24, by its keys."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from console.panes import PANES
from console.panes.connections import CONNECTIONS
from console.panes.locks import LOCKS
from console.panes.metrics import VITALS
from console.panes.pooler import POOLER
from console.tui.app import ConsoleApp
from tests.screens import LARGE, SMALL, console, screen_text, shows, taken, until
from tests.servers import Pooler, PostgresServer, Servers
from tests.waiting import wait

POSTGRES_PANES = [pane for pane in PANES if pane.source == "postgres" and not pane.extension]


def more(app: ConsoleApp) -> str:
    """What the detail query said of the row, as text."""
    return "".join(str(part.render()) for part in app.screen.query("Details .more Static"))


@pytest.mark.parametrize("pane", POSTGRES_PANES, ids=lambda pane: pane.name)
async def test_every_pane_and_view_shows_its_decisive_columns_at_80_by_24(
    pane: object, pg: PostgresServer, pg_pipeline: str
) -> None:
    assert pane in POSTGRES_PANES
    shown = POSTGRES_PANES[POSTGRES_PANES.index(pane)]
    if shown.name == "io" and pg.major < 16:
        pytest.skip("pg_stat_io came with 16")
    async with console(pg.uri(pg_pipeline), pane=shown.name) as (app, pilot):
        for view in shown.views:
            if shown.source_of(view) != "postgres":
                await pilot.press("v")
                continue
            table = app.pane_view.table
            await until(pilot, lambda: app.pane_view.arranged and not app.pane_view.feed.trouble, view.name)
            assert app.pane_view.view.name == view.name
            if view.blocks:
                await pilot.press("v")
                continue
            on_screen = {placed.column.name for placed in table._placed if placed.x + placed.width <= 80}
            assert {column.name for column in view.columns if not column.extra and not column.present} <= on_screen
            assert [line for line in screen_text(app).splitlines() if len(line) > 80] == []
            await pilot.press("v")


async def test_a_view_that_cannot_be_read_shows_no_rows_of_another(any_pg: PostgresServer, pipeline: str) -> None:
    session = any_pg.connect(pipeline)
    async with console(any_pg.uri(pipeline), pane="connections") as (app, pilot):
        await until(pilot, lambda: app.pane_view.table.row_count)
        app.pane_view.choose_view("processes")  # of the host, at which no test looks
        assert app.pane_view.table.row_count == 0
        await until(pilot, lambda: app.pane_view.feed.trouble)
        assert app.pane_view.table.row_count == 0
        await pilot.press("y")
        await until(pilot, lambda: app._notifications)
        app.pane_view.choose_view("all")
        assert app.pane_view.table.row_count > 0
    session.close()


async def test_the_pooler_pane_shows_real_pools(
    any_pg: PostgresServer, pipeline: str, pgbouncer: Callable[[PostgresServer, str], Pooler]
) -> None:
    pooler = pgbouncer(any_pg, pipeline)
    with psycopg.connect(pooler.uri()) as client:
        client.execute("SELECT 1")
        async with console(any_pg.uri(pipeline), pane="pooler", poolers=(pooler.stats_uri,)) as (_, pilot):
            await shows(pilot, pipeline[:10], "transaction")
            for _ in POOLER.views[1:]:
                await pilot.press("v")
                await until(pilot, lambda: "reading" not in screen_text(pilot.app))  # type: ignore[arg-type]


async def test_a_pane_in_alarm_opens_on_the_view_in_alarm(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline), pane="locks") as (app, pilot):
        await until(pilot, lambda: app.vitals.now)
        await pilot.press("v")
        await until(pilot, lambda: app.pane_view.view.name == "held")
        app.vitals.period, last = 3600, app.vitals.reading
        await until(pilot, lambda: app.vitals.reading is not last)  # the next one comes after an hour
        for waiting, view in ((0, "held"), (3, "blocking")):
            app.vitals.now |= {"waiting": waiting, "waiting_long": waiting}
            await pilot.press("1", "3")
            await until(pilot, lambda name=view: app.pane_view.view.name == name, view)  # type: ignore[misc]
            assert app.pane_view.pane.name == "locks"


async def test_without_a_pooler_its_pane_says_how_to_name_one(any_pg: PostgresServer) -> None:
    async with console(any_pg.uri(), pane="pooler") as (_, pilot):
        await shows(pilot, "Give --pooler")


async def test_a_pane_without_its_extension_says_what_gives_it_and_the_rest_goes_on(any_pg: PostgresServer) -> None:
    name = any_pg.fresh_database()
    async with console(any_pg.uri(name), pane="slow-queries") as (_, pilot):
        await shows(pilot, "CREATE EXTENSION", "pg_stat_statements")
        await pilot.press("1")
        await shows(pilot, "rules evaluated")
        with any_pg.connect(name) as session:
            session.execute("CREATE EXTENSION pg_stat_statements")
        await pilot.press("4")
        await shows(pilot, "calls/s")
        await until(pilot, lambda: "CREATE EXTENSION pg" not in screen_text(pilot.app).splitlines()[-2])  # type: ignore[arg-type]


async def test_digits_turn_to_panes_and_what_was_seen_is_painted_at_once(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline), pane="partitions") as (app, pilot):
        await shows(pilot, "api_usage")
        await pilot.press("1")
        await shows(pilot, "rules evaluated")
        await pilot.press("7")
        assert "api_usage" in screen_text(app)


async def test_the_cursor_moves_and_stays_on_its_row_when_the_order_changes(
    any_pg: PostgresServer, pipeline: str
) -> None:
    async with console(any_pg.uri(pipeline), pane="indexes") as (app, pilot):
        await until(pilot, lambda: app.pane_view.table.cursor_key is not None)
        await pilot.press("p", "j", "j", "down", "k")
        table = app.pane_view.table
        key = table.cursor_key
        assert table.cursor == 2
        app.pane_view.sort_by("index")
        await pilot.pause()
        assert table.cursor_key == key
        await pilot.press("G")
        assert table.cursor == len(app.pane_view.arranged.rows) - 1  # type: ignore[union-attr]
        await pilot.press("g")
        assert table.cursor == 0


async def test_a_filter_narrows_while_typing_and_escape_clears_it(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline), pane="bloat") as (app, pilot):
        await until(pilot, lambda: app.pane_view.arranged is not None)
        await pilot.press("p", "slash", *"campaigns")
        await pilot.pause()
        assert [str(row[0]) or row for row in app.pane_view.arranged.rows if "campaigns" not in str(row)] == []  # type: ignore[union-attr]
        await pilot.press("enter", "escape")
        await pilot.pause()
        assert app.pane_view.state.filter_text == ""
        assert len(app.pane_view.arranged.rows) > 20  # type: ignore[union-attr]


async def test_sort_dialog_orders_by_the_chosen_column(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline), pane="bloat") as (app, pilot):
        await until(pilot, lambda: app.pane_view.arranged is not None)
        view = app.pane_view
        await pilot.press("s")
        await shows(pilot, "Sort by")
        await taken(pilot)
        await pilot.press("home", "enter")
        await until(pilot, lambda: view.state.sort.removeprefix("-") == view.view.columns[0].name)
        values = [str(value).casefold() for value in view.arranged.values(view.view.columns[0].name)]  # type: ignore[union-attr]
        assert values == sorted(values, reverse=view.state.sort.startswith("-"))


async def test_details_come_as_a_dialog_on_a_small_and_as_a_drawer_on_a_large_terminal(
    any_pg: PostgresServer, pipeline: str
) -> None:
    async with console(any_pg.uri(pipeline), SMALL, pane="indexes") as (app, pilot):
        await until(pilot, lambda: app.pane_view.table.cursor_key is not None)
        await pilot.press("enter")
        await until(pilot, lambda: "CREATE " in more(app))
        await pilot.press("escape")
        assert len(app.screen_stack) == 1
    async with console(any_pg.uri(pipeline), LARGE, pane="indexes") as (app, pilot):
        await until(pilot, lambda: app.pane_view.table.cursor_key is not None)
        await pilot.press("enter")
        await until(pilot, lambda: "CREATE " in more(app))
        assert len(app.screen_stack) == 1


async def test_the_sql_behind_the_screen_is_shown(any_pg: PostgresServer) -> None:
    async with console(any_pg.uri(), pane="connections") as (app, pilot):
        await until(pilot, lambda: app.pane_view.arranged is not None)
        await pilot.press("S")
        await shows(pilot, "SQL of Connections", "SELECT")


async def test_help_names_columns_and_the_keys_as_they_are_bound(any_pg: PostgresServer) -> None:
    changed = {"keymap": {"pane.filter": "f"}}
    async with console(any_pg.uri(), pane="locks", changed=changed) as (app, pilot):
        await pilot.press("question_mark")
        text = (await shows(pilot, "Help: Locks")).lower()
        assert "blocking" in text
        await pilot.press("escape", "f")
        assert app.focused is app.pane_view.query_one("Input")


@pytest.mark.parametrize("ending", ["csv", "json"])
async def test_export_writes_raw_values_once_and_never_over_a_file(
    ending: str, any_pg: PostgresServer, pipeline: str, tmp_path: Path
) -> None:
    path = tmp_path / f"out.{ending}"
    async with console(any_pg.uri(pipeline), pane="partitions") as (app, pilot):
        await until(pilot, lambda: app.pane_view.arranged is not None)
        for _ in range(2):
            await pilot.press("e")
            await shows(pilot, "Enter write")
            app.screen.query_one("Input").value = str(path)  # type: ignore[attr-defined]
            await taken(pilot)
            await pilot.press("enter")
            await until(pilot, path.exists)
        await shows(pilot, "exists already")
        expected = {str(value) for value in app.pane_view.arranged.values("parent")}  # type: ignore[union-attr]
    text = path.read_text()
    rows = json.loads(text)["rows"] if ending == "json" else list(csv.DictReader(text.splitlines()))
    assert {row["parent"] for row in rows} == expected
    assert path.stat().st_mode & 0o077 == 0


async def test_a_paused_pane_reads_nothing_and_goes_on_when_asked(any_pg: PostgresServer) -> None:
    async with console(any_pg.uri(), pane="connections") as (app, pilot):
        await until(pilot, lambda: app.pane_view.arranged is not None)
        await pilot.press("p")
        await shows(pilot, "paused")
        reader = app.readers.of("postgres", CONNECTIONS.views[0])
        before = reader.last
        vitals = app.readers.of("postgres", VITALS)
        read = vitals.base
        await until(pilot, lambda: vitals.base is not read, "other reads go on")
        assert reader.last is before
        await pilot.press("p")
        await until(pilot, lambda: reader.last is not before)


async def test_only_what_is_on_the_screen_is_polled(any_pg: PostgresServer) -> None:
    async with console(any_pg.uri(), pane="connections") as (app, pilot):
        await until(pilot, lambda: app.pane_view.arranged is not None)
        await pilot.press("3")
        await until(pilot, lambda: app.pane_view.arranged is not None)
        connections, locks = (app.readers.of("postgres", pane.views[0]) for pane in (CONNECTIONS, LOCKS))
        hidden, shown = connections.last, locks.last
        await until(pilot, lambda: locks.last is not shown)
        assert connections.last is hidden


async def test_plus_and_minus_change_the_refresh_period(any_pg: PostgresServer) -> None:
    async with console(any_pg.uri(), pane="connections", changed={"refresh": {"connections": 4.0}}) as (app, pilot):
        await pilot.press("plus")
        assert app.pane_view.state.period == 2.0
        await pilot.press("minus", "minus")
        assert app.pane_view.state.period == 8.0


async def test_a_click_on_a_title_sorts_and_on_a_tab_turns_to_the_pane(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline), pane="bloat") as (app, pilot):
        await until(pilot, lambda: app.pane_view.arranged is not None)
        column = app.pane_view.view.columns[0]
        await pilot.click("LiveTable", offset=(4, 0))
        await until(pilot, lambda: app.pane_view.state.sort.removeprefix("-") == column.name)
        await pilot.click("PaneTabs", offset=(1, 0))
        await shows(pilot, "rules evaluated")


async def test_names_from_a_server_are_text_and_never_markup_or_commands(any_pg: PostgresServer) -> None:
    evil = "[/][@click=app.quit]x[/]\x1b]0;owned\x07\x1b[2J"
    with any_pg.connect(application_name="[bold]evil[/") as session:
        session.execute(psycopg.sql.SQL("SELECT {}").format(psycopg.sql.Literal(evil)))
        async with console(any_pg.uri(), (260, 24), pane="connections") as (app, pilot):
            text = await shows(pilot, "[bold]evil[/", "[@click=app.quit]")
            assert "\x1b" not in text
            await pilot.press("enter")
            text = await shows(pilot, "[@click=app.quit]x", "␛]0;owned␇")
            assert "\x1b" not in text
            assert app.is_running


async def test_a_lost_server_leaves_the_last_rows_says_why_and_is_found_again(pg_servers: Servers) -> None:
    server = pg_servers.new(pg_servers.newest, {})
    async with console(server.uri(), pane="overview") as (app, pilot):
        await shows(pilot, "rules evaluated")
        await pilot.press("v")
        await shows(pilot, "connections used")
        server.stop()
        text = await shows(pilot, "not reachable", "Rows are", "connections used")
        assert "ry" in text
        server.start()
        await until(pilot, lambda: "not reachable" not in screen_text(app) and "Rows are" not in screen_text(app))
    server.stop()


async def test_a_role_without_pg_monitor_is_told_what_it_does_not_see(any_pg: PostgresServer) -> None:
    with any_pg.connect() as admin:
        admin.execute("DROP ROLE IF EXISTS nobody_special")
        admin.execute("CREATE ROLE nobody_special LOGIN PASSWORD 'x'")
        try:
            uri = f"{any_pg.uri()}&user=nobody_special&password=x"
            async with console(uri, pane="connections") as (_, pilot):
                await shows(pilot, "GRANT pg_monitor")
        finally:
            admin.execute("DROP ROLE nobody_special")


async def test_nothing_of_the_console_stays_on_the_server_after_quitting(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline), pane="bloat") as (app, pilot):
        await until(pilot, lambda: app.pane_view.arranged is not None)
        await pilot.press("q")
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pipeline-console' AND datname = %s"
    with any_pg.connect() as session:  # a session takes a moment to end after its client has
        wait(lambda: session.execute(query, [pipeline]).fetchone() == (0,))


async def test_the_console_uses_at_most_two_read_only_sessions(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline), pane="overview") as (app, pilot):
        for pane in POSTGRES_PANES:
            await pilot.press(pane.key)
            await until(pilot, lambda: app.pane_view.arranged is not None or app.pane_view.feed.trouble is not None)
        with any_pg.connect() as session:
            count = session.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pipeline-console' AND datname = %s",
                [pipeline],
            ).fetchone()
        assert count is not None
        assert 1 <= count[0] <= 2
