"""Reads the words of a statement one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.explaining.tokens import Lexeme, Token
from console.forecast.requests import TypedName
from console.records import dataclass

_NEVER_A_NAME = ("if", "only", "on", "using", "table", "as", "in", "from", "to", "cascade", "restrict", "where")


class Unrecognised(Exception):  # noqa: N818  it is not an error: it says which locks are unknown, and is caught at once
    """A statement, or a form of one, whose locks are not known here; its text says which."""


@dataclass(slots=True)
class Words:
    """A position in the tokens of a statement."""

    tokens: Sequence[Token]
    at: int = 0

    @property
    def rest(self) -> Sequence[Token]:
        """What was not taken yet."""
        return self.tokens[self.at :]

    @property
    def ended(self) -> bool:
        """Whether everything was taken."""
        return self.at >= len(self.tokens)

    def sees(self, *words: str) -> bool:
        """Whether these key words come next."""
        following = self.rest[: len(words)]
        return len(following) == len(words) and all(map(_is, following, words))

    def take(self, *words: str) -> bool:
        """Take these key words if they come next."""
        found = self.sees(*words)
        self.at += len(words) if found else 0
        return found

    def take_any(self, *words: str) -> str:
        """Take one of these key words if one comes next; empty: none does."""
        return next((word for word in words if self.take(word)), "")

    def has(self, *words: str) -> bool:
        """Whether these key words stand next to each other somewhere in the rest, outside further parentheses."""
        rest = [token for token in self.rest if token.depth <= self.depth]
        return any(Words(rest, at).sees(*words) for at in range(len(rest)))

    @property
    def depth(self) -> int:
        """How many parentheses there are around what comes next."""
        return self.rest[0].depth if self.rest else 0

    def name(self) -> TypedName:
        """Take the name of a relation. Raises Unrecognised."""
        first = self.part()
        if not self.take("."):
            return TypedName(first)
        second = self.part()
        if self.sees("."):
            raise Unrecognised("a name with the name of its database")
        return TypedName(second, first)

    def part(self) -> str:
        """Take one name without a schema. Raises Unrecognised."""
        token = self.rest[0] if self.rest else None
        if token is None or not token.is_name or (token.sort is Lexeme.WORD and token.text in _NEVER_A_NAME):
            raise Unrecognised(f"a name that is missing before {token.text}" if token else "a name that is missing")
        self.at += 1
        return token.text

    def names(self) -> Iterator[TypedName]:
        """Take names that commas separate, each perhaps with a * behind it. Raises Unrecognised."""
        yield self.name()
        self.take("*")
        while self.take(","):
            yield self.name()
            self.take("*")

    def skip_parentheses(self) -> None:
        """Take a pair of parentheses and what is in it, if it comes next."""
        if self.sees("("):
            depth = self.depth
            self.at += 1
            while not self.ended and self.depth > depth:
                self.at += 1
            self.at += 1  # the closing one

    def until(self, *words: str) -> Sequence[Token]:
        """Take everything up to one of these key words outside further parentheses, or to the end."""
        begin, depth = self.at, self.depth
        while not self.ended and not (self.depth <= depth and self.rest[0].is_word(*words)):
            self.at += 1
        return self.tokens[begin : self.at]

    def listed(self) -> Iterator[Words]:
        """The rest, split at the commas outside further parentheses."""
        depth, begin = self.depth, self.at
        for at in range(self.at, len(self.tokens)):
            token = self.tokens[at]
            if token.depth == depth and _is(token, ","):
                yield Words(self.tokens[begin:at])
                begin = at + 1
        yield Words(self.tokens[begin:])


def _is(token: Token, word: str) -> bool:
    return token.sort in {Lexeme.WORD, Lexeme.SIGN, Lexeme.OPERATOR} and token.text == word
