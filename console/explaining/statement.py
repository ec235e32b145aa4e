"""A statement that can be explained: one SELECT, whatever was written around the rows that it finds.

EXPLAIN of an UPDATE locks its table as the UPDATE does (ROW EXCLUSIVE), and takes the right to write. What matters of
its plan is how the rows are found, so UPDATE, DELETE, INSERT … SELECT and MERGE are explained as the SELECT of those
rows; FOR UPDATE is left out for the same reason. Nothing then takes more than ACCESS SHARE.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from console.explaining.tokens import Lexeme, Token, tokens
from console.format import one_line
from console.model import Kind, Trouble
from console.records import dataclass

_QUERIES = ("select", "values", "table")
_CHANGES = ("insert", "update", "delete", "merge")
_LOCKING = ("update", "no", "share", "key")
_TYPES = (  # whose literals are often written behind their names
    *(
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "timetz",
        "interval",
        "inet",
        "cidr",
        "json",
        "jsonb",
        "uuid",
        "bool",
    ),
    *("boolean", "numeric", "money", "xml", "point", "box", "circle", "regclass"),
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement in the form in which it is explained."""

    text: str  # a query without a semicolon, its parameters numbered from 1 without gaps
    kind: str  # SELECT, UPDATE, …: what it was
    tokens: tuple[Token, ...]  # of the text
    parameters: tuple[str, ...] = ()  # as they were called before, in the order of their numbers: $3

    @property
    def notes(self) -> tuple[str, ...]:
        """What is explained in place of what was written."""
        if self.kind == "SELECT":
            return ()
        return (f"{self.kind} is explained as the SELECT of its rows, which takes no lock that blocks writes.",)

    @property
    def fingerprint(self) -> str:
        """The text with a mark for each literal and parameter, the same however it is laid out."""
        values = (Lexeme.LITERAL, Lexeme.PARAMETER)
        return " ".join("?" if token.sort in values else token.text for token in self.tokens)


