"""archive-analytics: rows past their retention go to the archive, whole months as they are, nothing lost or doubled."""

from __future__ import annotations

import re

from console.actions.archive import moving
from console.actions.archive.moving import Move
from console.actions.maintenance.care import yes
from console.actions.needs import Needs, Right, archived
from console.actions.planning import Action, Request
from console.actions.relations import relation
from console.format import one_line, safe
from console.model import Claim, Kind, Parameter, Plan, Step, Trouble
from console.settings.config import ArchivePolicy

_AGE = re.compile(r"\s*(\d{1,4})\s*(day|week|month|year)s?\s*", re.IGNORECASE)


async def plan(request: Request) -> Plan:
    """Everything older than the policy says, or than `older-than`: months end with a month of UTC, days at midnight."""
    chosen = policies(request)
    found: tuple[Step, ...] = ()
    notes: list[str] = []
    for policy in chosen:
        number, unit = age(request.given["older-than"] or f"{policy.keep_months} months")
        (row,) = (await request.server.fetch("actions/archive_cutoff", {"number": number, "unit": unit})).rows
        move = Move(
            await relation(request.server, policy.table),
            await relation(request.server, policy.archive),
            policy.key,
            None,
            str(row[0]),
            yes(request, "verify"),
        )
        steps, said = await moving.steps(request.server, move)
        found += steps
        notes += [
            f"{one_line(policy.table)}: what is older than {row[0]} (UTC) goes to {one_line(policy.archive)}.",
            *said,
        ]
    return Plan(claim(chosen), found, tuple(notes))


def policies(request: Request) -> tuple[ArchivePolicy, ...]:
    """The policies that are meant. Trouble (USAGE) when there is none."""
    wanted = request.given["table"]
    chosen = tuple(one for one in request.settings.archives if wanted in {"", one.table})
    if not chosen:
        what = f"{safe(wanted, 200)} has no archive policy." if wanted else "No table has an archive policy."
        raise Trouble(Kind.USAGE, what, "Give it one in the configuration, under archives.")
    return chosen


def claim(chosen: tuple[ArchivePolicy, ...]) -> Claim:
    """What archiving and restoring act on, table by table: the same table is never moved twice at once."""
    tables = [one_line(policy.table) for policy in chosen]
    return Claim(f"archive of {', '.join(tables)}", tuple(f"archive of {table}" for table in tables))


def age(text: str) -> tuple[int, str]:
    """Number and unit of an age such as "24 months" or "45 days". Trouble (USAGE) when it is none."""
    match = _AGE.fullmatch(text)
    if match is None:
        raise Trouble(Kind.USAGE, f'older-than wants an age such as "24 months" or "45 days", not {safe(text, 40)}.')
    return int(match[1]), match[2].lower()


VERIFY = Parameter(
    "verify",
    "yes or no: read whole partitions before and after, compare count and checksum; batches always do, and a whole "
    "partition is proven by its file, which stays the same",
    default="no",
)
ARCHIVE_ANALYTICS = Action(
    name="archive-analytics",
    title="Archive old rows",
    help="Moves rows past their retention to the archive: whole partitions as they are, the rest in paced batches.",
    plan=plan,
    parameters=(
        Parameter("older-than", 'age such as "24 months" or "45 days"; empty: as the policy says'),
        Parameter("table", "one table instead of all that have an archive policy"),
        VERIFY,
    ),
    key="A",
    needs=Needs(Right.OWN, archived),
)
