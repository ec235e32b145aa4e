"""What an interrupted run has done although its audit trail does not record it, after kill -9 or a lost connection.

A transaction is noted in the trail before its COMMIT, so the server can be asked what became of it; one that is not
noted did not commit. For a statement outside a transaction, the step's `expect` shows whether it took effect. Where
neither is known, it is undone only by what does no harm when there is nothing to undo.
"""

from __future__ import annotations

import re

from console.format import one_line
from console.model import Kind, Source, Trouble
from console.records import dataclass
from console.running.trail.history import Past, Planned, UnderWay

_EITHER_WAY = re.compile(
    r"\s*(ALTER\s+SYSTEM\b|SELECT\s+pg_catalog\.pg_reload_conf\(\)|DROP\s.*\bIF\s+EXISTS\b)", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Besides:
    """What a run did besides the steps that its trail records as finished."""

    done: tuple[Planned, ...] = ()
    unknown: tuple[Planned, ...] = ()  # it may have taken effect, and its undo may only run if it has


async def besides(server: Source, past: Past) -> Besides:
    """Ask the server. Raises Trouble(BUSY) while a transaction of the run is still in progress."""
    under_way = past.under_way
    if not under_way.steps:
        return Besides()
    if under_way.certain:
        return Besides(under_way.steps)
    if under_way.xid:
        return await _by_its_transaction(server, under_way)
    (statement,) = under_way.steps
    if not statement.undo:
        return Besides()
    if _EITHER_WAY.match(statement.undo) or await _has_effect(server, statement):
        return Besides((statement,))
    return Besides(unknown=(statement,))


def sentences(unknown: tuple[Planned, ...]) -> tuple[str, ...]:
    """A sentence about each statement that may or may not have taken effect."""
    return tuple(
        f"Whether this took effect is not known: {one_line(statement.sql)[:200]} If it did, this undoes it: "
        f"{one_line(statement.undo)}"
        for statement in unknown
    )


async def _by_its_transaction(server: Source, under_way: UnderWay) -> Besides:
    try:
        (fate,) = (await server.fetch("actions/undo_fate", {"xid": under_way.xid})).values("fate")
    except Trouble:  # the xid is in the future of a server that was restored or rebuilt
        fate = None
    if fate == "in progress":
        raise Trouble(Kind.BUSY, f"Transaction {under_way.xid} of that run is still in progress.", "Wait for its end.")
    if fate is None:  # too long ago
        return Besides(unknown=tuple(statement for statement in under_way.steps if statement.undo))
    return Besides(under_way.steps) if fate == "committed" else Besides()


async def _has_effect(server: Source, statement: Planned) -> bool:
    if not statement.expect:
        return False
    try:
        return (True,) in (await server.fetch("actions/undo_effect", {"expect": statement.expect})).rows
    except Trouble:  # what it asks for is not there, so neither is the effect
        return False
