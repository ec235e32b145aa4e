"""Before a statement is run, what its plan relied on is looked at again, locked to the end of the transaction."""

from __future__ import annotations

from collections.abc import Sequence

from console import sql
from console.format import one_line
from console.model import Kind, Seen, Trouble
from console.running.progress import StepProgress
from console.sources.postgres import ActingSession, DriverError

_UNDEFINED_TABLE = "42P01"


async def look_again(session: ActingSession, steps: Sequence[StepProgress], lock: bool = True) -> None:
    """Raises Trouble(REFUSED) if a relation that the plan of `steps` saw is another one now, or defined otherwise.

    With `lock`, in a transaction, it stays as it is to the end of that.
    """
    seen = list(dict.fromkeys(relation for progress in steps for relation in progress.step.sees))
    if not seen:
        return
    names = ", ".join(f"ONLY {relation.name}" for relation in seen)
    locked = [f"LOCK TABLE {names} IN ACCESS SHARE MODE"] if lock else []
    oids = ", ".join(str(relation.oid) for relation in seen)
    query = sql.load("actions/definitions").statement.replace("%(oids)s", f"ARRAY[{oids}]")
    try:
        rows = await session.script(*locked, query, wanted=len(locked))
    except DriverError as error:
        if error.sqlstate == _UNDEFINED_TABLE:
            raise _changed(seen[0]) from None
        raise
    for relation in seen:
        if (relation.oid, relation.name, relation.digest) not in rows:
            raise _changed(relation)


def _changed(seen: Seen) -> Trouble:
    what = f"{one_line(seen.name)} changed since it was planned: its owner, columns, triggers, rules or foreign keys."
    return Trouble(Kind.REFUSED, what, "Plan again.")
