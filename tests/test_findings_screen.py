"""The first screen: it names the culprit, f opens the plan of the fix, Enter leads to the evidence, z puts it off."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widgets import Static

from console.model import Finding, Level, Unknown
from console.panes.overview import OVERVIEW
from console.rules.judging import Verdict
from console.running.trail.audit import Trail
from console.tui.app import ConsoleApp
from console.tui.compositor import FrontScreen
from console.tui.finding_blocks import FindingBlocks
from console.tui.plan_dialog import PlanDialog
from console.watching.findings import snapshot, summary
from tests.acting import Desk
from tests.activity import Sessions, other_sessions  # noqa: F401  a fixture, found by name
from tests.faults import Stage, blocking
from tests.screens import console, screen_text, shows, taken, until
from tests.servers import PostgresServer as Cluster


@pytest.fixture
def stage(pg: Cluster, database: str, sessions: Sessions, tmp_path: Path) -> Stage:
    return Stage(Desk(pg, database, Trail(tmp_path / "audit.jsonl")), sessions)


def ready(app: ConsoleApp) -> bool:
    return isinstance(app.screen, PlanDialog) and app.screen.guard.ready


async def chosen(pilot: Pilot[Any], name: str) -> FindingBlocks:
    """The list of findings, once the one about `name` is on the screen."""
    await shows(pilot, f"{name} at")
    return pilot.app.query_one(FindingBlocks)


@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=["80x24", "200x50"])
async def test_the_culprit_is_named_and_f_opens_the_plan_that_ends_it(stage: Stage, size: tuple[int, int]) -> None:
    with blocking.row_locked_by_an_idle_session(stage) as name:
        async with console(stage.desk.uri, size) as (app, pilot):
            await chosen(pilot, name)
            text = screen_text(app)
            assert "blocks 3 sessions" in text
            assert "it has written" in text
            await pilot.press("f")
            await until(pilot, lambda: ready(app))
            await pilot.press("r")
            await until(pilot, lambda: name not in screen_text(app) and "No findings" in screen_text(app))


async def test_enter_leads_to_the_pane_view_and_row_of_the_evidence(stage: Stage) -> None:
    with blocking.row_locked_by_an_idle_session(stage) as name:
        async with console(stage.desk.uri) as (app, pilot):
            await chosen(pilot, name)
            await pilot.press("enter")
            await until(pilot, lambda: app.panes.shown.pane.name == "locks")
            await until(pilot, lambda: (app.panes.shown.table.cursor_row or {}).get("who") == name)


async def test_a_wide_terminal_shows_the_evidence_next_to_the_finding_under_the_cursor(stage: Stage) -> None:
    with blocking.row_locked_by_an_idle_session(stage) as name:
        async with console(stage.desk.uri, (160, 45)) as (app, pilot):
            await chosen(pilot, name)
            shown = app.query_one(".evidence", Static)
            await until(pilot, lambda: "blocked sessions  3  3 Locks" in str(shown.content))
            await pilot.press("v")
            await until(pilot, lambda: not shown.display)
            await pilot.press("V")
            await until(pilot, lambda: shown.display)


async def test_the_other_fixes_are_offered_by_the_arrow_keys(stage: Stage) -> None:
    with blocking.queue_behind_an_alter(stage) as name:
        async with console(stage.desk.uri) as (_, pilot):
            await chosen(pilot, name)
            await shows(pilot, "f  cancel")  # the ALTER: it frees more than the end of the report
            await pilot.press("right")
            await shows(pilot, "f  terminate", "frees 1 now, 3 in turn")


async def test_a_finding_put_off_is_marked_and_comes_back_by_the_same_key(stage: Stage) -> None:
    with blocking.row_locked_by_an_idle_session(stage) as name:
        async with console(stage.desk.uri) as (app, pilot):
            await chosen(pilot, name)
            await pilot.press("z")
            await shows(pilot, f" z{name}")
            await pilot.press("z")
            await until(pilot, lambda: f" z{name}" not in screen_text(app))


async def test_a_finding_put_off_stays_so_in_the_next_console_and_is_not_counted(stage: Stage) -> None:
    with blocking.row_locked_by_an_idle_session(stage) as name:
        async with console(stage.desk.uri) as (app, pilot):
            await chosen(pilot, name)
            await pilot.press("Z")
            await taken(pilot)
            await pilot.press("j", "enter")
            await shows(pilot, f" z{name}", "acknowledged by")
        async with console(stage.desk.uri) as (app, pilot):
            await shows(pilot, f" z{name}", "1 of them acknowledged or withheld")
            assert "warning" not in screen_text(app).splitlines()[0]


async def test_the_cursor_is_on_the_worst_finding_until_it_is_moved(stage: Stage) -> None:
    async with console(stage.desk.uri) as (app, pilot):
        await shows(pilot, "No findings:")
        await pilot.press("p")
        blocks, observer = app.query_one(FindingBlocks), app.workspace.observer
        first, second, third = (
            Finding("rule", name, level, f"{name} is wrong")
            for name, level in (("first", Level.WARNING), ("second", Level.CRITICAL), ("third", Level.CRITICAL))
        )

        def subject(*findings: Finding) -> object:
            blocks.show(snapshot(Verdict(findings), observer, 0.0), ("rule", "subject"))
            return blocks.cursor_row["subject"] if blocks.cursor_row else None

        assert [subject(first), subject(second, first)] == ["first", "second"]
        await pilot.press("j")
        assert [subject(second, first), subject(third, second, first)] == ["first", "first"]
        await pilot.press("2", "1")
        assert subject(third, second, first) == "third"


async def test_findings_that_are_found_again_are_not_painted_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted = [0]
    line = FindingBlocks.render_line

    def counted(blocks: FindingBlocks, y: int) -> Strip:
        painted[0] += 1
        return line(blocks, y)

    monkeypatch.setattr(FindingBlocks, "render_line", counted)
    async with console(stage.desk.uri) as (app, pilot):
        await shows(pilot, "No findings:")
        await pilot.press("p")
        blocks, observer, screen = app.query_one(FindingBlocks), app.workspace.observer, app.screen
        assert isinstance(screen, FrontScreen)

        async def lines(value: str, *, stale: bool = False) -> int:
            """How many lines are painted for a finding of that value."""
            painted[0] = 0
            finding = Finding("rule", "it", Level.WARNING, f"it is {value}")
            blocks.show(snapshot(Verdict((finding,)), observer, 0.0), ("rule", "subject"), stale)
            await pilot.pause()
            screen.paint_now()
            return painted[0]

        assert [await lines("wrong"), await lines("wrong"), await lines("wrong")][1:] == [0, 0]
        assert await lines("broken") > 0
        assert [await lines("broken"), await lines("broken", stale=True) > 0] == [0, True]


async def test_what_four_lines_leave_out_is_below_all_findings_or_unfolded_by_a_key(stage: Stage) -> None:
    long = Finding(*("rule", "long", Level.WARNING, "checkout-web is idle in transaction"), detail="detail " * 60)
    others = [Finding("rule", f"other {number}", Level.WARNING, f"other {number} is wrong") for number in range(8)]
    async with console(stage.desk.uri, (80, 24)) as (app, pilot):
        await shows(pilot, "No findings:")
        await pilot.press("p")
        blocks = app.query_one(FindingBlocks)

        def lines(*findings: Finding) -> int:
            """How many lines of the screen have the detail."""
            blocks.show(snapshot(Verdict(findings), app.workspace.observer, 0.0), ("rule", "subject"))
            return shown()

        def shown() -> int:
            return sum("detail detail" in line for line in screen_text(app).splitlines())

        def has(count: int) -> bool:
            return shown() == count

        lines(long)
        await until(pilot, lambda: has(3 + 6))
        lines(long, *others)
        await until(pilot, lambda: has(3) and "Space shows the whole text" in screen_text(app))
        await pilot.press("space")
        await until(pilot, lambda: has(6))
        await pilot.press("j")
        await until(pilot, lambda: has(3) and "Space" not in screen_text(app))


async def test_a_healthy_server_says_how_many_rules_were_evaluated(stage: Stage) -> None:
    async with console(stage.desk.uri) as (_, pilot):
        await shows(pilot, "No findings:")
        await pilot.press("f", "enter", "z", "left", "right", "j", "k")
        await shows(pilot, "No findings:")


def test_the_note_of_the_findings_fits_below_a_pane_whatever_could_not_be_evaluated() -> None:
    late, short = "Needs a second reading to compare with.", "Scans were counted for less than 7 days."
    reasons = [late, short, late, late, "a", "b", "c", "d"]
    unknown = tuple(Unknown(f"rule-with-a-long-name-{at}", why) for at, why in enumerate(reasons))
    note = summary(Verdict(unknown=unknown), 0)
    assert note == (
        "No findings: 0 rules evaluated, 8 could not be (3 rules: Needs a second reading to compare with; "
        "rule-with-a-long-name-1: Scans were counted for less than 7 days; rule-with-a-long-name-4: a; "
        "3 more for other reasons)."
    )
    assert len(note) < 4 * 72  # the lines that the status has


async def test_the_sql_of_the_findings_names_each_rule_that_could_not_be_evaluated(stage: Stage) -> None:
    async with console(stage.desk.uri) as (app, pilot):
        await shows(pilot, "rules evaluated")
        unknown = app.workspace.observer.verdict.unknown
        lines = app.workspace.sources.text(OVERVIEW, OVERVIEW.views[0]).splitlines()
        assert unknown
        for each in unknown:
            (line,) = (line for line in lines if line.startswith(f"-- {each.rule}: "))
            assert "Not evaluated: " in line


async def test_the_header_counts_findings_whatever_pane_is_on_the_screen(stage: Stage) -> None:
    with blocking.row_locked_by_an_idle_session(stage):
        async with console(stage.desk.uri, pane="indexes") as (app, pilot):
            # "1!" where the rest of the line is longer
            await until(pilot, lambda: re.search(r" 1( warning|!)", screen_text(app).splitlines()[0]))
