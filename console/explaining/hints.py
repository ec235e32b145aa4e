"""What is worth knowing of a plan, node by node. Pure.

Costs are counted as in the PostgreSQL documentation, "Using EXPLAIN". Limits are those from which a hint has been worth
reading: small tables are read in whole, and small sorts fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from console.explaining.plan import Node
from console.format import age, count, counted, one_line, size
from console.model import Record, number
from console.records import dataclass

SELECTIVE = 0.05  # of the rows: below it, an index is cheaper than reading all of them
LARGE = 8 * 2**20  # bytes of a table that is not small
MANY = 1000.0  # executions of the inner side of a nested loop
FAR = 10.0  # times by which an estimate is wrong
STALE = 0.2  # of the rows changed since ANALYZE
ROW_OVERHEAD = 24.0  # bytes that a sort or hash keeps with each row
TABLE = tuple[str, str]  # schema and name


@dataclass(frozen=True, slots=True)
class Hint:
    """One sentence about a node."""

    node: str  # its title
    sentence: str
    weight: float  # share of the plan's cost that it is about; ranks hints


@dataclass(frozen=True, slots=True)
class KnownOfPlan:
    """What the server knows in addition to the plan."""

    tables: Mapping[TABLE, Record]  # rows of explain_tables
    work_mem: float = 4 * 2**20  # bytes
    hash_mem: float = 8 * 2**20  # bytes
    rows_a_call: float | None = None  # that the statement returned on average


def hints(root: Node, known: KnownOfPlan) -> tuple[Hint, ...]:
    """Hints of all nodes, those about the greatest part of the cost first."""
    found = [hint for node in root.walk() for hint in _of_node(node, root, known)]
    found += list(_of_result(root, known))
    unique = {hint.sentence: hint for hint in sorted(found, key=lambda hint: hint.weight)}
    return tuple(sorted(unique.values(), key=lambda hint: -hint.weight))


def _of_node(node: Node, root: Node, known: KnownOfPlan) -> Iterator[Hint]:
    share = node.cost / root.cost if root.cost else 0.0
    yield from _scan(node, known, share)
    yield from _memory(node, known, share)
    yield from _loop(node, share)
    yield from _statistics(node, known, share)
    yield from _estimate(node, share)


def _scan(node: Node, known: KnownOfPlan, share: float) -> Iterator[Hint]:
    """A sequential scan that keeps few of the rows it reads."""
    table = known.tables.get((node.schema, node.table))
    if "Seq Scan" not in node.kind or not node.filters or table is None or number(table["bytes"]) < LARGE:
        return
    read = (node.counted + node.removed) if node.counted is not None else number(table["planned_rows"])
    kept = node.counted if node.counted is not None else node.rows
    if read > 0 and kept / read < SELECTIVE:
        yield Hint(
            node.title,
            f"reads {rows_in_words(read)} ({size(table['bytes'])}) to keep {count(kept)}: an index on the columns of "
            f"{one_line(node.filters)} would find them.",
            share,
        )


def _memory(node: Node, known: KnownOfPlan, share: float) -> Iterator[Hint]:
    """A sort or hash that does not fit into memory."""
    if node.spilled > 1:
        yield Hint(node.title, f"wrote {size(node.spilled)} to temporary files; work_mem was too small.", share)
        return
    if node.spilled:
        yield Hint(node.title, "was done in several batches through temporary files; work_mem was too small.", share)
        return
    sorts, hashes = node.kind == "Sort", node.kind in {"Hash", "HashAggregate"}
    limit = known.work_mem if sorts else known.hash_mem
    needed = node.rows * (node.width + ROW_OVERHEAD)
    if (sorts or hashes) and node.counted is None and needed > limit:
        what = "sorts" if sorts else "hashes"
        yield Hint(
            node.title,
            f"{what} about {size(needed)}, more than its memory of {size(limit)} (work_mem): it spills to temporary "
            "files.",
            share,
        )


def _loop(node: Node, share: float) -> Iterator[Hint]:
    """A nested loop whose inner side is run very often."""
    if "Nested Loop" not in node.kind or len(node.children) < 2:
        return
    outer, inner = node.children[0], node.children[1]
    times = outer.counted if outer.counted is not None else outer.rows
    if times < MANY:
        return
    reads = next((below for below in inner.walk() if "Seq Scan" in below.kind), None)
    if reads is not None and inner.kind != "Materialize":
        yield Hint(
            node.title,
            f"reads all of {reads.relation or 'its inner side'} once for each of {rows_in_words(times)}: an index on "
            "its join column would end that.",
            share,
        )
    elif reads is not None:
        yield Hint(node.title, f"compares all rows of its inner side with each of {rows_in_words(times)}.", share)
    else:
        yield Hint(
            node.title,
            f"looks up its inner side for each of {rows_in_words(times)}; a hash join would read it once.",
            share / 2,
        )


def _statistics(node: Node, known: KnownOfPlan, share: float) -> Iterator[Hint]:
    """A table whose statistics are missing or old."""
    table = known.tables.get((node.schema, node.table))
    if table is None or str(table["kind"]) not in {"r", "m"}:
        return
    planned, live, changed = (number(table[name]) for name in ("planned_rows", "live_rows", "changed"))
    if planned < 0 or (table["analyzed_age"] is None and changed > MANY):
        yield Hint(node.title, f"{node.relation} was never analyzed: the planner guesses. ANALYZE it.", share)
    elif changed > STALE * max(planned, MANY):
        since = f"{age(table['analyzed_age'])} ago" if table["analyzed_age"] is not None else "at an unknown time"
        yield Hint(
            node.title,
            f"{node.relation} has stale statistics: {rows_in_words(changed)} changed since ANALYZE ({since}), which "
            f"saw {count(planned)}; now there are {count(live)}.",
            share,
        )


def _estimate(node: Node, share: float) -> Iterator[Hint]:
    """A node that returned far more or fewer rows than estimated."""
    if node.counted is None or node.loops == 0:
        return
    estimated, returned = max(node.rows * node.loops, 1.0), max(node.counted, 1.0)
    if max(estimated / returned, returned / estimated) >= FAR and max(estimated, returned) >= MANY:
        yield Hint(
            node.title, f"returned {rows_in_words(node.counted)} where {count(estimated)} were estimated.", share
        )


def _of_result(root: Node, known: KnownOfPlan) -> Iterator[Hint]:
    """The rows of a call on average, where they are far from the estimate."""
    returned, estimated = known.rows_a_call, max(root.rows, 1.0)
    if root.counted is not None or returned is None:
        return
    if max(estimated / max(returned, 1.0), returned / estimated) >= FAR and max(estimated, returned) >= MANY:
        yield Hint(
            root.title,
            f"{rows_in_words(estimated)} estimated, but a call returned {count(returned)} on average: for a generic "
            "plan the values are unknown, otherwise the statistics are wrong.",
            0.5,
        )


def rows_in_words(number_of_rows: float) -> str:
    """A number with its noun: 1 row, 1.2M rows."""
    return counted(number_of_rows, "row", shown=count)


def relations(roots: Sequence[Node]) -> tuple[TABLE, ...]:
    """The tables that plans read."""
    return tuple(dict.fromkeys((node.schema, node.table) for root in roots for node in root.walk() if node.table))
