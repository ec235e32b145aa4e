"""Panes that a finding concerns say so in their title and their tab, whatever pane is on the screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.model import Evidence, Finding, Level
from console.running.trail.audit import Trail
from console.tui.concerns import Concern, concerns
from tests.acting import Desk
from tests.activity import Sessions, other_sessions  # noqa: F401  a fixture, found by name
from tests.faults import Stage, blocking
from tests.screens import console, screen_text, until
from tests.servers import PostgresServer as Cluster


def finding(level: Level, *panes: str) -> Finding:
    return Finding("rule", f"{level} {panes}", level, "x", evidence=tuple(Evidence("a", "b", pane) for pane in panes))


def test_a_pane_is_concerned_by_each_finding_that_it_has_evidence_of() -> None:
    found = [
        finding(Level.WARNING, "locks", "locks"),
        finding(Level.CRITICAL, "locks", "bloat"),
        finding(Level.NOTICE, "indexes"),
        finding(Level.WARNING, ""),
    ]
    assert concerns(found) == {"locks": Concern(Level.CRITICAL, 2), "bloat": Concern(Level.CRITICAL, 1)}
    assert [one.text for one in concerns(found).values()] == ["!! 2 findings", "!! 1 finding"]


@pytest.fixture
def stage(pg: Cluster, database: str, sessions: Sessions, tmp_path: Path) -> Stage:
    return Stage(Desk(pg, database, Trail(tmp_path / "audit.jsonl")), sessions)


@pytest.mark.parametrize("size", [(80, 24), (160, 45)], ids=["80x24", "160x45"])
async def test_title_and_tab_of_a_pane_say_that_a_finding_concerns_it(stage: Stage, size: tuple[int, int]) -> None:
    with blocking.row_locked_by_an_idle_session(stage):
        async with console(stage.desk.uri, size, pane="locks") as (app, pilot):

            def title(of: str = "Locks") -> str:
                return next((line for line in screen_text(app).splitlines()[3:] if line.startswith(f" {of} ")), "")

            await until(pilot, lambda: " Locks  ! 1 finding " in title() or " Locks  !! 1 finding " in title())
            assert "rows" in title()
            assert all(view.title[:2] in title() for view in app.panes.shown.pane.views)
            tabs = screen_text(app).splitlines()[2]
            assert " Locks!" in tabs
            assert len(tabs) <= size[0]
            await pilot.press("5")
            await until(pilot, lambda: app.panes.shown.pane.name == "bloat" and title("Bloat"))
            assert " finding" not in title("Bloat")
