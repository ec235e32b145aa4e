"""Runs the actions of a job through a Workspace: the same plans, locks, audit and undo as for a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from console.actions import action
from console.actions.relations import relation
from console.format import one_line
from console.jobs.job import Done, Job, JobFailed, Rejected
from console.jobs.kinds import Checks, Task, assignment
from console.model import Kind, Outcome, Trouble
from console.running.progress import Run
from console.worker.checking import HealthCheck
from console.workspace import Workspace

KEPT_RUNS = 20  # of which the workspace still knows


class Performer:
    """Runs the jobs of one worker."""

    def __init__(self, workspace: Workspace, health: HealthCheck) -> None:
        self._workspace = workspace
        self._health = health

    async def perform(self, job: Job, report: Callable[[str], None]) -> Done:
        """Run a job; `report` gets its progress. Raises Rejected, JobFailed or Trouble."""
        work = assignment(job.kind, job.parameters)
        if isinstance(work, Checks):
            return await self._health.look(work)
        tasks = [await self._resolved(task) for task in work]
        runs = [await self._run(task, report) for task in tasks]
        documents = [_document(run) for run in runs]
        return Done(" ".join(dict.fromkeys(run.message for run in runs)), {"runs": documents})

    async def _resolved(self, task: Task) -> Task:
        """The task with the full name of its table. Raises Rejected if there is none of that name, or several."""
        if not task.names:
            return task
        try:
            found = await relation(self._workspace.sources.postgres, task.parameters[task.names])
        except Trouble as why:
            if why.kind is Kind.REFUSED:
                raise Rejected(str(why)) from None
            raise
        return replace(task, parameters={**task.parameters, task.names: found.name})

    async def _run(self, task: Task, report: Callable[[str], None]) -> Run:
        try:
            plan = await self._workspace.plan(action(task.action), task.parameters)
        except Trouble as why:
            if why.kind is Kind.USAGE:
                raise Rejected(str(why)) from None
            raise
        run = await self._workspace.run(plan, lambda run: report(_progress(task, run)))
        del self._workspace.runs[:-KEPT_RUNS]
        if run.outcome not in {Outcome.DONE, Outcome.NOTHING}:
            raise JobFailed(f"{task.action}: {run.message}")
        return run


def _progress(task: Task, run: Run) -> str:
    step = f"{task.action}, step {run.at + 1} of {len(run.steps)}"
    message = run.steps[run.at].message if run.steps else ""
    return f"{step}: {one_line(message)}" if message else step


def _document(run: Run) -> dict[str, object]:
    outcome = run.outcome.value if run.outcome else None
    return {
        "run": run.id,
        "action": run.plan.action,
        "parameters": dict(run.plan.parameters),
        "outcome": outcome,
        "message": run.message,
        "seconds": round(run.seconds, 3),
    }
