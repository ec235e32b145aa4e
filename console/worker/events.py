"""What a worker reports, and each report as a line of text or as a document. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from console.format import age, clauses, one_line
from console.jobs.job import Job
from console.records import dataclass

WORKED = "%Y-%m-%dT%H:%M:%SZ"


class What(StrEnum):
    """What happened."""

    STARTED = "started"
    CLAIMED = "claimed"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # it is tried again
    DEAD = "dead"
    REJECTED = "rejected"
    RETURNED = "given back"
    LOST = "lease lost"
    UNREACHABLE = "server unreachable"
    REMOVED = "old jobs removed"
    KEPT = "old jobs not removed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class WorkerEvent:
    """One thing that happened, to a job or to the worker itself."""

    what: What
    job: Job | None = None
    message: str = ""
    pause: float = 0.0  # seconds until the next attempt
    following: datetime | None = None  # the next occurrence that was queued


def line(event: WorkerEvent, at: datetime) -> str:
    """An event as one line of text."""
    job = event.job
    words = [at.astimezone(UTC).strftime(WORKED)]
    if job is not None:
        words += [f"job {job.id}", one_line(job.kind), f'"{one_line(job.name)}"']
    words.append(event.what.value + _attempt(event))
    text = " ".join(words)
    details = [one_line(event.message)] if event.message else []
    if event.what is What.FAILED:
        details.append(f"next attempt in {age(event.pause)}")
    if event.following is not None:
        details.append(f"next on {event.following.astimezone(UTC).strftime(WORKED)}")
    return f"{text}: {clauses(details)}" if details else text


def document(event: WorkerEvent, at: datetime) -> dict[str, object]:
    """An event as the JSON object that `worker` prints."""
    job = event.job
    known = {} if job is None else {"id": job.id, "kind": job.kind, "name": job.name, "attempt": job.attempt}
    return {
        "at": at,
        "event": event.what.value,
        "job": known or None,
        "message": event.message,
        "next_attempt_seconds": event.pause if event.what is What.FAILED else None,
        "next_occurrence": event.following,
    }


def _attempt(event: WorkerEvent) -> str:
    job = event.job
    if job is None or event.what is not What.CLAIMED:
        return ""
    taken = f", abandoned by {one_line(job.abandoned_by)}" if job.abandoned_by else ""
    return f", attempt {job.attempt} of {job.max_attempts}{taken}"
