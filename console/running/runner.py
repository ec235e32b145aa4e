"""Runs plans: audited before, one console at a time on a subject, never long in anybody's way, verified after.

A lock that cannot be had within the session's lock_timeout is tried again after a pause with full jitter (0.2 s × 2ⁿ,
at most 8 s), until the run's patience ends. Consecutive steps that may share a transaction do.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence

from console import sql
from console.files import local_files
from console.format import one_line
from console.model import Kind, Outcome, Plan, Source, Trouble
from console.running import canary, exporting, failing, lone, program
from console.running.alone import alone
from console.running.run import Progress, Run, groups, pace
from console.running.trail import audit_table, entries
from console.running.trail.audit import Trail
from console.sources.postgres import ActingSession, DriverError, trouble

PATIENCE = 300.0  # seconds of tries for a lock
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 8.0
RECONNECTS, RECONNECT_PAUSE = 15, 2.0  # tries to ask for the fate of a transaction whose COMMIT was not answered
RETRIED = {"55P03", "40P01", "40001"}  # lock not available, deadlock, serialization failure


Tell = Callable[[Run], None]


class Runner:
    """Runs plans on one server. `tell` hears of every change in the run's progress."""

    def __init__(self, session: ActingSession, server: Source, trail: Trail, tell: Tell = lambda _: None) -> None:
        self._session = session
        self._server = server
        self._trail = trail
        self._tell = tell

    async def run(self, plan: Plan, patience: float = PATIENCE, run: Run | None = None) -> Run:
        """Run `plan` to its end and return how it went. Trouble (REFUSED) when it could not even be audited."""
        run = run or Run.of(plan)
        if not plan.steps:
            run.outcome, run.message = Outcome.NOTHING, "There is nothing to do."
            return run
        started = time.monotonic()
        self._write(run, "start", **entries.planned(run))  # so that a run can be undone whose console was killed
        try:
            await self._session.open()
            await alone(self._session, plan)
            for group in groups(run.steps):
                await self._group(run, group, time.monotonic() + patience)
            run.outcome, run.message = Outcome.DONE, "Done."
            await self._read_back(run)
        except Trouble as why:
            self._fail(run, await self._taken_back(run, why))
        except asyncio.CancelledError:
            await self._session.cancel()
            self._fail(run, await self._taken_back(run, Trouble(Kind.FAILED, "Stopped on request.")))
        finally:
            run.seconds = time.monotonic() - started
            await self._finish(run)
        return run

    async def _read_back(self, run: Run) -> None:
        if run.plan.read_back is None:
            return
        try:
            run.notes += await run.plan.read_back(self._server)
        except Trouble as why:
            run.notes.append(f"What came of it could not be read: {why}")

    async def _taken_back(self, run: Run, why: Trouble) -> Trouble:
        done = [one for one in run.steps if one.status == "done"]
        if not any(one.step.canary for one in done):
            return why
        told, undone = await canary.take_back(self._session, why, run.undo)
        if undone:
            for one in done:
                one.status, one.rows = "undone", 0
        return told

    def _fail(self, run: Run, why: Trouble) -> None:
        done = any(one.status == "done" or (one.step.repeat and one.rows) for one in run.steps)
        run.outcome = Outcome.STOPPED if done else Outcome.REFUSED if why.kind is Kind.REFUSED else Outcome.FAILED
        run.message = str(why)
        for one in run.steps:
            if one.status in {"running", "waiting"}:
                one.status = "failed"

    async def _finish(self, run: Run) -> None:
        await self._name_left(run)
        run.notes += [*run.waits, *await failing.note(self._session, run)]
        told = {"outcome": run.outcome.value if run.outcome else None, "message": run.message, "notes": run.notes}
        try:
            self._write(run, "end", **told, seconds=run.seconds, undo=run.undo)
        except Trouble as why:
            run.notes.append(str(why))
        await self._audit_in_database(run)
        await self._session.close()
        self._tell(run)

    async def _name_left(self, run: Run) -> None:
        for one in run.steps:
            if one.status == "failed" and one.step.again and self._session.connected:
                with contextlib.suppress(Trouble):  # the first trouble is the one to be told
                    left = [str(row[0]) for row in await self._ask(one.step.again, None)]
                    if left:
                        run.notes.append(f"Left to do by running the action again: {one_line('; '.join(left))}")

    # Steps

    async def _group(self, run: Run, group: Sequence[Progress], end: float) -> None:
        attempt = 0
        while True:
            began = time.monotonic()
            try:
                await self._once(run, group)
            except (DriverError, Trouble) as error:
                self._reset(group)
                why = error if isinstance(error, Trouble) else trouble(error, "the change")
                if why.sqlstate not in RETRIED or time.monotonic() > end:
                    group[0].status = "failed"
                    raise (why if why is error else await self._explained(group, why)) from None
                pause = random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt))  # noqa: S311  jitter
                attempt += 1
                group[0].status, group[0].tries = "waiting", attempt
                group[0].said = why.sentence if why is error else await self._holders(group)
                self._tell(run)
                await asyncio.sleep(pause)
                continue
            for one in group:
                one.status, one.said = "done", ""
                one.seconds = one.seconds or time.monotonic() - began
            # That a transaction committed, the server tells by the number that was synced before its COMMIT.
            alone = not group[0].step.transaction or group[0].step.repeat
            self._trail.write(*(entries.step(run, self._server.facts, one) for one in group), sync=alone)
            self._tell(run)
            await self._verify(group)
            await canary.prove(self._session, [one.step for one in group])
            return

    async def _once(self, run: Run, group: Sequence[Progress]) -> None:
        if group[0].step.repeat:
            await self._batches(run, group[0])
        elif group[0].step.transaction:
            with run.holding() as begins:
                await self._together(run, group, begins)
        else:
            await self._alone_with_progress(run, group[0])

    async def _together(self, run: Run, group: Sequence[Progress], begins: Callable[[Progress], None]) -> None:
        xid, committing = "", False
        try:
            async with self._session.transaction():
                for one in group:
                    one.status = "running"
                    self._tell(run)
                    begins(one)
                    began = time.monotonic()
                    one.rows = await self._session.execute(one.step.sql)
                    one.seconds = time.monotonic() - began
                ((assigned,),) = await self._session.query("SELECT pg_catalog.pg_current_xact_id_if_assigned()::text")
                xid = str(assigned or "")
                if xid:  # without one there is nothing to commit
                    self._write(run, "commit", xid=xid)
                committing = True
        except DriverError:
            if committing and xid and not self._session.connected and await self._committed(xid):
                return
            raise

    async def _committed(self, xid: str) -> bool:
        """Whether a transaction whose COMMIT was not answered took effect. Trouble when the server does not tell."""
        for _ in range(RECONNECTS):
            try:
                await self._session.open()
                answer = await self._session.query("SELECT pg_catalog.pg_xact_status(%(xid)s::xid8)", {"xid": xid})
            except (Trouble, DriverError):
                await asyncio.sleep(RECONNECT_PAUSE)
                continue
            if answer[0][0] in {"committed", "aborted"}:
                return answer[0][0] == "committed"
            await asyncio.sleep(RECONNECT_PAUSE)
        raise Trouble(
            Kind.UNREACHABLE,
            f"The connection was lost while transaction {xid} committed, and the server did not say whether it did.",
            f"SELECT pg_xact_status('{xid}') tells; running the action again is safe.",
        )

    async def _batches(self, run: Run, one: Progress) -> None:
        one.status = "running"
        began = time.monotonic()
        while True:
            async with self._session.transaction():
                moved, more = await self._session.batch(one.step.sql)
            one.rows += moved
            one.seconds = time.monotonic() - began
            one.said = pace(one)
            if not more:
                return
            self._tell(run)
            await self._breathe()

    async def _breathe(self) -> None:
        """Let others through between two batches: longer while a standby lags or somebody waits for us."""
        (row,) = await self._ask(sql.load("actions/breathe").text, None)
        await asyncio.sleep(float(str(row[0])))

    async def _alone_with_progress(self, run: Run, one: Progress) -> None:
        one.status = "running"
        self._tell(run)
        began = time.monotonic()

        def heard(said: str) -> None:
            one.said, one.seconds = said, time.monotonic() - began
            self._tell(run)

        if one.step.file is not None:
            local_files.write(one.step.file)
        elif one.step.program:
            await program.execute(self._session, one.step.program, heard)
        elif one.step.into:
            one.rows = await exporting.export(self._session, self._server.facts.label, one.step, heard)
        else:
            for statement, lock_timeout in await self._statements(one):
                one.rows = await lone.execute(self._session, self._server, statement, lock_timeout, heard)
        one.seconds = time.monotonic() - began

    async def _statements(self, one: Progress) -> list[tuple[str, float | None]]:
        """What is sent now: after a failed try, what the step's `again` answers."""
        step = one.step
        if not (one.tries and step.again):
            return [(step.sql, step.lock_timeout)]
        return [
            (str(row[0]), float(str(row[1])) if len(row) > 1 and row[1] is not None else step.lock_timeout)
            for row in await self._ask(step.again, None)
        ]

    async def _verify(self, group: Sequence[Progress]) -> None:
        for one in group:
            if not one.step.expect:
                continue
            end = time.monotonic() + one.step.settle
            while not (answer := (await self._ask(one.step.expect, None))[0])[0]:
                if time.monotonic() >= end:
                    one.status = "failed"
                    told = one_line(answer[1]) if len(answer) > 1 and answer[1] else ""
                    what = one_line(one.step.note or one.step.sql)[:200]
                    raise Trouble(Kind.FAILED, told or f"It ran, but had no effect: {what}.")
                await asyncio.sleep(0.25)

    # What is said

    def _reset(self, group: Sequence[Progress]) -> None:
        for one in group:
            one.status = "pending"
            if not one.step.repeat:
                one.rows, one.seconds = 0, 0.0

    async def _explained(self, group: Sequence[Progress], why: Trouble) -> Trouble:
        if why.kind is not Kind.BUSY:
            return Trouble(why.kind, why.sentence.replace("may not read", "may not make"), "", why.sqlstate)
        holders = await self._holders(group)
        return Trouble(
            Kind.BUSY, f"A lock could not be had in time{f': {holders}' if holders else ''}.", "Try again later."
        )

    async def _holders(self, group: Sequence[Progress]) -> str:
        relation = next((one.step.on for one in group if one.step.on), "")
        if not relation:
            return "waiting for a lock"
        try:
            snapshot = await self._server.fetch("lock_holders", {"relation": relation, "pid": self._own_pid()})
        except Trouble:
            return "waiting for a lock"
        names = [f"pid {record['pid']} ({one_line(record['who'])})" for record in snapshot.records()]
        return f"waiting for {', '.join(names[:3])}" if names else "waiting for a lock"

    def _own_pid(self) -> int:
        return self._session.pid if self._session.connected else 0

    async def _ask(self, text: str, parameters: dict[str, object] | None) -> list[tuple[object, ...]]:
        try:
            return await self._session.query(text, parameters)
        except DriverError as error:
            raise trouble(error, "the change") from None

    def _write(self, run: Run, event: str, **more: object) -> None:
        self._trail.write(entries.entry(run, self._server.facts, event, **more))

    async def _audit_in_database(self, run: Run) -> None:
        if not self._session.connected:
            return
        said = await audit_table.write(self._session, entries.row(run))
        run.notes += [said] if said else []
