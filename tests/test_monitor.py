"""What goes on behind the panes: it outlives a pane that is just being opened, and a defect in it is said."""

from __future__ import annotations

import pytest

from console.panes import PANES
from console.tui.header import Header
from console.tui.overview import Overview
from tests.screens import console, screen_text, until
from tests.servers import PostgresServer

AWAY = "host=127.0.0.1 port=1 connect_timeout=1"


async def test_a_pane_that_is_not_mounted_yet_can_be_told_of_findings_and_metrics() -> None:
    async with console(AWAY) as (app, _):
        for pane in PANES:
            app.panes._make_view(pane).show_concern(None)
        Overview(app.panes._make_view).show_history(app.vitals)


async def test_a_defect_behind_the_panes_is_said_and_no_old_metric_is_shown(
    any_pg: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console(any_pg.uri(), toasts=True, pane="settings") as (app, pilot):
        app.vitals.period = 0.1
        await until(pilot, lambda: "hit" in screen_text(app).splitlines()[1])

        async def fails(*_: object) -> None:
            raise ValueError("[/b]")

        monkeypatch.setattr(app.vitals, "read", fails)
        await until(pilot, lambda: "Internal error (ValueError: [/b])" in screen_text(app))
        await until(pilot, lambda: "hit –" in str(app.query_one(Header).render()))
        assert isinstance(app.defect, ValueError)
        app.defect = None  # it was wanted
