"""Plans and runs as text and JSON, and the progress of a run as it goes."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from typing import TextIO

from console.cli.table import table
from console.forecast.lines import document
from console.format import age, count, counted, one_line, safe, to_json
from console.model import Column, Outcome, Plan, Program, Snapshot, Standalone, Step, View
from console.redaction import without_secrets
from console.running.execution import executor
from console.running.plan_lines import Sort, plan_lines, table_format, table_title
from console.running.progress import Run, StepProgress

QUIET = 5.0  # seconds between two lines about the same step where lines cannot be overwritten
LEAVES = "No step is done. Run the same command again: it completes or removes what the failed step may have left."


INDENTED = {Sort.NOTE: "  ", Sort.RECIPE: "  ", Sort.FACT: "   ", Sort.SQL: "     ", Sort.UNDO: "     "}


def plan_text(plan: Plan) -> str:
    """The summary, then every statement with its lock, its cost and its undo."""
    lines = []
    for line in plan_lines(plan):
        match line.sort:
            case Sort.SUMMARY:
                lines.append(f"{plan.action}: {line.text}".removeprefix(": "))
            case Sort.SUBJECT:
                lines.append(f"  Acts on {line.text}")
            case Sort.TABLE if plan.table is not None:
                lines.append(_table(plan.table).rstrip("\n"))
            case sort:
                lines.append(f"{INDENTED.get(sort, '')}{line.text}")
    return "".join(f"{line}\n" for line in lines) + "\n"


def ending(run: Run, options: str = "") -> str:
    """How a run ended, in a few lines; `options` name its target in another command."""
    if run.outcome is None:
        return "Dry run: nothing was changed.\n"
    lines = [safe(run.message)]
    done = sum(step.status == "done" for step in run.steps)
    failed = [
        f"Step {i} failed: {_title(progress.step)}"
        for i, progress in enumerate(run.steps, 1)
        if progress.status == "failed"
    ]
    if run.outcome is Outcome.DONE:
        said = ", ".join((f"{counted(done, 'step')} in {age(run.seconds)}", *_changed(run)))
        lines = [f"Done: {said}."]
    elif run.outcome is Outcome.STOPPED:
        lines.append(f"{done} of {len(run.steps)} steps are done. Run the same command again to resume.")
    elif run.outcome is Outcome.FAILED:
        lines.append(LEAVES if any(map(_can_leave, run.steps)) else "Nothing was changed.")
    lines += [*failed, *(f"Note: {safe(note)}" for note in run.notes)]
    if run.undo:
        lines.append(f"To undo: {f'pipeline-console run undo {options}'.rstrip()}")
    return "".join(f"{line}\n" for line in lines)


def _can_leave(progress: StepProgress) -> bool:
    """Whether a failed step can have left something, such as an invalid index."""
    alone = isinstance(progress.step.execution, Standalone | Program)
    return progress.status == "failed" and alone and not executor(progress.step.execution).transactional


def _changed(run: Run) -> list[str]:
    """How many rows the steps changed, or blocks they loaded."""
    sums = Counter[str]()
    for progress in run.steps:
        sums[executor(progress.step.execution).unit] += progress.rows
    return [counted(total, unit, shown=count) for unit, total in sums.items() if total]


def run_document(run: Run) -> str:
    """The JSON document of the command line's contract; the outcome of a dry run is "planned"."""
    return to_json(run_record(run)) + "\n"


def run_record(run: Run) -> dict[str, object]:
    """A run as raw values."""
    plan = run.plan
    return {
        "action": plan.action,
        "outcome": run.outcome.value if run.outcome else "planned",
        "message": run.message,
        "summary": plan.summary,
        "subject": plan.claim.subject,
        "parameters": dict(plan.parameters),
        "destructive": plan.destructive,
        "confirm": plan.claim.typed if plan.destructive else None,
        "notes": [*plan.notes, *run.notes],
        "table": None if plan.table is None else list(plan.table.records()),
        "recipe": plan.recipe,
        "steps": [_step_document(step) for step in run.steps],
        "undo": [without_secrets(statement) for statement in run.undo],
        "seconds": run.seconds,
        "run": run.id,
    }


class Ticker:
    """Prints the progress of a run: on a terminal one line that changes, elsewhere a line for each change.

    A reader that has gone away does not disturb the run.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._terminal = out.isatty()
        self._last: tuple[int, str] = (-1, "")
        self._at = 0.0
        self._open = False

    def __call__(self, run: Run) -> None:
        """Print the current step."""
        now = time.monotonic()
        at = run.at
        progress = run.steps[at]
        state = (at, f"{progress.status} {run.silence}")
        if not self._terminal and state == self._last and now - self._at < QUIET:
            return
        self._last, self._at = state, now
        said = run.silence or progress.message
        message = f": {one_line(said)}" if said else ""
        title = "" if run.silence else f" {_title(progress.step)}"
        text = f"{at + 1}/{len(run.steps)} {progress.status} {age(progress.seconds)}{title}{message}"
        self._write(f"\r\x1b[K{safe(text, 79)}" if self._terminal else f"{safe(text, 300)}\n")
        self._open = self._terminal

    def end(self) -> None:
        """Leave the terminal as it was."""
        if self._open:
            self._write("\r\x1b[K")
            self._open = False

    def say(self, sentence: str) -> None:
        """Print a line of its own; the progress goes on below it."""
        self.end()
        self._write(f"{sentence}\n")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._out.write(text)
            self._out.flush()


def _title(step: Step) -> str:
    return one_line(step.note or without_secrets(step.sql))[:120]


def _table(snapshot: Snapshot) -> str:
    columns = tuple(Column(name, table_title(name), table_format(name)) for name in snapshot.columns)
    return table(View("plan", "plan", "", columns, ()), snapshot)


def _step_document(progress: StepProgress) -> dict[str, object]:
    step = progress.step
    return {
        "sql": without_secrets(step.sql),
        "lock": step.lock,
        "transaction": executor(step.execution).transactional,
        "undo": without_secrets(step.undo),
        "status": progress.status,
        "seconds": progress.seconds,
        "rows": progress.rows,
        "estimate": step.estimate,
        "note": step.note,
        "forecast": None if step.forecast is None else document(step.forecast),
    }
