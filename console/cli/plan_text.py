"""Plans and runs as text and JSON, and the progress of a run as it goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TextIO

from console.cli.table import table
from console.format import age, count, one_line, safe, safe_lines, to_json
from console.model import Column, Outcome, Plan, Snapshot, Step, View
from console.redaction import without_secrets
from console.running.run import Progress, Run, groups

QUIET = 5.0  # seconds between two lines about the same step where lines cannot be overwritten


def plan_text(plan: Plan) -> str:
    """Everything a DBA must know before saying yes: every statement, its lock, its cost, its undo."""
    head = f"{plan.action}: {one_line(plan.subject)}".removesuffix(": ")
    lines = [head, *(f"  {safe(note)}" for note in plan.notes), ""]
    if plan.table is not None:
        lines += [_table(plan.table)]
    lines += _steps(plan)
    if plan.recipe:
        lines += ["If the worst happens:", *_indented(plan.recipe), ""]
    return "\n".join(lines)


def ending(run: Run) -> str:
    """How a run ended, in a few lines."""
    if run.outcome is None:
        return "Dry run: nothing was changed.\n"
    lines = [safe(run.message)]
    done = sum(one.status == "done" for one in run.steps)
    failed = [f"Step {i} failed: {_title(one.step)}" for i, one in enumerate(run.steps, 1) if one.status == "failed"]
    if run.outcome is Outcome.DONE:
        rows = sum(one.rows for one in run.steps)
        told = f", {count(rows)} rows" if rows else ""
        lines = [f"Done: {done} {'step' if done == 1 else 'steps'} in {age(run.seconds)}{told}."]
    elif run.outcome is Outcome.STOPPED:
        lines.append(f"{done} of {len(run.steps)} steps are done. Run the same command again to go on from there.")
    elif run.outcome is Outcome.FAILED:
        lines.append("Nothing was changed.")
    lines += [*failed, *(f"Note: {safe(note)}" for note in run.notes)]
    if run.undo:
        lines.append("pipeline-console run undo takes it back.")
    return "".join(f"{line}\n" for line in lines)


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
        "subject": plan.subject,
        "parameters": dict(plan.parameters),
        "destructive": plan.destructive,
        "notes": [*plan.notes, *run.notes],
        "table": None if plan.table is None else list(plan.table.records()),
        "recipe": plan.recipe,
        "steps": [_step_document(one) for one in run.steps],
        "undo": [without_secrets(statement) for statement in run.undo],
        "seconds": run.seconds,
        "run": run.id,
    }


class Ticker:
    """Tells the progress of a run: on a terminal in one line that changes, elsewhere a line for each news."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._terminal = out.isatty()
        self._last: tuple[int, str] = (-1, "")
        self._at = 0.0
        self._open = False

    def __call__(self, run: Run) -> None:
        """Hear of a change."""
        now = time.monotonic()
        at = run.at
        one = run.steps[at]
        news = (at, one.status)
        if not self._terminal and news == self._last and now - self._at < QUIET:
            return
        self._last, self._at = news, now
        said = f": {one_line(one.said)}" if one.said else ""
        text = f"{at + 1}/{len(run.steps)} {one.status} {age(one.seconds)} {_title(one.step)}{said}"
        if self._terminal:
            self._out.write(f"\r\x1b[K{safe(text, 79)}")
            self._open = True
        else:
            self._out.write(f"{safe(text, 300)}\n")
        self._out.flush()

    def end(self) -> None:
        """Leave the terminal as it was."""
        if self._open:
            self._out.write("\r\x1b[K")
            self._out.flush()


def _title(step: Step) -> str:
    return one_line(step.note or without_secrets(step.sql))[:120]


def _steps(plan: Plan) -> Iterator[str]:
    at = 0
    for number, group in enumerate(groups(Run.of(plan).steps), 1):
        for one in group:
            at += 1
            yield f"{at}. {_how(one.step, number, len(group))}"
            yield from _facts(one.step)
            yield from _indented(one.step.sql)
            if one.step.undo:
                yield "   undo:"
                yield from _indented(one.step.undo)
            yield ""


def _how(step: Step, number: int, together: int) -> str:
    if step.repeat:
        about = f", about {count(step.total)} rows" if step.total else ""
        return f"in batches, a transaction each{about}"
    if step.file is not None:
        return "a file of this machine"
    if not step.transaction:
        return "alone, outside a transaction"
    return f"in transaction {number}" if together > 1 else "in a transaction of its own"


def _facts(step: Step) -> Iterator[str]:
    for title, value in (("why", step.note), ("lock", step.lock), ("estimate", step.estimate)):
        if value:
            yield f"   {title}: {one_line(value)}"
    if not step.undo:
        yield "   undo: none"


def _indented(text: str) -> list[str]:
    return [f"     {line}" for line in safe_lines(without_secrets(text.strip())).split("\n")]


def _table(snapshot: Snapshot) -> str:
    columns = tuple(Column(name, name.replace("_", " ")) for name in snapshot.columns)
    return table(View("plan", "plan", "", columns, ()), snapshot)


def _step_document(one: Progress) -> dict[str, object]:
    step = one.step
    return {
        "sql": without_secrets(step.sql),
        "lock": step.lock,
        "transaction": step.transaction,
        "undo": without_secrets(step.undo),
        "status": one.status,
        "seconds": one.seconds,
        "rows": one.rows,
        "estimate": step.estimate,
        "note": step.note,
    }
