"""Reads a query again without what its server does not have: a catalog that changed costs a column, not a pane."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import field, replace

import psycopg
from psycopg import errors

from console.model import Kind, Snapshot, Trouble
from console.records import dataclass
from console.sources.postgres.absent import (
    AbsentName,
    Span,
    absent_at,
    consequences,
    place_before,
    position_in,
    relation_of,
    types_for,
    with_any_name,
    without,
)
from console.sources.postgres.connecting import Connection

Rows = tuple[tuple[object, ...], ...]
Result = tuple[tuple[str, ...], Rows]
Run = Callable[[str], Awaitable[Result]]

MOST_ATTEMPTS = 300  # to find the types; each ends when the server has parsed the statement
_ABSENT = (errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedFunction, errors.WrongObjectType)
_WRONG_TYPE = (  # what parsing says of an unknown value of a type that does not fit
    errors.UndefinedFunction,
    errors.AmbiguousFunction,
    errors.DatatypeMismatch,
    errors.CannotCoerce,
    errors.IndeterminateDatatype,
    errors.IndeterminateCollation,
    errors.InvalidColumnReference,
    errors.SyntaxError,
)
# Functions that read pg_rewrite by a statement of their own (ruleutils.c): a query that calls them parses all the same.
_WITH_STATEMENTS = re.compile(r"\bpg_catalog\.(?:pg_get_viewdef|pg_get_ruledef)(?=\()")


@dataclass(frozen=True, slots=True)
class Mended:
    """A query that is read without what is absent."""

    text: str
    unknown: frozenset[str]  # columns of the answer that are made of what is absent
    chooses: bool  # whether what is absent decides which rows there are
    why: Trouble  # a sentence that names it

    def marked(self, taken: Snapshot) -> Snapshot:
        """What was read, without values that were computed from an unknown one, and with the reason."""
        unknown = tuple(name for name in taken.columns if name in self.unknown)
        at = {taken.index(name) for name in unknown}
        rows = tuple(tuple(None if n in at else value for n, value in enumerate(row)) for row in taken.rows)
        return replace(taken, rows=rows, unknown=unknown, is_partial=self.chooses).hiding(self.why)


async def mended(run: Run, text: str, error: psycopg.Error) -> tuple[Mended, Result] | None:
    """The query as it can be read, and what it answers; None: `error` is not about something that is absent.

    Raises the driver's own errors, as when the connection is lost meanwhile.
    """
    found = None
    for several in (False, True) if isinstance(error, _ABSENT) else ():
        found = found or await _Search(run, text, several).go_on(error, {})
    if found is None:
        return None
    sent, result, spans = found
    relations = tuple(span for span, absent in spans.items() if absent.is_relation)
    unknown, chooses = consequences(text, tuple(spans), relations)
    made = Mended(
        sent, unknown, chooses, _why(text, dict.fromkeys(replace(each, type="") for each in spans.values()), chooses)
    )
    return made, result


def reported(connection: Connection, user: str, unknown: Collection[str]) -> dict[str, object]:
    """The facts in `unknown` as the protocol reports them, of a session that acts as `user`.

    A superuser who became another role is rather assumed than overlooked.
    """
    session_user = _parameter(connection, "session_authorization")
    superuser = _parameter(connection, "is_superuser") == "on"
    values: dict[str, object] = {
        "version_text": _parameter(connection, "server_version"),
        "database": connection.info.dbname,
        "standby": _parameter(connection, "in_hot_standby") == "on",
        "superuser": superuser,
        "assumed_by": session_user if session_user != user else "",
        "sees_all_sessions": superuser,
        "reads_all_data": superuser,
    }
    return {name: values.get(name) for name in unknown}


def _parameter(connection: Connection, name: str) -> str:
    return connection.info.parameter_status(name) or ""


Spans = dict[Span, AbsentName]
Found = tuple[str, Result, Spans]


@dataclass(slots=True)
class _Search:
    """Tries types for what is absent until the server can parse the statement."""

    run: Run
    text: str
    several: bool  # whether a function may return one type here and another there
    attempts: int = field(default=0)

    async def go_on(self, error: psycopg.Error, spans: Spans) -> Found | None:
        """Replace what `error` is about, too; None: that does not help."""
        found = self._absent(error, spans)
        if found is None:
            return None
        absent, span = found
        for name in types_for(absent, spans, several=self.several):
            if tried := await self._attempt({**spans, span: replace(absent, type=name)}):
                return tried
        return None

    async def _attempt(self, spans: Spans) -> Found | None:
        if self.attempts >= MOST_ATTEMPTS:
            return None
        self.attempts += 1
        text = without(self.text, spans)
        try:
            return *await self._answered(text), spans
        except (errors.UndefinedTable, errors.UndefinedColumn, errors.AmbiguousColumn, errors.WrongObjectType) as error:
            return await self.go_on(error, spans)
        except (errors.DataError, errors.CardinalityViolation):
            return None  # it cannot be computed without, such as a name in a statement that is proposed
        except _WRONG_TYPE as error:
            known = self._absent(error, spans)  # the same function once more
            again = known is not None and any(known[0].is_alike(each) for each in spans.values())
            return await self.go_on(error, spans) if again else None

    async def _answered(self, text: str) -> tuple[str, Result]:
        """What can be run of the text, and what it answers."""
        try:
            return text, await self.run(text)
        except errors.NullValueNotAllowed:  # a name in a statement that is proposed
            text = with_any_name(text)
            return text, await self.run(text)

    def _absent(self, error: psycopg.Error, spans: Spans) -> tuple[AbsentName, Span] | None:
        position = error.diag.statement_position
        if position is None:
            return self._failed_by_itself(spans) if error.diag.internal_query else None
        sent = int(position) - 1
        at = place_before(self.text, spans, position_in(without(self.text, spans), sent))
        if at < 0:
            return None
        is_function = isinstance(error, errors.UndefinedFunction)
        is_relation = isinstance(error, errors.UndefinedTable)
        return absent_at(self.text, at, is_function=is_function, is_relation=is_relation)

    def _failed_by_itself(self, spans: Spans) -> tuple[AbsentName, Span] | None:
        """The next call of a function whose own statement failed."""
        for called in _WITH_STATEMENTS.finditer(self.text):
            if not any(span.start <= called.start() < span.end for span in spans):
                return absent_at(self.text, called.start(), is_function=True)
        return None


def _why(text: str, absent: Collection[AbsentName], chooses: bool) -> Trouble:
    gone = {each.name.removeprefix("pg_catalog.") for each in absent if each.is_relation}
    # Of a relation that is gone every column is, too.
    named = [each for each in absent if each.is_relation or not gone or relation_of(text, each) not in {"", *gone}]
    sayings = tuple(dict.fromkeys(_named(text, each) for each in named))
    names = ", ".join(sayings)
    verb, them = ("is", "it") if len(sayings) == 1 else ("are", "them")
    rows = f" Rows may be missing, because they are chosen by {them}." if chooses else ""
    return Trouble(
        Kind.UNSUPPORTED,
        f"{names[0].upper()}{names[1:]} {verb} not there on this server: what is made of {them} is unknown.{rows}",
        "A newer release of the console may know this server.",
    )


def _named(text: str, absent: AbsentName) -> str:
    if absent.is_function:
        return f"function {absent.last}"
    if absent.is_relation:
        return f"relation {absent.last}"
    relation = relation_of(text, absent)
    return f"column {absent.last} of {relation}" if relation else f"column {absent.last}"
