"""Which candidates probably pay, judged by the present plans alone: for servers without hypopg. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from console.advising.candidates import Candidate, candidates
from console.advising.search import Advice, Gain, PlannedTables
from console.advising.workload import Examined
from console.explaining.hints import MANY, SELECTIVE
from console.explaining.plan import Node
from console.model import number

FILLED = 0.9  # of a page of a B-tree
ENTRY = 12.0  # bytes of an entry and its pointer without keys
KEPT = 0.05  # of the cost of a scan remains with an index


def guess(ground: PlannedTables, examined: Sequence[Examined], budget: float) -> tuple[Advice, ...]:
    """The indexes that probably pay, the best first, together at most `budget` bytes large."""
    found: dict[Candidate, dict[int, Gain]] = {}
    for each in examined:
        for index, saved in _saved(each.plan, ground):
            after = max(each.plan.cost - saved, 1.0)
            gain = Gain(each.queryid, each.plan.cost, after, each.total_ms * saved / each.plan.cost)
            found.setdefault(index, {})[each.queryid] = gain
    advice = [Advice(index, size_of(index, ground), tuple(gains.values())) for index, gains in found.items()]
    chosen: list[Advice] = []
    for guessed in sorted(advice, key=lambda guessed: -guessed.saved_ms):
        if guessed.bytes <= budget and not any(guessed.index.is_served_by(other.index.columns) for other in chosen):
            chosen.append(guessed)
            budget -= guessed.bytes
    return tuple(chosen)


def _saved(root: Node, ground: PlannedTables) -> Iterator[tuple[Candidate, float]]:
    """For each scan of many rows for few: the index that would find them, and the cost that it saves."""
    suggested = ground.suggested(root)
    for node, times in _scans(root, 1.0):
        row = ground.roots.get((node.schema, node.table))
        rows = number(row["rows"]) if row else 0.0
        own = [index for index in _own(node, ground) if index in suggested]
        if own and rows and (node.rows / rows < SELECTIVE or times >= MANY):
            yield own[0], node.cost * times * (1 - KEPT)


def _scans(node: Node, times: float) -> Iterator[tuple[Node, float]]:
    """The sequential scans of a plan, and how often each is run."""
    if "Seq Scan" in node.kind:
        yield node, times
    for at, child in enumerate(node.children):
        inner = "Nested Loop" in node.kind and at == 1
        yield from _scans(child, times * max(node.children[0].rows, 1.0) if inner else times)


def _own(node: Node, ground: PlannedTables) -> list[Candidate]:
    """The candidates of the conditions of one node, on the partitioned table where there is one."""
    found = []
    for each in candidates(replace(node, children=())):
        row = ground.roots[each.place]
        found.append(replace(each, schema=str(row["root_schema"]), table=str(row["root_name"])))
    return found


def size_of(index: Candidate, ground: PlannedTables) -> float:
    """Bytes that the index would have (PostgreSQL documentation, "B-Tree Structure")."""
    facts = ground.facts[index.place]
    widths = facts["widths"] if isinstance(facts["widths"], Mapping) else {}
    keys = sum(number(widths.get(column, 8)) for column in index.columns)
    return number(facts["rows"]) * (ENTRY + 8 * -(-keys // 8)) / FILLED
