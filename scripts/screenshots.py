"""Takes the pictures of the documents: the console, driven by its keys, on a demo of its own.

    python scripts/screenshots.py [PANE …]

In it a session is idle in a transaction and has locked a row that others wait for: the first screen names it. The
script writes docs/<pane>-<columns>x<lines>.svg. A picture loads nothing from anywhere and names no file of this
machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from textual.pilot import Pilot

from console.demo import run
from console.demo.uris import DemoUris
from console.model import Snapshot
from console.panes import PANES
from console.settings.config import Settings, Wanted, load
from console.tui.app import ConsoleApp
from console.workspace import Workspace

DOCS = Path(__file__).parent.parent / "docs"
SIZES = ((160, 45), (80, 24))
PATIENCE = 120.0  # seconds until a scene that does not come is given up
CULPRIT, WAITERS = "campaign-import", 14
COURSE = 30  # readings of the vital signs before the first picture, so that their course shows
BLANK, CELL = "&#160;", 12.2  # how Rich writes a blank, and the width of a cell in its pictures
FONTS = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"

_FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}\s*")
_LEADING = re.compile(
    r'(?P<head><text[^>]*?) x="(?P<x>[\d.]+)"(?P<between>[^>]*?) textLength="(?P<length>[\d.]+)"(?P<tail>[^>]*)>'
    r"(?P<blanks>(?:&#160;)+)(?!<)"
)
_FIRA = re.compile(r"Fira Code\s*,\s*monospace|Fira Code", re.IGNORECASE)

Shows = Callable[[ConsoleApp], bool]


@dataclass(frozen=True, slots=True)
class Scene:
    """A pane worth a picture, from when on it is one, and the keys pressed before it is taken."""

    pane: str
    ready: Shows
    wide_keys: tuple[str, ...] = ()  # where there is room for a drawer


def _rows(app: ConsoleApp) -> tuple[Mapping[str, object], ...]:
    arranged: Snapshot | None = app.pane_view.arranged
    return tuple(arranged.records()) if arranged else ()


def _numbers(app: ConsoleApp, column: str) -> list[float]:
    return [value for row in _rows(app) if isinstance(value := row.get(column), int | float)]


def _course(app: ConsoleApp) -> bool:
    return len(app.vitals.history["active"]) >= COURSE


def _culprit(app: ConsoleApp) -> bool:
    findings = app.workspace.observer.verdict.findings
    return bool(findings) and CULPRIT in findings[0].sentence and "blocks" in findings[0].sentence


def _busy(app: ConsoleApp) -> bool:
    return any(_numbers(app, "blocks")) and sum(row["state"] == "active" for row in _rows(app)) > 1


def _chain(app: ConsoleApp) -> bool:
    return max(_numbers(app, "depth"), default=0) >= 2


def _measured(app: ConsoleApp) -> bool:
    return any(_numbers(app, "ms_rate")) and all(row["query"] for row in _rows(app)[:20])


def _filled(app: ConsoleApp) -> bool:
    return bool(_rows(app))


SCENES = (
    Scene("overview", _culprit),
    Scene("connections", _busy),
    Scene("locks", _chain, ("enter",)),
    Scene("slow-queries", _measured),
    Scene("partitions", _filled),
    Scene("pooler", _filled),
)


def main(names: list[str]) -> int:
    """Take the pictures of the named panes, of all without a name."""
    scenes = [scene for scene in SCENES if not names or scene.pane in names]
    return run(open_console=lambda uris: asyncio.run(_take(uris, scenes)))


def portable(svg: str) -> str:
    """A picture without the fonts that Textual's would load from the net."""
    return _LEADING.sub(_moved, _FIRA.sub(FONTS, _FONT_FACE.sub("", svg)))


def _moved(text: re.Match[str]) -> str:
    # Some renderers drop the blanks that a text begins with, and every column after them moves.
    blanks = CELL * (len(text["blanks"]) // len(BLANK))
    x, length = float(text["x"]) + blanks, float(text["length"]) - blanks
    return f'{text["head"]} x="{x:g}"{text["between"]} textLength="{length:g}"{text["tail"]}>'


@contextlib.contextmanager
def incident(uri: str) -> Iterator[None]:
    """A session that is idle in its transaction and keeps a row locked, for which others wait."""
    update = (
        b"UPDATE brand_profiles SET updated_at = now() WHERE id = (SELECT id FROM brand_profiles ORDER BY id LIMIT 1)"
    )
    with contextlib.ExitStack() as sessions:

        def session(application: str) -> psycopg.Connection[tuple[object, ...]]:
            opened = psycopg.connect(uri, application_name=application, autocommit=True)
            sessions.callback(opened.close)
            return opened

        culprit = session(CULPRIT)
        culprit.execute("BEGIN")
        culprit.execute(update)
        for _ in range(WAITERS):
            session("checkout").pgconn.send_query(update)
        yield


async def _take(uris: DemoUris, scenes: list[Scene]) -> int:
    DOCS.mkdir(exist_ok=True)
    for size in SIZES:
        poolers = (uris.pgbouncer_admin,) if uris.pgbouncer_admin else ()
        wanted = Wanted(uris.postgres, "demo", poolers, pooler_hint=uris.pooler_hint)
        app = ConsoleApp(Workspace(_settings(), wanted))
        app.animation_level = "none"
        app.vitals.period = 0.5
        with incident(uris.postgres):
            async with app.run_test(size=size) as pilot:
                for scene in scenes:
                    if scene.pane != "pooler" or poolers:
                        await _picture(app, pilot, scene, size)
    return 0


async def _picture(app: ConsoleApp, pilot: Pilot[int], scene: Scene, size: tuple[int, int]) -> None:
    await _until(lambda: _course(app), pilot, f"{COURSE} readings")
    await pilot.press(next(pane.key for pane in PANES if pane.name == scene.pane))
    await _until(lambda: scene.ready(app), pilot, scene.pane)
    await pilot.press("p", *(scene.wide_keys if size == SIZES[0] else ()))
    await _until(
        lambda: all(worker.is_finished for worker in app.workers if worker.group == "default"), pilot, "details"
    )
    path = DOCS / f"{scene.pane}-{size[0]}x{size[1]}.svg"
    path.write_text(portable(app.export_screenshot(title=f"pipeline-console: {scene.pane}")), encoding="utf-8")
    print(path.relative_to(DOCS.parent))
    await pilot.press("p")


async def _until(condition: Callable[[], bool], pilot: Pilot[int], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"never came: {what}")
        await pilot.pause()
        await asyncio.sleep(0.05)


def _settings() -> Settings:
    plain = load(environ={"XDG_CONFIG_HOME": "/nonexistent"})
    return replace(plain, theme="dark", refresh={pane.name: 1.0 for pane in PANES})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
