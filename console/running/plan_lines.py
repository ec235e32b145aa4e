"""A plan as lines of text, each with its sort, for the command line and the terminal interface."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from console.format import in_words, one_line, safe_lines
from console.model import Plan, Record, Step
from console.model.locks import lock_of
from console.records import dataclass
from console.redaction import without_secrets
from console.running.execution import executor, groups
from console.running.progress import Run


class Sort(Enum):
    """What a line is; a front end gives each sort its looks."""

    SUMMARY = "summary"
    SUBJECT = "subject"
    NOTE = "note"
    TABLE = "table"  # the place of the plan's table; the line has no text
    RECORD = "record"  # the name of a column and its value in one row
    STEP = "step"  # the number of a step, and why it is taken or how it is run
    FACT = "fact"  # of a step: how it is run, its lock, estimate, undo
    SQL = "sql"
    UNDO = "undo"  # the statement that undoes a step
    HEADING = "heading"
    RECIPE = "recipe"
    SPACE = "space"  # an empty line


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One line of a plan."""

    sort: Sort
    text: str = ""


def plan_lines(plan: Plan) -> Iterator[PlanLine]:
    """The lines of a plan: summary, notes, every statement with its lock, estimate and undo."""
    yield PlanLine(Sort.SUMMARY, one_line(plan.summary))
    yield PlanLine(Sort.SUBJECT, one_line(plan.claim.subject))
    yield from (PlanLine(Sort.NOTE, one_line(note)) for note in plan.notes)
    if plan.recipe:
        yield PlanLine(Sort.SPACE)
        yield PlanLine(Sort.HEADING, "If the server does not come back")
        yield from _lines(Sort.RECIPE, plan.recipe)
    if plan.table is not None and plan.in_full:
        for record in plan.table.records():
            yield PlanLine(Sort.SPACE)
            yield from _record(record)
    elif plan.table is not None:
        yield PlanLine(Sort.SPACE)
        yield PlanLine(Sort.TABLE)
    at = 0
    for number, group in enumerate(groups(Run.of(plan).steps), 1):
        yield PlanLine(Sort.SPACE)
        for progress in group:
            at += 1
            yield from _step(at, progress.step, number if len(group) > 1 else 0)


def table_format(column: str) -> str:
    """How the cells of a column of a plan's table are shown: a key of format.FORMATS."""
    return "age" if column.endswith("_age") else "text"


def table_title(column: str) -> str:
    """The head of a column of a plan's table."""
    return column.replace("_", " ")


def _record(record: Record) -> Iterator[PlanLine]:
    """What is known of a row, a line each; a text of several lines below its name."""
    width = max(map(len, record))
    for column, value in record.items():
        name = table_title(column)
        text = in_words(value) if isinstance(value, float) else safe_lines("" if value is None else value).strip()
        if "\n" in text:
            yield PlanLine(Sort.RECORD, name)
            yield from _lines(Sort.SQL, text)
        elif text:
            yield PlanLine(Sort.RECORD, f"{name:<{width}}  {text}")


def _step(at: int, step: Step, transaction: int) -> Iterator[PlanLine]:
    """A step; `transaction` is the number of the one it shares with its neighbours, 0: none."""
    execution = executor(step.execution)
    how = f"in transaction {transaction}" if transaction else execution.how
    how += f", with the rights of {execution.role}" if execution.role else ""
    lock = f"lock: {step.lock}" if step.lock else ""
    undo = "" if step.undo else "no undo"
    yield PlanLine(Sort.STEP, f"{at}. {one_line(step.note)}" if step.note else f"{at}. {how}")
    facts = [fact for fact in (how if step.note else "", lock, step.estimate, undo) if fact]
    if facts:
        yield PlanLine(Sort.FACT, " · ".join(map(one_line, facts)))
    yield from _forecast(step)
    yield from _lines(Sort.SQL, step.sql)
    if step.undo:
        lock = lock_of(step.undo, step.on)
        yield PlanLine(Sort.FACT, f"undo · lock: {one_line(lock)}" if lock else "undo")
        yield from _lines(Sort.UNDO, step.undo)


def _forecast(step: Step) -> Iterator[PlanLine]:
    if step.forecast is not None:
        from console.forecast.lines import step_sentence, step_work  # noqa: PLC0415  the first screen shows no plan

        if work := step_work(step.forecast):
            yield PlanLine(Sort.FACT, f"work: {work}")
        if waits := step_sentence(step.forecast, step.lock):
            yield PlanLine(Sort.FACT, f"who waits: {waits}")


def _lines(sort: Sort, text: str) -> Iterator[PlanLine]:
    return (PlanLine(sort, line) for line in safe_lines(without_secrets(text.strip())).split("\n"))
