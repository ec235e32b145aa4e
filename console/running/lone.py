"""A statement that runs alone, outside a transaction: its progress, whom it waits for, and when it gives way."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from console.format import one_line
from console.model import Kind, Source, Trouble
from console.sources.postgres import ActingSession, DriverError

PROGRESS_PERIOD = 1.0
WATCH_PERIOD = 0.1  # how long somebody may stand behind a patient statement before it is noticed
LOCK_NOT_AVAILABLE = "55P03"


async def execute(
    session: ActingSession,
    server: Source,
    statement: str,
    lock_timeout: float | None,
    heard: Callable[[str], None],
) -> int:
    """Run `statement`; how many rows it changed. `heard` is told what it does.

    With a `lock_timeout` of its own it waits that patiently (seconds; 0: without end), but gives way: when somebody
    waits for whom it waits, stands behind it while it only queues, or keeps others waiting behind himself, it is
    cancelled. Raises the driver's error, or Trouble with the SQLSTATE of a lock that is not available.
    """
    await _refuse_read_only(session)
    began = told = time.monotonic()
    async with _patience(session, lock_timeout):
        work = asyncio.ensure_future(session.execute(statement))
        period = PROGRESS_PERIOD if lock_timeout is None else WATCH_PERIOD
        waits_for = ""
        try:
            while not (await asyncio.wait({work}, timeout=period))[0]:
                if lock_timeout is not None:
                    waits_for, behind = await _standing(session, server)
                    if behind:
                        await _give_way(session, work, behind)
                if time.monotonic() - told >= PROGRESS_PERIOD:
                    told = time.monotonic()
                    heard(waits_for or await _progress(session, server, told - began))
            return work.result()
        except asyncio.CancelledError:
            await session.cancel()
            await asyncio.wait({work})
            raise


async def _refuse_read_only(session: ActingSession) -> None:
    # The server lets VACUUM, REINDEX, ALTER SYSTEM and pg_terminate_backend() pass in a read-only session.
    if await session.query("SELECT 1 WHERE pg_catalog.current_setting('default_transaction_read_only')::bool"):
        raise Trouble(Kind.REFUSED, "The session is read-only: nothing is changed.")


@contextlib.asynccontextmanager
async def _patience(session: ActingSession, seconds: float | None) -> AsyncIterator[None]:
    if seconds is None:
        yield
        return
    await session.execute(
        "SELECT pg_catalog.set_config('lock_timeout', %(limit)s, false)", {"limit": f"{round(seconds * 1000)}ms"}
    )
    try:
        yield
    finally:
        if session.connected:
            with contextlib.suppress(DriverError):  # a lost connection has no settings left to restore
                await session.execute("RESET lock_timeout")


async def _give_way(session: ActingSession, work: asyncio.Future[int], behind: str) -> None:
    await session.cancel()
    await asyncio.wait({work})
    if work.exception() is not None:
        raise Trouble(Kind.BUSY, f"It gave way to {behind}.", "Try again later.", LOCK_NOT_AVAILABLE)


async def _standing(session: ActingSession, server: Source) -> tuple[str, str]:
    """Whom the session waits for, and to whom it should give way."""
    try:
        snapshot = await server.fetch("actions/in_the_way", {"pid": session.pid})
    except Trouble:
        return "", ""
    waits_for, behind = (one_line(value or "") for value in snapshot.rows[0])
    return (f"waiting for {waits_for}" if waits_for else ""), behind


async def _progress(session: ActingSession, server: Source, seconds: float) -> str:
    try:
        snapshot = await server.fetch("progress", {"pid": session.pid})
    except Trouble:
        return ""
    for record in snapshot.records():
        done, total = record["done"], record["total"]
        if isinstance(done, int) and isinstance(total, int) and total > 0:
            left = seconds * (total - done) / done if done else 0
            return f"{one_line(record['phase'])} {100 * done / total:.0f}%" + (f", {left:.0f} s left" if left else "")
        return one_line(record["phase"])
    return ""
