"""What goes on behind every pane: reads the metrics of the header, evaluates the rules, and shows both at the top."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TypeVar

from textual.app import App
from textual.widget import Widget

from console.format import safe
from console.model import Finding
from console.panes.metrics import VITALS
from console.sources.registry import POOLER, PRIMARY
from console.tui.background import in_background
from console.tui.concerns import concerns
from console.tui.header import Header
from console.tui.overview import Overview
from console.tui.pane_switcher import PaneSwitcher
from console.tui.pane_times import PaneTimes
from console.tui.pane_view import PaneView
from console.tui.tabs import PaneTabs
from console.tui.vitals import Vitals
from console.workspace import Workspace

Part = TypeVar("Part", bound=Widget)

# Periods of the header after which the rules are evaluated behind another pane: they read nothing more often.
PERIODS_BEHIND = 2.5
FOLLOWING = 1.0  # seconds, at least, between two evaluations while some rules have not been evaluated yet


class Monitor:
    """Watches one workspace for as long as the console is open, whatever pane is on the screen."""

    def __init__(self, app: App[int], workspace: Workspace, vitals: Vitals, times: PaneTimes) -> None:
        self._app = app
        self._times = times
        self.workspace = workspace
        self.vitals = vitals
        self._judge = asyncio.Event()  # at once: what the rules would read has changed

    def begin(self) -> None:
        """Go on from now on, as workers of the application."""
        if self._times.is_file:
            in_background(self._app, "metrics", self.watch_moment)
            return
        in_background(self._app, "metrics", self.watch_metrics)
        in_background(self._app, "findings", self.watch_findings)
        in_background(self._app, "baselines", self.workspace.baselines.follow)
        in_background(self._app, "samples", self.workspace.keep_samples)

    def fail(self, error: BaseException) -> None:
        """A defect has ended what goes on behind the panes: say so, and show no metric that may be out of date."""
        self._app.notify(
            safe(f"Internal error ({type(error).__name__}: {error}). Open the console again, and please report it."),
            severity="error",
            timeout=60,
            markup=False,
        )
        postgres = self.workspace.sources.postgres
        for header in self._on_screen(Header):
            header.show_server(postgres.label, postgres.known, {}, {})

    async def watch_metrics(self) -> None:
        """Read the metrics of the header for as long as the console is open."""
        vitals, sources = self.vitals, self.workspace.sources
        while True:
            await vitals.read(sources.named(PRIMARY), sources.named(POOLER) if sources.pooler else None)
            if vitals.reading is not None and vitals.trouble is None:
                if self.workspace.observer.offer(vitals.reading):
                    self._judge.set()
                self.workspace.waits.offer(vitals.reading, vitals.now.get("pool_waiting"))
            self.show_top()
            await sources.postgres.until_due(VITALS.query, vitals.period)

    async def watch_moment(self) -> None:
        """Show how long ago the moment is that is shown of a file, for as long as the console is open."""
        while True:
            self.show_top()
            await asyncio.sleep(self.vitals.period)

    def read_again(self) -> None:
        """Read and show all panes, and what is around them, again: another moment or another form is wanted."""
        for panes in self._on_screen(PaneSwitcher):
            panes.read_again()
        self.show_top()

    def show_top(self) -> None:
        """Show in the header which server this is, its metrics and findings, at the moment that is shown."""
        postgres, then = self.workspace.sources.postgres, self._times.then
        vitals = self._times.vitals
        facts = then.named(PRIMARY).facts if then else postgres.known
        for header in self._on_screen(Header):
            header.show_server(
                *(postgres.label, facts, vitals.now, vitals.history, vitals.trouble),
                findings=self._counted,
                moment=self._times.text,
            )
        self.show_concerns()
        for panes in self._on_screen(PaneSwitcher):
            for overview in panes.children:
                if isinstance(overview, Overview):
                    overview.show_history(vitals)

    @property
    def _counted(self) -> Sequence[Finding]:
        return self._times.findings if self._times.is_past else self.workspace.observer.counted

    def show_concerns(self) -> None:
        """Show in the tabs and in the titles of the panes which findings concern them."""
        found = concerns(self._counted)
        for tabs in self._on_screen(PaneTabs):
            tabs.show_concerns(found)
        for view in self._views:
            view.show_concern(found.get(view.pane.name))

    @property
    def _views(self) -> list[PaneView]:
        return [view for panes in self._on_screen(PaneSwitcher) for view in panes.views]

    def _on_screen(self, kind: type[Part]) -> list[Part]:
        """The parts of that kind; looking for them in all panes would take longer than painting them."""
        stack = self._app.screen_stack  # nothing is left on it while the console is being closed
        return [part for part in stack[0].children if isinstance(part, kind)] if stack else []

    async def watch_findings(self) -> None:
        """Evaluate the rules for as long as the console is open, whatever pane is on the screen."""
        while True:
            pause = min(PERIODS_BEHIND * self.vitals.period, max(FOLLOWING, self.workspace.observer.next_turn))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._judge.wait()
            self._judge.clear()
            await self.workspace.observer.recent(self.vitals.period / 2)
