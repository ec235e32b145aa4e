"""Finds the relation that a name of the user's, of the configuration or of a pane means."""

from __future__ import annotations

from dataclasses import dataclass

from console.format import one_line
from console.model import Kind, Server, Trouble


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view of the connected database."""

    oid: int
    name: str  # schema-qualified, quoted where SQL needs it
    kind: str  # pg_class.relkind


async def relation(server: Server, name: str) -> Relation:
    """The relation called `name`. Trouble (REFUSED) when there is none, or more than one."""
    found = [
        Relation(int(str(record["oid"])), str(record["name"]), str(record["kind"]))
        for record in (await server.fetch("actions/named_relation", {"name": name})).records()
    ]
    if not found:
        raise Trouble(Kind.REFUSED, f"There is no table or view {one_line(name)} in this database.")
    if len(found) > 1:
        names = ", ".join(one_line(one.name) for one in found)
        raise Trouble(Kind.REFUSED, f"{one_line(name)} may be {names}.", "Give the name with its schema.")
    return found[0]
