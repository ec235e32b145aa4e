"""A query without the relations, columns and functions that its server does not have: unknown in their places. Pure.

Works on the texts of our own queries alone: what stands at the position of an error, which output columns are made of
it, and whether it decides which rows there are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from console.records import dataclass
from console.sources.postgres.likely_types import likely_types
from console.sources.postgres.parsed import AGGREGATES, CLAUSES, READING, SETS, parsed, tokens_of

_CHAIN = re.compile(r'(?:"(?:[^"]|"")*"|[A-Za-z_][\w$]*)(?:\.(?:"(?:[^"]|"")*"|[A-Za-z_][\w$]*))*')
_LITERAL = re.compile(r"'((?:[^']|'')*)'(?=\s*::\s*(?:pg_catalog\.)?reg\w+)")
# What is named behind a relation: WITH ORDINALITY, its alias, and names of its columns up to their bracket.
_ALIAS = re.compile(r"(?:\s+WITH\s+ORDINALITY)?\s+(?:AS\s+)?([A-Za-z_]\w*)(\s*\()?", re.ASCII | re.IGNORECASE)
_FROM = re.compile(r"(?:\b(?:FROM|JOIN|LATERAL)|,)\s*\Z", re.IGNORECASE)
# What belongs to a call behind its arguments.
_OF_CALL = re.compile(r"\s*(?:FILTER|WITHIN\s+GROUP|(OVER))\s*(?=\()", re.IGNORECASE)
_PLACES = re.compile(r"%%([sIL])")  # in what format() fills
_SEARCHED = re.compile(r"\b(?:ANY|ALL|SOME)\Z", re.IGNORECASE)
_SENT = re.compile(r"%%|%\((\w+)\)s")
_NO_ALIAS = CLAUSES | SETS | {"join", "left", "right", "full", "inner", "cross", "natural", "tablesample"}
# Of these there is always one row, which leaves the rows of other relations as they are.
ONE_ROW = frozenset(
    {
        *("pg_stat_archiver", "pg_stat_bgwriter", "pg_stat_checkpointer", "pg_stat_wal", "pg_stat_statements_info"),
        *("pg_control_checkpoint", "pg_control_system", "pg_control_init", "pg_control_recovery"),
        *("pg_stat_get_wal", "pg_stat_get_archiver", "pg_buffercache_summary"),
    }
)


@dataclass(frozen=True, slots=True)
class AbsentName:
    """A name in a query that its server does not have."""

    name: str  # as it is written: alias and column, or schema and function or relation
    is_function: bool = False
    is_relation: bool = False  # its rows are read: a table, a view, or a function in FROM
    is_aggregate: bool = False
    type: str = ""  # of the unknown value in its place; empty while none is tried

    @property
    def last(self) -> str:
        """Without what it belongs to."""
        return self.name.rpartition(".")[2].strip('"')

    def is_alike(self, other: AbsentName) -> bool:
        """Whether both are of one kind and name, whatever stands for them and whatever alias they belong to."""
        return replace(self, name=self.last, type="") == replace(other, name=other.last, type="")


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


def types_for(absent: AbsentName, spans: Mapping[Span, AbsentName], *, several: bool = False) -> tuple[str, ...]:
    """The types to try for it where `spans` are unknown already, the likeliest first.

    With `several`, a function may return another type than in another place.
    """
    if absent.is_relation:
        return ("",)
    known = tuple(each.type for each in spans.values() if absent.is_alike(each))
    if known and not (several and absent.is_function):
        return known[:1]
    return tuple(dict.fromkeys((*known, *likely_types(absent.last, is_function=absent.is_function))))


def absent_at(
    text: str, at: int, *, is_function: bool = False, is_relation: bool = False
) -> tuple[AbsentName, Span] | None:
    """The name that begins at a place, with all that is to be replaced: of a function its arguments, too."""
    if literal := _LITERAL.match(text, at):
        return AbsentName(literal[1]), Span(at, literal.end())
    found = _CHAIN.match(text, at)
    if found is None:
        return None
    end, is_aggregate = found.end(), False
    if is_function:
        end = _closing(text, end)
        if end < 0:
            return None
        is_relation = _is_read(text, at)
        end, is_windowed = _end_of_call(text, end)
        is_aggregate = not is_windowed and found[0].lower().rpartition(".")[2] in AGGREGATES
    if is_relation:
        end = _end_of_columns(text, end)
    return AbsentName(found[0], is_function, is_relation, is_aggregate), Span(at, end)


def _end_of_call(text: str, end: int) -> tuple[int, bool]:
    """Behind what belongs to a call whose bracket closes before `end`; and whether it is over a window."""
    is_windowed = False
    while more := _OF_CALL.match(text, end):
        end, is_windowed = _closing(text, more.end()), is_windowed or more[1] is not None
    return end, is_windowed


def _is_read(text: str, at: int) -> bool:
    """Whether what begins there is read like a table, and no value in a list."""
    if not _FROM.search(text, 0, at):
        return False
    query = parsed(text)
    place = next((n for n, token in enumerate(query.tokens) if token.start == at), -1)
    return place >= 0 and query.clause(place) in {"from", "on"}


def _end_of_columns(text: str, end: int) -> int:
    """Behind the alias of a relation, if names of its columns follow it: `without` repeats the alias alone."""
    named = _ALIAS.match(text, end)
    if named is None or named[1].lower() in _NO_ALIAS or named[2] is None:
        return end
    return max(end, _closing(text, named.end() - 1))


def without(text: str, spans: Mapping[Span, AbsentName]) -> str:
    """`text` with an unknown value in each of `spans`; a column of the answer that is only that keeps its name."""
    made, end = "", 0
    for span, absent in sorted(spans.items(), key=lambda each: each[0].start):
        made += text[end : span.start] + _unknown(text, span, absent)
        end = span.end
    return made + text[end:]


def place_before(text: str, spans: Mapping[Span, AbsentName], at: int) -> int:
    """The place in `text` of the character `at` of the text without `spans`; -1: it is in one of them."""
    shift = 0
    for span, absent in sorted(spans.items(), key=lambda each: each[0].start):
        length = len(_unknown(text, span, absent))
        begin = span.start + shift
        if at < begin:
            break
        if at < begin + length:
            return -1
        shift += length - (span.end - span.start)
    return at - shift


def _unknown(text: str, span: Span, absent: AbsentName) -> str:
    """What stands for it: with its name, but for an array that is searched, where SELECT would mean rows."""
    if absent.is_relation:
        return _no_rows(text, span, absent)
    if absent.is_aggregate:  # so that rows are grouped all the same
        other = "bool_or" if absent.last == "bool_and" else "bool_and"
        return f"CASE WHEN pg_catalog.{other}(NULL) THEN NULL::{absent.type} END"
    if _is_searched(text, span.start):
        return f"NULL::{absent.type}"
    return f'(SELECT NULL::{absent.type} AS "{absent.last}")'


def _is_searched(text: str, at: int) -> bool:
    """Whether the array that begins there is that of ANY (…), ALL (…) or SOME (…): looked for backwards from it."""
    before = text[:at].rstrip()
    word = before[:-1].rstrip()
    return before.endswith("(") and _SEARCHED.search(word, max(len(word) - 5, 0)) is not None


def _no_rows(text: str, span: Span, absent: AbsentName) -> str:
    """A relation without columns, so that each of them is absent, too."""
    rows = "(SELECT)" if absent.last in ONE_ROW else "(SELECT WHERE false)"
    written = text[span.start : span.end]
    call = _closing(written, len(absent.name)) if absent.is_function else len(absent.name)
    named = _ALIAS.match(written, call) or _ALIAS.match(text, span.end)
    if named is None or named[1].lower() in _NO_ALIAS:
        return f'{rows} AS "{absent.last}"'
    return f"{rows} AS {named[1]}" if call < len(written) else rows


def with_any_name(text: str) -> str:
    """`text`, in which no name that format() is to quote is unknown: what is made of it is unknown, but can be made."""
    tokens = tokens_of(text)
    ends: list[int] = []  # of arguments of %I
    begins: list[int] = []
    for at, token in enumerate(tokens):
        if token.text == "format" and tokens[at + 1].text == "(":
            commas = [n for n, other in enumerate(tokens) if other.parent == at + 1 and other.text == ","]
            end = _closing(text, tokens[at + 1].start) - 1
            places = [tokens[n].start for n in commas]
            template = text[tokens[at + 2].start : places[0] if places else end]
            for kind, begin, after in zip(_PLACES.findall(template), places, [*places[1:], end], strict=False):
                if kind == "I":
                    begins.append(begin + 1)
                    ends.append(after)
    made, last = "", 0
    for place in sorted({*begins, *ends}):
        made += text[last:place] + (", '?')" if place in ends else "") + (" coalesce(" if place in begins else "")
        last = place
    return made + text[last:]


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


def consequences(text: str, spans: Collection[Span], relations: Collection[Span] = ()) -> tuple[frozenset[str], bool]:
    """The columns of the answer that are made of what stands at `spans`; and whether it decides which rows there are.

    Those of `relations`, which are among them, have no rows: what is counted or summed up over them is unknown, too.
    Columns of subqueries are followed by their names, so that rather too many are called unknown than too few.
    """
    query = parsed(text)
    places = {at for at, token in enumerate(query.tokens) if any(s.start <= token.start < s.end for s in spans)}
    read = [at for at, token in enumerate(query.tokens) if any(s.start == token.start for s in relations)]
    names = {item.name for at in read for item in query.aggregated(at)}
    while True:
        touched = places | query.naming(names)
        found = {item.name for item in query.items if not touched.isdisjoint(range(item.first, item.last))}
        if found <= names:
            break
        names |= found
    touched |= query.ordinals_of(touched)
    chooses = any(query.is_choosing(at) for at in touched) or any(query.is_choosing(at, READING) for at in read)
    shown = {item.name for item in query.items if item.depth == 0}
    return frozenset(names if query.has_star else names & shown), chooses


def _closing(text: str, at: int) -> int:
    """The place behind the bracket that closes the one at `at`; -1: there is none there."""
    if text[at : at + 1] != "(":
        return -1
    tokens = tokens_of(text)
    opened = next((token for token in tokens if token.start == at), None)
    closed = (
        token.start + 1
        for token in tokens
        if opened is not None and token.start > at and token.text == ")" and token.depth == opened.depth
    )
    return next(closed, -1)
