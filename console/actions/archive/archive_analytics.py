"""archive-analytics: moves rows past their retention to the archive, whole partitions where possible."""

from __future__ import annotations

import re

from console.actions.archive.move import CANCELED, Move, Moving, steps_of_move
from console.actions.confinement import confined
from console.actions.foreign_code import foreign_code
from console.actions.needs import Needs, Right, archived
from console.actions.partitions.partman import left_to_partman
from console.actions.planning import Action, Request, boolean
from console.actions.relations import relation
from console.format import one_line, safe
from console.model import Claim, Kind, Parameter, Plan, Record, Source, Trouble
from console.settings.config import ArchivePolicy

_AGE = re.compile(r"\s*(\d{1,4})\s*(day|week|month|year)s?\s*", re.IGNORECASE)


async def plan(request: Request) -> Plan:
    """Everything older than the policy says, or than `older-than`: months end with a month of UTC, days at midnight."""
    chosen = policies(request)
    moving = Moving()
    for policy in chosen:
        number, unit = age(request.parameters["older-than"] or f"{policy.keep_months} months")
        (row,) = (await request.server.fetch("actions/archive_cutoff", {"number": number, "unit": unit})).rows
        move = Move(
            await relation(request.server, policy.table),
            await relation(request.server, policy.archive),
            policy.key,
            None,
            str(row[0]),
            boolean(request.parameters, "verify"),
        )
        if managed := await left_to_partman(request.server, [move.origin, move.target]):
            moving += Moving(notes=managed)
            continue
        own = await steps_of_move(request.server, move)
        moving += Moving(notes=(_bound(policy, str(row[0]), bool(own.steps)),)) + own
        if own.steps:
            moving += Moving(notes=await _readers(await confined(request.server, move.origin), move))
    what = f"{moving.amount or 'rows'} of {named(chosen)}"
    return Plan(claim(chosen), moving.steps, moving.notes, summary=f"{what} to the archive", result=f"{what} archived")


def _bound(policy: ArchivePolicy, day: str, moves: bool) -> str:
    """Which rows move, or that there are none."""
    table = one_line(policy.table)
    if not moves:
        return f"{table}: nothing before {day} (UTC) can be moved."
    return f"{table}: rows before {day} (UTC) move to {one_line(policy.archive)}."


async def _readers(server: Source, move: Move) -> tuple[str, ...]:
    """A warning for each materialized view that may read rows that move."""
    asked = {"origin": move.origin.oid, "upper": move.span["upper"], "skipped": []}
    views = (await server.fetch("actions/archive_matviews", {**asked, "read": False})).values("name")
    if not views:
        return ()
    skipped = await foreign_code(server, [str(name) for name in views])
    try:
        found = await server.fetch("actions/archive_matviews", {**asked, "read": True, "skipped": list(skipped)})
    except Trouble as why:
        if why.sqlstate != CANCELED:
            raise
        names = ", ".join(map(one_line, views))
        return (f"How far back {names} reads could not be found out in time: its next refresh may lose these rows.",)
    return tuple(_reads(row, one_line(move.origin.name)) for row in found.records() if row["still"])


def _reads(row: Record, origin: str) -> str:
    since = f", from {safe(row['oldest'], 40)} on" if row["oldest"] else ""
    return f"{one_line(row['name'])} still reads the rows of {origin} that move{since}: its next refresh loses them."


def policies(request: Request) -> tuple[ArchivePolicy, ...]:
    """The policies of the request. Raises Trouble(USAGE) if there are none."""
    wanted = request.parameters["table"]
    chosen = tuple(policy for policy in request.settings.archives if wanted in {"", policy.table})
    if not chosen:
        what = f"{safe(wanted, 200)} has no archive policy." if wanted else "No table has an archive policy."
        raise Trouble(Kind.USAGE, what, "Add one in the configuration, under archives.")
    return chosen


def named(chosen: tuple[ArchivePolicy, ...]) -> str:
    """Their tables in a sentence."""
    return ", ".join(one_line(policy.table) for policy in chosen)


def claim(chosen: tuple[ArchivePolicy, ...]) -> Claim:
    """What archiving and restoring act on, table by table: the same table is never moved twice at once."""
    tables = [one_line(policy.table) for policy in chosen]
    return Claim(f"archive of {', '.join(tables)}", tuple(f"archive of {table}" for table in tables))


def age(text: str) -> tuple[int, str]:
    """Number and unit of an age such as "24 months" or "45 days". Raises Trouble(USAGE) if it is not one."""
    match = _AGE.fullmatch(text)
    if match is None:
        raise Trouble(Kind.USAGE, f'older-than must be an age such as "24 months" or "45 days", not {safe(text, 40)}.')
    return int(match[1]), match[2].lower()


VERIFY = Parameter(
    "verify",
    "yes or no: compare count and checksum of whole partitions before and after; batches always are",
    default="no",
)
ARCHIVE_ANALYTICS = Action(
    name="archive-analytics",
    title="Archive old rows",
    help="Moves rows past their retention to the archive: whole partitions by DETACH and ATTACH, the rest in batches.",
    plan=plan,
    parameters=(
        Parameter("older-than", 'age such as "24 months" or "45 days"; empty: the retention of the policy'),
        Parameter("table", "only this table; empty: all tables with an archive policy"),
        VERIFY,
    ),
    needs=Needs(
        Right.OWN,
        archived,
        instead="CALL drop_old_time_partitions(table, older_than) ends partitions on all nodes; copy their rows first.",
    ),
)
