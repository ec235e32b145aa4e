"""Runs plans: audited before, one console at a time on a subject, never blocking others for long, verified after.

A lock that is not available within the session's lock_timeout is tried again after a pause with full jitter (0.2 s ×
2ⁿ, at most 8 s), until the run's patience ends. Consecutive steps that may share a transaction do.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace

from console.format import one_line
from console.model import Database, Kind, Outcome, Plan, Source, Trouble
from console.running import canary, failures
from console.running.claim import take
from console.running.execution import executor, groups, looking_again
from console.running.execution.executor import Context, Executor
from console.running.failures import change_trouble
from console.running.progress import Run, StepProgress
from console.running.summary import achieved, hit
from console.running.trail import audit_table, entries
from console.running.trail.audit import Trail
from console.running.trail.run_recorder import RunRecorder
from console.sources.postgres import ENDED_IDLE, ActingSession, DriverError

PATIENCE = 300.0  # seconds of tries for a lock
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 8.0
SHORTEST_LOOK, LONGEST_LOOK = 0.02, 0.25  # seconds between two looks for the effect of a step
RETRIED = {"55P03", "40P01", "40001"}  # lock not available, deadlock, serialization failure

HELD_UP = (
    "The console was held up for more than 2 s within a transaction, which the server rolled back, ending the session. "
    "It ran again in a new session; what had been committed before was not repeated."
)
UNRECORDED = "How this run ended is not in the audit trail."
REWRITTEN = "The audit trail was removed or emptied during this run: what the run had recorded was written again."
BORROWED = "No connection was left: the reading session was used, and the database's audit table was not written."

Watch = Callable[[Run], None]


def no_log() -> Source:
    """Raises Trouble(MISSING): the log of this server is not read."""
    raise Trouble(Kind.MISSING, "The log of the server is not read here.")


class Runner:
    """Runs plans on one server. `watch` is called whenever the progress of the run changes."""

    def __init__(
        self,
        session: ActingSession,
        server: Database,
        trail: Trail,
        watch: Watch = lambda _: None,
        log: Callable[[], Source] = no_log,
    ) -> None:
        self._session = session
        self._server = server
        self._trail = trail
        self._watch = watch
        self._log = log
        self._claimed = 0  # the number of the connection that holds the claim
        self._held_up = False  # the console has been, within a transaction

    async def run(self, plan: Plan, patience: float = PATIENCE, run: Run | None = None) -> Run:
        """Run `plan` to its end and return the run. Raises Trouble(REFUSED) if it cannot be audited."""
        run = run or Run.of(plan)
        if not plan.steps:
            run.outcome, run.message = Outcome.NOTHING, "There is nothing to do."
            return run
        started = time.monotonic()
        recorder = RunRecorder.of(self._trail, run, self._server.facts)
        context = Context(
            *(self._session, self._server, run, lambda: self._watch(run), recorder, self._trail), log=self._log
        )
        # So that a run can be undone whose console was killed. It is synced while the session is opened.
        planned = asyncio.ensure_future(asyncio.to_thread(recorder.write, "start", entries.planned(run)))
        try:
            try:
                await self._open(run)
            finally:
                await asyncio.wait({planned})
            if not planned.exception():
                await self._steps(context, recorder, patience)
        except Trouble as why:
            self._fail(run, await self._undone(run, why))
        except asyncio.CancelledError:
            run.stopping = True
            if run.silent_since is None:
                await self._session.cancel()
            self._fail(run, await self._undone(run, Trouble(Kind.FAILED, "Stopped on request.")))
        finally:
            run.seconds = time.monotonic() - started
            await self._finish(context, recorder, planned)
        return run

    async def _open(self, run: Run) -> None:
        await self._session.open()
        if self._session.borrowed:
            run.notes.append(BORROWED)
        await self._claim(run)

    async def _claim(self, run: Run) -> None:
        """Take the claim of the plan in a connection that does not hold it yet. Raises Trouble."""
        if self._claimed == self._session.number:
            return
        await take(self._session, run.plan)
        first, self._claimed = not self._claimed, self._session.number
        if not self._session.borrowed:
            planned = list(groups(run.steps))
            opening = _executor(planned[0][0]).opening
            confined = any(_executor(progress).role for progress in run.steps)
            await looking_again.prepare(
                self._session, planned, confined, lambda: opening(self._session, planned[0]) if first else ()
            )

    async def _steps(self, context: Context, recorder: RunRecorder, patience: float) -> None:
        run = context.run
        planned = list(groups(run.steps))
        for group, following in zip(planned, [*planned[1:], None], strict=True):
            await self._claim(run)  # the outcome of a COMMIT may have been looked up in another connection
            following_it = replace(context, ahead=self._ahead(group, following))
            await self._group(following_it, group, time.monotonic() + patience)
            await self._done(context, recorder, group, following)
        missed = run.plan.signals and not hit(run)
        run.outcome, run.message = Outcome.NOTHING if missed else Outcome.DONE, achieved(run)
        await self._read_back(run)

    def _ahead(self, group: Sequence[StepProgress], following: Sequence[StepProgress] | None) -> Sequence[str]:
        """What the session is asked first after `group`; nothing, where something else may be asked between."""
        if self._session.borrowed or any(progress.step.canary or progress.step.settle for progress in group):
            return ()
        if following is None:
            return audit_table.OPENING
        return _executor(following[0]).opening(self._session, following)

    async def _read_back(self, run: Run) -> None:
        if run.plan.read_back is None:
            return
        try:
            run.notes += await run.plan.read_back(self._server)
        except Trouble as why:
            run.notes.append(f"The result could not be read: {why}")

    async def _undone(self, run: Run, why: Trouble) -> Trouble:
        """The message of a failed run. If a step could have locked everybody out, everything is undone first."""
        done = [progress for progress in run.steps if progress.status == "done"]
        if not any(progress.step.canary for progress in done):
            return why
        outcome, undone = await canary.undo_all(self._session, why, run.undo)
        if undone:
            for progress in done:
                progress.status, progress.rows = "undone", 0
        return outcome

    def _fail(self, run: Run, why: Trouble) -> None:
        done = any(
            progress.status == "done" or (_executor(progress).partial and progress.rows) for progress in run.steps
        )
        run.outcome = Outcome.STOPPED if done else Outcome.REFUSED if why.kind is Kind.REFUSED else Outcome.FAILED
        run.message = str(why)
        for progress in run.steps:
            if progress.status in {"running", "waiting"}:
                progress.status = "failed"

    async def _finish(self, context: Context, recorder: RunRecorder, planned: asyncio.Future[None]) -> None:
        """Record how the run ended, and disconnect. Raises Trouble(REFUSED) if it was not audited, so nothing ran."""
        run = context.run
        await asyncio.wait({planned})
        if (unaudited := planned.exception()) is not None:
            await self._session.close()
            raise unaudited
        await self._unless_stopped(run, self._name_left(context))
        run.notes += run.waits
        await self._unless_stopped(run, self._record_failures(run))
        outcome = {"outcome": run.outcome.value if run.outcome else None, "message": run.message, "notes": run.notes}
        details = {**outcome, "notes": [*run.notes], "seconds": run.seconds, "undo": run.undo}
        ended = asyncio.ensure_future(asyncio.to_thread(recorder.write, "end", details))
        await self._unless_stopped(run, self._audit_in_database(run))
        await asyncio.wait({ended})
        if (unwritten := ended.exception()) is not None:
            run.notes.append(UNRECORDED if str(unwritten) == run.message else f"{UNRECORDED} {unwritten}")
        elif recorder.rewritten:
            run.notes.append(REWRITTEN)
        await self._session.close()
        self._watch(run)

    async def _unless_stopped(self, run: Run, work: Coroutine[None, None, None]) -> None:
        """Do what belongs to the end of a run. A request to stop ends it: the server may be silent."""
        try:
            await work
        except asyncio.CancelledError:
            run.stopping = True
            self._session.cut()

    async def _record_failures(self, run: Run) -> None:
        run.notes += await failures.record(self._session, run)

    async def _name_left(self, context: Context) -> None:
        run = context.run
        for progress in run.steps:
            if progress.status == "failed" and self._session.connected:
                with contextlib.suppress(Trouble):  # the first trouble is the one to report
                    left = await _executor(progress).left(context)
                    if left:
                        run.notes.append(f"Left to do by running the action again: {one_line('; '.join(left))}")

    # Steps

    async def _group(self, context: Context, group: Sequence[StepProgress], end: float) -> None:
        attempt = 0
        while True:
            began = time.monotonic()
            try:
                await _executor(group[0]).execute(context, group)
            except (DriverError, Trouble) as error:
                _reset(group)
                why = error if isinstance(error, Trouble) else change_trouble(error)
                if why.sqlstate == ENDED_IDLE and _executor(group[0]).repeatable and time.monotonic() < end:
                    attempt += 1
                    await self._go_on(context, group[0], why.sentence)
                    continue
                if why.sqlstate not in RETRIED or time.monotonic() > end:
                    group[0].status = "failed"
                    raise (why if why is error else await self._explained(group, why)) from None
                pause = random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt))  # noqa: S311  jitter
                attempt += 1
                group[0].status, group[0].tries = "waiting", attempt
                group[0].message = why.sentence if why is error else await self._holders(group)
                context.changed()
                await asyncio.sleep(pause)
                continue
            for progress in group:
                seconds = time.monotonic() - began
                progress.seconds = (progress.seconds if _executor(progress).transactional else 0.0) or seconds
            return

    async def _go_on(self, context: Context, progress: StepProgress, why: str) -> None:
        """Connect again, after a transaction that the server has rolled back. Raises Trouble if that fails."""
        progress.status, progress.tries = "waiting", progress.tries + 1
        progress.message = f"connecting again: {why}"
        context.changed()
        if not self._session.connected:
            await self._session.open()
        await self._claim(context.run)
        if not self._held_up:
            context.run.notes.append(HELD_UP)
        self._held_up = True

    async def _done(
        self,
        context: Context,
        recorder: RunRecorder,
        group: Sequence[StepProgress],
        following: Sequence[StepProgress] | None,
    ) -> None:
        """Record in the trail that `group` is done, and verify its effect."""
        for progress in group:
            progress.status, progress.message = "done", ""
        then = _executor(following[0]) if following is not None else None
        recorder.steps(group, waits=then is None or then.group is not None, synced=then is None or then.syncs)
        context.changed()
        await self._verify(context, group)
        await canary.prove(self._session, [progress.step for progress in group])

    async def _verify(self, context: Context, group: Sequence[StepProgress]) -> None:
        for progress in group:
            if not progress.step.expect or progress.verified:
                continue
            end, pause = time.monotonic() + progress.step.settle, SHORTEST_LOOK
            while not (answer := (await context.query(progress.step.expect))[0])[0]:
                if time.monotonic() >= end:
                    progress.status = "failed"
                    reason = one_line(answer[1]) if len(answer) > 1 and answer[1] else ""
                    what = one_line(progress.step.note or progress.step.sql)[:200]
                    raise Trouble(Kind.FAILED, reason or f"It ran, but had no effect: {what}.")
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_LOOK)

    # What is reported

    async def _explained(self, group: Sequence[StepProgress], why: Trouble) -> Trouble:
        if why.kind is not Kind.BUSY:
            return why
        holders = await self._holders(group)
        return Trouble(
            Kind.BUSY, f"A lock was not available in time{f': {holders}' if holders else ''}.", "Try again later."
        )

    async def _holders(self, group: Sequence[StepProgress]) -> str:
        relation = next((progress.step.on for progress in group if progress.step.on), "")
        if not relation:
            return "waiting for a lock"
        pid = self._session.pid if self._session.connected else 0
        try:
            snapshot = await self._server.fetch("lock_holders", {"relation": relation, "pid": pid})
        except Trouble:
            return "waiting for a lock"
        names = [f"pid {record['pid']} ({one_line(record['who'])})" for record in snapshot.records()]
        return f"waiting for {', '.join(names[:3])}" if names else "waiting for a lock"

    async def _audit_in_database(self, run: Run) -> None:
        if not self._session.connected or self._session.borrowed:
            return
        problem = await audit_table.write(self._session, entries.row(run))
        run.notes += [problem] if problem else []


def _executor(progress: StepProgress) -> Executor:
    return executor(progress.step.execution)


def _reset(group: Sequence[StepProgress]) -> None:
    """Reset the steps for a retry; committed batches stay done."""
    for progress in group:
        progress.status, progress.verified = "pending", False
        if not _executor(progress).partial:
            progress.rows, progress.seconds = 0, 0.0
