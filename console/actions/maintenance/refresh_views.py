"""refresh-views: refreshes materialized views in dependency order, concurrently where possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from console.actions.confinement import roles_of, run_as
from console.actions.foreign_code import foreign_code
from console.actions.needs import Needs, Right, refreshed
from console.actions.planning import Action, Request, steps_from_rows
from console.actions.relations import Relation, relation
from console.format import counted
from console.model import Claim, Database, Kind, OwnTable, Parameter, Plan, Step, Trouble

_REFRESHES = OwnTable("console_refreshes")


async def plan(request: Request) -> Plan:
    """One REFRESH a view, concurrent where it can be, with its record in the same transaction."""
    names = _views(request)
    steps = await refreshing(request.server, [await relation(request.server, name) for name in names])
    recorded = any("console_refreshes" in step.sql for step in steps)
    return Plan(
        Claim("materialized views"),
        steps,
        summary=f"refresh {counted(len(names), 'materialized view')}",
        result=f"{counted(len(names), 'materialized view')} refreshed",
        notes=()
        if recorded
        else ("Refresh times are not recorded: their table is missing or would run code of other roles.",),
    )


async def refreshing(server: Database, views: Sequence[Relation]) -> tuple[Step, ...]:
    """The steps that refresh views. Raises Trouble(REFUSED) if one is no materialized view or may not be refreshed."""
    record = await server.fetch("actions/harmless_table", {"name": "console_refreshes"})
    # REFRESH runs as the owner; the count of its rows is confined to the owner, or runs as this role.
    roles = await roles_of(server, [view.oid for view in views])
    own = [view.name for view in views if not roles.get(view.oid)]
    harmless = record.rows == ((True,),) and not await foreign_code(server, own)
    asked = {"oids": [view.oid for view in views], "harmless": harmless}
    snapshot = await server.fetch("actions/refresh_views", asked)
    return tuple(
        step
        for row, made in zip(snapshot.records(), steps_from_rows(snapshot), strict=True)
        for step in _confined(made, str(row["what"]), roles.get(int(str(row["oid"])), ""))
    )


def _confined(step: Step, what: str, role: str) -> tuple[Step, ...]:
    if what == "count":
        return run_as(role, [step])
    return (replace(step, writes=_REFRESHES) if what == "record" or step.failed else step,)


def _views(request: Request) -> list[str]:
    if request.parameters["view"]:
        return [request.parameters["view"]]
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
    row={"view": "view"},
    needs=Needs(Right.MAINTAIN, refreshed),
)
