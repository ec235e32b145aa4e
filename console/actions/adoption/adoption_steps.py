"""The steps of adopt-schema; each query of sql/actions/adoption/ returns some of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from console.actions.adoption.assessment import CONSTRAINED, Assessment, is_search
from console.actions.indexes.build import IndexToBuild, build
from console.actions.indexes.index_definition import loose
from console.actions.indexes.index_pack import BUNDLED, load
from console.actions.maintenance.refresh_views import refreshing
from console.actions.planning import steps_from_query, steps_from_rows
from console.actions.relations import relation
from console.drift.forms import plain
from console.drift.schema_entries import SchemaEntry, expected
from console.drift.sides import SEARCH, Problem, Remedy
from console.model import Database, Source, Step
from console.sql.migrations import Migration

REFRESHES = "console_refreshes"
_INDEXED = {"index", "constraint"}
PATIENCE = 40  # milliseconds that a step waits for each of its locks (at most two) while others queue behind it


async def steps(server: Database, what: Assessment) -> tuple[Step, ...]:
    """All steps from the present state on; those that existing rows can make fail come last."""
    wanted = what.with_problem(Problem.MISSING_FUNCTION)
    found = (
        await steps_from_query(server, "adopt_functions", _asked(what, [difference.wanted for difference in wanted]))
        if wanted
        else ()
    )
    for make in (_tables, _columns, _search, _nulls, _indexes):
        found += await make(server, what)
    constraints, proofs = await _constraints(server, what)
    return (*found, *constraints, *await _other_steps(server, what), *proofs)


async def ledger_step(server: Source, all_of_them: Sequence[Migration]) -> Step:
    """The step that records every migration in the ledger."""
    rows = [
        {"version": migration.version, "name": migration.name, "checksum": migration.checksum}
        for migration in all_of_them
    ]
    (step,) = await steps_from_query(server, "adopt_ledger", {"entries": json.dumps(rows)})
    return step


async def row_counts(server: Source, tables: Sequence[str], unread: frozenset[str]) -> dict[str, str]:
    """Row counts of tables, the smallest first; "about" where they are estimates."""
    if not tables:
        return {}
    snapshot = await server.fetch("actions/adopt_counts", {"names": list(tables), "unread": list(unread)})
    found = sorted(snapshot.records(), key=lambda row: (int(str(row["rows"])), str(row["name"])))
    return {str(row["name"]): f"{'' if row['exact'] else 'about '}{row['rows']:,}" for row in found}


def _asked(what: Assessment, found: Iterable[SchemaEntry], **more: Any) -> dict[str, object]:
    rows = [{"required": False, "detail": "", "name": "", **entry.as_data(), **more} for entry in found]
    return {"entries": json.dumps(rows), "owner": what.owner}


async def _tables(server: Source, what: Assessment) -> tuple[Step, ...]:
    if not what.fresh:
        return ()
    making = await _extension(server, what, what.entries_of(what.fresh))
    return making + await steps_from_query(server, "adopt_tables", _asked(what, what.entries_of(what.fresh)))


async def _extension(server: Source, what: Assessment, found: Iterable[SchemaEntry]) -> tuple[Step, ...]:
    if what.extension != "to be made" or not any(".".join(SEARCH) in entry.needs for entry in found):
        return ()
    what.extension = "there"
    return await steps_from_query(server, "adopt_extension")


async def _columns(server: Source, what: Assessment) -> tuple[Step, ...]:
    wanted = [
        difference
        for difference in what.with_problem(Problem.MISSING_COLUMN, Problem.MISSING_DEFAULT)
        if not is_search(difference)
    ]
    if not wanted:
        return ()
    comments = {(entry.relation, entry.name): entry.definition for entry in expected() if entry.kind == "comment"}
    rows = [
        {
            "required": False,
            "detail": "",
            **difference.wanted.as_data(),
            "problem": difference.problem,
            "comment": comments.get((difference.wanted.relation, difference.wanted.name), ""),
        }
        for difference in wanted
    ]
    return await steps_from_query(server, "adopt_columns", {"entries": json.dumps(rows), "patience": PATIENCE})


async def _search(server: Source, what: Assessment) -> tuple[Step, ...]:
    mine = [difference for difference in what.to_add if is_search(difference)]
    if not mine:
        return ()
    snapshot = await server.fetch("actions/adopt_search", {"owner": what.owner, "patience": PATIENCE})
    at = snapshot.index("skipped")
    stopped = [str(row[at]) for row in snapshot.rows if row[at]]
    if stopped:
        # Nothing can be built on a column that is not added.
        dropped = [
            difference
            for difference in what.to_add
            if is_search(difference) or ".".join(SEARCH) in difference.wanted.needs
        ]
        what.to_add = [difference for difference in what.to_add if difference not in dropped]
        what.skipped += [replace(difference, remedy=Remedy.NONE, why=stopped[0]) for difference in dropped]
        return ()
    return steps_from_rows(snapshot)


async def _nulls(server: Source, what: Assessment) -> tuple[Step, ...]:
    wanted = [difference.wanted for difference in what.with_problem(Problem.MAY_BE_NULL)]
    if not wanted:
        return ()
    return await steps_from_query(
        server, "adopt_nulls", {"entries": _asked(what, wanted)["entries"], "patience": PATIENCE}
    )


async def _indexes(server: Database, what: Assessment) -> tuple[Step, ...]:
    """Indexes of existing tables, including those that a key will use."""
    oids = {entry.relation: entry.oid for entry in what.seen.found if entry.kind == "relation"}
    wanted: list[IndexToBuild] = []
    lacking = [
        what.possible(difference.wanted)
        for difference in what.with_problem(Problem.MISSING_INDEX, Problem.INVALID_INDEX)
    ]
    making = await _extension(server, what, lacking)
    comments = {
        entry.name: entry.definition for entry in expected() if entry.kind == "comment" and entry.detail == "index"
    }
    for entry in lacking:
        note = comments.get(entry.name, "")
        wanted.append(IndexToBuild(oids[entry.relation], entry.name, _definition(entry), entry.required, note))
    for difference in what.with_problem(Problem.MISSING_KEY, Problem.MISSING_UNIQUE):
        entry = difference.wanted
        if not _index_of(what, entry):
            wanted.append(IndexToBuild(oids[entry.relation], entry.name, f"USING {_form(entry)}", True))
    if not wanted:
        return making
    building = await build(server, wanted)
    what.unplanned += building.left
    made = {index.name for index in (*building.planned, *building.present)}
    # A key must not use an index of the same name with another definition.
    lost = {index.name for index in wanted} - made
    what.to_add = [
        difference
        for difference in what.to_add
        if difference.wanted.kind not in _INDEXED or difference.wanted.name not in lost
    ]
    return making + building.steps


def _definition(index: SchemaEntry) -> str:
    """The definition in the bundled pack, if it is the same: its constants adapt to the types of the columns."""
    shown = f"USING {index.definition}"
    pack = {each.name: each.definition for each in load(BUNDLED).entries}
    definition = pack.get(index.name, shown)
    return definition if loose(definition) == loose(shown) else shown


def _form(constraint: SchemaEntry) -> str:
    """The index definition of a primary key or unique constraint."""
    return f"btree ({constraint.definition.partition('(')[2]}"


def _index_of(what: Assessment, constraint: SchemaEntry) -> str:
    """The name of a valid unique index that the constraint can take over."""
    for each in what.seen.found:
        alike = each.kind == "index" and each.relation == constraint.relation and each.required and each.valid
        if alike and each.detail != "constraint" and plain(each.definition) == plain(_form(constraint)):
            return each.name
    return ""


async def _constraints(server: Source, what: Assessment) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Steps that cannot fail on existing rows, and those that validate existing rows."""
    what.skip(Problem.MISSING_FOREIGN_KEY, lambda difference: what.unreferenceable(difference.wanted))
    rows: list[Mapping[str, Any]] = [
        {
            **difference.wanted.as_data(),
            "kind": difference.problem,
            "fresh": False,
            "oid": difference.found_oid,
            "index": _index_of(what, difference.wanted) or difference.wanted.name,
        }
        for difference in what.with_problem(*CONSTRAINED)
    ]
    rows += [
        {**entry.as_data(), "kind": Problem.MISSING_FOREIGN_KEY, "fresh": True}
        for entry in what.entries_of(what.fresh)
        if entry.detail == "foreign key"
        and not (_stuck(what, entry) or what.unreferenceable(entry) or what.unprovable(entry))
    ]
    if not rows:
        return (), ()
    snapshot = await server.fetch("actions/adopt_constraints", {"entries": json.dumps(rows), "patience": PATIENCE})
    at = snapshot.index("proves")
    first, then = ([row for row in snapshot.rows if bool(row[at]) is proves] for proves in (False, True))
    return steps_from_rows(replace(snapshot, rows=tuple(first))), steps_from_rows(replace(snapshot, rows=tuple(then)))


