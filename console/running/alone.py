"""One console at a time on a subject, by advisory locks; who has it is named."""

from __future__ import annotations

import asyncio
import time

from console import sql
from console.format import one_line
from console.model import Kind, Plan, Trouble
from console.sources.postgres import ActingSession, DriverError, trouble

GIVING_WAY = 2.0  # seconds in which a console of another database that must give way has done so


async def alone(session: ActingSession, plan: Plan) -> None:
    """Take all that `plan` acts on, to the end of the session. Trouble (REFUSED) names who has it, or a pooler."""
    try:
        await direct(session)
        for part in plan.parts or (plan.subject,):
            await _take(session, "take_subject", {"subject": part}, one_line(part))
            if plan.everywhere:
                await _alone_everywhere(session, part)
        if plan.number:
            await _take(session, "take_number", {"number": plan.number}, one_line(plan.subject))
    except DriverError as error:
        raise trouble(error, "the change") from None


async def direct(session: ActingSession) -> None:
    """Trouble (REFUSED) when a pooler is between: what is locked there stays locked when the console is gone."""
    ((pid,),) = await session.query("SELECT pg_catalog.pg_backend_pid()")
    if pid != session.pid:  # a pooler made up the pid that the driver was told
        raise Trouble(
            Kind.REFUSED,
            "Nothing is changed through a connection pooler: its sessions keep neither locks nor settings.",
            "Connect to PostgreSQL itself.",
        )


async def _take(session: ActingSession, lock: str, parameters: dict[str, object], what: str) -> None:
    (row,) = await session.query(sql.load(f"actions/{lock}").text, parameters)
    if row[0] is not True:
        raise _taken(what, one_line(row[1] or "it has just ended"))


async def _alone_everywhere(session: ActingSession, subject: str) -> None:
    """An advisory lock is felt in its own database only, but seen from all.

    Each takes its own and then looks, so of two at least the later one sees the other. The one with the higher pid
    gives way at once. The other one waits for that, because the first may have looked before and be at work.
    """
    end = time.monotonic() + GIVING_WAY
    while others := await session.query(sql.load("actions/taken_elsewhere").text, {"subject": subject}):
        pid, holder = others[0]
        if int(str(pid)) < session.pid or time.monotonic() > end:
            raise _taken(one_line(subject), one_line(holder))
        await asyncio.sleep(0.05)


def _taken(what: str, holder: str) -> Trouble:
    return Trouble(Kind.REFUSED, f"Another session is changing {what}: {holder}.", "Wait for its end, or cancel it.")
