"""Keeps a superuser from running code of other roles while planning or executing an action."""

from __future__ import annotations

from collections.abc import Sequence

from console.format import one_line, safe
from console.model import Kind, Source, Trouble


async def refuse_event_triggers(server: Source) -> None:
    """Raises Trouble(REFUSED) where DDL of this superuser sets off a function of another role, in whatever table."""
    for row in (await server.fetch("actions/foreign_event_triggers")).records():
        raise Trouble(Kind.REFUSED, safe(row["refused"]), safe(row["remedy"]))


async def foreign_code(server: Source, names: Sequence[str]) -> dict[str, str]:
    """Which of these relations would run code of other roles as superuser, and why; none for other roles.

    `names` are schema-qualified and quoted. The planner computes constant expressions of every index of a table that is
    read, and so do commands that compare constraints: no row need be there for it.
    """
    found = await server.fetch("actions/foreign_code", {"names": list(names)})
    if not server.facts.superuser:
        return {}
    return {str(row["name"]): one_line(row["sentence"]) for row in found.records()}


async def refuse_foreign_code(server: Source, names: Sequence[str]) -> None:
    """Raises Trouble(REFUSED) if one of these relations would run code of other roles as superuser."""
    for why in (await foreign_code(server, names)).values():
        raise Trouble(Kind.REFUSED, why, "Connect as the owner of the tables.")
