"""From a wish to a finished run: menu, parameters, plan, yes, run; runs go on while other panes are looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from console.actions import ACTIONS, action
from console.actions.planning import Action, plan
from console.format import safe
from console.model import Outcome, Plan, Trouble
from console.running.progress import Run, stop
from console.running.runner import Runner
from console.running.trail.audit import Trail
from console.sources.postgres import ActingSession
from console.tui.plan_dialog import ActionMenu, ParameterDialog, PlanDialog

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp

LONGEST_NOTES = 400  # characters of a message that passes
SEVERITY = {Outcome.DONE: "information", Outcome.NOTHING: "information"}


class Acting:
    """The runs of one console and the way to them."""

    def __init__(self, app: ConsoleApp, trail: Trail) -> None:
        self._app = app
        self._trail = trail
        self.runs = app.runs
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def running(self) -> int:
        """How many runs have not ended."""
        return len(self._tasks)

    async def choose(self, names: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
        """Let the user choose an action, those of the pane first, and go on with it."""
        here = [each for each in ACTIONS if each.name in names]
        others = [each for each in ACTIONS if each.name not in names]
        chosen = await self._app.push_screen_wait(ActionMenu(here, others))
        if chosen:
            await self.begin(action(chosen), rows if chosen in names else ())

    async def begin(self, chosen: Action, rows: Sequence[Mapping[str, object]] = ()) -> None:
        """Ask for parameters where there are any, plan, show the plan, and run it on yes."""
        app = self._app
        if app.wanted.read_only:
            app.notify("This console is read-only: nothing is changed.", severity="warning", markup=False)
            return
        given = known(chosen, rows)
        if {parameter.name for parameter in chosen.parameters} - given.keys():
            answer = await app.push_screen_wait(ParameterDialog(chosen, given))
            if answer is None:
                return
            given = answer
        try:
            made = await plan(chosen, app.sources.postgres, given, app.settings)
        except Trouble as why:
            app.notify(safe(why), title=chosen.title, severity="error", timeout=12, markup=False)
            return
        if not made.steps:
            notes = " ".join(made.notes)
            app.notify(safe(f"There is nothing to do. {notes}"), title=chosen.title, markup=False)
            return
        if await app.push_screen_wait(PlanDialog(chosen, made)):
            self._start(made)

    async def perform(self, chosen: Action, given: Mapping[str, str], begun: Callable[[Run], None]) -> Run | None:
        """Plan one action, show the plan, run it on yes and wait for its end. None: nothing was run. Raises Trouble.

        The run goes on when nobody waits for it any more.
        """
        made = await plan(chosen, self._app.sources.postgres, given, self._app.settings)
        if not made.steps or not await self._app.push_screen_wait(PlanDialog(chosen, made)):
            return None
        run, task = self._start(made)
        begun(run)
        await asyncio.wait({task})
        return run

    def stop(self, identifier: str) -> None:
        """Stop a run: what it runs on the server is cancelled."""
        task = self._tasks.get(identifier)
        if task is not None:
            stop(task)

    async def close(self) -> None:
        """Stop all runs and wait for their ends."""
        tasks = list(self._tasks.values())
        for task in tasks:
            stop(task)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, made: Plan) -> tuple[Run, asyncio.Task[None]]:
        run = Run.of(made)
        self.runs.append(run)
        task = self._tasks[run.id] = asyncio.get_running_loop().create_task(self._run(run))
        self._app.notify(f"{made.action} runs; the activity pane shows it", timeout=3, markup=False)
        return run, task

    async def _run(self, run: Run) -> None:
        session = ActingSession(self._app.wanted.target, self._app.wanted.read_only)
        try:
            await Runner(session, self._app.sources.postgres, self._trail).run(run.plan, run=run)
        except Trouble as why:
            run.outcome, run.message = Outcome.REFUSED, str(why)
        finally:
            del self._tasks[run.id]
        self._report(run)

    def _report(self, run: Run) -> None:
        good = run.outcome in SEVERITY
        outcome = run.outcome.value if run.outcome else ""
        said = "" if good else f": {run.message}"
        notes = " ".join(run.notes)
        if len(notes) > LONGEST_NOTES:
            notes = f"{notes[:LONGEST_NOTES]}… The audit pane has all of it."
        self._app.notify(
            safe(f"{outcome} in {run.seconds:.1f} s{said} {notes}"),
            title=run.plan.action,
            severity="information" if good else "error",
            timeout=6 if good else 20,
            markup=False,
        )


def known(chosen: Action, rows: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """The parameters that rows of a pane give; those of several rows are joined by commas."""
    given: dict[str, str] = {}
    for name, column in chosen.row.items():
        values = [str(row[column]) for row in rows if row.get(column) is not None]
        if values:
            given[name] = ",".join(values)
    return given
