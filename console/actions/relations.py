"""Resolves names that users type, the configuration holds or a pane supplies to relations."""

from __future__ import annotations

import re
from collections.abc import Sequence

from console.format import one_line, safe
from console.model import Claim, Kind, Seen, Source, Trouble
from console.records import dataclass

RELATIONS = ("r", "p", "m", "v", "f")
TABLES = ("r", "p", "m", "t")
INDEXES = ("i", "I")
_SCHEMA = re.compile(r'^(?:"(?:[^"]|"")*"|[^".]*)\.(?=.)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation of the connected database."""

    oid: int
    name: str  # schema-qualified, quoted where SQL needs it
    kind: str  # pg_class.relkind

    @property
    def short(self) -> str:
        """The name without its schema, quoted where SQL needs it."""
        return short(self.name)


async def relation(server: Source, name: str) -> Relation:
    """The table or view called `name`: first as SQL would resolve it; never a system relation.

    Raises Trouble(REFUSED) if there is none, or if several match equally well.
    """
    found = await _called(server, name, RELATIONS, system=False)
    best = [relation for relation, rank in found if rank == found[0][1]]
    if not best:
        raise Trouble(Kind.REFUSED, f"There is no table or view {one_line(name)} in this database.")
    if len(best) > 1:
        raise Trouble(Kind.REFUSED, f"{one_line(name)} is ambiguous: {named(best)}.", "Give the name with its schema.")
    return best[0]


async def find_any(server: Source, name: str) -> tuple[Relation, ...]:
    """The table or view called `name`, as SQL would read it; empty: there is none."""
    return tuple(found for found, rank in await _called(server, name, RELATIONS, system=False) if rank == 1)


async def find(server: Source, text: str, kinds: Sequence[str]) -> tuple[Relation, ...]:
    """The relation called `text`, with or without its schema, or several separated by commas.

    Raises Trouble(REFUSED) if there is none, or if a name is ambiguous.
    """
    for whole in dict.fromkeys((text, text.strip())):  # a name may begin or end with a space, and hold commas
        relation = await _only(server, whole, kinds)
        if relation is not None:
            return (relation,)
    parts = [part.strip() for part in text.split(",")]
    found: dict[Relation, None] = {}
    for part in parts:
        relation = await _only(server, part, kinds)
        if relation is None:
            what = "index" if kinds is INDEXES else "table or materialized view"
            raise Trouble(Kind.REFUSED, f"There is no {what} called {safe(part, 200)} in this database.")
        found[relation] = None
    return tuple(found)


async def seen(server: Source, *oids: int) -> tuple[Seen, ...]:
    """Relations as they are now, for steps that rely on them."""
    rows = await server.fetch("actions/definitions", {"oids": list(oids)})
    return tuple(Seen(int(str(row["oid"])), str(row["name"]), str(row["digest"])) for row in rows.records())


def claim(relations: Sequence[Relation]) -> Claim:
    """The claim of a plan that acts on each of these relations."""
    return Claim(named(relations), tuple(one_line(relation.name) for relation in relations))


def named(relations: Sequence[Relation]) -> str:
    """Their names, separated by commas."""
    return ", ".join(one_line(relation.name) for relation in relations)


def short(name: str) -> str:
    """A schema-qualified name, quoted where SQL needs it, without its schema."""
    return one_line(_SCHEMA.sub("", name))


async def _only(server: Source, text: str, kinds: Sequence[str]) -> Relation | None:
    found = [relation for relation, _ in await _called(server, text, kinds, system=True)]
    if len(found) > 1:
        raise Trouble(Kind.REFUSED, f"{safe(text, 200)} is ambiguous: {named(found)}.", "Use one of these names.")
    return found[0] if found else None


async def _called(server: Source, name: str, kinds: Sequence[str], system: bool) -> list[tuple[Relation, object]]:
    wanted = {"name": name, "kinds": list(kinds), "system": system}
    return [
        (Relation(int(str(relation["oid"])), str(relation["name"]), str(relation["kind"])), relation["rank"])
        for relation in (await server.fetch("actions/named_relation", wanted)).records()
    ]
