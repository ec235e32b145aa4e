"""The terminal application: switches panes, runs the dialogs, reads the vital signs. Panes look after themselves."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import RenderableType
from textual import work
from textual._compositor import ChopsUpdate
from textual.app import App, ComposeResult, SystemCommand
from textual.driver import Driver
from textual.screen import Screen
from textual.widgets import ContentSwitcher

from console.actions import ACTIONS, action
from console.format import safe
from console.keys import Place, all_keys
from console.model import Pane, Trouble
from console.opening import sources_for
from console.panes import PANES
from console.panes.overview import header_metrics
from console.panes.schema import SCHEMA
from console.reading.export import csv_text, json_text, write
from console.reading.reader import Readers
from console.reading.thresholds import configured
from console.running.progress import Run
from console.running.trail.audit import default_trail
from console.settings.config import Settings, Wanted
from console.sources.registry import Sources
from console.tui.acting import Acting
from console.tui.bindings import bindings, check_keymap
from console.tui.dialogs import DetailsDialog, ExportDialog, SortDialog, TextDialog
from console.tui.driver import counting
from console.tui.footer import KeyLine
from console.tui.header import Header
from console.tui.help import help_text
from console.tui.overview import Overview
from console.tui.pane_view import PaneView
from console.tui.plan_dialog import QuitDialog
from console.tui.tabs import PaneTabs
from console.tui.themes import SIXTEEN, THEMES, choose_theme
from console.tui.updates import TightUpdate
from console.tui.vitals import Vitals

SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class ConsoleApp(App[int]):
    """One console on one target."""

    CSS_PATH = "console.tcss"
    TITLE = "pipeline console"
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-normal"), (160, "-wide")]  # noqa: RUF012  Textual's own form
    VERTICAL_BREAKPOINTS = [(0, "-low"), (40, "-tall")]  # noqa: RUF012
    BINDINGS = bindings(Place.APP)

    def __init__(self, settings: Settings, wanted: Wanted, sources: Sources | None = None) -> None:
        """`sources` are those of `wanted` unless given. Raises Trouble(USAGE) if a URI cannot be parsed."""
        self._theme_name = choose_theme(settings.theme, os.environ)
        # Textual decides here, before a theme is set, whether colours may be the terminal's own.
        super().__init__(ansi_color=True if self._theme_name == SIXTEEN.name else None)
        self.settings = settings
        self.wanted = wanted
        self.runs: list[Run] = []
        self.sources = sources or sources_for(wanted, default_trail(), self.runs)
        self.readers = Readers()
        self.vitals = Vitals(self.readers, settings.thresholds)
        self.acting = Acting(self, default_trail())
        self._schema_asked = False

    def compose(self) -> ComposeResult:
        """Header, tabs, the current pane, the footer. Other panes are made when they are first visited."""
        first = self.wanted.pane or PANES[0].name
        yield Header(header_metrics(self.settings.thresholds))
        yield PaneTabs(PANES, first)
        yield ContentSwitcher(initial=None)
        yield KeyLine()

    # Life

    def on_load(self) -> None:
        """Themes, keys and the connection before the first frame; connecting goes on while Textual starts."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = self._theme_name
        self.set_keymap(dict(self.settings.keymap))
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._on_signal, number)
        self._connecting = loop.create_task(self._connect())

    async def on_mount(self) -> None:
        """Show the first pane."""
        self.query_one(Header).tell(self.sources.postgres.label, None, {}, {})
        await self.open_pane(self.wanted.pane or PANES[0].name)
        self.watch_vitals()
        if self.wanted.guide:
            self.action_setup()

    def on_ready(self) -> None:
        """What was loaded so far stays for good: it need not be searched for garbage."""
        gc.freeze()
        gc.enable()

    async def on_unmount(self) -> None:
        """Cancel what runs on the sources and close the connections."""
        self._connecting.cancel()
        await self.acting.close()
        await self.sources.close()

    async def _connect(self) -> None:
        try:
            await self.sources.postgres.connect()
        except Trouble:
            return  # each pane meets the same trouble and shows it

    def _on_signal(self, number: signal.Signals) -> None:
        self.exit(128 + number, return_code=128 + number)

    def _fatal_error(self) -> None:
        # Textual's own traceback prints local variables, and with them passwords.
        from rich.traceback import Traceback  # noqa: PLC0415  only when all is lost

        self.bell()
        self._exit_renderables.append(Traceback(show_locals=False))
        self._close_messages_no_wait()

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if type(renderable) is ChopsUpdate:
            renderable = TightUpdate(renderable.chops, renderable.spans, renderable.chop_ends)
        super()._display(screen, renderable)

    def get_driver_class(self) -> type[Driver]:
        """The terminal driver, which counts the bytes it sends."""
        return counting(super().get_driver_class())

    @property
    def bytes_written(self) -> int:
        """Bytes sent to the terminal so far."""
        return getattr(self._driver, "written", 0)

    # Panes

    def on_pane_view_first_read(self) -> None:
        """Rows first: what the schema lacks is asked, and the code for it loaded, when they are on the screen."""
        if not self._schema_asked:
            self._schema_asked = True
            self.call_after_refresh(self.offer_setup)
            self.call_after_refresh(self.tell_drift)

    async def open_pane(self, name: str) -> None:
        """Turn to the pane called `name`, making it on the first visit."""
        switcher = self.query_one(ContentSwitcher)
        if name not in {child.id for child in switcher.children}:
            await switcher.add_content(self._make(name), id=name)
        switcher.current = name
        self.query_one(PaneTabs).current = name
        opened = switcher.get_child_by_id(name)
        (opened if isinstance(opened, PaneView) else opened.query(PaneView).first()).table.focus()

    def _make(self, name: str) -> PaneView | Overview:
        pane = next(pane for pane in PANES if pane.name == name)
        return Overview(self) if name == PANES[0].name else self.make_view(pane)

    def make_view(self, pane: Pane) -> PaneView:
        """A live view of `pane` on the server it asks."""
        period = self.settings.refresh.get(pane.name, 0.0)
        return PaneView(configured(pane, self.settings.thresholds), lambda: self.sources.of(pane), self.readers, period)

    @property
    def pane_view(self) -> PaneView:
        """The pane that the keys act on: the one with the focus, else the visible one."""
        focused = self.screen_stack[0].focused
        for widget in focused.ancestors_with_self if focused else ():
            if isinstance(widget, PaneView):
                return widget
        current = self.query_one(ContentSwitcher).visible_content
        if isinstance(current, PaneView):
            return current
        assert current is not None  # noqa: S101  a pane is always open after mounting
        return current.query(PaneView).first()

    async def action_pane(self, name: str) -> None:
        """Turn to a pane."""
        await self.open_pane(name)

    async def on_pane_tabs_chosen(self, event: PaneTabs.Chosen) -> None:
        """A click on a tab."""
        await self.open_pane(event.name)

    # Vital signs

    @work(exclusive=True, group="vitals", exit_on_error=False)
    async def watch_vitals(self) -> None:
        """Read the vital signs for as long as the console is open."""
        while True:
            await self.vitals.read(self.sources.postgres, self.sources.pooler)
            self.query_one(Header).tell(
                self.sources.postgres.label,
                self.sources.postgres.known,
                self.vitals.now,
                self.vitals.history,
                self.vitals.trouble,
            )
            for overview in self.query(Overview):
                overview.tell(self.vitals)
            await asyncio.sleep(self.vitals.period)

    # Dialogs

    def on_pane_view_ask(self, event: PaneView.Ask) -> None:
        """A pane wants a dialog."""
        match event.what:
            case "details":
                self.push_screen(DetailsDialog(event.view))
            case "sort":
                self._sort(event.view)
            case "sql":
                self._show_sql(event.view)
            case "export":
                self._export(event.view)

    def _sort(self, view: PaneView) -> None:
        def chosen(column: str | None) -> None:
            if column:
                view.sort_by(column)

        self.push_screen(SortDialog(view.current.columns, view.sort), chosen)

    def _show_sql(self, view: PaneView) -> None:
        self.push_screen(TextDialog(f"SQL of {view.pane.title}", self.sources.text(view.pane, view.current)))

    @work(exit_on_error=False)
    async def _export(self, view: PaneView) -> None:
        snapshot, server = view.arranged, view.server
        if snapshot is None or server is None:
            self.notify("There is nothing to export yet.", severity="warning", markup=False)
            return
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        path = await self.push_screen_wait(ExportDialog(f"{view.pane.name}-{view.current.name}-{stamp}.csv"))
        if path is None:
            return
        as_json = Path(path).suffix == ".json"
        text = json_text(view.pane.name, view.current.name, snapshot, server.facts) if as_json else csv_text(snapshot)
        try:
            await asyncio.to_thread(write, path, text)
        except Trouble as why:
            self.notify(safe(why), severity="error", markup=False)
        else:
            self.notify(f"{len(snapshot.rows)} rows written to {safe(path)}", markup=False)

    def action_help(self) -> None:
        """The help of the current pane and all keys."""
        view = self.pane_view
        self.push_screen(TextDialog(f"Help: {view.pane.title}", help_text(view, self, all_keys(self.settings.keymap))))

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A read-only console shows the keys of changes as disabled; runs are stopped from their own pane."""
        del parameters
        if action in {"actions", "act"} and self.wanted.read_only:
            return None
        return self.query_one(PaneTabs).current == "activity" if action == "stop_run" else True

    @work(exclusive=True, group="acting", exit_on_error=False)
    async def action_actions(self) -> None:
        """Choose among the actions, those of this pane first."""
        view = self.pane_view
        await self.acting.choose(view.pane.actions, view.chosen_rows)

    @work(exclusive=True, group="acting", exit_on_error=False)
    async def action_act(self, name: str) -> None:
        """Begin one action."""
        await self.acting.begin(action(name))

    def action_stop_run(self) -> None:
        """Stop the run under the cursor of the activity pane."""
        row = self.pane_view.table.cursor_row
        if row is not None:
            self.acting.stop(str(row["run"]))

    @work(exclusive=True, group="quitting", exit_on_error=False)
    async def action_quit(self) -> None:  # type: ignore[override]
        """Leave; ask first while actions run."""
        if not self.acting.running or await self.push_screen_wait(QuitDialog(self.acting.running)):
            self.exit(0)

    @work(exclusive=True, group="doctor", exit_on_error=False)
    async def action_doctor(self) -> None:
        """What can and cannot be shown and done here."""
        from console.tui.doctor import show_doctor  # noqa: PLC0415  seldom wanted, long to load

        await show_doctor(self)

    # The set-up guide

    def action_setup(self) -> None:
        """Open the set-up guide."""
        from console.tui.setup import SetupScreen  # noqa: PLC0415  seldom wanted, long to load

        if self.sources.postgres.known is not None or self.wanted.guide:
            self.push_screen(SetupScreen(self))

    @work(group="setup", exit_on_error=False)
    async def offer_setup(self) -> None:
        """Say once, in one line, that there is a guide, where the pipeline schema is missing."""
        from console.tui.setup_text import offered  # noqa: PLC0415  the first rows do not wait for it

        if not self.wanted.guide and await offered(self):
            self.notify("No pipeline schema here: U opens the set-up guide.", markup=False)

    @work(group="drift", exit_on_error=False)
    async def tell_drift(self) -> None:
        """Say once, when the first pane stands, that the pipeline schema is not what the migrations make."""
        from console.drift.reading import drift  # noqa: PLC0415  the first rows do not wait for it

        await asyncio.wait({self._connecting})
        if self.sources.postgres.known is None:
            return
        try:
            seen = await drift(self.sources.postgres)
        except Trouble:
            return  # the schema pane meets the same trouble and shows it
        if seen.sentence:
            self.notify(f"{seen.sentence} {SCHEMA.key}, view drift, shows it.", severity="warning", markup=False)

    # Palette

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Panes, their views and themes in the command palette."""
        del screen
        for pane in PANES:
            yield SystemCommand(
                f"Pane: {pane.title}", pane.help, lambda name=pane.name: self.run_worker(self.open_pane(name))
            )
        view = self.pane_view
        for each in view.pane.views[1:] and view.pane.views:
            yield SystemCommand(
                f"View: {view.pane.title}, {each.title}", "of this pane", lambda name=each.name: view.choose_view(name)
            )
        for each_action in ACTIONS:
            yield SystemCommand(
                f"Action: {each_action.title}", each_action.help, lambda name=each_action.name: self.action_act(name)
            )
        for theme in THEMES:
            yield SystemCommand(f"Theme: {theme.name}", "colours", lambda name=theme.name: setattr(self, "theme", name))
        yield SystemCommand("Doctor", "what this role, server and terminal can show and do", self.action_doctor)
        yield SystemCommand("Set-up guide", "page by page to a well set up pipeline database", self.action_setup)
        yield SystemCommand("Help", "the help of this pane and all keys", self.action_help)
        yield SystemCommand("Quit", "leave the console", lambda: self.exit(0))


def run_console(settings: Settings, wanted: Wanted) -> int:
    """Open the console on a terminal and return the exit code. Trouble (USAGE) for a keymap or URI that is none."""
    check_keymap(settings.keymap)
    app = ConsoleApp(settings, wanted)
    app.run()
    return app.return_code or 0
