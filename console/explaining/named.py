"""What a statement names: relations, functions, types and operators, as far as its words tell.

The server's parser knows better, but parsing already runs code: a text that is read as an array of a domain, or as a
row with one, is checked by the domain's constraints before anything is planned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.explaining.tokens import Lexeme, Token
from console.records import dataclass

LONGEST = 63  # bytes of a name; the server cuts longer ones
_ALWAYS = ("=", "<>", "<", ">", "<=", ">=", "~~", "!~~", "~~*", "!~~*", "~", "!~")  # that key words stand for
_RUNS_TEXT = ("_to_xml", "_to_xmlschema", "ts_stat", "ts_rewrite")


@dataclass(frozen=True, slots=True)
class Named:
    """Names in the forms in which catalogs may hold them."""

    names: tuple[str, ...]  # of anything
    called: tuple[str, ...]  # before a parenthesis, or behind a dot: x.name can be name(x)
    operators: tuple[str, ...]

    @property
    def runs_text(self) -> str:
        """The built-in function that runs a query given as text, if one is called; else empty."""
        return next((name for name in self.called if any(part in name.lower() for part in _RUNS_TEXT)), "")


def named(found: Sequence[Token]) -> Named:
    """What is named in these tokens."""
    return Named(
        tuple(dict.fromkeys(form for token in found if token.is_name for form in _forms(token.text))),
        tuple(dict.fromkeys(form for name in _called(found) for form in _forms(name))),
        tuple(dict.fromkeys((*_ALWAYS, *_operators(found)))),
    )


def _called(found: Sequence[Token]) -> Iterator[str]:
    for at, token in enumerate(found):
        followed = at + 1 < len(found) and found[at + 1].text == "("
        if token.is_name and (followed or (at > 0 and found[at - 1].text == ".")):
            yield token.text


def _operators(found: Sequence[Token]) -> Iterator[str]:
    """Operators, also the beginnings of a run of signs: the server splits `a*-b` into two."""
    for token in found:
        if token.sort is Lexeme.OPERATOR:
            for start in range(len(token.text)):
                yield from (token.text[start:end] for end in range(start + 1, len(token.text) + 1))


def _forms(name: str) -> Iterator[str]:
    """A name as it is, cut as the server cuts it, and folded as a database of a single-byte encoding folds it."""
    for form in dict.fromkeys((name, name.lower())):
        yield form
        if len(form.encode()) > LONGEST:
            yield form.encode()[:LONGEST].decode(errors="ignore")
