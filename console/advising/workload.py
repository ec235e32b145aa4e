"""The statements that cost most, as far as they can be explained safely, with the plans they have now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any

from console.advising.writes import ColumnsChanged, change_of
from console.explaining.plan import Node, node
from console.explaining.rights import Settings, planning_role, planning_settings, refuse_foreign_code
from console.explaining.statement import Statement, statement
from console.format import one_line
from console.model import Record, Trouble, number
from console.records import dataclass
from console.sources.postgres import PostgresServer
from console.sources.postgres.explaining import ExplainingSession, Question

LONGEST = 20_000  # characters of a text


@dataclass(frozen=True, slots=True)
class Examined:
    """One statement and the plan it has now."""

    queryid: int
    statement: Statement
    question: Question
    plan: Node
    calls: float
    total_ms: float
    document: Mapping[str, Any] = field(default_factory=dict)  # what EXPLAIN returned


@dataclass(slots=True)
class Workload:
    """What is examined, what was left out and why, and which columns are changed how often."""

    examined: list[Examined] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)  # reasons
    changes: list[tuple[ColumnsChanged, float]] = field(default_factory=list)  # with the rows changed
    counted_for: float = 0.0  # seconds


async def read_workload(server: PostgresServer, session: ExplainingSession) -> Workload:
    """The statements with the highest total time. Raises Trouble if there is no pg_stat_statements."""
    found = Workload()
    rights: dict[str, tuple[str, Settings]] = {}
    for row in (await server.fetch("advice_statements")).records():
        found.counted_for = number(row["counted_for"])
        text = str(row["query"] or "")
        change, plan = change_of(text), None
        try:
            found.examined.append(await _examined(server, session, row, rights))
            plan = found.examined[-1].plan
        except Trouble as why:
            found.left[one_line(why.sentence)] += 1
        if change is not None:
            found.changes.append((placed_change(change, plan), number(row["rows"])))
    return found


def placed_change(change: ColumnsChanged, plan: Node | None) -> ColumnsChanged:
    """The change with the schema of its table as the planner found it, where the statement does not name it."""
    nodes = plan.walk() if plan is not None and not change.schema else iter(())
    schema = next((each.schema for each in nodes if each.kind == "ModifyTable" and each.table == change.table), "")
    return replace(change, schema=schema) if schema else change


async def _examined(
    server: PostgresServer, session: ExplainingSession, row: Record, rights: dict[str, tuple[str, Settings]]
) -> Examined:
    """A statement with its plan, explained with the rights of its own role where the session has too many."""
    stated = statement(str(row["query"])[:LONGEST])
    role, settings = await _rights(server, str(row["role"]), rights)
    await refuse_foreign_code(server, stated, role or server.facts.user, settings, analyze=False)
    question = Question(
        stated.text, len(stated.parameters), role=role, settings={name: value for name, value, _ in settings}
    )
    document = await session.explain(question)
    return Examined(
        int(str(row["queryid"])),
        stated,
        question,
        node(document["Plan"]),
        number(row["calls"]),
        number(row["total_ms"]),
        document,
    )


async def _rights(server: PostgresServer, user: str, known: dict[str, tuple[str, Settings]]) -> tuple[str, Settings]:
    """The role to confine to (empty: that of the session) and the settings of `user`. Raises Trouble."""
    if user not in known:
        facts = server.facts
        role, own = await planning_role(server, user if facts.superuser or facts.assumed_by else "")
        known[user] = ("" if own else role, await planning_settings(server, user, ""))
    return known[user]