def _stuck(what: Assessment, constraint: SchemaEntry) -> bool:
    dropped = {f"{each.wanted.relation}.{each.wanted.name}" for each in what.skipped if each.wanted.kind == "column"}
    return bool(dropped & set(constraint.needs))


async def _other_steps(server: Database, what: Assessment) -> tuple[Step, ...]:
    """Steps for settings, grants, and the materialized view with its first refresh."""
    wanted = what.with_problem(Problem.MISSING_SETTINGS, Problem.MISSING_GRANT, Problem.MISSING_MATERIALIZED_VIEW)
    # A superuser inserts into the table only if this plan creates it: an existing one may run code of other roles.
    recorded = REFRESHES in what.fresh or (REFRESHES in what.tables and not what.superuser)
    rows: list[dict[str, Any]] = [
        {
            "required": False,
            "detail": "",
            "name": "",
            **difference.wanted.as_data(),
            "problem": difference.problem,
            "recorded": recorded,
        }
        for difference in wanted
    ]
    views = {difference.wanted.relation for difference in what.with_problem(Problem.MISSING_MATERIALIZED_VIEW)}
    rows += [
        {"required": False, "detail": "", "name": "", **entry.as_data(), "problem": ""}
        for entry in what.entries_of(views)
        if entry.kind in {"index", "comment"}
    ]
    found = (
        await steps_from_query(server, "adopt_rest", {"entries": json.dumps(rows), "owner": what.owner}) if rows else ()
    )
    filling = [
        await relation(server, f"public.{difference.wanted.relation}")
        for difference in what.with_problem(Problem.NOT_POPULATED)
    ]
    return found + (await refreshing(server, filling) if filling else ())
