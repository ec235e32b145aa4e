"""A claimed row of background_jobs, and what became of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from console.jobs.occurrences import Period
from console.records import dataclass


class JobStatus(StrEnum):
    """The statuses that a worker writes."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    DEAD = "dead"  # the last attempt failed
    REJECTED = "rejected"  # not a job that a worker may run; nothing ran


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it was claimed. `worker` and `attempt` identify the claim: the result of another claim is refused."""

    id: int
    kind: str
    name: str
    parameters: Mapping[str, object]
    worker: str
    attempt: int  # of all claims of this row, from 1
    max_attempts: int
    scheduled_for: datetime
    abandoned_by: str = ""  # the worker whose lease had ended
    first: datetime | None = None  # the occurrence that the others are counted from
    every: Period | None = None  # None: it runs once


@dataclass(frozen=True, slots=True)
class Done:
    """A job that succeeded: one sentence, and what is kept in its column result."""

    message: str
    result: Mapping[str, object] = field(default_factory=dict)


class Rejected(Exception):  # noqa: N818  a verdict on a row, not a programming error
    """Raised for a row that a worker may not run: an unknown kind, SQL text, a table that does not exist."""


class JobFailed(Exception):  # noqa: N818  the outcome of an attempt, not a programming error
    """Raised when an attempt failed; another one may succeed."""
