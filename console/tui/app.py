"""The application: opens panes and dialogs, and begins what keys and findings ask for."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult, SystemCommand
from textual.events import Event, Key, Resize
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from console.keys import Place
from console.panes import PANES, has_view
from console.panes.metrics import header_metrics, view_in_alarm
from console.panes.overview import OVERVIEW
from console.reading.reader import Readers
from console.tui.action_flow import ActionFlow
from console.tui.background import in_background
from console.tui.bindings import bindings, check_keymap, is_available, keys_of
from console.tui.compositor import FrontScreen
from console.tui.dialog_stack import DialogStack
from console.tui.dialogs import QuitDialog
from console.tui.driver import end_on_signals, run_until_closed
from console.tui.finding_blocks import FindingBlocks
from console.tui.first_screen import FirstScreen
from console.tui.footer import KeyLine
from console.tui.grounds import choose_theme
from console.tui.header import Header
from console.tui.key_routing import KeyRouting
from console.tui.loading import MARKING, PAST, SOON, load
from console.tui.marks import Marks
from console.tui.monitor import Monitor
from console.tui.palette import (
    Commands,
    Palette,
    action_commands,
    general_commands,
    pane_commands,
    theme_commands,
    view_commands,
)
from console.tui.pane_rows import PaneRows
from console.tui.pane_switcher import PaneSwitcher
from console.tui.pane_times import PaneTimes
from console.tui.pane_view import PaneView
from console.tui.row_actions import RowActions
from console.tui.tabs import PaneTabs
from console.tui.takeover import LONGEST
from console.tui.terminal_app import TerminalApp
from console.tui.vitals import Vitals
from console.workspace import Workspace

GARBAGE = 10_000  # objects made and not freed, after which the circles among them are looked for

if TYPE_CHECKING:
    from console.tui.guidance import Guidance
    from console.tui.mark_flow import MarkFlow
    from console.tui.wait_window import WindowOfWaits
    from console.watching.past import KeptReadings


class ConsoleApp(TerminalApp):
    """One console on one target."""

    CSS_PATH = "console.tcss"
    TITLE = "pipeline console"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {Commands}  # noqa: RUF012  Textual's own form
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-normal"), (160, "-wide")]  # noqa: RUF012  Textual's own form
    VERTICAL_BREAKPOINTS = [(0, "-low"), (40, "-tall")]  # noqa: RUF012
    BINDINGS = bindings(Place.APP)

    def __init__(
        self,
        workspace: Workspace,
        readers: Readers | None = None,
        first_screen: FirstScreen | None = None,
        recording: KeptReadings | None = None,
    ) -> None:
        """`readers` may have read something before: that is painted at once. `first_screen` stays until then.

        A `recording` is shown instead of a server.
        """
        super().__init__(choose_theme(workspace.settings.theme, os.environ), first_screen)
        self.workspace = workspace
        self.readers = readers or Readers(workspace.sources.named)
        self.vitals = Vitals(self.readers, workspace.settings.thresholds)
        self.times = PaneTimes(workspace, self.readers, self.vitals, recording)
        self._metrics = header_metrics(workspace.settings.thresholds)
        self.monitor = Monitor(self, workspace, self.vitals, self.times)
        self.dialogs = DialogStack(self)
        self.marks = Marks()
        everywhere = dict.fromkeys(keys_of("app.redraw", workspace.settings.keymap), self.action_redraw)
        self.keys = KeyRouting(self, self.dialogs, everywhere)
        self.flow = ActionFlow(workspace, self.dialogs, lambda: self.times.remark)
        self._rows = RowActions(workspace, self.dialogs, self.flow, self.times)
        self._first_pane = workspace.wanted.pane or OVERVIEW.name
        self._has_read = False
        self.defect: BaseException | None = None  # of what goes on behind the panes

    def compose(self) -> ComposeResult:
        """Header, tabs, the current pane, the footer. Other panes are made when they are first visited."""
        yield Header(self._metrics)
        yield PaneTabs(PANES, self._first_pane)
        yield PaneSwitcher(self.workspace, self.times, self.marks, lambda: self.times.vitals.metrics)
        yield KeyLine()

    # Life

    def on_load(self) -> None:
        """Themes and keys before the first frame."""
        self.show_theme()
        self.set_keymap(dict(self.workspace.settings.keymap))
        end_on_signals(self.exit, lambda: bool(self.workspace.running))

    async def on_mount(self) -> None:
        """Show the first pane, and begin what goes on behind it."""
        postgres = self.workspace.sources.postgres
        self.query_one(Header).show_server(postgres.label, postgres.known, {}, {})
        self.set_timer(LONGEST, self.takeover.complete)
        await self.action_pane(self._first_pane)
        self.monitor.begin()
        if self.workspace.wanted.guide and not self.times.is_file:
            self.action_setup()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A defect behind the panes does not end in silence."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.defect = event.worker.error
            self.monitor.fail(self.defect)

    def on_ready(self) -> None:
        """Exclude what is loaded by now from garbage collection: it stays for good.

        A refresh makes some rows and drops those before; looking for circles among them after every few hundred, as
        Python does by itself, finds none.
        """
        gc.freeze()
        gc.set_threshold(GARBAGE)
        gc.enable()

    async def on_unmount(self) -> None:
        """Stop the runs and close the connections."""
        from console.tui import parting  # noqa: PLC0415  what no screen needs

        await parting.close(self.workspace)

    # Panes

    def on_pane_view_first_read(self) -> None:
        """Read what notices need, and load their code, only when the first rows are on the screen."""
        if not self._has_read:
            self._has_read = True
            self.call_after_refresh(self.takeover.complete)
            if self.times.is_file:
                return
            self.call_after_refresh(self.show_notices)
            in_background(self, "readings", self.workspace.keep_readings)

    async def action_pane(self, name: str) -> None:
        """Turn to the pane called `name`, making it on the first visit."""
        await self.panes.open(name, view_in_alarm(self._metrics.values(), self.times.vitals.now, name))
        self.query_one(PaneTabs).current = name
        self.screen_stack[0].refresh_bindings()  # the focus may be where it was
        self.monitor.show_concerns()
        if isinstance(self.screen, FrontScreen):
            self.screen.lay_out_now(self.panes)

    @property
    def panes(self) -> PaneSwitcher:
        """All panes."""
        return self.query_one(PaneSwitcher)

    @property
    def pane_view(self) -> PaneView:
        """The pane that the keys act on."""
        return self.panes.in_use

    async def action_turn_group(self, by: int) -> None:
        """Turn to the group of panes `by` places further on."""
        await self.action_pane(self.query_one(PaneTabs).beside(by))

    async def on_pane_tabs_chosen(self, event: PaneTabs.Chosen) -> None:
        """A click on a tab."""
        await self.action_pane(event.name)

    @work(group="times", exit_on_error=False)
    async def action_turn_time(self, seconds: float) -> None:
        """Show all panes at another moment."""
        await load(*PAST)
        from console.tui.time_turner import TimeTurner  # noqa: PLC0415  seldom used

        await TimeTurner(self.times, self.monitor, self.dialogs).turn(seconds)

    @work(exclusive=True, group="marking", exit_on_error=False)
    async def action_mark(self) -> None:
        """Mark the moment that is shown."""
        with self.marks.making():
            await load(*PAST, *MARKING)
            await self._mark_flow.mark()

    @work(group="comparing", exit_on_error=False)
    async def action_difference(self) -> None:
        """Show in all panes what differs from the mark, or again what is."""
        await load(*MARKING)
        await self._mark_flow.compare()

    @property
    def _mark_flow(self) -> MarkFlow:
        from console.tui.mark_flow import MarkFlow  # noqa: PLC0415  seldom used

        return MarkFlow(self.workspace, self.times, self.marks, self.monitor, self.dialogs)

    @work(exclusive=True, group="naming", exit_on_error=False)
    async def action_record(self) -> None:
        """Write an incident file of what was read in the last minutes."""
        await load("console.tui.incident_flow")
        from console.tui.incident_flow import IncidentFlow  # noqa: PLC0415  seldom used

        IncidentFlow(self, self.workspace, self.times, self.dialogs).begin()

    # Findings

    def on_finding_blocks_fix_chosen(self, event: FindingBlocks.FixChosen) -> None:
        """Plan the fix of a finding."""
        self.dialogs.begin(lambda: self.flow.fix(event.action, event.parameters))

    @on(FindingBlocks.EvidenceChosen)
    @on(PaneRows.CounterpartWanted)
    async def turn_to_row(self, event: FindingBlocks.EvidenceChosen | PaneRows.CounterpartWanted) -> None:
        """Turn to the pane, view and row that show a finding, or that belong to a row."""
        if not has_view(event.pane, event.view):  # a finding of a file, or of before an upgrade
            self.dialogs.toast("Another version of the console shows this; here no pane does.")
            return
        await self.action_pane(event.pane)
        self.panes.shown.go_to(event.view, event.row, event.missing)

    @work(group="acknowledging", exit_on_error=False)
    async def on_finding_blocks_put_off(self, event: FindingBlocks.PutOff) -> None:
        """Acknowledge a finding."""
        if not self._is_present():
            return
        await self.workspace.observer.put_off(event.rule, event.subject, event.until)
        self.pane_view.poll_now()

    # Dialogs

    @cached_property
    def _guidance(self) -> Guidance:
        """What explains the console."""
        from console.tui.guidance import Guidance  # noqa: PLC0415  nothing of it is on the first screen

        return Guidance(self, self.workspace, self.dialogs)

    async def on_event(self, event: Event) -> None:
        """Give a key to what is on the screen now, and every other event to Textual."""
        if isinstance(event, Resize):
            self.picture.forget()
        if isinstance(event, Key):
            self.takeover.complete()  # whoever presses a key is to see what it does
        if not await self.keys.handles(event):
            await super().on_event(event)
        elif isinstance(self.screen, FrontScreen) and self._message_queue.empty():
            self.screen.paint_now()  # of keys that come all at once the last one

    def action_command_palette(self) -> None:
        """Go to a pane or an action by typing part of its name."""
        self.dialogs.open(Palette(id="--command-palette"))

    def action_help(self) -> None:
        """The help of the current pane."""
        self._guidance.show_help(self.pane_view.pane, self.pane_view.view, self.bytes_written)

    @work(exclusive=True, group="doctor", exit_on_error=False)
    async def action_doctor(self) -> None:
        """What this role, server and terminal can show and do."""
        if self._is_present():
            await load("console.tui.guidance", "console.tui.doctor")
            await self._guidance.show_doctor()

    @work(group="notices", exit_on_error=False)
    async def show_notices(self) -> None:
        """Say once that there is a set-up guide, or that the schema has drifted."""
        await load(*SOON)
        await self._guidance.show_notices()

    # Actions

    def _is_present(self) -> bool:
        """Whether the present is shown; else says that the past cannot be acted on."""
        if why := self.times.refusal:
            self.dialogs.toast(why)
        return not why

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key of the application acts in this pane; None: it is disabled."""
        del parameters
        return is_available(action, self.query_one(PaneTabs).current, read_only=self.workspace.wanted.read_only)

    def action_actions(self) -> None:
        """Choose an action, those of this pane first."""
        self._rows.choose(self.pane_view)

    def action_act(self, name: str) -> None:
        """Begin one action."""
        self.dialogs.begin(lambda: self.flow.begin(name))

    def action_act_at_once(self, name: str) -> None:
        """Plan one action with what its parameters are where nothing is given."""
        self.dialogs.begin(lambda: self.flow.fix(name, {}))

    def action_end_session(self) -> None:
        """Terminate the sessions of the marked rows, or of the row under the cursor."""
        self._rows.end_session(self.pane_view)

    def action_explain_row(self) -> None:
        """Show the plan of the statement that the row under the cursor is about."""
        self._rows.explain(self.pane_view)

    def action_forecast(self) -> None:
        """Ask for a statement, and show who would wait for it."""
        if self._is_present():
            self.dialogs.begin(self._forecast)

    async def _forecast(self) -> None:
        await load("console.tui.forecast_flow")
        from console.tui.forecast_flow import ForecastFlow  # noqa: PLC0415  seldom used

        await ForecastFlow(self.workspace, self.dialogs, lambda: self.size.width).begin()

    def action_stop_run(self) -> None:
        """Stop the run under the cursor of the activity pane."""
        if self._is_present():
            self._rows.stop_run(self.pane_view)

    @work(group="times", exit_on_error=False)
    async def action_next_window(self) -> None:
        """Turn to the next window of time of the waits pane, also of a moment of the past."""
        await self._window_of_waits.next()

    @work(group="times", exit_on_error=False)
    async def action_change_window(self, step: int) -> None:
        """Show a longer or a shorter window of the waits."""
        await self._window_of_waits.resize(step)

    @work(group="times", exit_on_error=False)
    async def action_window_from_mark(self) -> None:
        """Show the waits from the mark to the moment that is shown."""
        await self._window_of_waits.begin_at_mark()

    @property
    def _window_of_waits(self) -> WindowOfWaits:
        from console.tui.wait_window import WindowOfWaits  # noqa: PLC0415  seldom used

        return WindowOfWaits(self.times, self.marks, self.monitor, self.dialogs)

    @work(exclusive=True, group="setup", exit_on_error=False)
    async def action_setup(self) -> None:
        """Open the set-up guide."""
        if self._is_present():
            await load("console.tui.guidance", "console.tui.setup")
            self._guidance.open_guide(self.flow)

    @work(exclusive=True, group="quitting", exit_on_error=False)
    async def action_quit(self) -> None:  # type: ignore[override]
        """Leave; ask first while actions run."""
        running = self.workspace.running
        if not running or await self.dialogs.ask(QuitDialog(running)):
            self.workspace.stop_all()  # a server that is silent takes a second, in which the interface ends
            self.exit(0)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The command palette."""
        del screen
        view = self.pane_view
        yield from pane_commands(lambda name: self.run_worker(self.action_pane(name)))
        pane = view.pane
        yield from view_commands(pane, lambda name: view.choose_view_of(pane, name))
        yield from action_commands(self.action_act)
        yield from theme_commands(lambda name: setattr(self, "theme", name))
        yield from general_commands(
            self.action_doctor, self.action_setup, self.action_forecast, self.action_help, self.action_quit
        )


async def run_app(workspace: Workspace, readers: Readers, first_screen: FirstScreen) -> int:
    """Show the console on a terminal until it ends; the exit code. Raises Trouble(USAGE) for a wrong keymap."""
    check_keymap(workspace.settings.keymap)
    return await run_until_closed(ConsoleApp(workspace, readers, first_screen))
