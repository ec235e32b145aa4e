"""What an index would cost writes: which columns statements change, and how many HOT updates that ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.explaining.tokens import Lexeme, Token, tokens
from console.model import Trouble
from console.records import dataclass


@dataclass(frozen=True, slots=True)
class ColumnsChanged:
    """An UPDATE: its table and the columns that it sets."""

    table: str
    columns: frozenset[str]
    schema: str = ""  # empty: the statement does not name it

    def concerns(self, schema: str, table: str) -> bool:
        """Whether it may change that table."""
        return self.table == table and self.schema in {"", schema}


def change_of(text: str) -> ColumnsChanged | None:
    """What an UPDATE changes; None for other statements and for texts that are cut."""
    try:
        found = tokens(text)
    except Trouble:
        return None
    at = next((at for at, token in enumerate(found) if token.depth == 0 and token.is_word("update")), None)
    begin = next((at for at, token in enumerate(found) if token.depth == 0 and token.is_word("set")), None)
    if at is None or begin is None or begin < at:
        return None
    names = [token for token in found[at + 1 : begin] if token.is_name and not token.is_word("only", "as")]
    dotted = any(token.text == "." for token in found[at + 1 : begin])
    if not names:
        return None
    schema, table = (names[0].text, names[1]) if dotted and len(names) > 1 else ("", names[0])
    return ColumnsChanged(table.text, frozenset(_targets(found[begin + 1 :])), schema)


def _targets(found: Sequence[Token]) -> Iterator[str]:
    """The columns before the equals signs of SET, single or listed in parentheses."""
    expects = True
    for at, token in enumerate(found):
        if token.depth == 0 and token.is_word("from", "where", "returning"):
            if not (token.is_word("from") and found[at - 1].is_word("distinct")):
                return
        elif token.depth == 0 and token.sort is Lexeme.SIGN and token.text == ",":
            expects = True
        elif token.depth == 0 and token.sort is Lexeme.OPERATOR and token.text == "=":
            expects = False
        elif expects and token.is_name and token.depth <= 1:
            yield token.text
