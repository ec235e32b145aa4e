"""apply-indexes: the index pack, built online, with EXPLAIN of what each index is for before and after."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from console.actions.indexes import index_pack
from console.actions.indexes.build import IndexToBuild, build
from console.actions.indexes.explain import Explained, explain
from console.actions.indexes.index_definition import columns
from console.actions.indexes.index_pack import Pack, PackIndex
from console.actions.indexes.index_safety import danger
from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, boolean, steps_from_query
from console.format import counted, one_line
from console.model import Claim, Database, Kind, Parameter, Plan, Snapshot, Source, Step, Trouble
from console.records import dataclass

_KEYS = re.compile(r"\b(INCLUDE|WITH|WHERE)\s*\(.*|\bWHERE\b.*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class IndexOnTable:
    """An entry of the pack, and the table it is for."""

    entry: PackIndex
    oid: int
    table: str  # schema-qualified and quoted
    definition: str  # as this database can have it

    @property
    def wanted(self) -> IndexToBuild:
        """What is to be built."""
        return IndexToBuild(self.oid, self.entry.name, self.definition, self.entry.unique, comment=self.entry.serves)

    @property
    def computes(self) -> bool:
        """Whether it has expressions, of which there are no statistics before the next ANALYZE."""
        return _KEYS.sub("", self.definition).count("(") > 1


async def plan(request: Request) -> Plan:
    """Steps for missing indexes, and notes on those that are left. Raises Trouble(REFUSED) if all of them are left."""
    pack = index_pack.load(request.parameters["pack"])
    analyze = boolean(request.parameters, "analyze")
    entries = _chosen(pack, request.parameters["table"], request.parameters["index"])
    placed, absent, skipped = await _placed(request.server, entries)
    made = await build(request.server, [index.wanted for index in placed])
    building = [index for index in placed if index.wanted in made.planned]
    if made.left and not (building or made.present):
        raise Trouble(Kind.REFUSED, " ".join(made.left))
    left = (*skipped, *made.left)
    before = {index.entry.name: await explain(request.server, index.entry, analyze) for index in building}
    return Plan(
        Claim(_subject(pack, request), tuple(dict.fromkeys(one_line(index.table) for index in building))),
        (*made.steps, *await _statistics(request.server, building)),
        summary=f"build {counted(len(building), 'index', 'indexes')}",
        result=f"{counted(len(building), 'index', 'indexes')} built",
        notes=(f"{len(made.present)} of {len(entries)} indexes of the pack exist.", *absent, *left),
        left=left,
        table=_shown(building, before) if building else None,
        read_back=functools.partial(_after, building=building, before=before, analyze=analyze),
    )


def _chosen(pack: Pack, table: str, index: str) -> tuple[PackIndex, ...]:
    found = tuple(
        entry
        for entry in pack.entries
        if (not index or entry.name == index) and (not table or table in {entry.table, entry.table.rpartition(".")[2]})
    )
    if not found:
        what = f"index {one_line(index)}" if index else f"index of {one_line(table)}"
        raise Trouble(Kind.USAGE, f"The pack {one_line(pack.name)} has no {what}.", _known(pack, bool(index)))
    return found


def _known(pack: Pack, indexes: bool) -> str:
    names = dict.fromkeys(entry.name if indexes else entry.table for entry in pack.entries)
    return f"It contains: {one_line(', '.join(names))}."


async def _placed(
    server: Source, entries: Sequence[PackIndex]
) -> tuple[list[IndexOnTable], tuple[str, ...], tuple[str, ...]]:
    """The entries that can be built, notes on missing tables, and sentences on the entries that cannot be built."""
    tables = list(dict.fromkeys(entry.table for entry in entries))
    rows = list((await server.fetch("actions/index_tables", {"names": tables})).records())
    known = {str(row["wanted"]): row for row in rows}
    if len(known) < len(rows):
        raise Trouble(Kind.REFUSED, "A table name of the pack is ambiguous.", "Give tables with their schemas.")
    if not known:
        first, *others = map(one_line, tables)
        named = f"none of the {len(tables)} tables of the pack, such as {first}" if others else f"no table {first}"
        raise Trouble(Kind.REFUSED, f"This database has {named}.", "apply-schema creates the tables of the pipeline.")
    keywords = frozenset(map(str, (await server.fetch("actions/keywords")).values("word")))
    absent = [one_line(name) for name in tables if name not in known]
    notes = (f"Not in this database: {', '.join(absent)}.",) if absent else ()
    placed: list[IndexOnTable] = []
    skipped: list[str] = []
    lacking: list[str] = []
    for entry in entries:
        if (row := known.get(entry.table)) is None:
            continue
        definition = entry.definition if entry.extension in {"", *server.facts.extensions} else entry.otherwise
        types = row["types"] if isinstance(row["types"], Mapping) else {}
        if unsafe := danger(definition, types, entry.short):
            skipped.append(f"{entry.where}: {one_line(unsafe)}.")
        elif missing := columns(definition, keywords) - set(types):
            lacking.append(
                one_line(f"{entry.name} is skipped: {row['name']} has no column {', '.join(sorted(missing))}.")
            )
        else:
            placed.append(IndexOnTable(entry, int(str(row["oid"])), str(row["name"]), definition))
    if not placed:
        remedy = "adopt-schema adds missing columns of the pipeline schema." if lacking else ""
        raise Trouble(Kind.REFUSED, " ".join((*notes, *skipped, *lacking)), remedy)
    return placed, notes, (*skipped, *lacking)


async def _statistics(server: Source, building: Sequence[IndexOnTable]) -> list[Step]:
    found: list[Step] = []
    for oid in dict.fromkeys(index.oid for index in building if index.computes):
        found += await steps_from_query(server, "analyze_table", {"oid": oid})
    return found


def _subject(pack: Pack, request: Request) -> str:
    return one_line(request.parameters["index"] or request.parameters["table"] or f"index pack {pack.name}")


def _shown(building: Sequence[IndexOnTable], before: Mapping[str, Explained]) -> Snapshot:
    rows = tuple(
        (index.entry.name, index.table, f"{now.cost:.0f}" if now.text else "", now.shape)
        for index in building
        for now in (before[index.entry.name],)
    )
    return Snapshot(
        "before", ("index", "table", "cost_now", "plan_now"), rows, datetime.now(UTC), 0.0, time.monotonic()
    )


# What came of it


async def _after(
    server: Database, building: Sequence[IndexOnTable], before: Mapping[str, Explained], analyze: bool
) -> tuple[str, ...]:
    lines = []
    for index in building:
        after = await explain(server, index.entry, analyze)
        parts = await server.fetch("actions/index_parts", {"table": index.oid, "name": index.entry.name})
        lines.append(
            _comparison(index.entry.name, before[index.entry.name], after, frozenset(map(str, parts.values("name"))))
        )
    return tuple(lines)


def _comparison(name: str, before: Explained, after: Explained, parts: frozenset[str]) -> str:
    kept = f"Before: {before}. After: {after}."
    if not (before.text and after.text):
        return f"{one_line(name)}: {kept}"
    used = (
        "used" if parts & after.indexes else "not used for these values: the planner estimates another plan as cheaper"
    )
    sort = "no Sort" if not after.sorts else "with a Sort"
    took = ""
    if before.milliseconds is not None and after.milliseconds is not None:
        took = f", {before.milliseconds:.2f} → {after.milliseconds:.2f} ms"
    return f"{one_line(name)}: cost {before.cost:.1f} → {after.cost:.1f}{took}, {used}, {sort}. {kept}"


APPLY_INDEXES = Action(
    name="apply-indexes",
    title="Apply the index pack",
    help="Builds the missing indexes of an index pack online, partition by partition, and compares EXPLAIN before and "
    "after.",
    plan=plan,
    parameters=(
        Parameter("pack", "the bundled pack, or the path of a pack file", default=index_pack.BUNDLED),
        Parameter("table", "only indexes of this table"),
        Parameter("index", "only this index of the pack"),
        Parameter(
            "analyze",
            "yes or no: run the queries for the comparison (EXPLAIN ANALYZE) instead of only planning them",
            default="no",
        ),
    ),
    row={"table": "table"},
    needs=Needs(
        Right.OWN,
        instead="create-index builds one index on all shards.",
    ),
)
