"""From choosing an action to its end: menu, parameters, plan, confirmation, run, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from textual.notifications import SeverityLevel
from textual.screen import Screen

from console.actions import ACTIONS, action
from console.actions.planning import Action
from console.model import Outcome, Plan, Trouble
from console.running.progress import Run
from console.tui.plan_dialog import ActionMenu, ParameterDialog, PlanDialog
from console.workspace import Workspace

LONGEST_NOTES = 400  # characters of notes in a toast
GOOD = (Outcome.DONE, Outcome.NOTHING)

Answer = TypeVar("Answer")


class Front(Protocol):
    """What the flow needs of a terminal application: dialogs with an answer, and toasts."""

    async def ask(self, dialog: Screen[Answer]) -> Answer | None:
        """Show a dialog and wait for its answer; None: it was closed without one."""
        ...

    def toast(self, text: str, title: str = "", severity: SeverityLevel = "information", timeout: float = 5) -> None:
        """Show a text for some seconds."""
        ...


class ActionFlow:
    """Takes an action of one workspace from the key to its end. Runs go on while other panes are on the screen."""

    def __init__(self, workspace: Workspace, front: Front) -> None:
        self._workspace = workspace
        self._front = front

    async def choose(self, names: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
        """Show the menu, with the actions `names` first, and begin the chosen one; those take `rows` as parameters."""
        here = [each for each in ACTIONS if each.name in names]
        others = [each for each in ACTIONS if each.name not in names]
        chosen = await self._front.ask(ActionMenu(here, others))
        if chosen:
            await self.begin(action(chosen), rows if chosen in names else ())

    async def begin(self, chosen: Action, rows: Sequence[Mapping[str, object]] = ()) -> None:
        """Ask for missing parameters, plan, show the plan, and run it if it is confirmed."""
        if self._workspace.wanted.read_only:
            self._front.toast("The console is read-only (--read-only).", severity="warning")
            return
        given = parameters_from_rows(chosen, rows)
        if {parameter.name for parameter in chosen.parameters} - given.keys():
            answer = await self._front.ask(ParameterDialog(chosen, given))
            if answer is None:
                return
            given = answer
        try:
            plan = await self._workspace.plan(chosen, given)
        except Trouble as why:
            self._front.toast(str(why), chosen.title, "error", 12)
            return
        if not plan.steps:
            self._front.toast(f"Nothing to do. {' '.join(plan.notes)}", chosen.title)
        elif await self._front.ask(PlanDialog(chosen, plan)):
            self._start(chosen, plan)

    async def perform(self, chosen: Action, given: Mapping[str, str], began: Callable[[Run], None]) -> Run | None:
        """Plan one action, show the plan, run it if it is confirmed, and wait for its end. None: nothing was run.

        The run goes on when the caller is cancelled. Raises Trouble.
        """
        plan = await self._workspace.plan(chosen, given)
        if not plan.steps or not await self._front.ask(PlanDialog(chosen, plan)):
            return None
        run = self._start(chosen, plan)
        began(run)
        await self._workspace.wait(run)
        return run

    def _start(self, chosen: Action, plan: Plan) -> Run:
        run = self._workspace.start(plan, lambda ended: self._report(chosen, ended))
        self._front.toast("Running; see the activity pane.", chosen.title, timeout=3)
        return run

    def _report(self, chosen: Action, run: Run) -> None:
        good = run.outcome in GOOD
        outcome = run.outcome.value if run.outcome else ""
        message = "" if good else f": {run.message}"
        notes = " ".join(run.notes)
        if len(notes) > LONGEST_NOTES:
            notes = f"{notes[:LONGEST_NOTES]}… (all of it is in the audit pane)"
        text = f"{outcome.capitalize()} in {run.seconds:.1f} s{message} {notes}".rstrip()
        self._front.toast(text, chosen.title, "information" if good else "error", 6 if good else 20)


def parameters_from_rows(chosen: Action, rows: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """The parameters that rows of a pane give; values of several rows are joined by commas."""
    given: dict[str, str] = {}
    for name, column in chosen.row.items():
        values = [str(row[column]) for row in rows if row.get(column) is not None]
        if values:
            given[name] = ",".join(values)
    return given
