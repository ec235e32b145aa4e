"""Decides by the existing rows which missing objects can be added, and which are skipped and why."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import field, replace

from console.actions.foreign_code import foreign_code
from console.actions.planning import refuse
from console.drift.forms import plain
from console.drift.reading import Drift
from console.drift.schema_entries import SchemaEntry, expected
from console.drift.sides import SEARCH, SEARCH_ALONE, Difference, Problem, Remedy
from console.model import Kind, Source, Trouble
from console.records import dataclass

CONSTRAINED = (
    Problem.MISSING_KEY,
    Problem.MISSING_UNIQUE,
    Problem.MISSING_FOREIGN_KEY,
    Problem.MISSING_CHECK,
    Problem.NOT_VALIDATED,
)
_REFERENCE = re.compile(r"REFERENCES public\.(\w+)\(([^)]*)\)")
_KEYED = re.compile(r"^(btree|UNIQUE|PRIMARY KEY) ")


@dataclass(slots=True)
class Assessment:
    """What to add and what to skip, as the existing rows allow."""

    seen: Drift
    owner: str
    superuser: bool
    extension: str  # of btree_gin: "there", "to be made", or "" if it cannot be created
    to_add: list[Difference] = field(default_factory=list)
    skipped: list[Difference] = field(default_factory=list)
    unplanned: list[str] = field(default_factory=list)  # differences for which there are no steps
    unread: frozenset[str] = frozenset()  # tables that a superuser must not read: that would run code of other roles

    @property
    def tables(self) -> set[str]:
        """The existing tables of the pipeline."""
        return {entry.relation for entry in self.seen.found if entry.kind == "relation"} & pipeline_tables()

    @property
    def fresh(self) -> set[str]:
        """The tables to create."""
        return {difference.wanted.relation for difference in self.with_problem(Problem.MISSING_TABLE)}

    def with_problem(self, *problems: Problem) -> list[Difference]:
        """The differences with one of these problems that are to be fixed."""
        return [difference for difference in self.to_add if difference.problem in problems]

    def entries_of(self, relations: Iterable[str]) -> list[SchemaEntry]:
        """All expected entries of these relations."""
        names = set(relations)
        return [self.possible(entry) for entry in expected() if entry.relation in names]

    def unprovable(self, entry: SchemaEntry) -> str:
        """Why a superuser cannot validate existing rows here; empty: it can."""
        held = sorted({entry.relation, *(need.split(".")[0] for need in entry.needs)} & self.unread)
        return f"{held[0]} uses code of other roles, which would run as superuser: connect as the owner" if held else ""

    def unreferenceable(self, key: SchemaEntry) -> str:
        """Why the table of a foreign key cannot be referenced; empty: it has a unique key, or gets one."""
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
            each.wanted
            for each in self.with_problem(Problem.MISSING_KEY, Problem.MISSING_UNIQUE)
            if each.wanted.relation == table
        ]
        if any(columns == plain(_KEYED.sub("", each.definition)) for each in keys):
            return ""
        return f"{table} has no unique key ({columns}) to reference"

    def skip(self, problem: Problem, why: Callable[[Difference], str]) -> None:
        """Skip the differences with this problem for which `why` returns a reason."""
        judged = {difference: why(difference) for difference in self.with_problem(problem)}
        self.to_add = [difference for difference in self.to_add if not judged.get(difference)]
        self.skipped += [
            replace(difference, remedy=Remedy.NONE, why=reason) for difference, reason in judged.items() if reason
        ]

    def possible(self, entry: SchemaEntry) -> SchemaEntry:
        """The entry as it can be created: without btree_gin, if that extension is not available."""
        without_extension = entry.kind == "index" and ".".join(SEARCH) in entry.needs and not self.extension
        return replace(entry, definition=SEARCH_ALONE) if without_extension else entry


def pipeline_tables() -> set[str]:
    """Names of all expected tables."""
    return {entry.relation for entry in expected() if entry.kind == "relation" and entry.definition.startswith("table")}


async def assess(server: Source, seen: Drift, session: Source) -> Assessment:
    """Judge each difference by the existing rows. Raises Trouble(REFUSED) if this role may not add anything.

    `session` is what creates extensions: `server` with its own rights, where those are not the owner's.
    """
    names = {"names": sorted(pipeline_tables())}
    (rights,) = (await server.fetch("actions/adopt_rights", names)).records()
    refuse(rights)
    (own,) = (await session.fetch("actions/adopt_rights", names)).records()
    may = own["has_btree_gin"] and own["may_extend"]
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
    """Why a view must wait: it reads a table that is still to be partitioned. Empty: it need not."""
    waited = {each.wanted.relation for each in seen.of(Remedy.PARTITION)} & {n.split(".")[0] for n in view.wanted.needs}
    if view.problem is not Problem.MISSING_MATERIALIZED_VIEW or not waited:
        return ""
    return f"added after {', '.join(sorted(waited))} is partitioned, which it would block"


async def _obstacle(server: Source, what: Assessment, difference: Difference) -> str:
    """Why existing rows violate it; empty: they do not, or they are too many to check here."""
    wanted = difference.wanted
    unique = difference.problem in {Problem.MISSING_INDEX, Problem.INVALID_INDEX} and wanted.required
    if not (unique or difference.problem in CONSTRAINED or difference.problem is Problem.MAY_BE_NULL):
        return ""
    held = {
        f"{each.wanted.relation}.{each.wanted.name}" for each in what.skipped if each.problem is Problem.MAY_BE_NULL
    }
    if difference.problem is Problem.MISSING_KEY and held & set(wanted.needs):
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
        if why.kind is Kind.BUSY:  # the check takes too long: the step itself checks
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
        difference.problem is Problem.MISSING_COLUMN
        and difference.wanted.relation == relation
        and not is_search(difference)
    )


def is_search(difference: Difference) -> bool:
    """Whether it concerns the search column, which has its own steps."""
    return difference.wanted.kind == "column" and (difference.wanted.relation, difference.wanted.name) == SEARCH
