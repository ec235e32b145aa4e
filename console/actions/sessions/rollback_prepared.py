"""rollback-prepared: ends an abandoned prepared transaction."""

from __future__ import annotations

from dataclasses import replace

from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, steps_from_rows
from console.actions.sessions.meant import moments
from console.format import age, one_line
from console.model import Claim, Kind, Parameter, Plan, Standalone, Trouble

LOST = "Its changes are lost. Its transaction manager may have decided to commit it: ask there first."
SAME = (
    "ROLLBACK PREPARED takes no condition: whether its identifier still is that of the transaction that was seen is "
    "asked just before, and sent with it."
)


async def plan_rollback(request: Request) -> Plan:
    """ROLLBACK PREPARED; refused in another database, and for a role that neither prepared it nor is a superuser."""
    gid = request.parameters["gid"]
    at = moments(request.parameters["prepared"], "prepared")
    if len(at) > 1:
        raise Trouble(Kind.USAGE, "prepared must be one timestamp.")
    found = await request.server.fetch("actions/rollback_prepared", {"gid": gid, "prepared": at[0] if at else None})
    (step,) = steps_from_rows(found)
    (open_for,), (still,) = found.values("age"), found.values("still")
    name = one_line(gid)
    return Plan(
        Claim(f"prepared transaction {name}", name=name, cluster_wide=True),
        (replace(step, execution=Standalone(only_if=str(still))),),
        (LOST, SAME),
        summary=f"prepared transaction {name}, open for {age(open_for)}",
        result=f"prepared transaction {name} rolled back",
        destructive=True,
    )


ROLLBACK_PREPARED = Action(
    name="rollback-prepared",
    title="Roll back a prepared transaction",
    help="Rolls back an abandoned prepared transaction of this database: releases its locks, and VACUUM can go on.",
    plan=plan_rollback,
    parameters=(
        Parameter("gid", "identifier of the prepared transaction", required=True),
        Parameter(
            "prepared", "when it was prepared; a later one with the same identifier is not rolled back", exact=True
        ),
    ),
    row={"gid": "gid", "prepared": "transaction_start"},
    needs=Needs(Right.END_PREPARED),
)
