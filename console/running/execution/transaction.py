"""Steps in one transaction. If the answer to COMMIT is lost, its outcome is looked up by the transaction id."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from console.model import Kind, Transaction, Trouble
from console.running import own_tables
from console.running.execution.executor import Context, Executor
from console.running.execution.looking_again import look_again
from console.running.progress import StepProgress
from console.sources.postgres import ActingSession, DriverError

RECONNECTS, RECONNECT_PAUSE = 15, 2.0  # tries to look up a transaction whose COMMIT was not answered; seconds between


def executor(execution: Transaction) -> Executor:
    """Runs neighbours of one group together."""
    return Executor(
        execute, "in a transaction of its own", group=execution.group, transactional=True, role=execution.role
    )


async def execute(context: Context, group: Sequence[StepProgress]) -> None:
    """Run `group` in one transaction. Before its COMMIT the trail gets its id, so that its fate can be looked up."""
    session, fate, committing = context.session, _Fate(context), False
    with context.run.holding() as holds:
        try:
            async with session.transaction(), fate:
                await look_again(session, group)
                if not group[0].step.sql.startswith("SELECT "):  # it is written to disk while the statement runs
                    await fate.note(assign=True)
                for progress in group:
                    context.begin(progress)
                    holds(progress)
                    began = time.monotonic()
                    if progress.step.writes is not None:
                        await own_tables.lock(session, progress.step.writes)
                    progress.rows = await _execute(session, progress)
                    progress.seconds = time.monotonic() - began
                    await fate.note()
                if any(map(_role, group)):
                    await session.seal()
                await fate.noted()
                committing = True
        except DriverError:
            if committing and fate.xid and not session.connected and await _committed(session, fate.xid):
                return
            raise


class _Fate:
    """Notes the transaction's id in the trail while its statements run, and waits for that before COMMIT."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._writing: asyncio.Future[None] | None = None
        self.xid = ""  # without one there is nothing to commit

    async def __aenter__(self) -> None:
        return

    async def __aexit__(self, *_: object) -> None:
        if self._writing is not None:  # a thread cannot be stopped, and must not write after what follows
            await asyncio.wait({self._writing})
            self._writing.exception()

    async def note(self, assign: bool = False) -> None:
        """Begin to write the id, once there is one; `assign` makes the server assign it now."""
        if self._writing is None:
            function = "pg_current_xact_id" if assign else "pg_current_xact_id_if_assigned"
            ((assigned,),) = await self._context.session.query(f"SELECT pg_catalog.{function}()::text")
            if assigned:
                self.xid = str(assigned)
                work = asyncio.to_thread(self._context.write, "commit", {"xid": self.xid})
                self._writing = asyncio.ensure_future(work)

    async def noted(self) -> None:
        """Wait until the id is on disk. Raises Trouble(REFUSED) if it cannot be written."""
        if self._writing is not None:
            await asyncio.shield(self._writing)


async def _execute(session: ActingSession, progress: StepProgress) -> int:
    role, statement = _role(progress), progress.step.sql
    return await (session.execute_as(role, statement) if role else session.execute(statement))


def _role(progress: StepProgress) -> str:
    how = progress.step.execution
    return how.role if isinstance(how, Transaction) else ""


async def _committed(session: ActingSession, xid: str) -> bool:
    """Whether the transaction committed. Raises Trouble(UNREACHABLE) if that is unknown."""
    for _ in range(RECONNECTS):
        try:
            await session.open()
            answer = await session.query("SELECT pg_catalog.pg_xact_status(%(xid)s::xid8)", {"xid": xid})
        except (Trouble, DriverError):
            await asyncio.sleep(RECONNECT_PAUSE)
            continue
        if answer[0][0] in {"committed", "aborted"}:
            return answer[0][0] == "committed"
        await asyncio.sleep(RECONNECT_PAUSE)
    raise Trouble(
        Kind.UNREACHABLE,
        f"The connection was lost while transaction {xid} committed, and whether it did is unknown.",
        f"SELECT pg_xact_status('{xid}') shows it; running the action again is safe.",
    )
