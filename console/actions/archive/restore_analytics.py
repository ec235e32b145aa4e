"""restore-analytics: moves a month from the archive back to its table."""

from __future__ import annotations

import re
from datetime import date

from console.actions.archive.archive_analytics import VERIFY, claim, named, policies
from console.actions.archive.move import Move, Moving, steps_of_move
from console.actions.confinement import confined
from console.actions.needs import Needs, Right, archived
from console.actions.partitions.partman import left_to_partman
from console.actions.planning import Action, Request, boolean
from console.actions.relations import relation
from console.format import one_line, safe
from console.model import Kind, Parameter, Plan, Trouble


async def plan(request: Request) -> Plan:
    """The month's partition, or its rows, from the archive back to the table.

    Raises Trouble(REFUSED) if there is nothing to restore, or nothing of it can be.
    """
    first, after = month(request.parameters["month"])
    chosen = policies(request)
    moving = Moving()
    absent: list[str] = []
    for policy in chosen:
        move = Move(
            await relation(request.server, policy.archive),
            await relation(request.server, policy.table),
            policy.key,
            first.isoformat(),
            after.isoformat(),
            boolean(request.parameters, "verify"),
        )
        if managed := await left_to_partman(request.server, [move.origin, move.target]):
            moving += Moving(notes=managed)
            continue
        own = await steps_of_move(request.server, move)
        moving += own
        if own.steps:
            again = (
                f"archive-analytics will archive it again, because it is older than {policy.keep_months} months: "
                f"raise keep_months of {one_line(policy.table)} to keep it."
            )
            moving += Moving(notes=(again,))
        elif not own.notes:
            absent.append(await _absent(request, move, f"{first:%Y-%m}"))
    notes = (*moving.notes, *absent)
    if not moving.steps:
        raise Trouble(Kind.REFUSED, " ".join(notes))
    what = f"{first:%Y-%m} of {named(chosen)}"
    amount = f": {moving.amount}" if moving.amount else ""
    return Plan(
        claim(chosen), moving.steps, notes, summary=f"restore {what}{amount}", result=f"{what} restored{amount}"
    )


async def _absent(request: Request, move: Move, name: str) -> str:
    """Why nothing of the month `name` is in the archive."""
    server = await confined(request.server, move.origin, move.target)
    (row,) = (await server.fetch("actions/archive_months", {**move.sides, **move.span})).records()
    origin, target = one_line(move.origin.name), one_line(move.target.name)
    months = f"It has rows of {safe(row['months'], 40)}." if row["months"] else "It is empty."
    if row["present"]:
        return f"{name} is in {target} already; {origin} has no rows of it."
    return f"Neither {origin} nor {target} has rows of {name}. {origin}: {months}"


def month(text: str) -> tuple[date, date]:
    """First day of a month such as 2024-03, and of the one after it. Raises Trouble(USAGE) if it is not a month."""
    match = re.fullmatch(r"\s*(\d{4})-(\d{2})\s*", text)
    if match is None or not 1 <= int(match[2]) <= 12 or not 1 <= int(match[1]) < 9999:
        raise Trouble(Kind.USAGE, f"month must be a month such as 2024-03, not {safe(text, 40)}.")
    year, number = int(match[1]), int(match[2])
    return date(year, number, 1), date(year + number // 12, number % 12 + 1, 1)


RESTORE_ANALYTICS = Action(
    name="restore-analytics",
    title="Restore a month",
    help="Moves a month from the archive back to its table, as a whole partition where possible.",
    plan=plan,
    parameters=(
        Parameter("month", "the month, such as 2024-03", required=True),
        Parameter("table", "only this table; empty: all tables with an archive policy"),
        VERIFY,
    ),
    needs=Needs(
        Right.OWN,
        archived,
        instead="INSERT … SELECT from the archive moves rows between distributed tables.",
    ),
)
