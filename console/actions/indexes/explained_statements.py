"""How the server would run the statements that an index is for: before it is built, and after. None of them is run."""

from __future__ import annotations

from collections.abc import Sequence

from console.explaining.plan import Node
from console.explaining.subject import Subject, find
from console.format import count, one_line, safe
from console.model import Database, Kind, Trouble
from console.records import dataclass

MOST = 3  # statements; the adviser names those with the highest total time first
LONGEST = 60  # characters of the text of a statement


@dataclass(frozen=True, slots=True)
class PlannedStatement:
    """A statement of pg_stat_statements and the plan it has, or why there is none."""

    queryid: int
    text: str = ""
    plan: Node | None = None
    problem: str = ""

    @property
    def name(self) -> str:
        """How a note calls it."""
        return one_line(f"{self.text[:LONGEST]}{'…' if len(self.text) > LONGEST else ''}" or f"query id {self.queryid}")

    @property
    def outline(self) -> str:
        """Its plan in a line, or why there is none."""
        return f"not explained: {self.problem}" if self.plan is None else f"cost {count(self.plan.cost)}, {self._scans}"

    @property
    def _scans(self) -> str:
        """How it reads its tables."""
        scans = [each.title for each in self.plan.walk() if each.table or each.index] if self.plan else []
        return one_line(", ".join(dict.fromkeys(scans)) or "no table")

    def __str__(self) -> str:
        return f"Now: {self.name}: {self.outline}."


def query_ids(text: str) -> tuple[int, ...]:
    """Query ids separated by commas. Raises Trouble(USAGE)."""
    try:
        return tuple(dict.fromkeys(int(each) for each in text.split(",") if each.strip()))
    except ValueError:
        raise Trouble(Kind.USAGE, f"statements must be query ids separated by commas, not {safe(text, 80)}.") from None


async def explained_statements(server: Database, ids: Sequence[int]) -> tuple[PlannedStatement, ...]:
    """The plans that the first statements have now."""
    return tuple([await _planned(server, queryid) for queryid in ids[:MOST]])


async def compared_statements(server: Database, before: Sequence[PlannedStatement]) -> tuple[str, ...]:
    """A sentence for each statement: its plan before and now."""
    after = await explained_statements(server, [each.queryid for each in before])
    return tuple(map(_comparison, before, after))


async def _planned(server: Database, queryid: int) -> PlannedStatement:
    """With the rights of its own role where the session is a superuser's, as E explains it."""
    from console.explaining.explain import Asked, explain  # noqa: PLC0415  loads the driver
    from console.sources.postgres import PostgresServer  # noqa: PLC0415

    if not isinstance(server, PostgresServer):
        return PlannedStatement(queryid, problem="there is no server that could plan it")
    try:
        found = await find(server, Subject(queryid=queryid))
        mighty = server.facts.superuser or server.facts.assumed_by
        asked = Asked(Subject(queryid=queryid), role=found.user if mighty else "")
        explained = await explain(server, asked)
    except Trouble as why:
        return PlannedStatement(queryid, problem=str(why).rstrip("."))
    return PlannedStatement(queryid, explained.found.statement.text, explained.plan)


def _comparison(before: PlannedStatement, after: PlannedStatement) -> str:
    if before.plan is None or after.plan is None:
        return f"{before.name}: before: {before.outline}; after: {after.outline}."
    cost = f"cost {count(before.plan.cost)} → {count(after.plan.cost)}"
    same = " The plan is the same." if before.plan.shape == after.plan.shape else ""
    return f"{before.name}: {cost}. Before: {before.outline}. After: {after.outline}.{same}"
