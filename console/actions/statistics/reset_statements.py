"""reset-statements: resets the counters of pg_stat_statements, of all statements or of one."""

from __future__ import annotations

import re

from console.actions.needs import Needs
from console.actions.planning import Action, Request, steps_from_query
from console.format import safe
from console.model import Claim, Kind, Parameter, Plan, Trouble

_ID = re.compile(r"-?[0-9]{1,19}")
LOST = "Their totals, and comparisons with earlier readings, are lost. This cannot be undone."


async def plan_reset_statements(request: Request) -> Plan:
    """pg_stat_statements_reset. Raises Trouble: USAGE if queryid is no number, REFUSED if it is unknown or denied."""
    queryid = _queryid(request.parameters["queryid"])
    steps = await steps_from_query(request.server, "reset_statements", {"queryid": queryid})
    what = "all statements" if queryid is None else f"statement {queryid}"
    return Plan(
        Claim("counters of pg_stat_statements", name="statements", cluster_wide=True),
        steps,
        (LOST,),
        summary=f"reset the counters of {what}",
        result=f"counters of {what} reset",
        destructive=queryid is None,
    )


def _queryid(text: str) -> int | None:
    wanted = text.strip()
    if not wanted:
        return None
    if not _ID.fullmatch(wanted) or not -(2**63) <= int(wanted) < 2**63 or not int(wanted):
        raise Trouble(Kind.USAGE, f"queryid must be the number of one statement, not {safe(wanted, 40)}.")
    return int(wanted)


RESET_STATEMENTS = Action(
    name="reset-statements",
    title="Reset statement statistics",
    help="Resets the counters of pg_stat_statements: those of one statement, or of all statements.",
    plan=plan_reset_statements,
    parameters=(Parameter("queryid", "queryid of one statement; empty: all statements"),),
    row={"queryid": "queryid"},
    needs=Needs(extension="pg_stat_statements", primary=False),
)
