"""Indexes that a plan suggests: columns that its conditions compare, joins and orders. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from console.explaining.hints import TABLE
from console.explaining.plan import Node
from console.explaining.tokens import Lexeme, Token, tokens
from console.model import Trouble
from console.records import dataclass

MOST_COLUMNS = 3  # of one candidate
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_EQUAL = ("=",)
_RANGE = ("<", ">", "<=", ">=")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A B-tree index that could be built."""

    schema: str
    table: str
    columns: tuple[str, ...]  # as they are called, unquoted

    @property
    def place(self) -> TABLE:
        """Its table."""
        return self.schema, self.table

    @property
    def qualified(self) -> str:
        """Its table as SQL."""
        return f"{quoted(self.schema)}.{quoted(self.table)}"

    @property
    def keys(self) -> str:
        """Its columns as create-index takes them: quoted where that is needed."""
        return ", ".join(map(_as_written, self.columns))

    @property
    def target(self) -> str:
        """Its table as create-index takes it."""
        return f"{_as_written(self.schema)}.{_as_written(self.table)}"

    @property
    def sql(self) -> str:
        """The statement that creates it, for hypopg."""
        return f"CREATE INDEX ON {self.qualified} ({', '.join(map(quoted, self.columns))})"

    def is_served_by(self, keys: Sequence[str]) -> bool:
        """Whether an index with these columns serves the same conditions."""
        return tuple(keys[: len(self.columns)]) == self.columns


def _as_written(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else quoted(name)


@dataclass(frozen=True, slots=True)
class Uses:
    """How a plan uses the columns of one table."""

    equal: tuple[str, ...] = ()  # compared with values
    joined: tuple[str, ...] = ()  # compared with columns of other tables
    ranged: tuple[str, ...] = ()
    ordered: tuple[str, ...] = ()  # the beginning of an order


def candidates(root: Node) -> tuple[Candidate, ...]:
    """The indexes that this plan suggests, those of the conditions first."""
    found: dict[Candidate, None] = {}
    for (schema, table), uses in uses_of(root).items():
        for columns in _combinations(uses):
            found[Candidate(schema, table, columns)] = None
    return tuple(found)


def uses_of(root: Node) -> Mapping[TABLE, Uses]:
    """How each table of the plan is used; partitions count as what they are called in the plan."""
    nodes = list(root.walk())
    aliases = {node.alias or node.table: (node.schema, node.table) for node in nodes if node.table}
    found: dict[TABLE, dict[str, dict[str, None]]] = {}

    def note(place: TABLE, use: str, column: str) -> None:
        found.setdefault(place, {}).setdefault(use, {})[column] = None

    for node in nodes:
        own = node.alias or node.table
        for _, condition in node.conditions:
            for use, alias, column in _comparisons(condition, own):
                if alias in aliases:
                    note(aliases[alias], use, column)
        if "Sort" in node.kind:
            for alias, column in _order(node.keys, aliases):
                note(aliases[alias], "ordered", column)
    return {place: Uses(**{use: tuple(columns) for use, columns in uses.items()}) for place, uses in found.items()}


def _combinations(uses: Uses) -> Iterator[tuple[str, ...]]:
    """Columns in the orders that are worth judging."""
    equal = uses.equal[:MOST_COLUMNS]
    keys = [equal, *((column,) for column in equal)]
    keys += [(*uses.equal[:2], column) for column in uses.ranged] + [(column,) for column in uses.ranged]
    keys += [(column,) for column in uses.joined]
    keys += [(*uses.equal[:2], column) for column in uses.joined] + [
        (column, *uses.equal[:2]) for column in uses.joined
    ]
    if uses.ordered:
        keys += [uses.ordered[:MOST_COLUMNS], (*uses.equal[:2], *uses.ordered)[:MOST_COLUMNS]]
    for columns in keys:
        unique = tuple(dict.fromkeys(columns))
        if unique and len(unique) <= MOST_COLUMNS:
            yield unique


def _comparisons(condition: str, own: str) -> Iterator[tuple[str, str, str]]:
    """Use, alias and column of each comparison that must hold: none of those within OR or NOT."""
    try:
        found = tokens(condition)
    except Trouble:  # a name with a character that the scanner does not know
        return
    for part in _conjuncts(found):
        operators = [
            at for at, token in enumerate(part) if token.sort is Lexeme.OPERATOR and token.depth == _depth(part)
        ]
        if len(operators) != 1:
            continue
        at = operators[0]
        left, right, sign = _column(part[:at], own), _column(part[at + 1 :], own), part[at].text
        listed = part[at + 1 :][:1] and part[at + 1].is_word("any")
        if sign in _EQUAL and left and right:
            if left[0] != right[0]:
                yield ("joined", *left)
                yield ("joined", *right)
        elif (column := left or right) and (sign in _EQUAL or sign in _RANGE) and not (listed and sign in _RANGE):
            yield ("equal" if sign in _EQUAL else "ranged", *column)


def _depth(part: Sequence[Token]) -> int:
    return min(token.depth for token in part)


def _conjuncts(found: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The parts of a condition that all must hold."""
    part = _unwrapped(found)
    if not part:
        return
    depth = _depth(part)
    words = [at for at, token in enumerate(part) if token.depth == depth and token.is_word("and", "or", "not")]
    if not words:
        yield part
    elif all(part[at].is_word("and") for at in words):
        for start, end in pairwise([-1, *words, len(part)]):
            yield from _conjuncts(part[start + 1 : end])


def _unwrapped(part: Sequence[Token]) -> Sequence[Token]:
    """A part without the parentheses around all of it."""
    while len(part) > 1 and part[0].text == "(" and part[-1].text == ")":
        depth = part[0].depth
        if any(token.depth == depth for token in part[1:-1]):
            break
        part = part[1:-1]
    return part


def _column(side: Sequence[Token], own: str) -> tuple[str, str] | None:
    """Alias and column if one side of a comparison is a column, also one that is read as another type."""
    names = list(_unwrapped(side))
    while len(names) > 1 and any(token.text == "::" for token in names):
        at = max(at for at, token in enumerate(names) if token.text == "::")
        if any(token.text not in {"(", ")", "[", "]", ","} and not token.is_name for token in names[at + 1 :]):
            return None
        names = list(_unwrapped(names[:at]))
    if len(names) == 1 and names[0].is_name and own:
        return own, names[0].text
    if len(names) == 3 and names[1].text == "." and names[0].is_name and names[2].is_name:  # alias, dot, column
        return names[0].text, names[2].text
    return None


def _order(keys: Sequence[str], aliases: Mapping[str, TABLE]) -> Iterator[tuple[str, str]]:
    """Alias and column of the first sort keys, as far as they are columns of one table in one direction."""
    first, direction = "", None
    for key in keys:
        try:
            found = list(tokens(key))
        except Trouble:
            return
        down = bool(found) and found[-1].is_word("desc")
        column = _column(found[:-1] if down else found, next(iter(aliases), "") if len(aliases) == 1 else "")
        if (
            column is None
            or column[0] not in aliases
            or (first and column[0] != first)
            or direction not in {None, down}
        ):
            return
        first, direction = column[0], down
        yield column


def quoted(name: str) -> str:
    """A name as SQL."""
    return '"' + name.replace('"', '""') + '"'
