"""A query without the columns and functions that its server does not have: unknown in their places. Pure.

Works on the texts of our own queries alone: what stands at the position of an error, which output columns are made of
it, and whether it decides which rows there are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from console.records import dataclass

# Tried in this order for a column whose type nobody knows, until the statement can be parsed.
TYPES = (
    *("text", "bigint", "double precision", "timestamp with time zone", "boolean", "oid", "interval", "name"),
    *("xid", "integer", "pg_lsn", "inet", '"char"', "text[]", "oid[]", "smallint[]", "real[]", "regclass"),
)
_TOKEN = re.compile(
    r"--[^\n]*|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|%\(\w+\)s|%%|[A-Za-z_][\w$]*|\d[\w.]*|::|\S", re.ASCII
)
_CHAIN = re.compile(r'(?:"(?:[^"]|"")*"|[A-Za-z_][\w$]*)(?:\.(?:"(?:[^"]|"")*"|[A-Za-z_][\w$]*))*')
_SEARCHED = re.compile(r"\b(?:ANY|ALL|SOME)\s*\(\s*\Z", re.IGNORECASE)
_SENT = re.compile(r"%%|%\((\w+)\)s")
_CLAUSES = frozenset(
    {"select", "from", "where", "on", "having", "group", "order", "limit", "values", "window", "using"}
)
_SETS = frozenset({"union", "intersect", "except"})
_CHOOSING = frozenset({"where", "on", "having", "using"})


@dataclass(frozen=True, slots=True)
class AbsentName:
    """A name in a query that its server does not have."""

    name: str  # as it is written: alias and column, or schema and function
    is_function: bool = False

    @property
    def last(self) -> str:
        """Without what it belongs to."""
        return self.name.rpartition(".")[2].strip('"')


@dataclass(frozen=True, slots=True)
class Span:
    """Where something stands in a text."""

    start: int
    end: int


def position_in(text: str, sent: int) -> int:
    """The place in `text` of the character `sent`, counted from 0, of what is sent for it: parameters are shorter."""
    numbers: dict[str, int] = {}
    shift = 0  # characters that what was sent is shorter
    for found in _SENT.finditer(text):
        length = 1 if found[1] is None else len(f"${numbers.setdefault(found[1], len(numbers) + 1)}")
        if found.start() - shift + length > sent:
            break
        shift += len(found[0]) - length
    return sent + shift


def absent_at(text: str, at: int, is_function: bool) -> tuple[AbsentName, Span] | None:
    """The name that begins at a place, with all that is to be replaced: of a function its arguments, too."""
    found = _CHAIN.match(text, at)
    if found is None:
        return None
    end = found.end()
    if is_function:
        end = _closing(text, end)
        if end < 0:
            return None
    return AbsentName(found[0], is_function), Span(at, end)


def without(text: str, spans: Mapping[Span, AbsentName], types: Mapping[AbsentName, str]) -> str:
    """`text` with an unknown value in each of `spans`; a column of the answer that is only that keeps its name."""
    made, end = "", 0
    for span, absent in sorted(spans.items(), key=lambda each: each[0].start):
        made += text[end : span.start] + _unknown(text, span, absent, types[absent])
        end = span.end
    return made + text[end:]


def place_before(text: str, spans: Mapping[Span, AbsentName], types: Mapping[AbsentName, str], at: int) -> int:
    """The place in `text` of the character `at` of the text without `spans`; -1: it is in one of them."""
    shift = 0
    for span, absent in sorted(spans.items(), key=lambda each: each[0].start):
        length = len(_unknown(text, span, absent, types[absent]))
        begin = span.start + shift
        if at < begin:
            break
        if at < begin + length:
            return -1
        shift += length - (span.end - span.start)
    return at - shift


def _unknown(text: str, span: Span, absent: AbsentName, type_name: str) -> str:
    """What stands for it: with its name, but for an array that is searched, where SELECT would mean rows."""
    is_searched = _SEARCHED.search(text, 0, span.start) is not None
    return f"NULL::{type_name}" if is_searched else f'(SELECT NULL::{type_name} AS "{absent.last}")'


def relation_of(text: str, absent: AbsentName) -> str:
    """The relation whose column it is, by its alias in the text; empty: none is found."""
    alias = absent.name.rpartition(".")[0]
    if not alias or absent.is_function:
        return ""
    named = re.search(
        rf"(?:FROM|JOIN|,)\s+(?:LATERAL\s+)?((?:pg_catalog|@extschema@|public)\.\w+)(?:\([^()]*\))?\s+(?:AS\s+)?"
        rf"{re.escape(alias)}\b",
        text,
    )
    return named[1].removeprefix("pg_catalog.") if named else ""


def consequences(text: str, spans: Collection[Span]) -> tuple[frozenset[str], bool]:
    """The columns of the answer that are made of what stands at `spans`; and whether it decides which rows there are.

    Columns of subqueries are followed by their names, so that rather too many are called unknown than too few.
    """
    parsed = _Parsed(text)
    places = {at for at, token in enumerate(parsed.tokens) if any(s.start <= token.start < s.end for s in spans)}
    names: set[str] = set()
    while True:
        touched = places | parsed.naming(names)
        found = {item.name for item in parsed.items if not touched.isdisjoint(range(item.first, item.last))}
        if found <= names:
            break
        names |= found
    chooses = any(parsed.is_choosing(at) for at in touched)
    return frozenset(item.name for item in parsed.items if item.depth == 0 and item.name in names), chooses


@dataclass(frozen=True, slots=True)
class _Token:
    text: str  # in lower case
    start: int
    depth: int
    parent: int  # the token that is the bracket around it; -1: none


@dataclass(frozen=True, slots=True)
class _Item:
    """An expression of a select list."""

    name: str
    first: int
    last: int  # the token behind it
    depth: int


class _Parsed:
    """The tokens of a statement with their brackets, and the expressions of its select lists."""

    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.items = list(self._select_items())

    def naming(self, names: Collection[str]) -> set[int]:
        """Where a column with one of these names is referred to."""
        texts = [token.text.strip('"') for token in self.tokens]
        return {
            at
            for at, name in enumerate(texts)
            if name in names and texts[at - 1] != "as" and (at + 1 == len(texts) or texts[at + 1] not in "(.")
        }

    def is_choosing(self, at: int) -> bool:
        """Whether a token decides which rows there are: outside every expression of a select list."""
        clauses = []
        while at >= 0:
            clauses.append(self._clause(at))
            at = self.tokens[at].parent
        return next((clause in _CHOOSING for clause in reversed(clauses) if clause in _CHOOSING | {"select"}), False)

    def _clause(self, at: int) -> str:
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
        return self.tokens[at].text in _CLAUSES and before not in {"distinct", "within"}

    def _select_items(self) -> Iterator[_Item]:
        first_names: dict[int, list[str]] = {}  # of the first SELECT between two brackets: UNION takes its names
        for at, token in enumerate(self.tokens):
            if token.text == "select":
                items = list(self._items_from(at + 1, token))
                names = first_names.setdefault(token.parent, [item.name for item in items])
                for item, name in zip(items, (*names, *(item.name for item in items[len(names) :])), strict=False):
                    yield _Item(name, item.first, item.last, item.depth)

    def _items_from(self, at: int, select: _Token) -> Iterator[_Item]:
        first = at
        while at <= len(self.tokens):
            token = self.tokens[at] if at < len(self.tokens) else None
            ends = token is None or token.depth < select.depth
            inside = token is not None and token.depth > select.depth
            stops = token is not None and not inside and (self._begins_clause(at) or token.text in _SETS)
            if ends or stops or (token is not None and not inside and token.text == ","):
                if at > first:
                    yield _Item(self._name(first, at), first, at, select.depth)
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


def _tokens(text: str) -> Iterator[_Token]:
    depth, parents = 0, [-1]
    at = 0
    for found in _TOKEN.finditer(text):
        word = found[0]
        if word.startswith("--"):
            continue
        if word in {")", "]"} and len(parents) > 1:
            depth -= 1
            parents.pop()
        yield _Token(word.lower(), found.start(), depth, parents[-1])
        if word in {"(", "["}:
            depth += 1
            parents.append(at)
        at += 1


def _closing(text: str, at: int) -> int:
    """The place behind the bracket that closes the one at `at`; -1: there is none there."""
    if text[at : at + 1] != "(":
        return -1
    tokens: Sequence[_Token] = list(_tokens(text))
    opened = next((token for token in tokens if token.start == at), None)
    closed = (
        token.start + 1
        for token in tokens
        if opened is not None and token.start > at and token.text == ")" and token.depth == opened.depth
    )
    return next(closed, -1)
