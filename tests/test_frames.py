"""The screens, as text a reviewer reads in the diff: every pane from a recording, at 80×24 and 160×45.

The frame of a pane holds the pane alone. The lines around it (header, tabs, keys) are the frame `chrome`, so that a new
pane changes that frame and adds its own. `pytest tests/test_frames.py --update-frames` writes them.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.widgets import ContentSwitcher

from console.model import Batches, Claim, Outcome, Pane, Plan, Step, Trouble
from console.panes import PANES
from console.running.progress import Run
from console.running.trail.tables import answers
from console.sources.console import ConsoleSource
from console.sources.registry import Sources
from console.tui.app import ConsoleApp
from tests import cluster_recording, recording
from tests.screens import LARGE, SMALL, console, screen_text, settled, until

FRAMES = Path(__file__).parent / "frames"
FRAMED = ("chrome", *(pane.name for pane in PANES))


SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=lambda size: f"{size[0]}x{size[1]}")


@SIZES
@pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.name)
async def test_a_pane_is_as_agreed(pane: Pane, size: tuple[int, int], request: pytest.FixtureRequest) -> None:
    _, area = await _frames(pane, size)
    _compare(f"{pane.name}-{size[0]}x{size[1]}", area, request)


@SIZES
async def test_what_is_around_the_pane_is_as_agreed(size: tuple[int, int], request: pytest.FixtureRequest) -> None:
    chrome, _ = await _frames(PANES[0], size)
    _compare(f"chrome-{size[0]}x{size[1]}", chrome, request)


def test_every_frame_is_of_a_pane() -> None:
    names = {f"{name}-{width}x{height}" for name in FRAMED for width, height in (SMALL, LARGE)}
    assert {path.stem for path in FRAMES.glob("*.txt")} == names


def _compare(name: str, frame: str, request: pytest.FixtureRequest) -> None:
    path = FRAMES / f"{name}.txt"
    if request.config.getoption("--update-frames"):
        path.write_text(frame, encoding="utf-8")
    assert frame == path.read_text(encoding="utf-8")


async def _frames(pane: Pane, size: tuple[int, int]) -> tuple[str, str]:
    """The lines around a pane, and those of the pane."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("console.running.trail.tables.whoami", lambda: {"os_user": "dba"})
        screen, (top, bottom) = await _screen(pane, size)
    lines = [line + "\n" for line in screen.split("\n")]
    return "".join((*lines[:top], "⋮\n", *lines[bottom:])), "".join(lines[top:bottom])


async def _screen(pane: Pane, size: tuple[int, int]) -> tuple[str, tuple[int, int]]:
    """The whole screen, and between which lines the pane is."""
    pooler = recording.load("pgbouncer")
    postgres = cluster_recording.load("whole") if pane.name == "cluster" else recording.load("postgres")
    redis, host, log = recording.load("redis"), recording.load("host"), recording.load("log")
    console_source = ConsoleSource(lambda: answers(recording.TRAIL, _runs(), postgres))
    sources = Sources(postgres, pooler, redis, host, log, console_source)

    async def replay(app: ConsoleApp) -> None:
        app.vitals.period = 3600
        views = [(each, view) for each in PANES for view in each.views]
        # what is made of other reads comes last
        for each, view in sorted(views, key=lambda pair: pair[0].source_of(pair[1]) in recording.MADE):
            reader = app.readers.of(each.source_of(view), view)
            with suppress(Trouble):  # what the recorded role was not allowed to read
                await recording.read(reader, view, sources.of(each, view), times=2)

    async with console("", size, sources=sources, before=replay, changed={"refresh": {}}, pane=pane.name) as (
        app,
        pilot,
    ):
        await until(pilot, lambda: app.vitals.now.get("pool_waiting") is not None)
        await until(pilot, lambda: "reading …" not in screen_text(app))
        screen = await settled(pilot)
        region = app.query_one(ContentSwitcher).region
        return screen, (region.y, region.bottom)


def _runs() -> list[Run]:
    """Runs of this console that have ended, so that their screen stands still."""
    done = Run.of(
        Plan(Claim("partitions of public.api_usage"), (Step("SELECT 1"), Step("SELECT 2")), action="create-partitions")
    )
    done.outcome, done.message, done.seconds = Outcome.DONE, "Done.", 0.4
    for one in done.steps:
        one.status = "done"
    stopped = Run.of(
        Plan(Claim("public.content_analytics"), (Step("SELECT 1", execution=Batches()),), action="archive-analytics")
    )
    stopped.outcome, stopped.message, stopped.seconds = Outcome.STOPPED, "Stopped on request.", 12.0
    stopped.steps[0].status, stopped.steps[0].rows = "failed", 40_000
    for name, run in (("e5f6a7b8c9d0", done), ("f6a7b8c9d0e1", stopped)):
        run.id, run.started_at = name, datetime(2026, 10, 5, 8, 0, tzinfo=UTC)
    return [done, stopped]
