"""A statement outside a transaction block: its progress, what it waits for, when it releases its lock."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from functools import partial

from console.format import one_line
from console.model import Kind, Source, Standalone, Trouble
from console.model.act import LOCK_TIMEOUT, NOTICED
from console.running.execution.executor import Context, Executor, readying
from console.running.progress import StepProgress
from console.sources.postgres import ActingSession, DriverError

PROGRESS_PERIOD = 1.0
WATCH_PERIOD = NOTICED / 2  # seconds that a session may queue behind a patient statement before that is noticed
LOCK_NOT_AVAILABLE = "55P03"
MISSED = "What the plan saw was not there for a moment: plan again."


def executor(execution: Standalone) -> Executor:
    """Runs one statement; a retry sends what `again` returns."""
    how = "in a transaction of its own" if execution.role else "outside a transaction"
    return Executor(
        partial(execute, execution),
        how,
        syncs=True,
        opening=lambda session, group: readying(session, group, *_limit(execution.lock_timeout)),
        left=partial(_left, execution),
        role=execution.role,
    )


async def execute(execution: Standalone, context: Context, group: Sequence[StepProgress]) -> None:
    """Run the step's statement, or after a failed attempt what is left of it."""
    (progress,) = group
    report = context.begin(progress)
    statements = [(progress.step.sql, execution.lock_timeout)]
    if progress.tries and execution.again:
        statements = await _again(execution, context)
    for statement, lock_timeout in statements:
        async with _ready(context, progress, lock_timeout):
            # Where a limit is to be restored, what is sent ahead goes with that.
            ahead = _ahead(context, progress) if lock_timeout is None else ()
            work = _execute(context, progress, statement, execution, ahead)
            progress.rows = await _send(context, work, lock_timeout, report)


async def _again(execution: Standalone, context: Context) -> list[tuple[str, float | None]]:
    return [
        (str(row[0]), float(str(row[1])) if len(row) > 1 and row[1] is not None else execution.lock_timeout)
        for row in await context.query(execution.again)
    ]


async def _left(execution: Standalone, context: Context) -> list[str]:
    return [statement for statement, _ in await _again(execution, context)] if execution.again else []


async def _send(
    context: Context, running: Coroutine[None, None, int], lock_timeout: float | None, report: Callable[[str], None]
) -> int:
    """Run what runs the statement; how many rows it changed.

    With a `lock_timeout` it waits that long (seconds; 0: without limit), but is cancelled when somebody waits for whom
    it waits, queues behind it while it only queues itself, or keeps others waiting in turn. Raises the driver's error,
    or Trouble with the SQLSTATE of a lock that is not available.
    """
    session, source = context.session, context.source
    began = reported = time.monotonic()
    work = asyncio.ensure_future(running)
    period = PROGRESS_PERIOD if lock_timeout is None else WATCH_PERIOD
    waits_for = ""
    try:
        while not (await asyncio.wait({work}, timeout=period))[0]:
            if lock_timeout is not None:
                waits_for, behind = await _queue(session, source)
                if behind:
                    await _give_way(session, work, behind)
            if time.monotonic() - reported >= PROGRESS_PERIOD:
                reported = time.monotonic()
                report(waits_for or await _progress(session, source, reported - began))
        return work.result()
    except asyncio.CancelledError:
        work.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # whoever waits may be gone
        await session.cancel()
        await asyncio.wait({work})
        raise


async def _execute(
    context: Context, progress: StepProgress, statement: str, execution: Standalone, ahead: Sequence[str]
) -> int:
    session, expect, keeps, role = context.session, progress.step.expect, progress.step.keeps, execution.role
    if execution.only_if:
        return await _execute_if(session, execution.only_if, statement)
    if not role and keeps:
        await session.keep_value(keeps, statement)
        return 1
    if not role:
        return await session.execute(statement)
    try:
        rows, answer = await session.execute_sealed(role, statement, expect, ahead)
        progress.verified = bool(answer and answer[0][0])
    except DriverError:
        # It was what is sent ahead that failed, if the statement has had its effect.
        if not ahead or not session.connected or not (await session.query(expect))[0][0]:
            raise
        rows, progress.verified = 0, True
    if keeps:
        await session.keep_value(keeps)
    return rows


async def _execute_if(session: ActingSession, question: str, statement: str) -> int:
    if await session.execute_if(question, statement):
        return 0
    ((answer, reason),) = await session.query(question)
    raise Trouble(Kind.FAILED, MISSED if answer else one_line(reason))


def _ahead(context: Context, progress: StepProgress) -> Sequence[str]:
    """What can be sent with the question whether the step had its effect: nothing, where that is not asked."""
    return context.ahead if progress.step.expect and not progress.tries else ()


@contextlib.asynccontextmanager
async def _ready(context: Context, progress: StepProgress, seconds: float | None) -> AsyncIterator[None]:
    """Context.ready, and in the block the session waits so many `seconds` for a lock, if that is given."""
    limit = _limit(seconds)
    try:
        await context.ready(() if progress.tries else (progress,), *limit)
        yield
        ahead = _ahead(context, progress)
        if progress.step.expect and not progress.verified and (limit or ahead):
            reset = [_lock_timeout(LOCK_TIMEOUT)] if limit else []
            # If that fails, each is asked alone. What is sent ahead may be rolled back, which the limit must not be.
            asked = [*reset, progress.step.expect]
            asked = ["BEGIN", *asked, "COMMIT"] if ahead else asked
            with contextlib.suppress(DriverError):
                answers = await context.session.script(*asked, ahead=ahead)
                progress.verified, limit = bool(answers[asked.index(progress.step.expect)][0][0]), []
    finally:
        if limit and context.session.connected:
            with contextlib.suppress(DriverError):  # a lost connection has no settings left to restore
                await context.session.execute(_lock_timeout(LOCK_TIMEOUT))


def _limit(seconds: float | None) -> list[str]:
    return [] if seconds is None else [_lock_timeout(seconds)]


def _lock_timeout(seconds: float) -> str:
    return f"SELECT pg_catalog.set_config('lock_timeout', '{round(seconds * 1000)}ms', false)"


async def _give_way(session: ActingSession, work: asyncio.Future[int], behind: str) -> None:
    await session.cancel()
    await asyncio.wait({work})
    if work.exception() is not None:
        what = f"Lock released for {behind}, which was queued behind it."
        raise Trouble(Kind.BUSY, what, "Try again later.", LOCK_NOT_AVAILABLE)


async def _queue(session: ActingSession, source: Source) -> tuple[str, str]:
    """Whom the session waits for, and which sessions queue behind it."""
    try:
        snapshot = await source.fetch("actions/in_the_way", {"pid": session.pid})
    except Trouble:
        return "", ""
    waits_for, behind = (one_line(value or "") for value in snapshot.rows[0])
    return (f"waiting for {waits_for}" if waits_for else ""), behind


async def _progress(session: ActingSession, source: Source, seconds: float) -> str:
    try:
        snapshot = await source.fetch("progress", {"pid": session.pid})
    except Trouble:
        return ""
    for record in snapshot.records():
        done, total = record["done"], record["total"]
        if isinstance(done, int) and isinstance(total, int) and total > 0:
            left = seconds * (total - done) / done if done else 0
            return f"{one_line(record['phase'])} {100 * done / total:.0f}%" + (f", {left:.0f} s left" if left else "")
        return one_line(record["phase"])
    return ""
