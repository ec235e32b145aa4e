"""Background jobs that nobody runs, that failed, or that are no longer scheduled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from console.format import age, one_line
from console.jobs.kinds import KINDS
from console.model import (
    JOBS,
    SELDOM,
    CannotTell,
    Diagnosis,
    Evidence,
    Finding,
    Fix,
    Frame,
    Lacks,
    Level,
    Record,
    Urgency,
    View,
    number,
    of_view,
)
from console.panes.jobs import CLOCKED, EXTENSION, QUEUED, SCHEDULED, job_row, schedule_rows
from console.rules.findings.wording import counted

MOST = 5  # jobs of which one rule makes a finding each
ENDED = ("dead", "rejected")  # which only a worker of the console writes
_QUERY = "job_state"


def no_worker(frame: Frame) -> Iterable[Finding]:
    """One finding where jobs have been due for long and no worker is connected."""
    late = _overdue(frame)
    if late and not number(_state(frame)["workers"]):
        yield Finding(
            rule="worker-missing",
            subject="worker",
            level=Level.WARNING,
            sentence=f"no worker is connected, and {_named(late)}",
            detail="start one: pipeline-console worker, as the owner of the tables",
            evidence=(_evidence(late[0]),),
        )


def overdue(frame: Frame) -> Iterable[Finding]:
    """One finding where jobs have been due for long although a worker is connected."""
    late = _overdue(frame)
    if late and number(_state(frame)["workers"]):
        running = [job for job in _queue(frame) if job["state"] == "running"]
        busy = f"running meanwhile: {', '.join(one_line(job['job']) for job in running[:3])}" if running else ""
        yield Finding(
            rule="job-overdue",
            subject="jobs",
            level=Level.WARNING,
            sentence=f"{_named(late)} although a worker is connected",
            detail=busy or "the worker may have other work, or work on another database",
            evidence=(_evidence(late[0]),),
        )


def failed(frame: Frame) -> Iterable[Finding]:
    """A finding for each job that is dead or was rejected, of a recurring one only while its last run ended so."""
    last = {job["schedule"]: job["outcome"] for job in _schedules(frame)}
    found: dict[tuple[object, object], Record] = {}
    for job in _queue(frame):
        if job["status"] in ENDED and (job["schedule"] is None or last.get(job["schedule"]) in ENDED):
            known = found.get((job["kind"], job["job"]))
            if known is None or number(job["id"]) > number(known["id"]):
                found[job["kind"], job["job"]] = job
    for job in sorted(found.values(), key=lambda each: number(each["ended"]))[:MOST]:
        yield _failed(job)


def missing(frame: Frame) -> Iterable[Finding]:
    """A finding for each recurring job without another occurrence, unless its last one was cancelled."""
    for job in _schedules(frame):
        if job["clock"] == EXTENSION and job["state"] in {"missing", "failed"}:
            yield _not_queued(job)
        elif job["state"] == "missing" and job["outcome"] != "cancelled":
            name = str(job["schedule"])
            yield Finding(
                rule="recurring-job-missing",
                subject=f"recurring job {name}",
                level=Level.WARNING,
                sentence=f"recurring job {one_line(name)} has no next run: its last one ended {age(job['ended'])} ago",
                evidence=(Evidence("last run", one_line(job["outcome"]), "jobs", "recurring", {"schedule": name}),),
                fixes=(Fix("schedule-jobs", {}, "queue the next occurrence of what the configuration declares"),),
            )


def _not_queued(job: Record) -> Finding:
    name = str(job["schedule"])
    return Finding(
        rule="recurring-job-missing",
        subject=f"recurring job {name}",
        level=Level.WARNING,
        sentence=f"pg_cron does not queue recurring job {one_line(name)}: {one_line(job['error'])}",
        evidence=(Evidence("queued by", EXTENSION, "jobs", "recurring", {"schedule": name}),),
        fixes=(
            Fix("schedule-jobs", {"clock": EXTENSION}, "make its job of pg_cron active again"),
            Fix("schedule-jobs", {"clock": "worker"}, "let the worker queue recurring jobs"),
        ),
    )


def _failed(job: Record) -> Finding:
    what = "recurring job" if job["schedule"] else "job"
    how = "is dead: no attempt is left" if job["status"] == "dead" else "was rejected"
    return Finding(
        rule="job-failed",
        subject=f"job {job['id']}",
        level=Level.WARNING,
        sentence=f"{what} {one_line(job['job'])} {how}: {one_line(job['error'] or '')}",
        detail=f"{one_line(job['kind'])}, attempts {job['attempts']}, {age(job['ended'])} ago",
        evidence=(_evidence(job),),
        fixes=_fixes(job),
    )


def _fixes(job: Record) -> tuple[Fix, ...]:
    """What can be done about a job that failed: one that was rejected would be again, unless somebody changes it."""
    given = {"job": str(job["id"])}
    dismiss = Fix("cancel-job", given, "dismiss it: it stays in the history and runs no more")
    if job["status"] == "dead":
        return Fix("retry-job", given, "run it again with all its attempts"), dismiss
    return dismiss, Fix("retry-job", given, "once its row is changed: as it is, it is rejected again")


def _overdue(frame: Frame) -> list[Record]:
    """Jobs of our kinds that have been due for long, the latest first."""
    late = [job for job in _queue(frame) if job["state"] in {"overdue", "abandoned"} and job["kind"] in KINDS]
    return sorted(late, key=lambda job: -number(job["late"]))


def _named(late: Sequence[Record]) -> str:
    first = late[0]
    state = f"has been due for {age(first['late'])}" if first["late"] else "was abandoned by its worker"
    others = f", with {counted(len(late) - 1, 'other job')}" if len(late) > 1 else ""
    return f"job {one_line(first['job'])} {state}{others}"


def _evidence(job: Record) -> Evidence:
    return Evidence("job", f"{job['id']}, {one_line(job['state'])}", "jobs", "queue", {"id": job["id"]})


def _queue(frame: Frame) -> list[Record]:
    return [job_row(job) for job in _list(frame, "queue")]


def _schedules(frame: Frame) -> list[Record]:
    return schedule_rows(_state(frame))


def _list(frame: Frame, name: str) -> list[Record]:
    found = _state(frame).get(name)
    return list(found) if isinstance(found, list) else []


def _state(frame: Frame) -> Record:
    """What is known of the queue. Raises CannotTell if there is one that this role cannot read."""
    state = frame.row(_QUERY)
    if state["unreadable"]:
        grant = "SELECT ON public.background_jobs"
        raise CannotTell("The jobs cannot be read.", f"GRANT {grant} TO the role.", Lacks((grant,)))
    return state


_ASKS = (
    of_view(View("jobs", "Jobs", _QUERY, (), ("jobs",), lookups=(QUEUED, SCHEDULED, CLOCKED)), SELDOM, on_change=JOBS),
)
_MISSES = "What only time makes late shows within a minute."
WORKER_MISSING = Diagnosis(
    "worker-missing", "Jobs are due and no worker runs", Urgency.SOON, _ASKS, no_worker, misses=_MISSES
)
JOB_OVERDUE = Diagnosis(
    "job-overdue", "Jobs are due and no worker takes them", Urgency.SOON, _ASKS, overdue, misses=_MISSES
)
JOB_FAILED = Diagnosis(
    "job-failed", "A background job failed and is not retried", Urgency.SOON, _ASKS, failed, misses=_MISSES
)
RECURRING_JOB_MISSING = Diagnosis(
    "recurring-job-missing", "A recurring job is no longer scheduled", Urgency.SOON, _ASKS, missing, misses=_MISSES
)
