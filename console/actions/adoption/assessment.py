"""Judges what a grown schema lacks by the rows that are there: what can be added, and what is left alone and why."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from console.actions.foreign_code import foreign_code
from console.actions.planning import refuse
from console.drift.forms import plain
from console.drift.reading import Drift
from console.drift.schema_entries import SchemaEntry, expected
from console.drift.sides import SEARCH, SEARCH_ALONE, Difference, Remedy
from console.model import Kind, Source, Trouble

CONSTRAINED = ("missing key", "missing unique", "missing foreign key", "missing check", "not validated")
_REFERENCE = re.compile(r"REFERENCES public\.(\w+)\(([^)]*)\)")
_KEYED = re.compile(r"^(btree|UNIQUE|PRIMARY KEY) ")


@dataclass(slots=True)
class Assessment:
    """What is to be added and what is left alone, as the rows that are there allow."""

    seen: Drift
    owner: str
    superuser: bool
    extension: str  # of btree_gin: "there", "to be made", or "" when it cannot be had
    to_add: list[Difference] = field(default_factory=list)
    skipped: list[Difference] = field(default_factory=list)
    unplanned: list[str] = field(default_factory=list)  # what no steps could be written for
    unread: frozenset[str] = frozenset()  # tables of which a superuser reads no row: that would run code of others

    @property
    def tables(self) -> set[str]:
        """The pipeline's tables that exist."""
        return {entry.relation for entry in self.seen.found if entry.kind == "relation"} & pipeline_tables()

    @property
    def fresh(self) -> set[str]:
        """The tables that are to be made."""
        return {difference.wanted.relation for difference in self.with_problem("missing table")}

    def with_problem(self, *problems: str) -> list[Difference]:
        """What is to be added for some problems."""
        return [difference for difference in self.to_add if difference.problem in problems]

    def entries_of(self, relations: Iterable[str]) -> list[SchemaEntry]:
        """Everything that is expected of relations."""
        names = set(relations)
        return [self.possible(entry) for entry in expected() if entry.relation in names]

    def unprovable(self, entry: SchemaEntry) -> str:
        """Why a superuser does not prove anything of rows here; empty: he does."""
        held = sorted({entry.relation, *(need.split(".")[0] for need in entry.needs)} & self.unread)
        return f"{held[0]} uses code of other roles, which would run as superuser: connect as the owner" if held else ""

    def unreferenceable(self, key: SchemaEntry) -> str:
        """Why no row of the table that a foreign key names can be referred to; empty: it has a key, or gets it."""
        match = _REFERENCE.search(key.definition)
        table, columns = (match[1], plain(match[2])) if match else ("", "")
        if table in self.fresh:
            return ""
        known = [each for each in self.seen.found if each.relation == table]
        kind = next((each.definition for each in known if each.kind == "relation"), "not there")
        if not kind.startswith("table"):
            return f"{table} is {kind if kind == 'not there' else f'a {kind}'}"
        keys = [each for each in known if each.kind == "index" and each.required and each.valid]
        keys += [
            each.wanted for each in self.with_problem("missing key", "missing unique") if each.wanted.relation == table
        ]
        if any(columns == plain(_KEYED.sub("", each.definition)) for each in keys):
            return ""
        return f"{table} has no unique key ({columns}) to reference"

    def skip(self, problem: str, why: Callable[[Difference], str]) -> None:
        """Move the differences of a problem that something stands against to those that are left alone."""
        judged = {difference: why(difference) for difference in self.with_problem(problem)}
        self.to_add = [difference for difference in self.to_add if not judged.get(difference)]
        self.skipped += [
            replace(difference, remedy=Remedy.NONE, why=reason) for difference, reason in judged.items() if reason
        ]

    def possible(self, entry: SchemaEntry) -> SchemaEntry:
        """The entry, without what an extension is needed for that cannot be had."""
        without_extension = entry.kind == "index" and ".".join(SEARCH) in entry.needs and not self.extension
        return replace(entry, definition=SEARCH_ALONE) if without_extension else entry


def pipeline_tables() -> set[str]:
    """Names of all tables that are expected."""
    return {entry.relation for entry in expected() if entry.kind == "relation" and entry.definition.startswith("table")}


async def assess(server: Source, seen: Drift) -> Assessment:
    """Judge each difference by the rows that are there. Trouble (REFUSED) when this role may not add anything."""
    (rights,) = (await server.fetch("actions/adopt_rights", {"names": sorted(pipeline_tables())})).records()
    refuse(rights)
    may = rights["has_btree_gin"] and rights["may_extend"]
    extension = "there" if rights["btree_gin"] else "to be made" if may else ""
    found = Assessment(
        seen, str(rights["owner"]), bool(rights["superuser"]), extension, unread=await _unread(server, seen)
    )
    found.skipped += seen.of(Remedy.NONE)
    for difference in seen.of(Remedy.ADOPT):
        why = _later(seen, difference) or await _obstacle(server, found, difference)
        if why:
            found.skipped.append(replace(difference, remedy=Remedy.NONE, why=why))
        else:
            found.to_add.append(difference)
    return found


async def _unread(server: Source, seen: Drift) -> frozenset[str]:
    tables = (
        entry.relation for entry in seen.found if entry.kind == "relation" and entry.definition.startswith("table")
    )
    named = {f"public.{name}": name for name in tables}
    return frozenset(named[name] for name in await foreign_code(server, list(named)))


def _later(seen: Drift, view: Difference) -> str:
    """A view that reads a table is in the way of partitioning it."""
    waited = {each.wanted.relation for each in seen.of(Remedy.PARTITION)} & {n.split(".")[0] for n in view.wanted.needs}
    if view.problem != "missing materialized view" or not waited:
        return ""
    return f"added after {', '.join(sorted(waited))} is partitioned, which it would block"


async def _obstacle(server: Source, what: Assessment, difference: Difference) -> str:
    """What the rows that are there have against it; empty: nothing, or they are too many to be asked."""
    wanted = difference.wanted
    unique = difference.problem in {"missing index", "invalid index"} and wanted.required
    if not (unique or difference.problem in CONSTRAINED or difference.problem == "may be null"):
        return ""
    held = {f"{each.wanted.relation}.{each.wanted.name}" for each in what.skipped if each.problem == "may be null"}
    if difference.problem == "missing key" and held & set(wanted.needs):
        return "its columns contain nulls"
    if unprovable := what.unprovable(wanted):
        return unprovable
    added = [each.wanted.as_data() for each in what.seen.differences if _added_to(wanted.relation, each)]
    parameters = {
        "table": wanted.relation,
        "column": wanted.name if wanted.kind == "column" else "",
        "definition": wanted.definition,
        "added": json.dumps(added),
    }
    try:
        answer = (await server.fetch("actions/adopt_obstacle", parameters)).rows
    except Trouble as why:
        if why.kind is Kind.BUSY:  # too long to ask: the step itself finds out
            return ""
        raise
    number = int(str(answer[0][0] or 0)) if answer else 0
    if not number:
        return ""
    many = (
        "at least 1,000 rows violate"
        if number >= 1000
        else "1 row violates"
        if number == 1
        else f"{number} rows violate"
    )
    return f"{many} it: correct them, then run this action again"


def _added_to(relation: str, difference: Difference) -> bool:
    return (
        difference.problem == "missing column" and difference.wanted.relation == relation and not is_search(difference)
    )


def is_search(difference: Difference) -> bool:
    """Whether it is about the search column, which is made in a way of its own."""
    return difference.wanted.kind == "column" and (difference.wanted.relation, difference.wanted.name) == SEARCH
