"""The screens, as text a reviewer reads in the diff: every pane from a recording, at 80×24 and 160×45.

`pytest tests/test_frames.py --update-frames` writes them anew.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from console.model import Pane
from console.panes import PANES
from console.panes.reading import Reader
from console.tui.app import ConsoleApp
from tests import recording
from tests.screens import LARGE, SMALL, console, screen_text, settled, until

FRAMES = Path(__file__).parent / "frames"


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.name)
async def test_the_screen_is_as_agreed(pane: Pane, size: tuple[int, int], request: pytest.FixtureRequest) -> None:
    path = FRAMES / f"{pane.name}-{size[0]}x{size[1]}.txt"
    frame = await _frame(pane, size) + "\n"
    if request.config.getoption("--update-frames"):
        path.write_text(frame, encoding="utf-8")
    assert frame == path.read_text(encoding="utf-8")


async def _frame(pane: Pane, size: tuple[int, int]) -> str:
    recorded = {name: recording.load(name) for name in ("postgres", "pgbouncer")}
    servers = SimpleNamespace(
        postgres=recorded["postgres"],
        pooler=recorded["pgbouncer"],
        of=lambda asked: recorded[asked.source],
        close=recorded["postgres"].close,
    )

    async def replay(app: ConsoleApp) -> None:
        app.vitals.period = 3600
        for each in PANES:
            for view in each.views:
                reader = app.readers.setdefault(view.query, Reader(view))
                await recording.replay(reader, view, recorded[each.source], reads=2)

    async with console("", size, servers=servers, before=replay, changed={"refresh": {}}, pane=pane.name) as (
        app,
        pilot,
    ):
        await until(pilot, lambda: app.vitals.now.get("pool_waiting") is not None)
        await until(pilot, lambda: "reading …" not in screen_text(app))
        return await settled(pilot)
