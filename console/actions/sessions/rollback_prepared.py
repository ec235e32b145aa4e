"""rollback-prepared: ends an abandoned prepared transaction."""

from __future__ import annotations

from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, steps_from_rows
from console.actions.sessions.meant import moments
from console.format import age, one_line
from console.model import Claim, Kind, Parameter, Plan, Standalone, Step, Trouble

LOST = "Its changes are lost. Its transaction manager may have decided to commit it: ask there first."


async def plan_rollback(request: Request) -> Plan:
    """ROLLBACK PREPARED; refused in another database, and for a role that neither prepared it nor is a superuser."""
    gid = request.parameters["gid"]
    at = moments(request.parameters["prepared"], "prepared")
    if len(at) > 1:
        raise Trouble(Kind.USAGE, "prepared must be one timestamp.")
    found = await request.server.fetch("actions/rollback_prepared", {"gid": gid, "prepared": at[0] if at else None})
    steps = steps_from_rows(found)
    (open_for,), (still,) = found.values("age"), found.values("still")
    name = one_line(gid)
    return Plan(
        Claim(f"prepared transaction {name}", name=name, cluster_wide=True),
        # ROLLBACK PREPARED takes no condition.
        (
            Step(
                str(still), note="whether it is still the one that was seen", expect=str(still), execution=Standalone()
            ),
            *steps,
        ),
        (LOST,),
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
