"""drop-index, repair-invalid-indexes: away with what serves nothing, with a way back."""

from __future__ import annotations

from dataclasses import replace

from console.actions.maintenance.care import rebuilt
from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, steps_from_query
from console.actions.relations import INDEXES, TABLES, claim, find, named
from console.model import Claim, Parameter, Plan, Step
from console.running.summary import counted


async def plan_drop(request: Request) -> Plan:
    """DROP INDEX CONCURRENTLY; refused when something needs the index. The undo makes the same index again."""
    indexes = await find(request.server, request.given["index"], INDEXES)
    made: tuple[Step, ...] = ()
    for index in indexes:
        made += await steps_from_query(request.server, "drop_index", {"oid": index.oid})
    what = counted(len(indexes), "index", "indexes")
    return Plan(replace(claim(indexes), name=indexes[0].short), made, summary=what, destructive=True)


async def plan_repair(request: Request) -> Plan:
    """Every invalid index of the database, or of a table: built again, or dropped when a better one has its place."""
    if not request.given["table"]:
        return await rebuilt(request, REPAIR_INVALID_INDEXES.name, Claim("invalid indexes"), None)
    tables = await find(request.server, request.given["table"], TABLES)
    oids = [one.oid for one in tables]
    return await rebuilt(request, REPAIR_INVALID_INDEXES.name, Claim(named(tables)), oids, broken=True)


DROP_INDEX = Action(
    name="drop-index",
    title="Drop an index",
    help="DROP INDEX CONCURRENTLY where nothing needs it: no constraint, no foreign key, no partition. Can be undone.",
    plan=plan_drop,
    parameters=(
        Parameter("index", "with its schema where the name alone is not enough; several with commas", required=True),
    ),
    row={"index": "index"},
    needs=Needs(Right.OWN),
)
REPAIR_INVALID_INDEXES = Action(
    name="repair-invalid-indexes",
    title="Repair invalid indexes",
    help="Builds invalid indexes again, and drops what interrupted REINDEX and DROP INDEX CONCURRENTLY left.",
    plan=plan_repair,
    parameters=(Parameter("table", "only those of one table; empty: of the whole database"),),
    needs=Needs(Right.BUILD),
)
