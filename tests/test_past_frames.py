"""Replayed screens: every view of every pane shows the same bytes live, turned back to, and from an incident file."""

from __future__ import annotations

import time
from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher

from console.model import Pane, Snapshot, Source, Trouble
from console.panes import PANES
from console.past.incident import open_incident, write_incident
from console.past.moment import PastMoment
from console.past.recorder import ReadingRecorder
from console.running.trail.tables import answers
from console.settings.config import Wanted
from console.sources.console import ConsoleSource
from console.sources.derived import Parameters
from console.sources.heard import Hear
from console.sources.registry import POOLER, PRIMARY, Sources
from console.tui.app import ConsoleApp
from console.tui.replaying import recorded_app
from console.watching.past import past_at
from tests import cluster_recording, recording
from tests.screens import LARGE, SMALL, as_past, console, settings, settled, until

pytestmark = pytest.mark.usefixtures("hasty")

READS = 2  # of each view: once the exact sizes are known there may be other rows on the screen
ONCE = {pane.name: 3600.0 for pane in PANES}  # seconds between two reads: each view is read once
SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=lambda size: f"{size[0]}x{size[1]}")


@SIZES
@pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.name)
async def test_every_view_is_replayed_byte_for_byte(
    pane: Pane, size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    recorder, path = ReadingRecorder(), tmp_path / "a.incident"
    live: dict[str, str] = {}
    moments: dict[str, float] = {}
    sources = _sources(pane)
    sources.be_heard(_changed_alone(recorder))

    async def before(app: ConsoleApp) -> None:
        """The metrics of the header are read now and once more at the start, not while a frame is taken."""
        app.vitals.period = 3600.0
        await app.vitals.read(sources.named(PRIMARY), sources.named(POOLER))

    opened = console("", size, sources=sources, before=before, pane=pane.name, changed={"refresh": ONCE})
    async with opened as (app, pilot):
        app.workspace._recorder = recorder
        await until(pilot, lambda: len(app.vitals.times) > 1 or app.vitals.trouble)
        for view in pane.views:
            live[view.name] = await _view(app, pilot, view.name)
            moments[view.name] = time.time()
        await recorder.flush()
        readings = recorder.readings(time.time())
        ring = {name: await _then(app, pilot, past_at(readings, moments[name]), name) for name in live}
    write_incident(path, readings, 0, [], plain=True)
    incident = open_incident(path)
    again = recorded_app(settings(refresh=ONCE), incident, Wanted("", "file", read_only=True, pane=pane.name))
    again.animation_level = "none"
    await again.times.turn_to(moments[pane.views[0].name])
    async with again.run_test(size=size, notifications=False) as pilot:
        file = {
            name: await _then(again, pilot, past_at(incident.readings(at), at), name) for name, at in moments.items()
        }
    expected = {name: as_past(screen) for name, screen in live.items()}
    assert _differences(expected, ring) == []
    assert _differences(expected, file) == []


def _differences(live: Mapping[str, str], then: Mapping[str, str]) -> list[str]:
    """The lines that differ, with their views."""
    return [
        line
        for view, screen in live.items()
        for line in unified_diff(screen.split("\n"), then[view].split("\n"), view, view, n=0, lineterm="")
    ]


async def _then(app: ConsoleApp, pilot: Pilot[int], then: PastMoment, view: str) -> str:
    """The screen of a view of the pane that is shown at another moment."""
    await app.times._show(then)
    app.monitor.read_again()
    return await _view(app, pilot, view)


async def _view(app: ConsoleApp, pilot: Pilot[int], view: str) -> str:
    """The screen of a view of the pane that is shown, once it has been read."""
    app.panes.shown.choose_view(view)
    await settled(pilot)
    for _ in range(READS):
        for each in app.panes.views:
            if each.is_on_screen:
                await each._read()
    app.monitor.show_top()
    app.panes.shown.rows.seek_worst()  # until it is moved, the cursor stays on its row while no other is worse
    screen = await settled(pilot)
    region = app.query_one(ContentSwitcher).region
    return "\n".join(screen.split("\n")[region.y : region.bottom])


def _changed_alone(recorder: ReadingRecorder) -> Hear:
    """Hears what a recording answers, but not the last read again that it answers with at its end."""
    clocks: dict[tuple[str, str], float] = {}

    def hear(source: Source, query: str, parameters: Parameters, answer: Snapshot | Trouble) -> None:
        stream = source.name, query
        if parameters or isinstance(answer, Trouble) or clocks.get(stream) != answer.clock:
            recorder.hear(source, query, parameters, answer)
        if not parameters and isinstance(answer, Snapshot):
            clocks[stream] = answer.clock

    return hear


def _sources(pane: Pane) -> Sources:
    postgres = cluster_recording.load("whole") if pane.name == "cluster" else recording.load("postgres")
    others = (recording.load(name) for name in ("pgbouncer", "redis", "host", "log"))
    own = ConsoleSource(lambda: answers(recording.TRAIL, [], postgres))
    return Sources(postgres, *others, own)
