"""Which relations a person means by a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.format import one_line, safe
from console.model import Kind, Server, Trouble

TABLES = ("r", "p", "m", "t")
INDEXES = ("i", "I")


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, materialized view or index as the catalogue knows it."""

    oid: int
    name: str  # schema-qualified and quoted


async def find(server: Server, text: str, kinds: Sequence[str]) -> tuple[Relation, ...]:
    """The relation called `text`, with or without its schema, or the ones of a list with commas.

    Trouble (REFUSED) when there is none or when more than one may be meant: nothing is guessed.
    """
    for whole in dict.fromkeys((text, text.strip())):  # a name may begin or end with a space, and hold commas
        one = await _called(server, whole, kinds)
        if one is not None:
            return (one,)
    parts = [part.strip() for part in text.split(",")]
    found: dict[Relation, None] = {}
    for part in parts:
        one = await _called(server, part, kinds)
        if one is None:
            what = "index" if kinds is INDEXES else "table or materialized view"
            raise Trouble(Kind.REFUSED, f"There is no {what} called {safe(part, 200)} in this database.")
        found[one] = None
    return tuple(found)


def named(relations: Sequence[Relation]) -> str:
    """Their names, as the subject of a plan."""
    return ", ".join(names(relations))


def names(relations: Sequence[Relation]) -> tuple[str, ...]:
    """Their names one by one, as the parts of the subject."""
    return tuple(one_line(one.name) for one in relations)


async def _called(server: Server, text: str, kinds: Sequence[str]) -> Relation | None:
    snapshot = await server.fetch("actions/find_relation", {"name": text, "kinds": list(kinds)})
    found = [Relation(int(str(row["oid"])), str(row["name"])) for row in snapshot.records()]
    if len(found) > 1:
        names = ", ".join(one_line(one.name) for one in found)
        raise Trouble(Kind.REFUSED, f"{safe(text, 200)} may mean any of {names}.", "Give one of these names.")
    return found[0] if found else None
