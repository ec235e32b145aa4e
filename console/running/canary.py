"""Steps that could lock everybody out: a new connection must succeed after them, or all that was done is undone.

Undoing uses the open session, so it works even if no new connection is possible.
"""

from __future__ import annotations

from collections.abc import Sequence

from console.format import one_line
from console.model import Kind, Step, Trouble
from console.sources.postgres import ActingSession, DriverError


async def prove(session: ActingSession, steps: Sequence[Step]) -> None:
    """Open a new connection, where one of `steps` asks for it. Raises Trouble when that is not possible."""
    if not any(step.canary for step in steps):
        return
    try:
        await session.prove()
    except Trouble as why:
        raise Trouble(Kind.FAILED, f"No new connection was possible: {why.sentence}") from None


async def undo_all(session: ActingSession, why: Trouble, undo: Sequence[str]) -> tuple[Trouble, bool]:
    """Undo everything; what to report then, and whether it could be undone. `why` is what went wrong before."""
    for at, statement in enumerate(undo):
        try:
            await session.execute(statement)
        except DriverError as error:
            left = one_line("; ".join(undo[at:]))
            what = f"{why.sentence} Undoing it failed too ({one_line(error)[:200]})."
            return Trouble(why.kind, what, f"Run: {left}"), False
    try:
        await session.prove()
    except Trouble as still:
        return Trouble(why.kind, f"{why.sentence} Everything was undone; still: {still.sentence}", why.remedy), True
    return Trouble(why.kind, f"{why.sentence} Everything was undone; new connections are possible.", why.remedy), True
