"""A step that pauses a database of PgBouncer for some seconds and resumes it, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from console.format import counted, one_line, pooler_identifier
from console.model import Kind, PoolerPause, Trouble, number
from console.records import dataclass
from console.running.execution.executor import Context, Executor
from console.running.progress import StepProgress
from console.sources.pgbouncer.commanding import PoolerSession, open_pooler
from console.sources.pgbouncer.fuse import REFUSED, UNREACHABLE, Fuse, armed

LOOK = 0.2  # seconds between two looks at the pools
ENDING = 5.0  # seconds in which the watchdog must have resumed the database
STOPPING = 1.0  # the same where the run is to stop


def executor(execution: PoolerPause) -> Executor:
    """Pauses and resumes; nothing is left of it."""
    return Executor(partial(execute, execution), "on PgBouncer's admin console, with a watchdog that resumes")


async def execute(pause: PoolerPause, context: Context, group: Sequence[StepProgress]) -> None:
    """Pause and resume. Raises Trouble(REFUSED) if it is paused already, Trouble(BUSY) if PAUSE was never complete."""
    (progress,) = group
    report = context.begin(progress)
    await context.refuse_read_only()
    looking = await open_pooler(pause.uri)
    session = await open_pooler(pause.uri)
    try:
        await _refuse_paused(looking, pause.database)
        fuse = await armed(looking.conninfo, pause.database, pause.seconds)
        burning = Burning(pause, fuse, session, looking, asyncio.ensure_future(fuse.heard()))
        try:
            await burning.run(report)
        finally:
            fuse.leave()
    finally:
        await session.close()
        await looking.close()
    context.run.notes.append(burning.in_figures())
    if burning.complete is None:
        raise burning.incomplete()


async def _refuse_paused(looking: PoolerSession, database: str) -> None:
    """Raises Trouble(REFUSED) if somebody else has paused the database: it must not be resumed for them."""
    if await _state(looking, database):
        raise Trouble(
            Kind.REFUSED,
            f"{one_line(database)} was already paused by another client.",
            "If that pause is no longer needed, pooler-resume ends it.",
        )


async def _state(looking: PoolerSession, database: str) -> bool | None:
    """Whether a database is paused; None: it is not listed, as when it has no connections and an entry * made it."""
    rows = await looking.rows("pooler_databases")
    return next((number(row["paused"]) > 0 for row in rows if row["name"] == database), None)


@dataclass(slots=True)
class Burning:
    """A pause with its fuse, from the moment its watchdog is connected."""

    pause: PoolerPause
    fuse: Fuse
    session: PoolerSession  # for PAUSE alone, which may not return
    looking: PoolerSession
    outcome: asyncio.Future[str]  # of the watchdog
    began: float = 0.0
    complete: float | None = None  # seconds after which no server connection was in use
    ended: float = 0.0  # seconds after which the database was resumed
    in_force: bool = False  # the database has been seen paused
    by_others: bool = False  # somebody else resumed it
    waiting: int = 0  # most clients that waited at a time
    longest: float = 0.0  # seconds that one of them waited
    delaying: int = 0  # server connections in use at the last look

    @property
    def elapsed(self) -> float:
        """Seconds since PAUSE was sent."""
        return time.monotonic() - self.began

    @property
    def left(self) -> float:
        """Seconds until it is resumed."""
        return max(0.0, self.pause.seconds - self.elapsed)

    async def run(self, report: Callable[[str], None]) -> None:
        """Pause, watch, and see that it is resumed, also when this task is cancelled or PgBouncer does not answer."""
        lit, seconds = False, ENDING
        try:
            await _refuse_paused(self.looking, self.pause.database)  # arming took a moment
            lit = True
            await self.fuse.light()
            self.began = time.monotonic()
            await self._watch(report)
        except asyncio.CancelledError:
            seconds = STOPPING
            raise
        finally:
            if lit:
                await asyncio.shield(self._resume(seconds))
            else:
                await self.fuse.put_out()
                await self.fuse.ended()

    async def _watch(self, report: Callable[[str], None]) -> None:
        """Until the watchdog has ended, or somebody else has resumed the database."""
        command = f"PAUSE {pooler_identifier(self.pause.database)}"
        sent = asyncio.ensure_future(self.session.command(command, self.pause.seconds + ENDING))
        waited: set[asyncio.Future[Any]] = {self.outcome, sent}
        try:
            while not self.outcome.done() and self.left:
                await asyncio.wait(waited, timeout=min(LOOK, self.left), return_when=asyncio.FIRST_COMPLETED)
                if sent in waited and sent.done():
                    waited.remove(sent)
                    sent.result()  # raises what PgBouncer answered
                    self.complete = self.elapsed
                paused = await _state(self.looking, self.pause.database)
                if self.in_force and paused is False:
                    self.by_others = not self.outcome.done() and self.left > LOOK
                    return
                self.in_force = self.in_force or bool(paused)
                await self._look()
                report(self._now())
        finally:
            self.session.cut()
            await asyncio.wait({sent})
            sent.exception()

    async def _look(self) -> None:
        pools = [row for row in await self.looking.rows("pooler_pools") if row["database"] == self.pause.database]
        waits = [number(row["maxwait"]) + number(row["maxwait_us"]) / 1e6 for row in pools]
        self.waiting = max(self.waiting, int(sum(number(row["cl_waiting"]) for row in pools)))
        self.longest = max((self.longest, *waits))
        self.delaying = int(sum(number(row["sv_active"]) for row in pools))

    async def _resume(self, seconds: float) -> None:
        """See that the watchdog resumes the database; do it here if that process is gone. Raises Trouble.

        It has so many `seconds` before that counts as unknown; it goes on after them.
        """
        await (self.fuse.put_out() if self.by_others else self.fuse.resume())
        await asyncio.wait({self.outcome}, timeout=seconds)
        if not self.outcome.done():
            self.outcome.cancel()
            raise self._unknown()
        self.ended, ended = self.elapsed, self.outcome.result()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.fuse.ended(), ENDING)
        if not ended and not self.by_others:
            await self.looking.command(f"RESUME {pooler_identifier(self.pause.database)}", ENDING)
        if ended in {REFUSED, UNREACHABLE}:
            raise self._unknown()

    def _unknown(self) -> Trouble:
        return Trouble(
            Kind.UNREACHABLE,
            f"PgBouncer does not answer: {one_line(self.pause.database)} may be paused still.",
            "A process on this machine tries to resume it for another minute. pooler-resume does it at once.",
        )

    def _now(self) -> str:
        left = f"{self.left:.0f} s left"
        if self.complete is None:
            return f"waiting for {counted(self.delaying, 'server connection')} in use, {left}"
        return f"paused, {counted(self.waiting, 'client waits', 'clients wait')}, {left}"

    def in_figures(self) -> str:
        """How it went, in figures."""
        how = " by another client" if self.by_others else ""
        began = "" if self.complete is None else f", in effect after {self.complete:.1f} s"
        waits = f"; {counted(self.waiting, 'client')} waited, at most {self.longest:.1f} s" if self.waiting else ""
        return f"PAUSE of {one_line(self.pause.database)}: sent{began}, resumed{how} after {self.ended:.1f} s{waits}."

    def incomplete(self) -> Trouble:
        """Why it had no effect."""
        used = counted(self.delaying, "server connection was", "server connections were")
        return Trouble(
            Kind.BUSY,
            f"The pause never took effect: {used} in use until {one_line(self.pause.database)} was resumed.",
            "End the open transactions first, or pause for longer.",
        )
