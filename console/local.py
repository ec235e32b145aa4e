"""What is known on this side: runs of this console and the audit trail of its user, read like a server's queries."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from console.format import one_line, safe
from console.model import Facts, Kind, Row, Snapshot, Source, Trouble, denied
from console.redaction import without_secrets
from console.running.progress import Run
from console.running.trail import history
from console.running.trail.audit import Trail, whoami
from console.running.trail.history import Past

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
FORGOTTEN = timedelta(days=7)  # after which a run that never ended is history alone


class LocalServer:
    """Answers the queries of panes whose source is "local". Needs no server for what this machine knows itself."""

    def __init__(self, trail: Trail, runs: list[Run], database: Source | None = None) -> None:
        """`runs` are those of this process; `database` is asked for its own audit table."""
        self.runs = runs
        self._trail = trail
        self._database = database
        self._read: tuple[tuple[int, int, int], list[Past]] | None = None

    @property
    def facts(self) -> Facts:
        """This machine and its user."""
        label, user = one_line(os.uname().nodename), whoami()["os_user"]
        return Facts(kind="local", version=0, version_text="", label=label, user=user)

    async def fetch(self, name: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """One of audit_trail, audit_run, activity, activity_run, audit_database, audit_database_run. Raises Trouble."""
        began = time.monotonic()
        wanted = str((parameters or {}).get("run", ""))
        if name == "audit_trail":
            return _snapshot(name, TRAIL, [_told(past) for past in reversed(self._past()[-MOST:])], began)
        if name == "audit_run":
            return _snapshot(name, STEPS, self._steps(wanted), began)
        if name == "activity":
            return _snapshot(name, ACTIVITY, [*map(_own, reversed(self.runs)), *self._others()], began)
        if name == "activity_run":
            return _snapshot(name, STEPS, self._progress(wanted) or self._steps(wanted), began)
        if name in {"audit_database", "audit_database_run"} and self._database is not None:
            return await self._from_database(self._database, name, parameters)
        raise Trouble(Kind.MISSING, f"There is nothing called {safe(name, 80)} on this machine.")

    async def close(self) -> None:
        """There is nothing to close: the servers behind it are closed by their owner."""

    def _past(self) -> list[Past]:
        try:
            stat = self._trail.path.stat()
            mark = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
            if self._read is None or self._read[0] != mark:
                self._read = mark, history.runs(self._trail.entries())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise Trouble(
                Kind.DENIED,
                f"The audit trail {safe(self._trail.path)} cannot be read ({error.strerror}).",
                "It belongs to the user who ran the actions.",
            ) from None
        return self._read[1]

    def _steps(self, run: str) -> list[Row]:
        past = next((each for each in self._past() if each.id == run), None)
        if past is None:
            return []
        rows: list[Row] = [(one.at, "done", one.seconds, one.rows, one.sql, one.undo or None) for one in past.finished]
        rows += [(None, "not done", None, None, one.sql, None) for one in past.planned[len(rows) :]]
        return rows + [(past.ended_at, "note", None, None, note, None) for note in past.notes]

    def _progress(self, run: str) -> list[Row]:
        own = next((each for each in self.runs if each.id == run), None)
        steps = own.steps if own else []
        return [
            (None, one.status, one.seconds, one.rows, without_secrets(one.step.sql), one.step.undo or None)
            for one in steps
        ]

    def _others(self) -> list[Row]:
        own = {run.id for run in self.runs}
        past = self._past()
        oldest = datetime.now(UTC) - FORGOTTEN
        finished = {_thing(each): i for i, each in enumerate(past) if each.outcome == "done"}
        return [
            _unended(each)
            for i, each in reversed(list(enumerate(past)))
            if not each.outcome and each.id not in own and each.at > oldest and finished.get(_thing(each), -1) < i
        ]

    async def _from_database(self, database: Source, name: str, parameters: Mapping[str, object] | None) -> Snapshot:
        state = await database.fetch("audit_state")
        (row,) = state.records()
        if row["readable"]:
            return await database.fetch(name, parameters)
        empty = replace(state, columns=DATABASE if name == "audit_database" else STEPS, rows=())
        if row["present"]:
            return empty.hiding(denied("The audit table cannot be read.", "SELECT ON public.console_audit"))
        return replace(empty, notes=("This database has no audit table; apply-schema creates public.console_audit.",))


def _snapshot(name: str, columns: tuple[str, ...], rows: Sequence[Row], began: float) -> Snapshot:
    now = time.monotonic()
    return Snapshot(name, columns, tuple(rows), datetime.now(UTC), now - began, now)


def _told(past: Past) -> Row:
    seconds = past.seconds if past.ended_at else _since(past.at) if past.status == history.RUNNING else None
    return (
        *(past.id, past.at, past.action, past.subject, past.status, past.os_user, past.origin or None),
        *(past.server, past.database, past.user, seconds, past.rows, len(past.finished), len(past.planned)),
        *(past.undoable, past.message or None, _pairs(past.parameters)),
    )


def _own(run: Run) -> Row:
    at = run.at
    one = run.steps[at] if run.steps else None
    # Between two steps the last one is done, yet the run goes on.
    going = one.status if one and one.status in {"waiting", "failed"} else "running"
    status = run.outcome.value if run.outcome else going
    said = run.message if run.outcome else one.message or one.step.note if one else ""
    seconds = run.seconds if run.outcome else _since(run.started_at)
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
        *(said, whoami()["os_user"], "this console", None, None),
    )


def _unended(past: Past) -> Row:
    step = min(len(past.finished) + 1, len(past.planned))
    running = past.status == history.RUNNING
    said = None if running else "its console ended before it did; running it again goes on from there"
    return (
        *(past.id, past.at, past.action, past.subject, past.status, step, len(past.planned), past.rows),
        *(_since(past.at) if running else None, said, past.os_user, past.process, past.server, past.database),
    )


def _thing(past: Past) -> tuple[str, ...]:
    return past.action, past.subject, past.server, past.database


def _pairs(parameters: Mapping[str, str]) -> str | None:
    return " ".join(f"{name}={value}" for name, value in parameters.items() if value) or None


def _since(at: datetime) -> float:
    return (datetime.now(UTC) - at).total_seconds()
