"""Findings that another version of the console wrote: what they name and this one lacks is said, and nothing ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from console.model import Row
from console.past.incident import open_incident, write_incident
from console.past.recorder import ReadingRecorder
from console.settings.config import Wanted
from console.tui.finding_blocks import FindingBlocks
from console.tui.replaying import recorded_app
from console.watching.findings import COLUMNS
from tests.pasts import at, keep, reading
from tests.screens import LARGE, let_toasts_stay, screen_text, settings, shows, until
from tests.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("hasty")


def _finding(pane: str, view: str, action: str) -> Row:
    """A finding as it is kept in readings: what shows it, and what fixes it."""
    evidence = [{"label": "size", "value": "7", "pane": pane, "view": view, "row": {"oid": 1}}]
    fixes = [{"action": action, "parameters": {"table": "t"}, "effect": "mends it"}]
    return "a-rule", "table t", "warning", "table t is wrong", "", [], "mends it", None, fixes, evidence, None


@pytest.mark.parametrize(
    ("pane", "view", "said"),
    [
        ("tables", "", "here no pane does"),
        ("bloat", "trees", "here no pane does"),
        ("bloat", "tables", "Bloat"),
    ],
)
async def test_enter_on_evidence_that_no_pane_shows_says_so(tmp_path: Path, pane: str, view: str, said: str) -> None:
    recorder = ReadingRecorder()
    for second in (0, 1):
        keep(recorder, reading("findings", second, [_finding(pane, view, "shrink-table")], COLUMNS), source="rules")
    write_incident(tmp_path / "a.incident", recorder.readings(at(9)), 0, [], plain=True)
    incident = open_incident(tmp_path / "a.incident")
    app = recorded_app(settings(), incident, Wanted("", "file", read_only=True))
    app.animation_level = "none"
    let_toasts_stay(app)
    await app.times.turn_to(incident.last)
    async with app.run_test(size=LARGE, notifications=True) as pilot:
        await shows(pilot, "table t is wrong")
        await until(pilot, lambda: isinstance(app.screen.focused, FindingBlocks))
        async with asyncio.timeout(PATIENCE):  # what ends the console leaves the key waiting
            await pilot.press("enter")
        await shows(pilot, said)
        await app.action_pane("overview")
        await pilot.press("f")
        await shows(pilot, "Another version of the console has the action")
        assert "table t is wrong" in screen_text(app)
