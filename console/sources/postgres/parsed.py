"""The tokens of a statement of our own, with their brackets, and the expressions of its select lists. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Set as AbstractSet
from functools import lru_cache

from console.records import dataclass

CLAUSES = frozenset({"select", "from", "where", "on", "having", "group", "order", "limit", "values", "window", "using"})
SETS = frozenset({"union", "intersect", "except"})
CHOOSING = frozenset({"where", "on", "having", "using"})
READING = CHOOSING | {"from"}
AGGREGATES = frozenset(
    {
        *("count", "sum", "min", "max", "avg", "bool_or", "bool_and", "bit_or", "percentile_disc"),
        *("array_agg", "string_agg", "json_agg", "jsonb_agg", "jsonb_object_agg"),
    }
)
RECENT = 4  # texts whose tokens are kept: where much is absent from one, it is looked at a hundred times
_NO_FUNCTION = CLAUSES | {"lateral", "join", "materialized", "as"}
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
        self.tokens = tokens_of(text)
        self._lists: dict[int, list[list[SelectItem]]] = {}  # of the SELECTs between two brackets
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
            if item.first > select and self.tokens[item.first].parent == parent and not AGGREGATES.isdisjoint(words):
                yield item

    def is_choosing(self, at: int, choosing: frozenset[str] = CHOOSING) -> bool:
        """Whether a token decides which rows there are: outside every expression of a select list."""
        clauses = []
        while at >= 0:
            clause = self._effective_clause(at)
            # What a function in FROM is called with decides which rows it returns.
            clauses.append("where" if clause == "from" and self._is_argument(at) else clause)
            at = self.tokens[at].parent
        return next((clause in choosing for clause in reversed(clauses) if clause in choosing | {"select"}), False)

    def _effective_clause(self, at: int) -> str:
        """The clause in which a token is; an order that decides which rows are within a limit is like WHERE."""
        clause = self.clause(at)
        return "where" if clause == "order" and self._has_limit(self.tokens[at].parent) else clause

    def _is_argument(self, at: int) -> bool:
        """Whether a bracket is that of a function's arguments, or of ROWS FROM (…)."""
        before = self._text(at - 1)
        if before == "from":
            return self._text(at - 2) == "rows"
        if self._text(at - 2) in {")", "as"}:
            return False  # an alias with names of columns
        return self.tokens[at].text == "(" and re.match(r"\w", before) is not None and before not in _NO_FUNCTION

    @property
    def has_star(self) -> bool:
        """Whether the answer has all columns of something."""
        return any(item.depth == 0 and self.tokens[item.last - 1].text == "*" for item in self.items)

    def _has_limit(self, parent: int) -> bool:
        return any(token.text == "limit" and token.parent == parent for token in self.tokens)

    def ordinals_of(self, touched: AbstractSet[int]) -> set[int]:
        """Where ORDER BY names one of the expressions in `touched` by its number."""
        found: set[int] = set()
        for at, token in enumerate(self.tokens):
            if token.text.isdecimal() and self.clause(at) == "order" and self.tokens[at - 1].text in {"by", ","}:
                lists = self._lists.get(token.parent, ())
                items = [items[int(token.text) - 1] for items in lists if int(token.text) <= len(items)]
                if any(not touched.isdisjoint(range(item.first, item.last)) for item in items):
                    found.add(at)
        return found

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
                self._lists.setdefault(token.parent, []).append(items)
                given = self._given_names(token.parent) if token.parent not in first_names else []
                names = first_names.setdefault(token.parent, given or [item.name for item in items])
                for item, name in zip(items, (*names, *(item.name for item in items[len(names) :])), strict=False):
                    yield SelectItem(name, item.first, item.last, item.depth)

    def _given_names(self, bracket: int) -> list[str]:
        """The names that WITH name (…) AS, or an alias name (…), gives to the columns of a query in brackets."""
        if bracket < 0:
            return []
        before = bracket - 1
        while before > 0 and self.tokens[before].text in {"materialized", "not", "as"}:
            before -= 1
        if 0 <= before < bracket - 1 and self.tokens[before].text == ")":
            return self._names_in(self._same_level(range(before - 1, -1, -1), "(", before))
        closing = self._same_level(range(bracket + 1, len(self.tokens)), ")", bracket)
        alias = closing + 1 + (self._text(closing + 1) == "as")
        is_named = re.match(r'[\w"]', self._text(alias)) is not None and self._text(alias) not in CLAUSES | SETS
        return self._names_in(alias + 1) if closing >= 0 and is_named and self._text(alias + 1) == "(" else []

    def _same_level(self, places: Iterable[int], text: str, at: int) -> int:
        """The first of `places` with this text between the same brackets as the token `at`; -1: none."""
        level = self.tokens[at].parent
        return next((n for n in places if self.tokens[n].text == text and self.tokens[n].parent == level), -1)

    def _text(self, at: int) -> str:
        return self.tokens[at].text if 0 <= at < len(self.tokens) else ""

    def _names_in(self, bracket: int) -> list[str]:
        inside = (n for n in range(bracket + 1, len(self.tokens)) if self.tokens[n].parent == bracket)
        return [self.tokens[n].text.strip('"') for n in inside if self.tokens[n - 1].text in {"(", ","}]

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


@lru_cache(RECENT)
def parsed(text: str) -> ParsedQuery:
    """The statement in its parts, which nobody changes."""
    return ParsedQuery(text)


@lru_cache(RECENT)
def tokens_of(text: str) -> tuple[SqlToken, ...]:
    """The tokens of a statement, or of a part of one, without comments."""
    return tuple(_tokens(text))


def _tokens(text: str) -> Iterator[SqlToken]:
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
