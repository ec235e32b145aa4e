"""sample-capacity: keeps a sample of sizes and limits in the database, from which growth is forecast."""

from __future__ import annotations

import json

from console.actions.confinement import confined
from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, refuse, steps_from_query
from console.actions.relations import Relation
from console.format import counted
from console.model import Claim, Database, Kind, Plan, Trouble
from console.series import sampling

TABLE = "public.capacity_samples"


async def plan(request: Request) -> Plan:
    """One INSERT of what is read now, unless there is a recent sample, and one DELETE of what is no longer needed.

    Raises Trouble(REFUSED) if there is no table of samples, or this role may not write it.
    """
    table = await _table(request.server)
    entries = sampling.entries([await request.server.fetch(query) for query in sampling.QUERIES])
    given = {"entries": json.dumps(entries), "keep_days": request.settings.capacity.keep_days}
    steps = await steps_from_query(table, "sample_capacity", given)
    added = any(step.sql.startswith("INSERT") for step in steps)
    return Plan(
        Claim("samples of sizes and limits"),
        steps,
        notes=() if added else ("There is a sample of the last 30 minutes.",),
        summary=f"sample of {counted(len(entries), 'size or limit', 'sizes and limits')}",
        result="sizes and limits sampled" if added else "samples that are no longer needed removed",
    )


async def _table(server: Database) -> Database:
    """The server with the rights of the table's owner."""
    for record in (await server.fetch("actions/capacity_table")).records():
        refuse(record)
        return await confined(server, Relation(int(str(record["oid"])), TABLE, str(record["kind"])))
    raise Trouble(Kind.REFUSED, f"There is no table {TABLE} in this database.", "apply-schema, or setup, creates it.")


SAMPLE_CAPACITY = Action(
    name="sample-capacity",
    title="Sample sizes and limits",
    help=(
        f"Keeps a sample of the sizes of tables and of what is used of limits in {TABLE}, from which Capacity "
        "forecasts growth; removes samples that are older than capacity.keep_days."
    ),
    plan=plan,
    needs=Needs(Right.OWN, lambda _: (TABLE,)),
)
