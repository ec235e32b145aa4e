"""One console at a time on a subject, by advisory locks; who holds it is named."""

from __future__ import annotations

import asyncio
import time

from console import sql
from console.format import one_line
from console.model import Claim, Kind, Plan, Trouble
from console.running.failures import change_trouble
from console.sources.postgres import ActingSession, DriverError

GIVING_UP = 2.0  # seconds in which a console of another database that must give up has done so


async def take(session: ActingSession, plan: Plan) -> None:
    """Lock all that `plan` claims, to the end of the session.

    Raises Trouble(REFUSED) that names who holds it, a pooler, or an event trigger of another role.
    """
    claim = plan.claim
    subjects = claim.parts or (claim.subject,)
    try:
        asked = {"pid": session.pid, "subjects": list(subjects)}
        claimed = await session.query(sql.load("actions/take_claim").text, asked)
        for own, subject, taken, _ in claimed:
            if own is not True:
                raise _pooler()
            if taken is not True:
                raise _taken(one_line(subject), await _holder(session, "subject", subject))
        if claim.cluster_wide:
            for subject in subjects:
                await _lock_everywhere(session, subject)
        if claim.advisory_lock:
            await _take_number(session, claim)
        if plan.changes and any(event_triggers for *_, event_triggers in claimed):
            await _refuse_event_triggers(session)
    except DriverError as error:
        raise change_trouble(error) from None


async def refuse_pooler(session: ActingSession) -> None:
    """Raises Trouble(REFUSED) behind a pooler, where locks outlive the console that took them."""
    ((pid,),) = await session.query("SELECT pg_catalog.pg_backend_pid()")
    if pid != session.pid:  # the pooler made up the pid that the driver was given
        raise _pooler()


async def take_subject(session: ActingSession, subject: str) -> str:
    """Lock a subject to the end of the session. Returns who holds it; empty: it is taken now."""
    ((taken,),) = await session.query(sql.load("actions/take_subject").text, {"subject": subject})
    return "" if taken is True else await _holder(session, "subject", subject)


def _pooler() -> Trouble:
    return Trouble(
        Kind.REFUSED,
        "Nothing is changed through a connection pooler: its sessions keep neither locks nor settings.",
        "Connect to PostgreSQL itself.",
    )


async def _refuse_event_triggers(session: ActingSession) -> None:
    """Raises Trouble(REFUSED) where a change of this superuser sets off a function of another role."""
    for refused, remedy in await session.query(sql.load("actions/foreign_event_triggers").text, {}):
        raise Trouble(Kind.REFUSED, one_line(refused), one_line(remedy))


async def _take_number(session: ActingSession, claim: Claim) -> None:
    number = {"number": claim.advisory_lock}
    ((taken,),) = await session.query(sql.load("actions/take_number").text, number)
    if taken is not True:
        raise _taken(one_line(claim.subject), await _holder(session, "number", claim.advisory_lock))


async def _holder(session: ActingSession, kind: str, value: object) -> str:
    rows = await session.query(sql.load(f"actions/{kind}_holder").text, {kind: value})
    return one_line(rows[0][0]) if rows else "it has just ended"


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
