"""Which candidates pay: a greedy search, bounded in time and plans, over plans with hypothetical indexes.

In each round the index is chosen that saves most time of all statements together, given those that were chosen before
(greedy set cover, as in Chaudhuri and Narasayya, "An Efficient, Cost-Driven Index Selection Tool", VLDB 1997). A
narrower index is preferred where it saves nearly as much.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from console.advising.candidates import Candidate, candidates
from console.advising.workload import Examined
from console.explaining.hints import TABLE
from console.explaining.plan import Node, node
from console.model import Record, Trouble, number
from console.records import dataclass
from console.sources.postgres.explaining import ExplainingSession

MOST_PLANS = 600
MOST_SECONDS = 20.0
MOST_INDEXES = 20
SMALL = 2**20  # bytes of a table that is read as fast without an index
GAIN = 0.3  # of a statement's cost that an index must save
NEARLY = 0.95  # of what a wider index saves
MOST_LEAVES = 30  # partitions of a table that a hypothetical index is made for


@dataclass(frozen=True, slots=True)
class Gain:
    """What a statement gains from an index."""

    queryid: int
    before: float  # cost
    after: float
    saved_ms: float  # of its total time, as far as cost is time


@dataclass(frozen=True, slots=True)
class Advice:
    """An index that would pay."""

    index: Candidate
    bytes: float
    gains: tuple[Gain, ...]

    @property
    def saved_ms(self) -> float:
        """Time of all statements that it saves."""
        return sum(gain.saved_ms for gain in self.gains)


@dataclass(slots=True)
class PlannedTables:
    """What is known of the tables: which partitions belong to which table, sizes, indexes."""

    roots: Mapping[TABLE, Record]  # by the table that a plan names
    leaves: dict[TABLE, dict[TABLE, None]] = field(default_factory=dict)  # by the partitioned table
    facts: dict[TABLE, Record] = field(default_factory=dict)  # by the partitioned table

    @staticmethod
    def of(rows: Iterable[Record]) -> PlannedTables:
        """From the rows of advice_tables."""
        found = PlannedTables({(str(row["schema"]), str(row["name"])): row for row in rows})
        for place, row in found.roots.items():
            root = (str(row["root_schema"]), str(row["root_name"]))
            found.facts[root] = row
            found.leaves.setdefault(root, {})[place] = None
        return found

    def suggested(self, plan: Node) -> list[Candidate]:
        """The candidates of a plan on tables that are large enough and have no index that serves them."""
        unique: dict[Candidate, None] = {}
        for each in candidates(plan):
            row = self.roots.get(each.place)
            if row is None or number(row["bytes"]) < SMALL:
                continue
            index = replace(each, schema=str(row["root_schema"]), table=str(row["root_name"]))
            if not any(index.is_served_by(keys) for keys in self.indexes(index).values()):
                unique[index] = None
        return list(unique)

    def indexes(self, index: Candidate) -> Mapping[str, Sequence[str]]:
        """The columns of the B-tree indexes that the candidate's table has."""
        found = self.facts[index.place]["indexes"]
        return found if isinstance(found, Mapping) else {}

    def statements(self, index: Candidate) -> list[str]:
        """What makes hypopg show the index: one statement for each partition that plans read."""
        leaves = list(self.leaves[index.place])[:MOST_LEAVES]
        return [replace(index, schema=schema, table=name).sql for schema, name in leaves]


