"""refresh-views: materialized views in the order in which they read each other, without locking readers out."""

from __future__ import annotations

from console.actions.planning import Action, Request, written
from console.actions.relations import relation
from console.model import Kind, Parameter, Plan, Trouble


async def plan(request: Request) -> Plan:
    """One REFRESH a view, concurrent where it can be, with its record in the same transaction."""
    names = _views(request)
    oids = [(await relation(request.server, name)).oid for name in names]
    record = await request.server.fetch("actions/harmless_table", {"name": "console_refreshes"})
    steps = await written(request.server, "refresh_views", {"oids": oids, "harmless": record.rows == ((True,),)})
    recorded = any("console_refreshes" in step.sql for step in steps)
    return Plan(
        action="refresh-views",
        subject="materialized views",
        steps=steps,
        parameters=request.given,
        notes=()
        if recorded
        else ("Where the schema of the console is not installed, nothing records the age of rows.",),
    )


def _views(request: Request) -> list[str]:
    if request.given["view"]:
        return [request.given["view"]]
    if not request.settings.refreshes:
        raise Trouble(
            Kind.USAGE, "No view has a refresh policy.", "Name one with --set view=…, or in the configuration."
        )
    return [policy.view for policy in request.settings.refreshes]


REFRESH_VIEWS = Action(
    name="refresh-views",
    title="Refresh views",
    help="Refreshes materialized views, those that others read first; concurrently where that is possible.",
    plan=plan,
    parameters=(Parameter("view", "one materialized view instead of all that have a policy"),),
    key="R",
    row={"view": "view"},
)
