"""The index adviser: from the statements that cost most to the indexes that pay, as rows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from console.advising.candidates import Candidate
from console.advising.heuristics import guess
from console.advising.search import MOST_PLANS, MOST_SECONDS, Advice, PlannedTables, Search
from console.advising.workload import Examined, Workload, read_workload
from console.explaining.explain import ExplainedStatement
from console.explaining.hints import relations
from console.explaining.rights import planning_role
from console.format import count, counted, one_line, relation, size
from console.model import Kind, Row, Snapshot, Trouble, number
from console.records import dataclass
from console.sources.postgres import PostgresServer
from console.sources.postgres.explaining import ExplainingSession

QUERY = "index_advice"
HYPOPG = "hypopg"
COLUMNS = (
    *("oid", "table", "name", "keys", "saved", "saved_ms", "size", "statements", "cost_before", "cost_after"),
    *("writes", "hot_lost", "existing", "judged", "queryids", "saved_per_day"),
)
DAY = 86400.0
BUDGET_SHARE = 0.2  # of the tables that the statements read, for all indexes together
LEAST_BUDGET = 256 * 2**20  # bytes
UNNEEDED = "No index would save 30 % of the cost of this statement"
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
        found = await _searched(server, session, workload.examined)
    whole = sum(each.total_ms for each in workload.examined) or 1.0
    worth = [each for each in found.advice if each.saved_ms >= LEAST_SHARE * whole]
    rows = tuple(_row(each, found.ground, workload, whole, found.judge) for each in worth)
    clock = time.monotonic()
    notes = _notes(workload, usable=found.judge == HYPOPG, over=found.over)
    return Snapshot(QUERY, COLUMNS, rows, datetime.now(UTC), clock - began, clock, notes=notes)


async def advise_statement(server: PostgresServer, explained: ExplainedStatement) -> tuple[str, ...]:
    """Which indexes would pay for one statement that was explained, a sentence each, or that none would."""
    question = replace(explained.question, analyze=False)
    examined = Examined(0, explained.found.statement, question, explained.plan, 1.0, explained.plan.cost)
    try:
        async with server.explaining() as session:
            found = await _searched(server, session, [examined])
    except Trouble as why:
        return (f"No index advice: {why}",)
    return tuple(_sentence(each, found.judge) for each in found.advice) or (f"{UNNEEDED} ({_judged_by(found.judge)}).",)


@dataclass(frozen=True, slots=True)
class _Searched:
    """What came of one search."""

    advice: Sequence[Advice]
    ground: PlannedTables
    judge: str
    over: bool


async def _searched(server: PostgresServer, session: ExplainingSession, examined: Sequence[Examined]) -> _Searched:
    """The indexes that would pay for these statements, by hypopg where it is installed."""
    places = relations([each.plan for each in examined])
    parameters = {"schemas": [schema for schema, _ in places], "tables": [name for _, name in places]}
    ground = PlannedTables.of((await server.fetch("advice_tables", parameters)).records())
    budget = max(BUDGET_SHARE * sum(number(row["bytes"]) for row in ground.facts.values()), LEAST_BUDGET)
    extension = server.facts.extensions.get(HYPOPG)
    if extension is None or not extension.usable:
        return _Searched(guess(ground, examined, budget), ground, "heuristics", over=False)
    search = Search(session, extension.schema, ground, examined)
    return _Searched(await search.run(budget), ground, HYPOPG, search.is_over)


def _sentence(advice: Advice, judge: str) -> str:
    index, gain = advice.index, advice.gains[0]
    what = f"An index on {relation(f'{index.schema}.{index.table}')} ({index.keys}) of {size(advice.bytes)}"
    cost = f"would reduce the cost from {count(gain.before)} to {count(gain.after)}"
    return one_line(f"{what} {cost} ({_judged_by(judge)}): create-index table={index.target} columns={index.keys}")


def _judged_by(judge: str) -> str:
    return "judged by the planner with hypopg" if judge == HYPOPG else "judged by heuristics: hypopg is not installed"


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
        if change.concerns(index.schema, index.table) and change.columns & frozenset(index.columns)
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
