"""Driving the console in tests: what is on its screen as text, and waiting for a condition."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

from textual.pilot import Pilot

from console.panes import PANES
from console.settings.config import Settings, Wanted, load
from console.sources.registry import Sources
from console.tui.app import ConsoleApp
from console.tui.key_guard import Guarded
from console.tui.pane_view import PaneView
from console.tui.title import PAST
from console.workspace import Workspace
from tests.waiting import PATIENCE

SMALL, LARGE = (80, 24), (160, 45)


def settings(**changed: object) -> Settings:
    """The bundled settings with a short refresh period, and `changed`."""
    plain = load(environ={"XDG_CONFIG_HOME": "/nonexistent"})
    refresh = {pane.name: 0.3 for pane in PANES}
    return replace(plain, **{"theme": "dark", "refresh": refresh, **changed})  # type: ignore[arg-type]


def screen_text(app: ConsoleApp) -> str:
    """What the terminal would show, line by line, without colours and trailing blanks."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in line).rstrip() for line in lines)


@asynccontextmanager
async def console(
    target: str,
    size: tuple[int, int] = SMALL,
    *,
    sources: Sources | None = None,
    before: Callable[[ConsoleApp], Awaitable[None]] | None = None,
    changed: Mapping[str, object] | None = None,
    toasts: bool = False,
    **wanted: Any,
) -> AsyncIterator[tuple[ConsoleApp, Pilot[int]]]:
    """An open console on `target`, or on `sources`; with `toasts` they are on the screen."""
    want = Wanted(target, **wanted)
    app = ConsoleApp(Workspace(settings(**(changed or {})), want, sources))
    app.animation_level = "none"
    let_toasts_stay(app)
    if before:
        await before(app)
    async with app.run_test(size=size, notifications=toasts) as pilot:
        yield app, pilot
        defects = [each.defect for each in (app, *app.query(PaneView)) if each.defect]
        if defects:
            raise defects[0]


def let_toasts_stay(app: ConsoleApp) -> None:
    """Let no toast go by time: between two looks a busy machine may take longer than a toast is on the screen."""
    notify = app.notify

    def stay(message: str, *, timeout: float | None = None, **options: Any) -> None:
        del timeout
        notify(message, timeout=PATIENCE, **options)

    app.notify = stay  # type: ignore[method-assign]


async def until(pilot: Pilot[int], condition: Callable[[], object], what: str = "") -> None:
    """Let the console run until `condition` holds; AssertionError with the screen when it never does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never came: {what or condition}\n{screen_text(cast('ConsoleApp', pilot.app))}")
        await pilot.pause()
        await asyncio.sleep(0.01)


async def taken(pilot: Pilot[int]) -> None:
    """Wait until the dialog on the screen takes keys."""
    await until(pilot, lambda: isinstance(pilot.app.screen, Guarded) and pilot.app.screen.guard.ready)


async def shows(pilot: Pilot[int], *texts: str) -> str:
    """Wait until all `texts` are on the screen; returns the screen."""
    app = cast("ConsoleApp", pilot.app)
    await until(pilot, lambda: all(text in screen_text(app) for text in texts), f"{texts}")
    return screen_text(app)


def as_past(screen: str) -> str:
    """The panes on a screen as those of the past: nothing differs but that they are not read again."""
    whole = re.sub(r"(?<=  )every \d+m?[smh]\b", lambda found: PAST.rjust(len(found[0])), screen)
    first, *others = whole.split("\n")
    return "\n".join((re.sub(r"  \d+m?[smh]$", "", first), *others))


async def settled(pilot: Pilot[int]) -> str:
    """The screen once nothing changes it any more."""
    app = cast("ConsoleApp", pilot.app)
    seen: list[str] = []
    await until(pilot, lambda: seen.append(screen_text(app)) or (len(seen) > 5 and len(set(seen[-5:])) == 1), "rest")  # type: ignore[func-returns-value]
    return seen[-1]
