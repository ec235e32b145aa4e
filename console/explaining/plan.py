"""A plan of the server as a tree of nodes, from what EXPLAIN (FORMAT JSON) returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from console.format import one_line, relation
from console.records import dataclass

_SHOWN = (
    "Index Cond",
    "Recheck Cond",
    "Hash Cond",
    "Merge Cond",
    "Join Filter",
    "Filter",
    "One-Time Filter",
    "TID Cond",
)
_JOINS = ("Nested Loop", "Hash Join", "Merge Join")


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a plan."""

    kind: str  # as the server calls it: Seq Scan, Hash Join
    cost: float  # total, in the planner's unit
    rows: float  # estimated, of one execution
    width: int  # bytes of a row
    schema: str = ""
    table: str = ""
    alias: str = ""
    index: str = ""
    conditions: tuple[tuple[str, str], ...] = ()  # such as ("Filter", "(a = 1)")
    keys: tuple[str, ...] = ()  # of a sort or a group
    join: str = ""  # Left, Semi, …
    counted: float | None = None  # rows that came out, of all executions, where it was run
    loops: float = 1.0
    milliseconds: float | None = None  # of all executions, where it was run
    spilled: float = 0.0  # bytes written to temporary files, where it was run
    removed: float = 0.0  # rows that its filter removed, where it was run
    children: tuple[Node, ...] = ()
    part: str = ""  # what it is to its parent: Outer, Inner, InitPlan, SubPlan

    @property
    def relation(self) -> str:
        """The table with its schema unless that is public; empty: it reads none."""
        return relation(f"{self.schema}.{self.table}" if self.schema else self.table) if self.table else ""

    @property
    def title(self) -> str:
        """The node in a few words."""
        joined = f"{self.kind.removesuffix(' Join')} {self.join} Join" if self.join else self.kind
        text = joined
        text += f" using {self.index}" if self.index and self.table else f" on {self.index}" if self.index else ""
        text += f" on {self.relation}" if self.table else ""
        text += f" {self.alias}" if self.alias and self.alias != self.table else ""
        return one_line(text)

    @property
    def filters(self) -> str:
        """The condition that is checked row by row."""
        return dict(self.conditions).get("Filter", "")

    def walk(self) -> Iterator[Node]:
        """This node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def shape(self) -> str:
        """The tree without costs, rows and conditions: two plans with the same shape work in the same way."""
        inner = ", ".join(child.shape for child in self.children)
        return f"{self.title}({inner})" if inner else self.title


def node(document: Mapping[str, Any]) -> Node:
    """The tree below "Plan" in a document of EXPLAIN."""
    kind = str(document["Node Type"])
    if kind == "Aggregate" and document.get("Strategy") not in {None, "Plain"}:
        kind = {"Hashed": "HashAggregate", "Sorted": "GroupAggregate"}.get(str(document["Strategy"]), kind)
    if document.get("Parallel Aware"):
        kind = f"Parallel {kind}"
    join = str(document.get("Join Type", ""))
    loops = float(document.get("Actual Loops", 1))
    actual, took = document.get("Actual Rows"), document.get("Actual Total Time")
    return Node(
        kind=kind,
        cost=float(document["Total Cost"]),
        rows=float(document["Plan Rows"]),
        width=int(document["Plan Width"]),
        schema=str(document.get("Schema", "")),
        table=str(document.get("Relation Name", "")),
        alias=str(document.get("Alias", "")),
        index=str(document.get("Index Name", "")),
        conditions=tuple((name, str(document[name])) for name in _SHOWN if name in document),
        keys=tuple(map(str, document.get("Sort Key") or document.get("Group Key") or ())),
        join="" if join == "Inner" or not any(each in kind for each in _JOINS) else join,
        counted=None if actual is None else float(actual) * loops,
        loops=loops,
        milliseconds=None if took is None else float(took) * loops,
        spilled=_spilled(document),
        removed=float(document.get("Rows Removed by Filter", 0)) * loops,
        children=tuple(map(node, document.get("Plans", ()))),
        part=str(document.get("Subplan Name") or document.get("Parent Relationship", "")),
    )


def _spilled(document: Mapping[str, Any]) -> float:
    if document.get("Sort Space Type") == "Disk":
        return 1024.0 * float(document.get("Sort Space Used", 0))
    return 1024.0 * float(document.get("Disk Usage", 0)) or (1.0 if int(document.get("Hash Batches", 1)) > 1 else 0.0)
