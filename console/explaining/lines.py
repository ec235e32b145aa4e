"""An explained statement as lines of text, for a terminal of any width, and as a document."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from enum import Enum

from console.explaining.explain import ExplainedStatement
from console.explaining.hints import rows_in_words
from console.explaining.plan import Node, node
from console.format import count, milliseconds, moment, one_line, safe
from console.records import dataclass

BESIDE_FROM = 150  # cells from which the plan of before is next to the present one
LONGEST = 2000  # characters of the statement
_FIGURES = 28  # cells before the tree


class LineKind(Enum):
    """What a line is."""

    HEADING = "heading"
    TEXT = "text"
    NOTE = "note"
    HINT = "hint"
    COLUMNS = "columns"
    NODE = "node"
    CONDITION = "condition"


@dataclass(frozen=True, slots=True)
class TreeLine:
    """One line."""

    text: str
    sort: LineKind = LineKind.TEXT


def lines(explained: ExplainedStatement, width: int) -> tuple[TreeLine, ...]:
    """Everything, the most important first, in lines of at most `width` cells where that is possible."""
    return tuple(_lines(explained, max(60, width)))


def _lines(explained: ExplainedStatement, width: int) -> Iterator[TreeLine]:
    yield from _wrapped(_head(explained), width, LineKind.HEADING)
    for note in explained.notes:
        yield from _wrapped(note, width, LineKind.NOTE)
    if explained.hints:
        yield TreeLine("")
    for hint in explained.hints:
        yield from _wrapped(f"! {hint.node}: {hint.sentence}", width, LineKind.HINT, "  ")
    if explained.advice:
        yield TreeLine("")
    for sentence in explained.advice:
        yield from _wrapped(sentence, width, LineKind.TEXT, "  ")
    yield TreeLine("")
    yield from _plans(explained, width)
    yield TreeLine("")
    yield TreeLine("Statement", LineKind.HEADING)
    yield from _wrapped(one_line(explained.found.statement.text)[:LONGEST], width, LineKind.TEXT)


def _head(explained: ExplainedStatement) -> str:
    plan = explained.plan
    parts = [f"{explained.how.capitalize()} as {one_line(explained.role)}: cost {count(plan.cost)}"]
    if explained.milliseconds is not None:
        parts.append(f"{rows_in_words(plan.rows)} estimated, {count(plan.counted)} counted")
        parts.append(f"run in {milliseconds(explained.milliseconds)} and rolled back")
    elif explained.found.rows_a_call is not None:
        parts.append(f"{rows_in_words(plan.rows)} estimated, {count(explained.found.rows_a_call)} counted a call")
    else:
        parts.append(f"{rows_in_words(plan.rows)} estimated")
    if explained.found.mean_ms is not None:
        parts.append(f"{milliseconds(explained.found.mean_ms)} on average")
    return ", ".join(parts) + "."


def _plans(explained: ExplainedStatement, width: int) -> Iterator[TreeLine]:
    """The plan, and what changed: the plan of before next to it, or below where there is no room."""
    before = explained.before
    now = list(_tree(explained.plan, width if before is None or width < BESIDE_FROM else width // 2 - 2))
    if before is None:
        since = f"The same plan since {moment(explained.same_since)}." if explained.same_since else ""
        yield from now
        if since:
            yield TreeLine("")
            yield TreeLine(since, LineKind.NOTE)
        return
    former = node(before.document)
    said = (
        f"What changed: until {moment(before.last)} it was another plan, of cost {count(former.cost)} "
        f"(now {count(explained.plan.cost)})."
    )
    yield from _wrapped(said, width, LineKind.HEADING)
    if width < BESIDE_FROM:
        yield TreeLine("now", LineKind.NOTE)
        yield from now
        yield TreeLine("")
        yield TreeLine(f"until {moment(before.last)}", LineKind.NOTE)
        yield from _tree(former, width)
        return
    half = width // 2 - 2
    old = list(_tree(former, half))
    yield TreeLine(f"{'now':<{half}}    until {moment(before.last)}", LineKind.NOTE)
    for at in range(max(len(now), len(old))):
        left = now[at].text if at < len(now) else ""
        right = old[at].text if at < len(old) else ""
        yield TreeLine(f"{left:<{half}.{half}}    {right}".rstrip(), now[at].sort if at < len(now) else LineKind.NODE)


def _tree(root: Node, width: int) -> Iterator[TreeLine]:
    yield TreeLine(f"{'cost':>8} {'rows':>8} {'counted':>8}   node", LineKind.COLUMNS)
    yield from _branch(root, width, "", "")


def _branch(root: Node, width: int, lead: str, below: str) -> Iterator[TreeLine]:
    counted = count(root.counted) if root.counted is not None else ""
    named = f"{root.part}: " if root.part.startswith(("CTE", "InitPlan", "SubPlan")) else ""
    took = f"  {milliseconds(root.milliseconds)}" if root.milliseconds is not None else ""
    loops = f" x{count(root.loops)}" if root.loops > 1 else ""
    figures = f"{count(root.cost):>8} {count(root.rows):>8} {counted:>8}   "
    yield TreeLine(_cut(f"{figures}{lead}{named}{root.title}{loops}{took}", width), LineKind.NODE)
    bar = "│ " if root.children else "  "
    keys = (("Key", ", ".join(root.keys)),) if root.keys else ()
    for name, value in (*keys, *root.conditions):
        yield TreeLine(_cut(f"{'':{_FIGURES - 1}} {below}{bar}  {name}: {one_line(value)}", width), LineKind.CONDITION)
    for at, child in enumerate(root.children):
        last = at == len(root.children) - 1
        yield from _branch(child, width, f"{below}{'└ ' if last else '├ '}", f"{below}{'  ' if last else '│ '}")


def _cut(text: str, width: int) -> str:
    shown = safe(text)
    return shown if len(shown) <= width else f"{shown[: width - 1]}…"


def _wrapped(text: str, width: int, sort: LineKind, indent: str = "") -> Iterator[TreeLine]:
    for line in textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False) or [""]:
        yield TreeLine(line, sort)


def document(explained: ExplainedStatement) -> dict[str, object]:
    """What a program is given."""
    before = explained.before
    return {
        "statement": explained.found.statement.text,
        "kind": explained.found.statement.kind,
        "parameters": list(explained.found.statement.parameters),
        "how": explained.how,
        "role": explained.role,
        "taken_at": explained.taken_at,
        "milliseconds": explained.milliseconds,
        "rows_a_call": explained.found.rows_a_call,
        "settings": {name: value for name, value, _ in explained.settings},
        "notes": list(explained.notes),
        "hints": [{"node": hint.node, "sentence": hint.sentence} for hint in explained.hints],
        "advice": list(explained.advice),
        "plan": _nodes(explained.plan),
        "same_since": explained.same_since,
        "before": None if before is None else {"until": before.last, "plan": _nodes(node(before.document))},
    }


def _nodes(root: Node) -> dict[str, object]:
    children: Sequence[Node] = root.children
    return {
        "node": root.title,
        "cost": root.cost,
        "rows": root.rows,
        "counted": root.counted,
        "conditions": dict(root.conditions),
        "children": [_nodes(child) for child in children],
    }
