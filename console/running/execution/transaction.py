"""Steps in one transaction. If the answer to COMMIT is lost, its outcome is looked up by the transaction id."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from console.model import Kind, Transaction, Trouble
from console.running import own_tables
from console.running.execution import looking_again
from console.running.execution.executor import Context, Executor
from console.running.progress import StepProgress
from console.sources.postgres import ActingSession, DriverError, Rows

_ASSIGN = "SELECT pg_catalog.pg_current_xact_id()::text"
_ASSIGNED = "SELECT pg_catalog.pg_current_xact_id_if_assigned()::text"
RECONNECTS, RECONNECT_PAUSE = 15, 2.0  # tries to look up a transaction whose COMMIT was not answered; seconds between


def executor(execution: Transaction) -> Executor:
    """Runs neighbours of one group together."""
    return Executor(
        execute,
        "in a transaction of its own",
        group=execution.group,
        syncs=True,
        transactional=True,
        repeatable=True,
        opening=lambda session, group: looking_again.opening(session, group, *_assigning(group)),
        role=execution.role,
    )


async def execute(context: Context, group: Sequence[StepProgress]) -> None:
    """Run `group` in one transaction. Before its COMMIT the trail gets its id, so that its fate can be looked up."""
    prelude = all(map(_prelude, group))
    session, fate, committing = context.session, _Fate(context, sync=not prelude), False
    first, effects = _assigning(group), [progress.step.expect for progress in group if progress.step.expect]
    last = effects if first else []
    try:
        with context.run.holding(session) as holds:
            async with looking_again.transaction(session, group, *first, last=last) as replies, fate:
                fate.note(*replies.first)
                if all(map(_at_once, group)):
                    statements = _together(context, group, holds)
                    if prelude:
                        replies.with_commit += statements
                    else:
                        await session.script(*statements)
                else:
                    await _in_turn(context, group, fate, holds)
                await fate.noted()
                committing = True
                if fate.xid and last == effects:  # if what is sent ahead fails, the id tells that this has committed
                    replies.ahead = context.ahead
    except DriverError:
        if not (committing and fate.xid and await _committed(session, fate.xid)):
            raise
    _verified(group, replies.last)


def _assigning(group: Sequence[StepProgress]) -> list[str]:
    """What gives the transaction its id at its beginning, so that it is synced while the statements run."""
    return [] if group[0].step.sql.startswith("SELECT ") else [_ASSIGN]


async def _in_turn(
    context: Context, group: Sequence[StepProgress], fate: _Fate, holds: Callable[[StepProgress], None]
) -> None:
    for progress in group:
        context.begin(progress)
        holds(progress)
        began = time.monotonic()
        if progress.step.writes is not None:
            await own_tables.lock(context.session, progress.step.writes)
        progress.rows = await _execute(context.session, progress)
        progress.seconds = time.monotonic() - began
        if not fate.xid:
            fate.note(await context.session.query(_ASSIGNED))
    if any(map(_role, group)):
        await context.session.seal()


def _together(context: Context, group: Sequence[StepProgress], holds: Callable[[StepProgress], None]) -> list[str]:
    """What to send at once for the steps of `group`, which run now."""
    for progress in group:
        context.begin(progress)
        holds(progress)
    statements, role = [progress.step.sql for progress in group], _role(group[0])
    return context.session.sealed(role, *statements) if role else statements


def _verified(group: Sequence[StepProgress], answers: Sequence[Rows]) -> None:
    expecting = [progress for progress in group if progress.step.expect]
    for progress, rows in zip(expecting, answers, strict=False):  # none, if they were not asked or not answered
        progress.verified = bool(rows and rows[0][0])


class _Fate:
    """Notes the transaction's id in the trail while its statements run, and waits for that before COMMIT."""

    def __init__(self, context: Context, sync: bool) -> None:
        self._context = context
        self._sync = sync
        self._writing: asyncio.Future[None] | None = None
        self.xid = ""  # without one there is nothing to commit

    async def __aenter__(self) -> None:
        return

    async def __aexit__(self, *_: object) -> None:
        if self._writing is not None:  # a thread cannot be stopped, and must not write after what follows
            await asyncio.wait({self._writing})
            self._writing.exception()

    def note(self, *answers: Rows) -> None:
        """Begin to write the id, if the server has assigned one."""
        for ((assigned,),) in answers:
            if assigned:
                self.xid = str(assigned)
                write, details = self._context.recorder.write, {"xid": self.xid}
                if self._sync:
                    self._writing = asyncio.ensure_future(asyncio.to_thread(write, "commit", details))
                else:
                    write("commit", details, sync=False)

    async def noted(self) -> None:
        """Wait until the id is on disk, where it is synced. Raises Trouble(REFUSED) if it cannot be written."""
        if self._writing is not None:
            await asyncio.shield(self._writing)


async def _execute(session: ActingSession, progress: StepProgress) -> int:
    role, statement = _role(progress), progress.step.sql
    return await (session.execute_as(role, statement) if role else session.execute(statement))


def _role(progress: StepProgress) -> str:
    how = progress.step.execution
    return how.role if isinstance(how, Transaction) else ""


def _at_once(progress: StepProgress) -> bool:
    how = progress.step.execution
    return isinstance(how, Transaction) and how.at_once


def _prelude(progress: StepProgress) -> bool:
    how = progress.step.execution
    return isinstance(how, Transaction) and how.at_once and how.prelude


async def _committed(session: ActingSession, xid: str) -> bool:
    """Whether the transaction committed. Raises Trouble(UNREACHABLE) if that is unknown."""
    for _ in range(RECONNECTS):
        try:
            if not session.connected:
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
