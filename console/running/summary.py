"""The summary of a plan in one line: how much it does, its strongest lock, what it blocks."""

from __future__ import annotations

from console.format import count, counted, one_line
from console.model import Batches, Plan
from console.model.locks import strongest
from console.running.progress import Run


def summary(plan: Plan) -> str:
    """The plan in one line, such as "9 partitions for 3 tables, strongest lock SHARE ROW EXCLUSIVE, blocks writes, …".

    Begins with the plan's own summary, else with the number of its steps.
    """
    if not plan.steps:
        return "Nothing to do."
    locks = () if plan.signals else _locks(plan)
    return ", ".join(part for part in (plan.summary or _steps(plan), _rows(plan), *locks) if part) + "."


def achieved(run: Run) -> str:
    """What a run that came to its end has done, as a sentence with its figures: "9 partitions created."."""
    if run.plan.signals:
        return run.plan.signals.done(hit(run))
    moved = sum(progress.rows for progress in run.steps if isinstance(progress.step.execution, Batches))
    rows = f", {counted(moved, 'row', shown=count)} moved" if moved else ""
    done = run.plan.result or f"{counted(len(run.steps), 'step')} run"
    named = not done.split(" ", 1)[0].isalnum()  # it begins with the name of a relation
    return f"{done if named else done[:1].upper() + done[1:]}{rows}."


def hit(run: Run) -> int:
    """How many sessions a run of signals has found that still were what was seen, and signalled."""
    return sum(progress.rows for progress in run.steps)


def _steps(plan: Plan) -> str:
    relations = list(dict.fromkeys(step.on for step in plan.steps if step.on))
    where = f" on {one_line(relations[0])}" if len(relations) == 1 else ""
    where = f" on {len(relations)} relations" if len(relations) > 1 else where
    return counted(len(plan.steps), "step") + where


def _rows(plan: Plan) -> str:
    rows = sum(step.execution.rows for step in plan.steps)
    return f"about {counted(rows, 'row', shown=count)} in batches" if rows else ""


def _locks(plan: Plan) -> tuple[str, ...]:
    waiting = [step for step in plan.steps if step.on]  # the others lock what only they know, such as a new table
    mode = strongest(step.lock for step in waiting)
    if mode is None:
        return ("no lock on existing tables",)
    if not mode.blocks:
        return f"strongest lock {mode.value}", "reads and writes go on"
    blocking = [step for step in waiting if (taken := strongest([step.lock])) and taken.blocks]
    queues = [step.execution.queue for step in blocking]
    longest = max((seconds for seconds in queues if seconds is not None), default=0.0)
    limit = f" (queued for it < {longest:.1f} s)" if longest and None not in queues else ""
    return f"strongest lock {mode.value}{limit}", f"blocks {mode.blocks} while held"
