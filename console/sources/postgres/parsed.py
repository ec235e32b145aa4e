"""The tokens of a statement of our own, with their brackets, and the expressions of its select lists. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from console.records import dataclass

CLAUSES = frozenset({"select", "from", "where", "on", "having", "group", "order", "limit", "values", "window", "using"})
SETS = frozenset({"union", "intersect", "except"})
CHOOSING = frozenset({"where", "on", "having", "using"})
READING = CHOOSING | {"from"}
_AGGREGATES = frozenset({"count", "sum", "min", "max", "avg", "bool_or", "bool_and", "array_agg", "string_agg"})
_TOKEN = re.compile(
    r"--[^\n]*|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|%\(\w+\)s|%%|[A-Za-z_][\w$]*|\d[\w.]*|::|\S", re.ASCII
)


@dataclass(frozen=True, slots=True)
class SqlToken:
    text: str  # in lower case
    start: int
    depth: int
    parent: int  # the token that is the bracket around it; -1: none


@dataclass(frozen=True, slots=True)
class SelectItem:
    """An expression of a select list."""

    name: str
    first: int
    last: int  # the token behind it
    depth: int


class ParsedQuery:
    """The tokens of a statement with their brackets, and the expressions of its select lists."""

    def __init__(self, text: str) -> None:
        self.tokens = list(tokens_of(text))
        self.items = list(self._select_items())

    def naming(self, names: Collection[str]) -> set[int]:
        """Where a column with one of these names is referred to."""
        texts = [token.text.strip('"') for token in self.tokens]
        return {
            at
            for at, name in enumerate(texts)
            if name in names and texts[at - 1] != "as" and (at + 1 == len(texts) or texts[at + 1] not in "(.")
        }

    def aggregated(self, at: int) -> Iterator[SelectItem]:
        """What is counted or summed up by the SELECT that reads the relation at a token."""
        parent = self.tokens[at].parent
        inside = range(parent + 1, at)
        select = max(
            (n for n in inside if self.tokens[n].text == "select" and self.tokens[n].parent == parent), default=-1
        )
        for item in self.items:
            words = (token.text for token in self.tokens[item.first : item.last])
            if item.first > select and self.tokens[item.first].parent == parent and not _AGGREGATES.isdisjoint(words):
                yield item

    def is_choosing(self, at: int, choosing: frozenset[str] = CHOOSING) -> bool:
        """Whether a token decides which rows there are: outside every expression of a select list."""
        clauses = []
        while at >= 0:
            clauses.append(self.clause(at))
            at = self.tokens[at].parent
        return next((clause in choosing for clause in reversed(clauses) if clause in choosing | {"select"}), False)

    def clause(self, at: int) -> str:
        """The clause between the same brackets in which a token is."""
        parent = self.tokens[at].parent
        for before in range(at - 1, parent, -1):
            token = self.tokens[before]
            if token.parent == parent and self._begins_clause(before):
                return token.text
        return ""

    def _begins_clause(self, at: int) -> bool:
        """Whether a token begins a clause: not the FROM of IS DISTINCT FROM, nor the ON of DISTINCT ON."""
        before = self.tokens[at - 1].text if at else ""
        return self.tokens[at].text in CLAUSES and before not in {"distinct", "within"}

    def _select_items(self) -> Iterator[SelectItem]:
        first_names: dict[int, list[str]] = {}  # of the first SELECT between two brackets: UNION takes its names
        for at, token in enumerate(self.tokens):
            if token.text == "select":
                items = list(self._items_from(at + 1, token))
                names = first_names.setdefault(token.parent, [item.name for item in items])
                for item, name in zip(items, (*names, *(item.name for item in items[len(names) :])), strict=False):
                    yield SelectItem(name, item.first, item.last, item.depth)

    def _items_from(self, at: int, select: SqlToken) -> Iterator[SelectItem]:
        first = at
        while at <= len(self.tokens):
            token = self.tokens[at] if at < len(self.tokens) else None
            ends = token is None or token.depth < select.depth
            inside = token is not None and token.depth > select.depth
            stops = token is not None and not inside and (self._begins_clause(at) or token.text in SETS)
            if ends or stops or (token is not None and not inside and token.text == ","):
                if at > first:
                    yield SelectItem(self._name(first, at), first, at, select.depth)
                first = at + 1
            if ends or stops:
                return
            at += 1

    def _name(self, first: int, last: int) -> str:
        """What a column is called: its alias, else the last name of its expression, without a cast."""
        tokens = self.tokens[first:last]
        if len(tokens) > 1 and tokens[-2].text == "as":
            return tokens[-1].text.strip('"')
        depth = tokens[0].depth
        cast = next((at for at, token in enumerate(tokens) if token.text == "::" and token.depth == depth), len(tokens))
        words = [token.text for token in tokens[:cast] if token.depth == depth and re.match(r'[\w"]', token.text)]
        return words[-1].strip('"') if words else ""


def tokens_of(text: str) -> Iterator[SqlToken]:
    depth, parents = 0, [-1]
    at = 0
    for found in _TOKEN.finditer(text):
        word = found[0]
        if word.startswith("--"):
            continue
        if word in {")", "]"} and len(parents) > 1:
            depth -= 1
            parents.pop()
        yield SqlToken(word.lower(), found.start(), depth, parents[-1])
        if word in {"(", "["}:
            depth += 1
            parents.append(at)
        at += 1
