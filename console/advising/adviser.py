"""The index adviser: from the statements that cost most to the indexes that pay, as rows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from console.advising.candidates import Candidate
from console.advising.heuristics import guess
from console.advising.search import MOST_PLANS, MOST_SECONDS, Advice, PlannedTables, Search
from console.advising.workload import Workload, read_workload
from console.explaining.hints import relations
from console.explaining.rights import planning_role
from console.format import count, counted, relation
from console.model import Kind, Row, Snapshot, Trouble, number
from console.sources.postgres import PostgresServer

QUERY = "index_advice"
HYPOPG = "hypopg"
COLUMNS = (
    *("oid", "table", "name", "keys", "saved", "saved_ms", "size", "statements", "cost_before", "cost_after"),
    *("writes", "hot_lost", "existing", "judged", "queryids", "saved_per_day"),
)
DAY = 86400.0
BUDGET_SHARE = 0.2  # of the tables that the statements read, for all indexes together
LEAST_BUDGET = 256 * 2**20  # bytes
LEAST_SHARE = 0.001  # of the time of all statements, below which an index is not worth its writes


async def advise(server: PostgresServer) -> Snapshot:
    """The indexes that would pay for the statements that cost most. Raises Trouble. Runs none of them."""
    began = time.monotonic()
    await server.connect()
    facts = server.facts
    if not (facts.superuser or facts.assumed_by):
        await planning_role(server, "")  # a plain role that can become a superuser is refused, as for EXPLAIN
    async with server.explaining() as session:
        workload = await read_workload(server, session)
        places = relations([each.plan for each in workload.examined])
        parameters = {"schemas": [schema for schema, _ in places], "tables": [name for _, name in places]}
        ground = PlannedTables.of((await server.fetch("advice_tables", parameters)).records())
        budget = max(BUDGET_SHARE * sum(number(row["bytes"]) for row in ground.facts.values()), LEAST_BUDGET)
        extension = facts.extensions.get(HYPOPG)
        usable = extension is not None and extension.usable
        if extension is not None and usable:
            search = Search(session, extension.schema, ground, workload.examined)
            found = await search.run(budget)
            over = search.is_over
        else:
            found, over = guess(ground, workload.examined, budget), False
    whole = sum(each.total_ms for each in workload.examined) or 1.0
    worth = [each for each in found if each.saved_ms >= LEAST_SHARE * whole]
    rows = tuple(_row(each, ground, workload, whole, HYPOPG if usable else "heuristics") for each in worth)
    clock = time.monotonic()
    notes = _notes(workload, usable=usable, over=over)
    return Snapshot(QUERY, COLUMNS, rows, datetime.now(UTC), clock - began, clock, notes=notes)


def _row(advice: Advice, ground: PlannedTables, workload: Workload, whole: float, judged: str) -> Row:
    index, facts = advice.index, ground.facts[advice.index.place]
    days = max(number(facts["counted_for"]), 1.0) / DAY
    written = (number(facts["inserted"]) + number(facts["updated"]) - number(facts["hot"])) / days
    best = max(advice.gains, key=lambda gain: gain.saved_ms)
    per_day = advice.saved_ms / (workload.counted_for / DAY) if workload.counted_for else None
    return (
        *(facts["oid"], facts["qualified"], relation(f"{index.schema}.{index.table}"), index.keys),
        *(100 * advice.saved_ms / whole, advice.saved_ms, advice.bytes, len(advice.gains), best.before, best.after),
        *(written, _hot_lost(index, facts_of=ground, workload=workload, days=days), _existing(index, ground), judged),
        *(",".join(str(gain.queryid) for gain in advice.gains), per_day),
    )


def _hot_lost(index: Candidate, facts_of: PlannedTables, workload: Workload, days: float) -> float:
    """HOT updates a day that change a column of the index, and would no longer be HOT."""
    facts = facts_of.facts[index.place]
    changed = sum(
        rows
        for change, rows in workload.changes
        if change.table == index.table and change.columns & frozenset(index.columns)
    )
    share = number(facts["hot"]) / number(facts["updated"]) if number(facts["updated"]) else 0.0
    return min(changed, number(facts["updated"])) * share / days


def _existing(index: Candidate, ground: PlannedTables) -> str:
    """What an index that exists has to do with it: it would become redundant, or begins with the same column."""
    present = ground.indexes(index)
    for name, keys in present.items():
        if tuple(keys) == index.columns[: len(keys)]:
            return f"makes {name} redundant unless that is unique"
    for name, keys in present.items():
        if keys and keys[0] == index.columns[0]:
            return f"{name} begins with the same column"
    return "none serves"


def _notes(workload: Workload, *, usable: bool, over: bool) -> tuple[str, ...]:
    notes = [f"{counted(len(workload.examined), 'statement')} planned, none run"]
    if not usable:
        notes.append("judged by heuristics: with the extension hypopg the planner judges (CREATE EXTENSION hypopg)")
    if over:
        notes.append(f"the search ended after {MOST_SECONDS:.0f} s or {count(MOST_PLANS)} plans")
    left: Sequence[tuple[str, int]] = workload.left.most_common(2)
    notes += [f"{counted(times, 'statement')} left out: {why.rstrip('.')}" for why, times in left]
    return tuple(notes)


def unsupported() -> Trouble:
    """Why a recording has no advice."""
    return Trouble(Kind.UNSUPPORTED, "A recording has no server that could plan statements.")
