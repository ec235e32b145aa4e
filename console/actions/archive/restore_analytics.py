"""restore-analytics: brings a month back from the archive."""

from __future__ import annotations

import re
from datetime import date

from console.actions.archive import moving
from console.actions.archive.archive_analytics import VERIFY, claim, policies
from console.actions.archive.moving import Move
from console.actions.maintenance.care import yes
from console.actions.needs import Needs, Right, archived
from console.actions.planning import Action, Request
from console.actions.relations import relation
from console.format import one_line, safe
from console.model import Kind, Parameter, Plan, Step, Trouble


async def plan(request: Request) -> Plan:
    """The month's partition, or its rows, from the archive back to the table."""
    first, after = month(request.given["month"])
    chosen = policies(request)
    found: tuple[Step, ...] = ()
    notes: list[str] = []
    for policy in chosen:
        move = Move(
            await relation(request.server, policy.archive),
            await relation(request.server, policy.table),
            policy.key,
            first.isoformat(),
            after.isoformat(),
            yes(request, "verify"),
        )
        steps, said = await moving.steps(request.server, move)
        found += steps
        notes += said
        notes.append(
            f"archive-analytics archives it again once it is {policy.keep_months} months old: "
            f"raise keep_months of {one_line(policy.table)} to keep it."
        )
    return Plan(claim(chosen), found, tuple(notes))


def month(text: str) -> tuple[date, date]:
    """First day of a month such as 2024-03, and of the one after it. Trouble (USAGE) when it is none."""
    match = re.fullmatch(r"\s*(\d{4})-(\d{2})\s*", text)
    if match is None or not 1 <= int(match[2]) <= 12 or not 1 <= int(match[1]) < 9999:
        raise Trouble(Kind.USAGE, f"month wants a month such as 2024-03, not {safe(text, 40)}.")
    year, number = int(match[1]), int(match[2])
    return date(year, number, 1), date(year + number // 12, number % 12 + 1, 1)


RESTORE_ANALYTICS = Action(
    name="restore-analytics",
    title="Restore a month",
    help="Brings a month back from the archive, as a whole partition where that is possible.",
    plan=plan,
    parameters=(
        Parameter("month", "the month, such as 2024-03", required=True),
        Parameter("table", "one table instead of all that have an archive policy"),
        VERIFY,
    ),
    needs=Needs(Right.OWN, archived),
)
