"""The words of a SQL text, as the server's scanner finds them (PostgreSQL documentation, "Lexical Structure").

Texts are those of other sessions, so nothing here is trusted to be well-formed: what the scanner cannot follow is
Trouble(REFUSED).
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from enum import Enum

from console.model import Kind, Trouble
from console.records import dataclass


class Lexeme(Enum):
    """What a token is."""

    WORD = "word"  # an unquoted name or key word, folded to lower case
    NAME = "name"  # a quoted name
    LITERAL = "literal"
    PARAMETER = "parameter"  # $1
    OPERATOR = "operator"
    SIGN = "sign"  # ( ) [ ] , ; : .


@dataclass(frozen=True, slots=True)
class Token:
    """One token and where it stands."""

    sort: Lexeme
    text: str  # a word folded, a quoted name without its quotes
    start: int
    end: int
    depth: int  # parentheses around it

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these key words."""
        return self.sort is Lexeme.WORD and self.text in words

    @property
    def is_name(self) -> bool:
        """Whether it can be the name of something."""
        return self.sort in {Lexeme.WORD, Lexeme.NAME}


_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\n\r\f\v]+|--[^\n\r]*)
  | (?P<comment>/\*)
  | (?P<unicode>[uU]&["'])
  | (?P<escaped>[eE]'(?:[^'\\]|\\.|'')*')
  | (?P<literal>[bBxXnN]?'(?:[^']|'')*'|0[xXoObB][0-9a-fA-F_]+
      |(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?)
  | (?P<dollar>\$(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)?\$)
  | (?P<parameter>\$[0-9]+)
  | (?P<quoted>"(?:[^"]|"")+")
  | (?P<word>[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*)
  | (?P<sign>::|:=|[()\[\],;:.])
  | (?P<operator>(?:(?!--|/\*)[-+*/<>=~!@\#%^&|`?])+)
    """,
    re.VERBOSE | re.DOTALL,
)
_FOLDED = {ord(letter): letter.lower() for letter in string.ascii_uppercase}
_UNCLOSED = "The statement ends within a text or a comment: it was cut, or it is not SQL."


def tokens(text: str) -> tuple[Token, ...]:
    """All tokens of `text` without white space and comments. Raises Trouble(REFUSED)."""
    return tuple(_tokens(text))


def _tokens(text: str) -> Iterator[Token]:
    at, depth = 0, 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Trouble(Kind.REFUSED, _UNCLOSED if text[at] in "'\"" else "The statement is not SQL of PostgreSQL.")
        kind, start, at = str(match.lastgroup), at, match.end()
        if kind == "comment":
            at = _end_of_comment(text, at)
        elif kind == "unicode":
            raise Trouble(Kind.REFUSED, "The statement writes names or texts as U&, which hides what it names.")
        elif kind == "dollar":
            closing = text.find(match[0], at)
            if closing < 0:
                raise Trouble(Kind.REFUSED, _UNCLOSED)
            at = closing + len(match[0])
            yield Token(Lexeme.LITERAL, text[start:at], start, at, depth)
        elif kind != "space":
            raw = match[0]
            depth -= raw in {")", "]"}
            yield _token(kind, raw, start, depth)
            depth += raw in {"(", "["}
    if depth != 0:
        raise Trouble(Kind.REFUSED, "The statement has a parenthesis that is not closed: it was cut, or it is not SQL.")


def _token(kind: str, raw: str, start: int, depth: int) -> Token:
    end = start + len(raw)
    match kind:
        case "word":
            return Token(Lexeme.WORD, raw.translate(_FOLDED), start, end, depth)
        case "quoted":
            return Token(Lexeme.NAME, raw[1:-1].replace('""', '"'), start, end, depth)
        case "literal" | "escaped":
            return Token(Lexeme.LITERAL, raw, start, end, depth)
        case "parameter":
            return Token(Lexeme.PARAMETER, raw, start, end, depth)
        case "operator":
            return Token(Lexeme.OPERATOR, raw, start, end, depth)
    return Token(Lexeme.SIGN, raw, start, end, depth)


def _end_of_comment(text: str, at: int) -> int:
    """Where the comment ends that has just begun; comments nest."""
    depth = 1
    for mark in re.finditer(r"/\*|\*/", text[at:]):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return at + mark.end()
    raise Trouble(Kind.REFUSED, _UNCLOSED)
