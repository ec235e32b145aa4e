"""One set-up at a time in a database: a session that holds an advisory lock while the set-up runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from console import sql
from console.format import one_line
from console.model import Kind, Trouble
from console.running.claim import refuse_pooler
from console.sources.postgres import ActingSession, DriverError, trouble

SUBJECT = "set-up of the database"


@asynccontextmanager
async def only_setup(session: ActingSession) -> AsyncIterator[None]:
    """Hold the lock. Raises Trouble(REFUSED) if another set-up holds it, or behind a connection pooler."""
    try:
        await session.open()
        await refuse_pooler(session)
        await session.execute("SET idle_session_timeout = 0")  # it holds the lock by doing nothing
        rows = await session.query(sql.load("actions/take_subject").text, {"subject": SUBJECT})
        if rows[0][0] is not True:
            raise Trouble(
                Kind.REFUSED,
                f"Another set-up of this database is running: {one_line(rows[0][1] or 'it has just ended')}.",
                "Wait until it is done, or cancel it.",
            )
        yield
    except DriverError as error:
        raise trouble(error, "the set-up") from None
    finally:
        await session.close()


async def require_lock(session: ActingSession) -> None:
    """Raises Trouble(UNREACHABLE) if the session, and with it the lock, is lost."""
    try:
        await session.query("SELECT 1")
    except DriverError:
        raise Trouble(
            Kind.UNREACHABLE,
            "The connection that holds the lock of this set-up was lost.",
            "Run the same command again.",
        ) from None