def statement(text: str) -> Statement:
    """The statement in `text`. Raises Trouble(REFUSED) if it is more than one, cut, or has no plan."""
    found = list(tokens(text))
    while found and found[-1].text == ";" and found[-1].sort is Lexeme.SIGN:
        found.pop()
    if not found:
        raise Trouble(Kind.REFUSED, "There is no statement to explain.")
    if any(token.text == ";" and token.sort is Lexeme.SIGN for token in found):
        raise Trouble(Kind.REFUSED, "The text holds more than one statement; only one can be explained.")
    kind, parts = _as_query(text, found)
    query, parameters = _renumbered(_with_casts(_without_locks(_Piece.of(text, parts))))
    return Statement(query, kind, tokens(query), parameters)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A token with the text that is written for it."""

    token: Token
    text: str

    @staticmethod
    def of(text: str, parts: Sequence[Token | str]) -> list[_Piece]:
        """Pieces of tokens, and of words that are put between them."""
        return [
            _Piece(Token(Lexeme.WORD, part.lower(), 0, 0, 0), part)
            if isinstance(part, str)
            else _Piece(part, text[part.start : part.end])
            for part in parts
        ]


Parts = list[Token | str]


def _as_query(text: str, found: Sequence[Token]) -> tuple[str, Parts]:
    """What kind of statement it is, and the query that finds its rows."""
    main = _main(found)
    head, rest = list(found[:main]), list(found[main:])
    word = rest[0].text if rest else ""
    _refuse_changes(head + rest[1:])
    if word == "(" or word in _QUERIES:
        if any(token.is_word("into") and token.depth == rest[0].depth for token in rest):
            raise Trouble(Kind.REFUSED, "SELECT INTO makes a table; explain its SELECT alone.")
        return "SELECT", [*head, *rest]
    makers: Mapping[str, Callable[[Sequence[Token], Sequence[Token]], Parts]] = {
        "insert": _of_insert,
        "update": _of_update,
        "delete": _of_delete,
        "merge": _of_merge,
    }
    if word not in makers:
        raise Trouble(
            Kind.REFUSED,
            f"{one_line(text[found[0].start : found[0].end]).upper()[:40]} has no plan: only SELECT, INSERT … SELECT, "
            "UPDATE, DELETE and MERGE do.",
        )
    return word.upper(), makers[word](head, rest)


def _main(found: Sequence[Token]) -> int:
    """Where the statement itself begins, behind its WITH clause."""
    if not found[0].is_word("with"):
        return 0
    for at, token in enumerate(found):
        if token.depth == 0 and token.is_word("select"):
            return at
        if token.depth == 0 and at and found[at - 1].text == ")" and token.is_word(*_CHANGES, *_QUERIES):
            return at
        if token.depth == 0 and at and found[at - 1].text == ")" and token.text == "(":
            return at
    raise Trouble(Kind.REFUSED, "The statement ends behind its WITH clause: it was cut, or it is not SQL.")


def _refuse_changes(found: Sequence[Token]) -> None:
    """Raises Trouble(REFUSED) for a WITH clause that changes rows: it would lock its table as for writing."""
    for before, token in pairwise(found):
        if before.text == "(" and token.is_word(*_CHANGES) and before.sort is Lexeme.SIGN:
            break
        if token.depth and before.is_word("insert", "merge") and token.is_word("into"):
            break
        if token.depth and before.is_word("delete") and token.is_word("from"):
            break
    else:
        return
    raise Trouble(Kind.REFUSED, "A part of the statement in parentheses changes rows; explain its queries one by one.")


def _find(found: Sequence[Token], *words: str, start: int = 0, unless: str = "") -> int:
    """Where one of the key words stands outside parentheses; the end if nowhere."""
    for at in range(start, len(found)):
        if found[at].depth == found[0].depth and found[at].is_word(*words):
            if unless and found[at - 1].is_word(unless):
                continue
            return at
    return len(found)


def _of_update(head: Sequence[Token], found: Sequence[Token]) -> Parts:
    at = _find(found, "set")
    start = _find(found, "from", start=at, unless="distinct")
    where = _find(found, "where", start=at)
    end = _find(found, "returning", start=min(where, len(found)))
    source: Parts = [",", *found[start + 1 : where]] if start < where else []
    return _query(head, found[1:at], source, found[where:end])


def _of_delete(head: Sequence[Token], found: Sequence[Token]) -> Parts:
    where = _find(found, "where")
    end = _find(found, "returning")
    using = _find(found, "using")
    source: Parts = [",", *found[using + 1 : min(where, end)]] if using < min(where, end) else []
    return _query(head, found[2 : min(using, where, end)], source, found[where:end])


def _of_insert(head: Sequence[Token], found: Sequence[Token]) -> Parts:
    start = next(
        (
            at
            for at in range(2, len(found))
            if (found[at].depth == 0 and found[at].is_word("select", "with", "values", "table", "default"))
            or (found[at].text == "(" and at + 1 < len(found) and found[at + 1].is_word("select", "with"))
        ),
        len(found),
    )
    if start == len(found) or found[start].is_word("values", "default"):
        raise Trouble(Kind.REFUSED, "INSERT of given values has no plan worth reading; its triggers are not in it.")
    conflict = next(
        (at for at in range(start, len(found) - 1) if found[at].is_word("on") and found[at + 1].is_word("conflict")),
        len(found),
    )
    end = min(conflict, _find(found, "returning", start=start))
    query = found[start:end]
    return [*head, "SELECT", "*", "FROM", "(", *query, ")", "AS", "q"] if head else list(query)


def _of_merge(head: Sequence[Token], found: Sequence[Token]) -> Parts:
    using, first = _find(found, "using"), _find(found, "when")
    on = _find(found, "on", start=using)
    if not using < on < first:
        raise Trouble(Kind.REFUSED, "The MERGE is not complete: it was cut.")
    unmatched = any(
        found[at].is_word("not") and found[at + 1].is_word("matched") for at in range(first, len(found) - 1)
    )
    target, source = found[2:using], found[using + 1 : on]
    join = ("LEFT", "JOIN") if unmatched else ("JOIN",)
    return [*head, "SELECT", *_row(target), "FROM", *source, *join, *target, *found[on:first]]


def _query(head: Sequence[Token], target: Sequence[Token], source: Parts, where: Sequence[Token]) -> Parts:
    if not target:
        raise Trouble(Kind.REFUSED, "The statement names no table: it was cut, or it is not SQL.")
    if any(a.is_word("current") and b.is_word("of") for a, b in pairwise(where)):
        raise Trouble(Kind.REFUSED, "WHERE CURRENT OF reads the row of a cursor: there is no plan that finds it.")
    return [*head, "SELECT", *_row(target), "FROM", *target, *source, *where]


def _row(target: Sequence[Token]) -> Parts:
    """What an UPDATE needs of each row of `target`: its address."""
    names = [token for token in target if token.text not in {"only", "*", "as"}]
    last = names[-1]
    dotted = len(names) > 1 and names[-2].text == "."
    called = names if dotted or len(names) == 1 else [last]
    return [*called, ".", "ctid"]


def _without_locks(pieces: Sequence[_Piece]) -> list[_Piece]:
    """The pieces without FOR UPDATE, FOR SHARE and what belongs to them."""
    kept: list[_Piece] = []
    at = 0
    while at < len(pieces):
        token = pieces[at].token
        follows = pieces[at + 1].token if at + 1 < len(pieces) else None
        if not (token.is_word("for") and follows is not None and follows.is_word(*_LOCKING)):
            kept.append(pieces[at])
            at += 1
            continue
        at += 1
        while at < len(pieces) and pieces[at].token.is_word(*_LOCKING):
            at += 1
        if at < len(pieces) and pieces[at].token.is_word("of"):
            at += 2
            while at < len(pieces) and pieces[at].token.text in {".", ","}:
                at += 2
        if at < len(pieces) and pieces[at].token.is_word("nowait"):
            at += 1
        elif at + 1 < len(pieces) and pieces[at].token.is_word("skip"):
            at += 2
    return kept


def _with_casts(pieces: Sequence[_Piece]) -> list[_Piece]:
    """The pieces with a cast where the literal that pg_stat_statements replaced had a type that is lost.

    Behind the name of a type: interval $1. What is added to a date is a number of days, while the server takes a
    parameter for another date.
    """
    written = [
        _Piece(piece.token, f"{piece.text}::integer") if _is_of_days(pieces, at) else piece
        for at, piece in enumerate(pieces)
    ]
    for at in range(len(written) - 1):
        name, value = written[at].token, written[at + 1].token
        if name.is_word(*_TYPES) and value.sort is Lexeme.PARAMETER and not (at and written[at - 1].token.text == "::"):
            written[at], written[at + 1] = written[at + 1], _Piece(name, f"::{written[at].text}")
    return written


def _is_of_days(pieces: Sequence[_Piece], at: int) -> bool:
    """Whether a parameter is what is added to a date, or taken from it: current_date - $1, x::date + $1."""
    if at < 2 or pieces[at].token.sort is not Lexeme.PARAMETER or pieces[at - 1].token.text not in {"+", "-"}:
        return False
    date, before = pieces[at - 2].token, pieces[at - 3].token if at > 2 else None
    is_date = date.is_word("current_date") or (date.is_word("date") and before is not None and before.text == "::")
    return is_date and not (at + 1 < len(pieces) and pieces[at + 1].token.text == "::")


def _renumbered(pieces: Sequence[_Piece]) -> tuple[str, tuple[str, ...]]:
    """The text, its parameters numbered without gaps, and their former names."""
    used = sorted({int(piece.token.text[1:]) for piece in pieces if piece.token.sort is Lexeme.PARAMETER})
    number = {f"${old}": f"${new}" for new, old in enumerate(used, 1)}
    return " ".join(_joined(pieces, number)), tuple(number)


def _joined(pieces: Sequence[_Piece], number: Mapping[str, str]) -> Iterator[str]:
    """The texts of the pieces; those that stood together stay together: `x.y`, `count(`, `::`."""
    line = ""
    last = -1
    for piece in pieces:
        token = piece.token
        text = piece.text
        if token.sort is Lexeme.PARAMETER:
            text = number[token.text] + text.removeprefix(token.text)
        touches = (token.end and token.start == last) or text.startswith(("::", ".")) or line.endswith((".", "::"))
        if line and not touches:
            yield line
            line = text
        else:
            line += text
        last = token.end or -1
    yield line


def is_cut(text: str, limit: int) -> bool:
    """Whether pg_stat_activity cut `text`: it keeps track_activity_query_size - 1 bytes."""
    return len(text.encode(errors="replace")) >= limit - 1
