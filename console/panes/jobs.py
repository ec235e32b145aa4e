"""Background jobs: what is due, who runs it, what failed, and when recurring jobs run next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeGuard

from console.format import counted, in_words
from console.model import Column, Lookup, Pane, Record, Snapshot, View, denied, number
from console.rules.jobs import JOB_STATE

EXTENSION = "pg_cron"
LATE = 900.0  # seconds after its time from which a job is overdue
REMOVED = "Its job of pg_cron was removed."
QUEUED = Lookup("job_queue", ("jobs",), ("queue",), first=1, keep=0)
SCHEDULED = Lookup("job_schedules", ("jobs",), ("schedules",), first=1, keep=0)
CLOCKED = Lookup("cron_jobs", ("jobs",), ("crons", "launched", "visible"), first=1, keep=0, extension=EXTENSION)
_HISTORY = Lookup("job_history", ("jobs",), ("history",), first=1, keep=0)

QUEUE_COLUMNS = (
    *("id", "job", "kind", "state", "due", "late", "attempts", "worker", "running", "heartbeat", "progress"),
    *("error", "priority", "schedule", "workers", "ended"),
)
SCHEDULE_COLUMNS = (
    *("schedule", "kind", "id", "next", "until", "every", "state", "ended", "outcome", "seconds", "usual", "error"),
    *("runs", "workers", "clock"),
)
HISTORY_COLUMNS = ("id", "job", "kind", "status", "finished_at", "seconds", "attempts", "worker", "message")


def queue(snapshot: Snapshot) -> Snapshot:
    """One row for each job that is waiting, running or failed lately."""
    return _rows(snapshot, "queue", QUEUE_COLUMNS, job_row)


def schedules(snapshot: Snapshot) -> Snapshot:
    """One row for each recurring job."""
    (state,) = snapshot.records()
    found = {**state, "schedules": schedule_rows(state)} if state["jobs"] is not None else state
    shown = _rows(replace(snapshot, columns=tuple(found), rows=(tuple(found.values()),)), "schedules", SCHEDULE_COLUMNS)
    return replace(shown, notes=(*shown.notes, *_clock_notes(state)))


def ended(snapshot: Snapshot) -> Snapshot:
    """One row for each job that ended, the last one first."""
    return _rows(snapshot, "history", HISTORY_COLUMNS, _past)


def _rows(
    snapshot: Snapshot, of: str, columns: tuple[str, ...], completed: Callable[[Record], Record] = dict
) -> Snapshot:
    """The rows of one list, each `completed`; without a list why there is none."""
    (state,) = snapshot.records()
    found = state.get(of)
    records = [completed({**each, "workers": state["workers"]}) for each in _listed(found)]
    rows = tuple(tuple(record[name] for name in columns) for record in records)
    shown = replace(snapshot, columns=columns, rows=rows)
    if state["unreadable"]:
        return shown.hiding(denied("The jobs cannot be read.", "SELECT ON public.background_jobs"))
    if state["outdated"]:
        return replace(shown, notes=("public.background_jobs lacks columns that the worker needs: run apply-schema.",))
    if state["jobs"] is None:
        return replace(shown, notes=("This database has no queue of jobs; apply-schema creates background_jobs.",))
    return shown


def _is_list(found: object) -> TypeGuard[list[dict[str, object]]]:
    return isinstance(found, list)


def job_row(job: Record) -> Record:
    """A job of the queue as it is shown."""
    running = job["status"] == "running"
    late = number(job["late"]) if job["status"] == "pending" and number(job["late"]) > 0 else None
    hidden = {} if running else dict.fromkeys(("worker", "running", "heartbeat", "progress"))
    tries = f"{job['attempts']}/{job['max_attempts']}"
    return {**job, "state": _state(job, late), "due": _moment(job["due"]), "late": late, "attempts": tries, **hidden}


def _state(job: Record, late: float | None) -> str:
    if job["status"] == "running":
        return "abandoned" if job["lost"] else "running"
    if job["status"] != "pending":
        return str(job["status"])
    if late is None:
        return "retrying" if job["error"] and job["attempts"] else "scheduled"
    if not job["opened"]:
        return "waits"
    return "overdue" if late > LATE else "due"


def schedule_rows(state: Record) -> list[Record]:
    """Recurring jobs as they are shown, with those that pg_cron has not queued yet."""
    from console.jobs.cron import PREFIX, cron_name  # noqa: PLC0415  needed once recurring jobs are read

    listed, crons = state.get("schedules"), state.get("crons")
    named = {str(each["name"]): each for each in crons} if _is_list(crons) else {}
    rows = [_schedule(job, named.pop(cron_name(str(job["schedule"])), None), state) for job in _listed(listed)]
    unknown = dict.fromkeys(SCHEDULE_COLUMNS)
    new = ({**unknown, "schedule": name.removeprefix(PREFIX)} for name in named)
    rows += [_schedule(job, cron, state) for job, cron in zip(new, named.values(), strict=True)]
    return sorted(rows, key=lambda job: str(job["schedule"]))


def _schedule(job: Record, cron: Record | None, state: Record) -> Record:
    """A recurring job; `cron` is the job of pg_cron that queues it."""
    following, error = _moment(job["next"]), job["error"]
    job = {**job, "every": _every(job)}
    if cron is None and job["every"] is not None:
        return {**job, "state": job["state"] or "missing", "next": following, "clock": "worker"}
    if cron is None:
        # Without an interval pg_cron queues it, by a job that this role may not see, or that was removed.
        if state.get("visible"):
            return {**job, "state": "missing", "next": following, "error": REMOVED, "clock": EXTENSION}
        state_of = job["state"] if state.get("cron", True) else job["state"] or "missing"
        return {**job, "state": state_of, "next": following, "clock": None}
    from console.jobs.cron import next_run  # noqa: PLC0415

    stopped = "" if cron["active"] else "Its job of pg_cron is not active."
    stopped = stopped or ("" if state["launched"] else "The launcher of pg_cron does not run.")
    failed = str(cron["message"] or "Its job of pg_cron failed.") if cron["status"] == "failed" else ""
    now = _moment(cron["at"])
    return {
        **job,
        "state": "missing" if stopped else "failed" if failed else job["state"] or "scheduled",
        "next": following or (None if stopped or now is None else next_run(str(cron["line"]), now)),
        "error": stopped or failed or error,
        "clock": EXTENSION,
    }


def _every(job: Record) -> str | None:
    """How far its occurrences are apart; recordings of before do not say how many months that is."""
    if job["every"] is None:
        return None
    if "every_months" not in job:
        return in_words(number(job["every"]))
    from console.jobs.occurrences import Period  # noqa: PLC0415  needed once recurring jobs are read

    months, days = int(number(job["every_months"])), int(number(job["every_days"]))
    return Period(months, days, number(job["every_seconds"])).words


def _clock_notes(state: Record) -> tuple[str, ...]:
    crons = state.get("crons")
    return (f"pg_cron queues {counted(len(crons), 'recurring job')}; workers run them.",) if _is_list(crons) else ()


def _listed(found: object) -> list[dict[str, object]]:
    return found if _is_list(found) else []


def _past(job: Record) -> Record:
    return {**job, "finished_at": _moment(job["finished_at"])}


def _moment(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None


_STATE_HELP = (
    "due: waiting for a worker. overdue: for more than 15 minutes. waits: for its window. retrying: an attempt failed. "
    "abandoned: its worker gave no sign of life. dead: no attempt is left. rejected: nothing that a worker runs."
)

QUEUE = View(
    name="queue",
    title="Queue",
    query="job_state",
    key=("id",),
    columns=(
        Column("id", "no.", "id", width=7),
        Column("job", "job", "name", width=18, grow=True),
        Column("state", "state", width=9, rule=JOB_STATE, help=_STATE_HELP),
        Column("due", "due", "time", help="When it is to run, in UTC."),
        Column("late", "late", "age", width=6, present=True, help="How long a pending job has been due."),
        Column("attempts", "tries", width=5, help="Attempts, of those that it has."),
        Column("running", "runs", "age", width=6, present=True, help="How long this attempt has been running."),
        Column("heartbeat", "sign", "age", width=6, present=True, help="Time since its worker gave a sign of life."),
        Column("progress", "progress", width=24, extra=True),
        Column("worker", "worker", "name", width=24, extra=True, help="The claim: its worker and a random part."),
        Column("error", "last error", "query", width=40, extra=True),
        Column("kind", "kind", width=22, extra=True),
        Column("priority", "priority", "count", width=8, extra=True, help="Lower runs first."),
        Column("schedule", "recurring", "name", width=20, extra=True, help="The recurring job it is an occurrence of."),
        Column("ended", "ended", "age", extra=True, help="Time since a failed job ended."),
        Column("workers", "workers", "count", width=7, extra=True, help="Workers connected to this database."),
    ),
    lookups=(QUEUED,),
    derive=queue,
    empty="No job is pending, running or failed lately; schedule-jobs queues the recurring ones.",
)
RECURRING = View(
    name="recurring",
    title="Recurring",
    query="job_state",
    key=("schedule",),
    columns=(
        Column("schedule", "job", "name", width=20, grow=True),
        Column(
            "state",
            "state",
            width=8,
            rule=JOB_STATE,
            help="missing: nothing will queue it. failed: pg_cron could not queue it.",
        ),
        Column("next", "next", "time", help="When it runs next, in UTC."),
        Column("outcome", "last", width=9, rule=JOB_STATE, help="How its last run ended."),
        Column("ended", "ended", "age", width=6, help="Time since its last run."),
        Column("seconds", "took", "age", width=6, help="Duration of its last run."),
        Column("usual", "usually", "age", extra=True, help="Mean duration of those of the last 50 that succeeded."),
        Column("every", "every", width=8, extra=True, help="Time between two occurrences: month, week, 3 days."),
        Column(
            "clock",
            "queued by",
            width=9,
            extra=True,
            help="worker: the one that ends an occurrence queues the next. pg_cron: each is queued at its time.",
        ),
        Column("runs", "runs", "count", extra=True, help="Runs that ended, of the last 50 occurrences."),
        Column("kind", "kind", width=22, extra=True),
        Column("id", "no.", "id", width=7, extra=True, help="The occurrence that is pending or running."),
        Column("error", "last error", "query", width=40, extra=True),
    ),
    lookups=(SCHEDULED, CLOCKED),
    derive=schedules,
    empty="No recurring jobs: schedule-jobs adds those of the configuration.",
)
HISTORY = View(
    name="history",
    title="History",
    query="job_state",
    key=("id",),
    columns=(
        Column("id", "no.", "id", width=7),
        Column("finished_at", "ended", "time", help="In UTC."),
        Column("job", "job", "name", width=18, grow=True),
        Column("status", "outcome", width=9, rule=JOB_STATE),
        Column("seconds", "took", "age", width=6, help="Duration of the last attempt."),
        Column("attempts", "tries", "count", width=5),
        Column("message", "result", "query", width=40, extra=True, help="The result, or the last error."),
        Column("kind", "kind", width=22, extra=True),
        Column("worker", "worker", "name", width=24, extra=True),
    ),
    lookups=(_HISTORY,),
    derive=ended,
    empty="No job has ended yet.",
)
JOBS = Pane(
    name="jobs",
    key="J",
    title="Jobs",
    group="Care",
    help=(
        "Rows of public.background_jobs: what is due, who runs it and for how long, what failed, when recurring jobs "
        "run next, and how long each run took. `pipeline-console worker` runs them; schedule-jobs adds recurring ones."
    ),
    views=(QUEUE, RECURRING, HISTORY),
    refresh=5.0,
    actions=("schedule-jobs", "run-job", "retry-job", "cancel-job"),
)
