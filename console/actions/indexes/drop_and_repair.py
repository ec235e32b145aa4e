"""drop-index, repair-invalid-indexes: drops unneeded indexes with an undo, rebuilds or drops invalid ones."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from console.actions.maintenance.upkeep import rebuilt
from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, steps_from_query
from console.actions.relations import INDEXES, TABLES, claim, find, named, seen
from console.format import counted
from console.model import Claim, Parameter, Plan, Record, Standalone, Step, number
from console.panes.indexes import REPLICA_SCANS, judge
from console.rules.storage import INDEX_COUNTED_DAYS


async def plan_drop(request: Request) -> Plan:
    """DROP INDEX CONCURRENTLY; refused if something depends on the index. The undo recreates the same index."""
    indexes = await find(request.server, request.parameters["index"], INDEXES)
    made: tuple[Step, ...] = ()
    for index in indexes:
        sees = await seen(request.server, index.oid)
        steps = await steps_from_query(request.server, "drop_index", {"oid": index.oid})
        made += tuple(replace(step, sees=sees if isinstance(step.execution, Standalone) else ()) for step in steps)
    what = counted(len(indexes), "index", "indexes")
    notes = await _verdicts(request, {index.oid: index.short for index in indexes})
    dropped = replace(claim(indexes), name=indexes[0].short)
    return Plan(dropped, made, notes, summary=f"drop {what}", result=f"{what} dropped", destructive=True)


async def _verdicts(request: Request, names: Mapping[int, str]) -> tuple[str, ...]:
    """What the indexes pane says of each index."""
    limit = request.settings.thresholds
    facts = (await request.server.fetch("index_facts", {"oid": list(names)})).records()
    there = await _on_replicas(request, list(names))
    ages = await _ages(request)
    found: list[str] = []
    for row in ({**row, **there.get(row["oid"], {}), "built_age": ages.get(int(str(row["oid"])))} for row in facts):
        verdict, reason = judge(row, INDEX_COUNTED_DAYS.under(limit))
        scans = f" ({counted(int(number(row['scans'])), 'scan')})" if row["scans"] else ""
        found.append(f"{names[int(str(row['oid']))]} is {verdict}{scans}{f': {reason}' if reason else ''}.")
    return tuple(found)


async def _ages(request: Request) -> dict[int, float]:
    """How many seconds ago indexes were built that the rules saw appear."""
    now, known = datetime.now(UTC), await asyncio.to_thread(request.indexes)
    return {oid: (now - since).total_seconds() for oid, since in known.new.items()}


async def _on_replicas(request: Request, oids: list[int]) -> dict[object, Record]:
    """The scans of indexes on the replicas, by oid; nothing where no replica is named."""
    if request.replicas is None:
        return {}
    taken = await request.replicas.fetch(REPLICA_SCANS.query, {"oid": oids})
    return {row["oid"]: row for row in taken.records()}


async def plan_repair(request: Request) -> Plan:
    """Every invalid index of the database, or of a table: rebuilt, or dropped if a valid one has replaced it."""
    if not request.parameters["table"]:
        return await rebuilt(request, REPAIR_INVALID_INDEXES.name, Claim("invalid indexes"), None)
    tables = await find(request.server, request.parameters["table"], TABLES)
    oids = [table.oid for table in tables]
    return await rebuilt(request, REPAIR_INVALID_INDEXES.name, Claim(named(tables)), oids, broken=True)


DROP_INDEX = Action(
    name="drop-index",
    title="Drop an index",
    help="DROP INDEX CONCURRENTLY, if no constraint, foreign key or partitioned index depends on it. Can be undone.",
    plan=plan_drop,
    parameters=(Parameter("index", "name, with its schema if ambiguous; several separated by commas", required=True),),
    row={"index": "index"},
    needs=Needs(Right.OWN, on_shards=True),
)
REPAIR_INVALID_INDEXES = Action(
    name="repair-invalid-indexes",
    title="Repair invalid indexes",
    help="Rebuilds invalid indexes, and drops indexes left from interrupted REINDEX or DROP INDEX CONCURRENTLY.",
    plan=plan_repair,
    parameters=(Parameter("table", "only indexes of this table; empty: the whole database"),),
    needs=Needs(Right.BUILD, on_shards=True),
)
