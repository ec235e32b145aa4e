"""background_jobs as a worker sees it: claims, heartbeats and results, which only the holder of a claim can write."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from console import sql
from console.format import one_line
from console.jobs.job import Job, JobStatus
from console.jobs.occurrences import Period, next_occurrence
from console.model import Kind, Trouble
from console.records import dataclass
from console.redaction import without_secrets
from console.running.claim import refuse_pooler
from console.running.failures import change_trouble
from console.sources.postgres import ActingSession, DriverError

WORKER_NAME = "pipeline-console worker"  # application_name of its session
LONGEST_ERROR = 2000  # characters that are kept
MOST_OCCURRENCES = 100  # that are tried until one is not there already
MOST_REMOVED = 500  # old jobs at a time
LAST_OCCURRENCES = 50  # of a recurring job, which stay whatever their age: the pane shows what is usual from them


class ClaimLost(Exception):  # noqa: N818  the outcome of a write, not a programming error
    """Raised when the lease of a claim ended and another worker may have the job: nothing was written."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended."""

    status: JobStatus  # PENDING: it is tried again
    error: str = ""
    result: Mapping[str, object] | None = None
    pause: float = 0.0  # seconds until the next attempt
    returned: bool = False  # it was given back: the attempt does not count


class Queue:
    """The queue of one database, in a session of its own that is opened again when it was lost."""

    def __init__(self, target: str, worker: str, lease: float) -> None:
        """`worker` names it in claims; `lease` is in seconds. Raises Trouble(USAGE) for a target that is none."""
        self.worker = worker
        self.lease = lease
        self._session = ActingSession(target, name=WORKER_NAME)

    async def open(self) -> None:
        """Connect if need be. Raises Trouble(REFUSED) where this role must not work on the queue."""
        if self._session.connected:
            return
        await self._session.close()
        await self._session.open()
        try:
            await self._refuse()
        except BaseException:
            await self._session.close()
            raise

    async def kinds_of_others(self, known: Sequence[str]) -> tuple[str, ...]:
        """Kinds outside `known` that another program has run before. Raises Trouble."""
        return tuple(str(kind) for (kind,) in await self._rows("kinds_of_others", known=list(known)))

    async def claim(self, others: Sequence[str]) -> Job | None:
        """A due job of a kind that is not in `others`; None: there is none. Raises Trouble."""
        token = f"console {self.worker} {secrets.token_hex(6)}"
        rows = await self._rows("claim", worker=token, lease=self.lease, others=list(others))
        return _job(token, rows[0]) if rows else None

    async def heartbeat(self, job: Job, progress: str) -> None:
        """Extend the lease. Raises ClaimLost, or Trouble."""
        if not await self._rows("heartbeat", **_claim(job), lease=self.lease, progress=progress[:200]):
            raise ClaimLost

    async def finish(self, job: Job, ending: Ending) -> datetime | None:
        """Record how an attempt ended and, in the same transaction, queue the next occurrence; when that is due.

        None: no other occurrence follows, or the job is tried again first. Raises ClaimLost, or Trouble.
        """
        await self.open()
        try:
            async with self._session.transaction():
                rows = await self._rows("finish", **_claim(job), **_values(ending))
                if rows:
                    final = ending.status is not JobStatus.PENDING
                    return await self._queue_next(job, rows[0][0]) if final and job.every else None
        except DriverError as error:  # of COMMIT
            raise change_trouble(error) from None
        ((ended,),) = await self._rows("finished", **_claim(job))
        if not ended:
            raise ClaimLost
        return None  # the answer to an earlier COMMIT was lost

    async def remove_old(self, days: float, known: Sequence[str], others: Sequence[str]) -> int:
        """Remove some jobs that succeeded or were cancelled more than `days` ago; how many, at most MOST_REMOVED.

        Only jobs of the kinds `known` without `others`, and those that a worker of the console ran. Raises Trouble.
        """
        kinds = {"known": list(known), "others": list(others)}
        limits = {"occurrences": LAST_OCCURRENCES, "most": MOST_REMOVED}
        ((removed,),) = await self._rows("remove_old", days=days, **kinds, **limits)
        return int(removed)

    async def close(self) -> None:
        """Close the session."""
        await self._session.close()

    async def _refuse(self) -> None:
        try:
            await refuse_pooler(self._session)
            ((refused, remedy),) = await self._session.query(sql.load("worker/fitness").text, {})
        except DriverError as error:
            raise change_trouble(error) from None
        if refused:
            raise Trouble(Kind.REFUSED, one_line(refused), one_line(remedy))

    async def _queue_next(self, job: Job, now: object) -> datetime | None:
        """Queue the first occurrence that is still to come, also when the clock was set back meanwhile."""
        if not isinstance(now, datetime) or job.every is None or job.first is None:
            return None
        after = max(now, job.scheduled_for)
        for _ in range(MOST_OCCURRENCES):
            try:
                after = next_occurrence(job.first, job.every, after)
            except (ValueError, OverflowError):
                return None  # it can never be due again
            ((queued, waiting),) = await self._rows("queue_next", id=job.id, at=after)
            if queued:
                return after
            if waiting:
                return None
        return None

    async def _rows(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        await self.open()
        try:
            return await self._session.query(sql.load(f"worker/{query}").text, parameters)
        except DriverError as error:
            raise change_trouble(error) from None


def _claim(job: Job) -> dict[str, object]:
    return {"id": job.id, "worker": job.worker, "attempt": job.attempt}


def _values(ending: Ending) -> dict[str, object]:
    error = without_secrets(ending.error)[:LONGEST_ERROR] or None
    result = None if ending.result is None else json.dumps(ending.result, default=str)
    values = {"status": ending.status.value, "error": error, "result": result}
    return {**values, "pause": ending.pause, "returned": ending.returned}


def _job(token: str, row: tuple[Any, ...]) -> Job:
    number, kind, name, parameters, attempts, most, due, abandoned, first, months, days, seconds = row
    every = None if months is None else Period(months, days, seconds)
    moment = isinstance(due, datetime) and isinstance(first, datetime)
    return Job(
        *(int(number), str(kind), str(name), json.loads(parameters), token, int(attempts), int(most)),
        scheduled_for=due if isinstance(due, datetime) else datetime.max.replace(tzinfo=UTC),
        abandoned_by=str(abandoned or ""),
        first=first if moment else None,
        every=every if moment else None,
    )