class Search:
    """One bounded search with hypothetical indexes."""

    def __init__(
        self, session: ExplainingSession, hypopg: str, ground: PlannedTables, examined: Sequence[Examined]
    ) -> None:
        self._session, self._hypopg, self._ground = session, hypopg, ground
        self._examined = [each for each in examined if each.plan.cost > 0]
        self._sizes: dict[Candidate, float] = {}
        self._costs: dict[tuple[int, frozenset[Candidate]], float] = {}
        self.plans = 0
        self._ends = time.monotonic() + MOST_SECONDS

    @property
    def is_over(self) -> bool:
        """Whether its bounds ended it."""
        return self.plans >= MOST_PLANS or time.monotonic() > self._ends

    async def run(self, budget: float) -> tuple[Advice, ...]:
        """The indexes that pay, the best first, together at most `budget` bytes large."""
        pool = await self._useful()
        chosen: list[Advice] = []
        room = budget
        while pool and len(chosen) < MOST_INDEXES and not self.is_over:
            taken = [advice.index for advice in chosen]
            judged = [await self._judge(index, taken) for index in pool]
            paying = [each for each in judged if each.gains and each.bytes <= room]
            if not paying:
                break
            most = max(each.saved_ms for each in paying)
            near = [each for each in paying if each.saved_ms >= NEARLY * most]
            best = min(near, key=lambda each: (len(each.index.columns), -each.saved_ms, each.bytes))
            chosen.append(best)
            room -= best.bytes
            served = best.index
            pool = [each.index for each in paying if not each.index.is_served_by(served.columns)]
        return tuple(chosen)

    async def _useful(self) -> list[Candidate]:
        """The candidates that some plan uses when it may choose among all of its own, and their beginnings."""
        found: dict[Candidate, None] = {}
        for each in self._examined:
            own = self._ground.suggested(each.plan)
            if not own or self.is_over:
                continue
            used = await self._used(each, own)
            for index in used:
                for width in range(1, len(index.columns) + 1):
                    shorter = replace(index, columns=index.columns[:width])
                    if shorter in own or width == len(index.columns):
                        found[shorter] = None
        return list(found)

    async def _used(self, each: Examined, own: Sequence[Candidate]) -> list[Candidate]:
        statements = [(index, sql) for index in own for sql in self._ground.statements(index)]
        document = await self._explain(each, [sql for _, sql in statements])
        if document is None:
            return []
        names = dict(zip(document["Hypothetical"], (index for index, _ in statements), strict=False))
        used = {at.index for at in node(document["Plan"]).walk()}
        return list(dict.fromkeys(index for name, index in names.items() if name in used))

    async def _judge(self, index: Candidate, taken: Sequence[Candidate]) -> Advice:
        """What an index saves in addition to those that were chosen."""
        gains = []
        for each in self._examined:
            if not self._reads(each, index):
                continue
            before = await self._cost(each, taken)
            after = await self._cost(each, [*taken, index])
            if after <= (1 - GAIN) * before:
                saved = each.total_ms * (before - after) / each.plan.cost
                gains.append(Gain(each.queryid, before, after, saved))
        return Advice(index, self._sizes.get(index, 0.0), tuple(gains))

    def _reads(self, each: Examined, index: Candidate) -> bool:
        places = self._ground.leaves[index.place]
        return any((at.schema, at.table) in places for at in each.plan.walk())

    async def _cost(self, each: Examined, indexes: Sequence[Candidate]) -> float:
        """The cost of a statement's plan where these indexes exist."""
        own = [index for index in indexes if self._reads(each, index)]
        if not own:
            return each.plan.cost
        key = (id(each), frozenset(own))
        if key not in self._costs:
            statements = [(index, sql) for index in own for sql in self._ground.statements(index)]
            document = await self._explain(each, [sql for _, sql in statements])
            if document is None:
                return each.plan.cost
            if len(own) == 1:
                self._sizes[own[0]] = float(sum(document["Hypothetical"].values()))
            self._costs[key] = float(document["Plan"]["Total Cost"])
        return self._costs[key]

    async def _explain(self, each: Examined, statements: Sequence[str]) -> dict[str, Any] | None:
        """What the planner does with these indexes; None if it cannot or may not be asked any more."""
        if self.is_over:
            return None
        self.plans += 1
        question = replace(each.question, hypothetical=tuple(statements), hypopg=self._hypopg)
        try:
            return await self._session.explain(question)
        except Trouble:  # such as a column that no B-tree can have: this statement has no better plan with it
            return None
