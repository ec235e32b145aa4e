"""refresh-views: refreshes materialized views in dependency order, concurrently where possible."""

from __future__ import annotations

from collections.abc import Sequence

from console.actions.foreign_code import foreign_code
from console.actions.needs import Needs, Right, refreshed
from console.actions.planning import Action, Request, steps_from_query
from console.actions.relations import Relation, relation
from console.model import Claim, Kind, Parameter, Plan, Source, Step, Trouble
from console.running.summary import counted


async def plan(request: Request) -> Plan:
    """One REFRESH a view, concurrent where it can be, with its record in the same transaction."""
    names = _views(request)
    steps = await refreshing(request.server, [await relation(request.server, name) for name in names])
    recorded = any("console_refreshes" in step.sql for step in steps)
    return Plan(
        Claim("materialized views"),
        steps,
        summary=counted(len(names), "materialized view"),
        result=f"{counted(len(names), 'materialized view')} refreshed",
        notes=()
        if recorded
        else ("Refresh times are not recorded: their table is missing or would run code of other roles.",),
    )


async def refreshing(server: Source, views: Sequence[Relation]) -> tuple[Step, ...]:
    """The steps that refresh views. Raises Trouble(REFUSED) if one is no materialized view or may not be refreshed."""
    record = await server.fetch("actions/harmless_table", {"name": "console_refreshes"})
    # REFRESH runs as the owner, but the count of its rows as this role.
    counted = not await foreign_code(server, [view.name for view in views])
    harmless = record.rows == ((True,),) and counted
    return await steps_from_query(server, "refresh_views", {"oids": [view.oid for view in views], "harmless": harmless})


def _views(request: Request) -> list[str]:
    if request.given["view"]:
        return [request.given["view"]]
    if not request.settings.refreshes:
        raise Trouble(
            Kind.USAGE,
            "No view has a refresh policy.",
            "Name a view with --set view=…, or add a policy in the configuration.",
        )
    return [policy.view for policy in request.settings.refreshes]


REFRESH_VIEWS = Action(
    name="refresh-views",
    title="Refresh views",
    help="Refreshes materialized views in dependency order, concurrently where possible.",
    plan=plan,
    parameters=(Parameter("view", "only this materialized view; empty: all views with a refresh policy"),),
    key="R",
    row={"view": "view"},
    needs=Needs(Right.MAINTAIN, refreshed),
)
