"""Rows of panes: the runs of this console and the audit trail of its user."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from console.format import safe
from console.model import Kind, Row, Snapshot, Source, Trouble, denied
from console.redaction import without_secrets
from console.running.progress import Run
from console.running.trail import history
from console.running.trail.audit import Trail, whoami
from console.running.trail.history import Past
from console.running.trail.loads import LOADS, loads
from console.sources.console import Answer, Parameters, table

TRAIL = (
    *("run", "at", "action", "subject", "outcome", "os_user", "origin", "server", "database", "user"),
    *("seconds", "rows", "done", "steps", "undo", "message", "parameters"),
)
STEPS = ("at", "status", "seconds", "rows", "sql", "undo")
ACTIVITY = (
    *("run", "at", "action", "subject", "status", "step", "steps", "rows", "seconds", "said", "os_user", "process"),
    *("server", "database"),
)
DATABASE = (
    *("run", "at", "action", "subject", "outcome", "os_user", "origin", "user", "seconds", "statements", "undo"),
    "message",
)
MOST = 1000  # runs
UNDO = "undo"  # the action whose parameter `run` names the run that it undoes
UNDONE = "undone"
FORGOTTEN = timedelta(days=7)  # after which a run that never ended is history alone


def answers(trail: Trail, runs: Sequence[Run], database: Source) -> Mapping[str, Answer]:
    """What the console answers itself: its `runs` as they go, `trail`, and the audit table of `database`."""
    past = _History(trail)

    def run_of(parameters: Parameters) -> str:
        return str(parameters.get("run", ""))

    def progress(parameters: Parameters) -> list[Row]:
        own = next((run for run in runs if run.id == run_of(parameters)), None)
        return _progress(own) if own and own.steps else past.steps(run_of(parameters))

    file = f"the audit trail {safe(trail.path)}"
    return {
        "audit_trail": table("audit_trail", TRAIL, lambda _: past.rows(), f"Every run in {file}."),
        "audit_run": table("audit_run", STEPS, lambda given: past.steps(run_of(given)), f"One run in {file}."),
        "activity": table(
            "activity",
            ACTIVITY,
            lambda _: [*map(_own, reversed(runs)), *past.others(runs)],
            f"The runs of this console, and those in {file} that have not ended.",
        ),
        "load_tests": table(
            "load_tests", LOADS, lambda _: past.loads(runs), f"Load tests that run, and their results in {file}."
        ),
        "activity_run": table("activity_run", STEPS, progress, f"One run of this console, or one in {file}."),
        "audit_database": _of_database(database, "audit_database", DATABASE),
        "audit_database_run": _of_database(database, "audit_database_run", STEPS),
    }


def _of_database(database: Source, query: str, columns: tuple[str, ...]) -> Answer:
    async def fetch(parameters: Parameters) -> Snapshot:
        state = await database.fetch("audit_state")
        (row,) = state.records()
        if row["readable"]:
            return await database.fetch(query, parameters)
        empty = replace(state, columns=columns, rows=())
        if row["present"]:
            return empty.hiding(denied("The audit table cannot be read.", "SELECT ON public.console_audit"))
        return replace(empty, notes=("This database has no audit table; apply-schema creates public.console_audit.",))

    return Answer(fetch, lambda: database.text(query))


class _History:
    """The runs of a trail. Only what was appended since the last read is read: a trail grows for years."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self._file = 0  # its inode
        self._offset = 0  # up to where it was read
        self._known: dict[str, Past] = {}

    def rows(self) -> list[Row]:
        """The newest runs, newest first."""
        past = self._past()
        undone = {each.parameters.get("run") for each in past if each.action == UNDO and each.outcome == "done"}
        return [_past_row(each, each.id in undone) for each in reversed(past[-MOST:])]

    def steps(self, run: str) -> list[Row]:
        """The statements of one run, then its notes."""
        past = next((each for each in self._past() if each.id == run), None)
        if past is None:
            return []
        rows: list[Row] = [
            (statement.at, "done", statement.seconds, statement.rows, statement.sql, statement.undo or None)
            for statement in past.finished
        ]
        rows += [(None, "not done", None, None, statement.sql, None) for statement in past.planned[len(rows) :]]
        return rows + [(past.ended_at, "note", None, None, note, None) for note in past.notes]

    def others(self, runs: Sequence[Run]) -> list[Row]:
        """The unfinished runs that are not in `runs`, newest first."""
        own = {run.id for run in runs}
        past = self._past()
        oldest = datetime.now(UTC) - FORGOTTEN
        finished = {_identity(each): i for i, each in enumerate(past) if each.outcome == "done"}
        return [
            _unended(each)
            for i, each in reversed(list(enumerate(past)))
            if not each.outcome and each.id not in own and each.at > oldest and finished.get(_identity(each), -1) < i
        ]

    def loads(self, runs: Sequence[Run]) -> list[Row]:
        """Load tests that run now, and results, newest first."""
        return loads(self._past(), runs)

    def _past(self) -> list[Past]:
        try:
            stat = self._trail.path.stat()
            if stat.st_ino != self._file or stat.st_size < self._offset:  # another file, or one that was cut
                self._file, self._offset, self._known = stat.st_ino, 0, {}
            if stat.st_size > self._offset:
                entries, self._offset = self._trail.entries_from(self._offset)
                history.add(self._known, entries)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise Trouble(
                Kind.DENIED,
                f"The audit trail {safe(self._trail.path)} cannot be read ({error.strerror}).",
                "It belongs to the user who ran the actions.",
            ) from None
        return list(self._known.values())


