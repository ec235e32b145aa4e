"""One console at a time on a subject, by advisory locks; who holds it is named."""

from __future__ import annotations

import asyncio
import time

from console import sql
from console.format import one_line
from console.model import Claim, Kind, Trouble
from console.running.failures import change_trouble
from console.sources.postgres import ActingSession, DriverError

GIVING_UP = 2.0  # seconds in which a console of another database that must give up has done so


async def take(session: ActingSession, claim: Claim) -> None:
    """Lock all of `claim`, to the end of the session. Raises Trouble(REFUSED) that names who holds it, or a pooler."""
    try:
        await refuse_pooler(session)
        for part in claim.parts or (claim.subject,):
            await _lock(session, "take_subject", {"subject": part}, one_line(part))
            if claim.cluster_wide:
                await _lock_everywhere(session, part)
        if claim.advisory_lock:
            await _lock(session, "take_number", {"number": claim.advisory_lock}, one_line(claim.subject))
    except DriverError as error:
        raise change_trouble(error) from None


async def refuse_pooler(session: ActingSession) -> None:
    """Raises Trouble(REFUSED) behind a pooler, where locks outlive the console that took them."""
    ((pid,),) = await session.query("SELECT pg_catalog.pg_backend_pid()")
    if pid != session.pid:  # the pooler made up the pid that the driver was given
        raise Trouble(
            Kind.REFUSED,
            "Nothing is changed through a connection pooler: its sessions keep neither locks nor settings.",
            "Connect to PostgreSQL itself.",
        )


async def refuse_event_triggers(session: ActingSession) -> None:
    """Raises Trouble(REFUSED) where a change of this superuser sets off a function of another role."""
    for refused, remedy in await session.query(sql.load("actions/foreign_event_triggers").text, {}):
        raise Trouble(Kind.REFUSED, one_line(refused), one_line(remedy))


async def _lock(session: ActingSession, query: str, parameters: dict[str, object], what: str) -> None:
    (row,) = await session.query(sql.load(f"actions/{query}").text, parameters)
    if row[0] is not True:
        raise _taken(what, one_line(row[1] or "it has just ended"))


async def _lock_everywhere(session: ActingSession, subject: str) -> None:
    """An advisory lock conflicts only in its own database, but is visible from all.

    Each console takes its own lock and then looks, so of two at least the later one sees the other. The one with the
    higher pid gives up at once. The other one waits for that, because the first may have looked before and be at work.
    """
    end = time.monotonic() + GIVING_UP
    while others := await session.query(sql.load("actions/taken_elsewhere").text, {"subject": subject}):
        pid, holder = others[0]
        if int(str(pid)) < session.pid or time.monotonic() > end:
            raise _taken(one_line(subject), one_line(holder))
        await asyncio.sleep(0.05)


def _taken(what: str, holder: str) -> Trouble:
    return Trouble(Kind.REFUSED, f"Another session is changing {what}: {holder}.", "Wait for its end, or cancel it.")
