"""From choosing an action to its end: menu, parameters, plan, confirmation, run, report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from textual.notifications import SeverityLevel
from textual.screen import Screen

from console import actions
from console.format import in_form
from console.model import Kind, Outcome, Plan, Trouble, read_only
from console.running.progress import Run
from console.tui.dialogs import TextDialog
from console.tui.loading import ACTING, load
from console.workspace import Workspace

if TYPE_CHECKING:
    from console.actions.planning import Action

LONGEST_TOAST = 160  # characters; a longer text is a dialog, or cut
GOOD = (Outcome.DONE, Outcome.NOTHING)

Answer = TypeVar("Answer")


class Front(Protocol):
    """What the flow needs of a terminal application: dialogs with an answer, a planning indicator, toasts."""

    async def ask(self, dialog: Screen[Answer]) -> Answer | None:
        """Show a dialog and wait for its answer; None: it was closed without one."""
        ...

    def show_planning(self, title: str) -> None:
        """Show that the action with this title is being planned; empty: nothing is."""
        ...

    def toast(self, text: str, title: str = "", severity: SeverityLevel = "information", timeout: float = 5) -> None:
        """Show a text for some seconds."""
        ...


class ActionFlow:
    """Takes an action of one workspace from the key to its end. Runs go on while other panes are on the screen."""

    def __init__(self, workspace: Workspace, front: Front, remark: Callable[[], str] = str) -> None:
        """`remark` is what each answer says: that it is of the present while the screen shows the past."""
        self._workspace = workspace
        self._front = front
        self._remark = remark

    async def choose(self, names: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
        """Show the menu, with the actions `names` first, and begin the chosen one; those take `rows` as parameters."""
        known = await asyncio.to_thread(lambda: actions.ACTIONS)
        await load("console.tui.action_dialogs")
        from console.tui.action_dialogs import ActionMenu  # noqa: PLC0415  loaded above

        here = [each for name in names for each in known if each.name == name]
        others = [each for each in known if each.name not in names]
        chosen = await self._front.ask(ActionMenu(here, others, rows))
        if chosen:
            await self.begin(chosen, rows if chosen in names else ())

    async def begin(self, name: str, rows: Sequence[Mapping[str, object]] = ()) -> None:
        """Ask for missing parameters of an action, plan, show the plan, and run it if it is confirmed."""
        chosen = await _loaded(name)
        if self._workspace.wanted.read_only:
            await self.refuse(chosen.title, read_only())
            return
        parameters = parameters_from_rows(chosen, rows)
        if {parameter.name for parameter in chosen.parameters if not parameter.exact} - parameters.keys():
            await self._begin_with_form(chosen, parameters)
        else:
            await self.plan_and_start(chosen, parameters)

    async def _begin_with_form(self, chosen: Action, known: Mapping[str, str]) -> None:
        """Ask for parameters until they can be planned with, or the form is closed."""
        from console.tui.action_dialogs import ParameterDialog  # noqa: PLC0415  loaded with the action

        while True:
            answer = await self._front.ask(ParameterDialog(chosen, known))
            if answer is None:
                return
            known = {**_seen(chosen, known), **answer}
            try:
                await self._show_and_start(chosen, await self._planned(chosen, known))
            except Trouble as why:
                await self.refuse(chosen.title, why)
                if why.kind is Kind.USAGE:  # a value is wrong
                    continue
            return

    async def fix(self, name: str, parameters: Mapping[str, str]) -> None:
        """Plan the action that a finding names, show the plan, and run it if it is confirmed."""
        if name not in actions.MODULES:  # a finding of a file, or of before an upgrade
            self._front.toast("Another version of the console has the action that fixes this.")
            return
        chosen = await _loaded(name)
        if self._workspace.wanted.read_only:
            await self.refuse(chosen.title, read_only())
        else:
            await self.plan_and_start(chosen, parameters)

    async def plan_and_start(self, chosen: Action, parameters: Mapping[str, str]) -> Run | None:
        """Plan one action, show the plan, and start it if it is confirmed. None: it was not.

        Why there is no plan, or nothing to do, is shown.
        """
        try:
            return await self._show_and_start(chosen, await self._planned(chosen, parameters))
        except Trouble as why:
            await self.refuse(chosen.title, why)
            return None

    async def _planned(self, chosen: Action, parameters: Mapping[str, str]) -> Plan:
        self._front.show_planning(chosen.title)
        remark = self._remark()
        plan = await self._workspace.plan(chosen, parameters)
        return replace(plan, notes=(remark, *plan.notes)) if remark else plan

    async def _show_and_start(self, chosen: Action, plan: Plan) -> Run | None:
        if not plan.steps:
            await self.explain(chosen.title, in_form(" ".join(("Nothing to do.", *plan.notes))))
            return None
        from console.tui.plan_dialog import PlanDialog  # noqa: PLC0415  loaded with the action

        dialog = PlanDialog(chosen, plan, self._workspace.forecast_again)
        return self._start(chosen, plan) if await self._front.ask(dialog) else None

    async def ask(self, dialog: Screen[Answer]) -> Answer | None:
        """Show a dialog and wait for its answer; None: it was closed without one."""
        return await self._front.ask(dialog)

    def show_planning(self, title: str) -> None:
        """Show that something with this title is being planned."""
        self._front.show_planning(title)

    async def refuse(self, title: str, why: Trouble) -> None:
        """Show why something cannot be done, and the remedy, until the dialog is closed."""
        text = "\n\n".join(filter(None, (why.sentence, why.remedy, self._remark())))
        await self._front.ask(TextDialog(title, in_form(text)))

    async def explain(self, title: str, text: str) -> None:
        """Show a text: in a toast where it is short, else in a dialog."""
        if len(text) <= LONGEST_TOAST:
            self._front.toast(text, title)
        else:
            await self._front.ask(TextDialog(title, text))

    def _start(self, chosen: Action, plan: Plan) -> Run:
        run = self._workspace.start(plan, lambda ended: self._report(chosen, ended))
        self._front.toast("Running; see the activity pane.", chosen.title, timeout=3)
        return run

    def _report(self, chosen: Action, run: Run) -> None:
        good = run.outcome in GOOD
        outcome = run.outcome.value.capitalize() if run.outcome else ""
        text = f"{run.message} {' '.join(run.notes)}" if good else f"{outcome}: {run.message}"
        if len(text) > LONGEST_TOAST:
            text = f"{text[:LONGEST_TOAST]}… (the audit pane has the whole message)"
        self._front.toast(in_form(text.rstrip()), chosen.title, "information" if good else "error", 6 if good else 20)


async def _loaded(name: str) -> Action:
    """The action called `name`, with all code that it takes."""
    await load(*ACTING)
    return await asyncio.to_thread(actions.action, name)


def parameters_from_rows(chosen: Action, rows: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """The parameters that rows of a pane give; values of several rows are joined by commas."""
    parameters: dict[str, str] = {}
    exact = {parameter.name for parameter in chosen.parameters if parameter.exact}
    for name, named in chosen.row.items():
        columns = (named,) if isinstance(named, str) else named
        found = [next((row[column] for column in columns if column in row), None) for row in rows]
        values = [str(value) for value in found if value is not None]
        if values:  # what is exact is said of each row
            parameters[name] = ",".join(
                "" if value is None else str(value) for value in found if name in exact or value is not None
            )
    return parameters


def _seen(chosen: Action, known: Mapping[str, str]) -> Mapping[str, str]:
    """The parameters that a form does not ask for."""
    return {each.name: known[each.name] for each in chosen.parameters if each.exact and each.name in known}
