"""One set-up at a time in a database: a session that holds an advisory lock while the set-up runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from console.model import Kind, Trouble
from console.running.claim import refuse_pooler, take_subject
from console.sources.postgres import ActingSession, DriverError, trouble

SUBJECT = "set-up of the database"


@asynccontextmanager
async def only_setup(session: ActingSession) -> AsyncIterator[None]:
    """Hold the lock. Raises Trouble(REFUSED) if another set-up holds it, or behind a connection pooler."""
    try:
        await session.open()
        await refuse_pooler(session)
        await session.execute("SET idle_session_timeout = 0")  # it holds the lock by doing nothing
        if holder := await take_subject(session, SUBJECT):
            raise Trouble(
                Kind.REFUSED,
                f"Another set-up of this database is running: {holder}.",
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