def _progress(own: Run) -> list[Row]:
    return [
        (None, each.status, each.seconds, each.rows, without_secrets(each.step.sql), each.step.undo or None)
        for each in own.steps
    ]


def _past_row(past: Past, is_undone: bool) -> Row:
    seconds = past.seconds if past.ended_at else _since(past.at) if past.status == history.RUNNING else None
    return (
        *(past.id, past.at, past.action, past.subject, UNDONE if is_undone else past.status),
        *(
            past.os_user,
            past.origin or None,
            past.server,
            past.database,
            past.user,
            seconds,
            past.rows,
            len(past.finished),
            len(past.planned),
        ),
        *(past.undoable and not is_undone, past.message or None, _pairs(past.parameters)),
    )


def _own(run: Run) -> Row:
    at = run.at
    current = run.steps[at] if run.steps else None
    # Between two steps the last one is done, but the run goes on.
    going = current.status if current and current.status in {"waiting", "failed"} else "running"
    status = run.outcome.value if run.outcome else going
    text = run.message if run.outcome else run.silence or current.message or current.step.note if current else ""
    seconds = run.seconds if run.outcome else time.monotonic() - run.clock
    rows = sum(each.rows for each in run.steps)
    return (
        *(
            run.id,
            run.started_at,
            run.plan.action,
            run.plan.claim.subject,
            status,
            at + 1,
            len(run.steps),
            rows,
            seconds,
        ),
        *(text, whoami()["os_user"], "this console", None, None),
    )


def _unended(past: Past) -> Row:
    step = min(len(past.finished) + 1, len(past.planned))
    running = past.status == history.RUNNING
    text = None if running else "its console ended first; run the action again to resume"
    return (
        *(past.id, past.at, past.action, past.subject, past.status, step, len(past.planned), past.rows),
        *(_since(past.at) if running else None, text, past.os_user, past.process, past.server, past.database),
    )


def _identity(past: Past) -> tuple[str, ...]:
    return past.action, past.subject, past.server, past.database


def _pairs(parameters: Mapping[str, str]) -> str | None:
    return " ".join(f"{name}={value}" for name, value in parameters.items() if value) or None


def _since(at: datetime) -> float:
    """Seconds since a time that another process noted; its clock, or this one, may have been set."""
    return max(0.0, (datetime.now(UTC) - at).total_seconds())
