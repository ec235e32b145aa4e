"""The loop of one worker: claims a job, runs it while its lease is extended, records the outcome."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import field

from console.format import counted
from console.jobs.backoff import pause
from console.jobs.job import Done, Job, JobFailed, JobStatus, Rejected
from console.jobs.kinds import KINDS
from console.model import Kind, Trouble
from console.records import dataclass
from console.settings.jobs import JobSettings
from console.worker.events import What, WorkerEvent
from console.worker.queue import MOST_REMOVED, ClaimLost, Ending, Queue

BEATS = 3  # heartbeats within one lease
OTHERS_EVERY = 60.0  # seconds between two looks for kinds that other programs run
OLD_EVERY = 3600.0  # seconds between two looks for old jobs once there are none
LONGEST_PAUSE = 30.0  # seconds between two attempts to reach the server

Report = Callable[[str], None]
Say = Callable[[WorkerEvent], None]
Perform = Callable[[Job, Report], Awaitable[Done]]  # may raise Rejected, JobFailed or Trouble


@dataclass(slots=True)
class Tally:
    """How many jobs ended in which way."""

    counts: dict[What, int] = field(default_factory=dict)

    def add(self, what: What) -> None:
        """Count one more."""
        self.counts[what] = self.counts.get(what, 0) + 1

    @property
    def sentence(self) -> str:
        """The counts in words."""
        return ", ".join(f"{count} {what.value}" for what, count in self.counts.items()) or "no job was due"

    @property
    def failed(self) -> bool:
        """Whether any job did not succeed."""
        return any(self.counts.get(what) for what in (What.FAILED, What.DEAD, What.REJECTED, What.LOST))


class Worker:
    """Works on one queue until it is stopped."""

    def __init__(
        self, queue: Queue, settings: JobSettings, perform: Perform, say: Callable[[WorkerEvent], None]
    ) -> None:
        """`perform` runs a job; `say` gets what happens."""
        self._queue = queue
        self._settings = settings
        self._perform = perform
        self._say = say
        self._stopping = asyncio.Event()
        self._at_once = asyncio.Event()
        self._others: tuple[str, ...] = settings.others
        self._others_until = 0.0  # on the loop's clock
        self._old_until = 0.0
        self.tally = Tally()
        self.busy = False  # a job is running

    def stop(self) -> None:
        """Claim no further job and let the running one finish; called again: stop that too and give it back."""
        (self._at_once if self._stopping.is_set() else self._stopping).set()

    async def run(self, once: bool = False) -> None:
        """Work until stopped, or with `once` until no job is due.

        Raises Trouble if the server cannot be reached at the beginning, or refuses this role.
        """
        await self._queue.open()
        failures = 0
        while not self._stopping.is_set():
            try:
                await self._remove_old()
                job = await self._claim()
            except Trouble as why:
                if once or why.kind in {Kind.REFUSED, Kind.DENIED, Kind.USAGE}:
                    raise
                self._say(WorkerEvent(What.UNREACHABLE, message=str(why)))
                await self._rest(min(LONGEST_PAUSE, 2.0**failures) * random.uniform(0.5, 1))  # noqa: S311  jitter
                failures = min(failures + 1, 10)
                continue
            failures = 0
            if job is not None:
                await self._work(job)
            elif once:
                return
            else:
                await self._rest(self._settings.poll_seconds)

    async def _claim(self) -> Job | None:
        now = asyncio.get_running_loop().time()
        if now >= self._others_until:
            found = await self._queue.kinds_of_others(tuple(KINDS))
            self._others = tuple(dict.fromkeys((*self._settings.others, *found)))
            self._others_until = now + OTHERS_EVERY
        return await self._queue.claim(self._others)

    async def _remove_old(self) -> None:
        """Remove a few old jobs now and then: at each call while there are more, else once an hour."""
        now = asyncio.get_running_loop().time()
        if now < self._old_until:
            return
        days, removed = self._settings.keep_days, 0
        try:
            removed = await self._queue.remove_old(days, tuple(KINDS), self._settings.others)
        except Trouble as why:
            if why.kind is Kind.UNREACHABLE:
                raise
            self._say(WorkerEvent(What.KEPT, message=str(why)))  # such as a foreign key of somebody's own
        if removed:
            self._say(WorkerEvent(What.REMOVED, message=f"{counted(removed, 'job')} older than {days:g} days"))
        self._old_until = now if removed == MOST_REMOVED else now + OLD_EVERY

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _work(self, job: Job) -> None:
        self._say(WorkerEvent(What.CLAIMED, job))
        if job.attempt > job.max_attempts:
            await self._finish(job, Ending(JobStatus.DEAD, f"Its workers died: the last one was {job.abandoned_by}."))
            return
        try:
            ending = await self._attempt(job)
        except ClaimLost:
            self._lost(job)
            return
        await self._finish(job, ending)

    async def _attempt(self, job: Job) -> Ending:
        """Run the job while its lease is extended. Raises ClaimLost if the lease is lost meanwhile."""
        progress = [""]
        running = asyncio.ensure_future(self._perform(job, lambda text: progress.__setitem__(0, text)))
        beating = asyncio.create_task(self._beat(job, progress))
        leaving = asyncio.create_task(self._leave())
        self.busy = True
        try:
            await asyncio.wait({running, beating, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                running.cancel()
                await asyncio.wait({running})
                if beating.done():
                    raise ClaimLost
            return self._ending(job, running)
        finally:
            self.busy = False
            for task in (running, beating, leaving):
                task.cancel()
            await asyncio.gather(running, beating, leaving, return_exceptions=True)

    def _ending(self, job: Job, running: asyncio.Future[Done]) -> Ending:
        if running.cancelled():
            return Ending(JobStatus.PENDING, "Given back: its worker was stopped.", returned=True)
        why = running.exception()
        if why is None:
            done = running.result()
            return Ending(JobStatus.SUCCEEDED, result={"message": done.message, **done.result})
        if isinstance(why, Rejected):
            return Ending(JobStatus.REJECTED, str(why))
        if self._stopping.is_set() and self._left:
            return Ending(JobStatus.PENDING, "Given back: its worker was stopped.", returned=True)
        reason = str(why) if isinstance(why, JobFailed | Trouble) else f"Internal error: {type(why).__name__}: {why}"
        if job.attempt >= job.max_attempts:
            return Ending(JobStatus.DEAD, reason)
        chance = random.random()  # noqa: S311  jitter
        return Ending(JobStatus.PENDING, reason, pause=pause(job.attempt, self._settings.retry_seconds, chance))

    async def _beat(self, job: Job, progress: list[str]) -> None:
        """Extend the lease until it is lost."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._queue.lease
        while loop.time() < until:
            await asyncio.sleep(self._queue.lease / BEATS)
            try:
                async with asyncio.timeout_at(until):
                    await self._queue.heartbeat(job, progress[0])
            except ClaimLost:
                return
            except (Trouble, TimeoutError):
                continue
            until = loop.time() + self._queue.lease

    async def _leave(self) -> None:
        """Wait until the running job must be given back."""
        await self._stopping.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._at_once.wait(), self._settings.stop_seconds)
        self._at_once.set()

    @property
    def _left(self) -> bool:
        return self._at_once.is_set()

    async def _finish(self, job: Job, ending: Ending) -> None:
        """Record the outcome, however long the server is away, unless this worker is stopped."""
        for seconds in _pauses():
            try:
                following = await self._queue.finish(job, ending)
            except ClaimLost:
                self._lost(job)
                return
            except Trouble as why:
                self._say(WorkerEvent(What.UNREACHABLE, job, str(why)))
                if self._stopping.is_set():
                    return  # its lease ends, and another worker takes it
                await self._rest(seconds)
                continue
            what = _WHAT[ending.status, ending.returned]
            self.tally.add(what)
            message = str((ending.result or {}).get("message", "")) or ending.error
            self._say(WorkerEvent(what, job, message, ending.pause, following))
            return

    def _lost(self, job: Job) -> None:
        self.tally.add(What.LOST)
        self._say(WorkerEvent(What.LOST, job))


_WHAT = {
    (JobStatus.SUCCEEDED, False): What.SUCCEEDED,
    (JobStatus.DEAD, False): What.DEAD,
    (JobStatus.REJECTED, False): What.REJECTED,
    (JobStatus.PENDING, False): What.FAILED,
    (JobStatus.PENDING, True): What.RETURNED,
}


def _pauses() -> Iterator[float]:
    seconds = 1.0
    while True:
        yield seconds * random.uniform(0.5, 1)  # noqa: S311  jitter
        seconds = min(LONGEST_PAUSE, 2 * seconds)
