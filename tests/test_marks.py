"""What differs between a mark and what is shown, on the command line and in every pane."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from console.panes import pane
from console.past.recorder import HeardAnswer, ReadingRecorder
from console.past.segment import Stream
from console.past.store import store_of
from tests.activity import console as reading_session
from tests.command import run
from tests.screens import console, screen_text, shows, until
from tests.servers import PostgresServer as Cluster

KEPT = (("indexes", "all"), ("settings", "overrides"), ("bloat", "tables"))


async def keep(cluster: Cluster, database: str, home: Path) -> str:
    """Keep what the views in KEPT read now, as a console does; the moment after it."""
    recorder = ReadingRecorder(store_of(home / ".local" / "state" / "pipeline-console", cluster.uri(database)))
    async with reading_session(cluster, database) as server:
        for name, view in KEPT:
            query = pane(name).view(view).query
            answer = await server.fetch(query)
            heard = HeardAnswer(Stream("postgres", query), answer, time.time(), server.facts, time.monotonic())
            recorder.write([heard])
    recorder.close()
    return datetime.now(UTC).isoformat()


def since(home: Path, cluster: Cluster, database: str, moment: str, name: str, view: str) -> dict[str, Any]:
    options = ("--view", view, "--since", moment, "--format", "json", "-t", cluster.uri(database))
    done = run(home, "show", name, *options)
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


async def test_show_since_names_what_came_went_and_changed(pg: Cluster, database: str, tmp_path: Path) -> None:
    with pg.connect(database) as session:
        session.execute("CREATE TABLE orders (id int PRIMARY KEY, note text); CREATE INDEX gone_soon ON orders (note)")
        session.execute(f"ALTER DATABASE \"{database}\" SET work_mem = '8MB'")
        moment = await keep(pg, database, tmp_path)
        session.execute("DROP INDEX gone_soon; CREATE INDEX came_later ON orders (note, id)")
        session.execute("INSERT INTO orders SELECT n, 'x' FROM generate_series(1, 1000) AS n; ANALYZE orders")
        session.execute(f"ALTER DATABASE \"{database}\" SET work_mem = '64MB'")
    indexes, overrides, tables = [
        await asyncio.to_thread(since, tmp_path, pg, database, moment, *view) for view in KEPT
    ]
    found = {(row["difference"], str(row["index"]).rpartition(".")[2]) for row in indexes["rows"]}
    assert found >= {("new", "came_later"), ("gone", "gone_soon")}
    (override,) = [row for row in overrides["rows"] if row["database"] == database]
    assert (override["difference"], override["value"]) == ("changed", "8MB → 64MB")
    (orders,) = [row for row in tables["rows"] if str(row["table"]).endswith("orders")]
    assert (orders["difference"], orders["live"]) == ("changed", 1000)
    assert tables["notes"][0].startswith("Since ")


def test_a_mark_of_which_nothing_was_kept_is_no_difference(tmp_path: Path, any_pg: Cluster) -> None:
    done = run(tmp_path, "show", "settings", "--since", "-5m", "-t", any_pg.uri("postgres"))
    assert (done.code, done.out) == (1, "")
    assert "Nothing of this target was kept." in done.err


@pytest.fixture
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings of this test alone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.mark.usefixtures("own_state")
async def test_a_marked_moment_is_compared_in_every_pane_until_the_key_is_pressed_again(
    any_pg: Cluster, pipeline: str
) -> None:
    with any_pg.connect(pipeline) as session:
        session.execute("CREATE TABLE before_it (id int PRIMARY KEY, note text)")
        session.execute("CREATE INDEX gone_soon ON before_it (note)")
        async with console(any_pg.uri(pipeline), pane="settings", toasts=True) as (app, pilot):
            await until(pilot, lambda: app.pane_view.table.row_count)
            await pilot.press("D")
            await shows(pilot, "No moment is marked.")
            await pilot.press("b")
            await until(pilot, lambda: app.marks.mark)
            session.execute("DROP INDEX gone_soon; CREATE INDEX came_later ON before_it (note, id)")
            session.execute(f"ALTER DATABASE \"{pipeline}\" SET work_mem = '64MB'")
            await pilot.press("D", "6")
            await shows(pilot, "new", "came_later", "gone", "gone_soon", "since ")
            assert "notifications_pkey" not in screen_text(app)
            await pilot.press("o", "v", "v", "v")
            await shows(pilot, "new", "work_mem", "64MB")
            await pilot.press("D", "6")
            await shows(pilot, "notifications_pkey")
            assert "since " not in screen_text(app)


@pytest.mark.usefixtures("own_state")
async def test_actions_are_planned_for_rows_as_they_are_and_never_for_rows_that_are_gone(any_pg: Cluster) -> None:
    async with console(any_pg.uri("postgres"), pane="connections", toasts=True) as (app, pilot):
        with any_pg.connect("postgres", application_name="soon-gone"):
            await shows(pilot, "soon-gone")
            await pilot.press("b")
            await until(pilot, lambda: app.marks.mark)
        with any_pg.connect("postgres", application_name="came-later") as session:
            await pilot.press("D")
            await shows(pilot, "gone", "soon-gone", "new", "came-later")
            app.pane_view.table.seek({"application": "came-later"})
            await until(pilot, lambda: app.pane_view.chosen_rows)
            assert [row["pid"] for row in app.pane_view.chosen_rows] == [session.info.backend_pid]
            app.pane_view.table.seek({"application": "soon-gone"})
            await until(pilot, lambda: (app.pane_view.table.cursor_row or {}).get("application") == "soon-gone")
            assert app.pane_view.chosen_rows == []
            await pilot.press("K")
            await shows(pilot, "There is no session to end.")


@pytest.mark.usefixtures("own_state")
async def test_differences_that_are_asked_for_while_a_moment_is_marked_follow(any_pg: Cluster) -> None:
    async with console(any_pg.uri("postgres"), pane="settings", toasts=True) as (app, pilot):
        await until(pilot, lambda: app.pane_view.table.row_count)
        app.action_mark()
        app.action_difference()
        await until(pilot, lambda: app.marks.in_use)
        assert "No moment is marked." not in screen_text(app)
        await shows(pilot, "Nothing differs from the mark.")
