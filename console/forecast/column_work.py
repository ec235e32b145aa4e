"""What adding or changing a column does to the rows that are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from console.explaining.tokens import Lexeme, Token
from console.forecast.requests import Reach, TypedName
from console.forecast.storage import Stored
from console.forecast.tasks import TaskRequest, Test
from console.forecast.types import SERIAL, changes_rows
from console.forecast.words import Words
from console.model.forecast import TableWork

Tasks = Iterator[TaskRequest]
# What ends the type of a column, and what ends its default.
BEHIND_TYPE = (
    *("collate", "storage", "compression", "options", "constraint", "not", "null", "check", "default", "generated"),
    *("unique", "primary", "references", "using"),
)
VIRTUAL = 18  # from this version on, columns that are computed when they are read


def add_column(words: Words, name: TypedName, reach: Reach, major: int) -> Tasks:
    """ADD COLUMN, behind ADD."""
    words.take("column")
    optional = words.take("if", "not", "exists")
    column = words.part()
    written = text(words.until(*BEHIND_TYPE))
    default = _default(words)

    def new(test: Test) -> Test:
        """The same, unless the column is there."""
        return lambda stored, oid: False if optional and (oid, column) in stored.columns else test(stored, oid)

    is_virtual = _is_generated(words) and not words.has("stored") and (major >= VIRTUAL or words.has("virtual"))
    if not is_virtual:
        has_values = written in SERIAL or words.has("generated")
        test = _written_to_all(written, default, has_values=has_values, major=major)
        types = () if written in SERIAL else (written,)
        yield TaskRequest(TableWork.REWRITE, name, reach, new(test), types, _functions(default))
    if words.has("unique") or words.has("primary"):
        yield TaskRequest(TableWork.BUILD, name, reach, new(_always))
    is_empty = not default or text(default) == "null"
    if words.has("check") or (is_empty and (words.has("not", "null") or words.has("primary"))):
        yield TaskRequest(TableWork.READ, name, reach, new(_always))


def _always(_: Stored, __: int) -> bool:
    return True


def _is_generated(words: Words) -> bool:
    return words.has("generated", "always", "as", "(")


def _default(words: Words) -> Sequence[Token]:
    """The expression behind DEFAULT; empty: there is none."""
    at = next((at for at in range(len(words.rest)) if _begins(words, at, "default")), None)
    if at is None:
        return ()
    inner = Words(words.rest, at + 1)
    if inner.sees("null"):
        return ()
    return inner.until(*(word for word in BEHIND_TYPE if word != "null"))


def _begins(words: Words, at: int, word: str) -> bool:
    token = words.rest[at]
    return token.depth <= words.depth and token.is_word(word)


def _functions(expression: Sequence[Token]) -> tuple[str, ...]:
    """The names of the functions that it calls."""
    return tuple(
        token.text for token, following in pairwise(expression)
        if token.is_name and following.text == "(" and following.sort is Lexeme.SIGN
    )  # fmt: skip


def _written_to_all(written: str, default: Sequence[Token], *, has_values: bool, major: int) -> Test:
    """Whether each row gets a value of its own; one that is the same for all is kept once, with the column."""
    functions = _functions(default)

    def test(stored: Stored, _: int) -> bool | None:
        if has_values:
            return True
        known = stored.types.get(written)
        if known is not None and known.is_bound:
            return True if major < DOMAINS else None
        if not default and known is not None and known.has_default:
            return None  # whether that of the domain is the same for all rows
        answers = [stored.volatile.get(name, False) for name in functions]
        return True if True in answers else None if None in answers else False

    return test


DOMAINS = 19  # from this version on, a domain with constraints need not be checked row by row


def alter_column(words: Words, name: TypedName, reach: Reach) -> Tasks:
    """ALTER COLUMN, behind ALTER."""
    words.take("column")
    column = words.part()
    if words.take("type") or words.take("set", "data", "type"):
        yield from _type(words, column, name, reach)
    elif words.take("set", "not", "null"):
        yield TaskRequest(
            TableWork.READ, name, reach, lambda stored, oid: not stored.is_not_null(oid, column), sparable=True
        )
    elif words.take("set", "expression"):
        yield TaskRequest(TableWork.REWRITE, name, reach, _is_generated_as(column, "s"))
        yield TaskRequest(TableWork.READ, name, reach, _is_checked(column))


def _is_generated_as(column: str, how: str) -> Test:
    return lambda stored, oid: (oid, column) in stored.columns and stored.columns[oid, column].generated == how


def _is_checked(column: str) -> Test:
    return lambda stored, oid: any(stored.checks_of(oid, column))


def _type(words: Words, column: str, name: TypedName, reach: Reach) -> Tasks:
    written = text(words.until("collate", "using"))
    collated = words.take("collate")
    words.until("using")
    converted = _conversion(words, column, written)

    def test(stored: Stored, oid: int) -> bool | None:
        known = stored.columns.get((oid, column))
        if converted is not False:
            return converted
        return None if known is None else changes_rows(stored, known, written)

    yield TaskRequest(TableWork.REWRITE, name, reach, test, (written,))
    yield TaskRequest(TableWork.READ, name, reach, _is_checked(column))
    if collated:
        yield TaskRequest(TableWork.BUILD, name, reach, _is_indexed(column))


def _is_indexed(column: str) -> Callable[[Stored, int], bool | None]:
    """Perhaps: whether it is the same collation is not known."""
    return lambda stored, oid: None if any(column in each for each in stored.indexes[oid].values()) else False


def _conversion(words: Words, column: str, written: str) -> bool | None:
    """Whether an expression behind USING makes other values; None: perhaps."""
    if not words.take("using"):
        return False
    expression = [token for token in words.rest if token.text not in {"(", ")"} or token.depth > words.depth + 1]
    if text(expression) in {column, f"{column} :: {written}"}:
        return False
    return None if any(token.text == "::" for token in expression) and not _functions(expression) else True


def text(tokens: Sequence[Token]) -> str:
    """Tokens as SQL again."""
    return " ".join(
        '"' + token.text.replace('"', '""') + '"' if token.sort is Lexeme.NAME else token.text for token in tokens
    )
