"""The screens, as text a reviewer reads in the diff: every pane from a recording, at 80×24 and 160×45.

`pytest tests/test_frames.py --update-frames` writes them anew.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from console.local import LocalServer
from console.model import Batches, Claim, Outcome, Pane, Plan, Source, Step, Trouble
from console.panes import PANES
from console.reading.reader import Reader
from console.running.progress import Run
from console.tui.app import ConsoleApp
from tests import recording
from tests.screens import LARGE, SMALL, console, screen_text, settled, until

FRAMES = Path(__file__).parent / "frames"


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.name)
async def test_the_screen_is_as_agreed(
    pane: Pane, size: tuple[int, int], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.local.whoami", lambda: {"os_user": "dba"})
    path = FRAMES / f"{pane.name}-{size[0]}x{size[1]}.txt"
    frame = await _frame(pane, size) + "\n"
    if request.config.getoption("--update-frames"):
        path.write_text(frame, encoding="utf-8")
    assert frame == path.read_text(encoding="utf-8")


async def _frame(pane: Pane, size: tuple[int, int]) -> str:
    postgres, pooler = recording.load("postgres"), recording.load("pgbouncer")
    local = LocalServer(recording.TRAIL, _runs(), postgres)
    recorded: dict[str, Source] = {"postgres": postgres, "pgbouncer": pooler, "local": local}
    servers = SimpleNamespace(
        postgres=postgres,
        pooler=pooler,
        local=local,
        of=lambda asked: recorded[asked.source],
        close=postgres.close,
    )

    async def replay(app: ConsoleApp) -> None:
        app.vitals.period = 3600
        for each in PANES:
            for view in each.views:
                reader = app.readers.setdefault(view.query, Reader(view))
                with suppress(Trouble):  # what the recorded role was not allowed to read
                    await recording.replay(reader, view, recorded[each.source], reads=2)

    async with console("", size, servers=servers, before=replay, changed={"refresh": {}}, pane=pane.name) as (
        app,
        pilot,
    ):
        await until(pilot, lambda: app.vitals.now.get("pool_waiting") is not None)
        await until(pilot, lambda: "reading …" not in screen_text(app))
        return await settled(pilot)


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
