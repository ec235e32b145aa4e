"""Compares definitions of indexes: what stands behind the table's name in CREATE INDEX."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

_TYPE = (
    r"(?:character varying|double precision|bit varying|time(?:stamp)?(?:\(\d\))? with(?:out)? time zone"
    r'|"(?:[^"]|"")+"|[a-z_]\w*)(?:\.\w+)?(?:\(\d+(?:,\s*\d+)?\))?(?:\[\])*'
)
_TOKEN = re.compile(
    rf"""\s*(?:(?P<literal>'(?:[^']|'')*'|(?:\(-?\d+(?:\.\d+)?\)|\d+(?:\.\d+)?)(?=\s*::))(?P<cast>(?:\s*::\s*{_TYPE})*)"""
    r"""|(?P<quoted>"(?:[^"]|"")*")|(?P<word>[\w$]+)|(?P<sign>->>|->|::|[<>=~!@#%^&|?*/+-]+|\S))""",
    re.IGNORECASE,
)
_PLAIN = re.compile(r'"([a-z_][a-z0-9_$]*)"')
_DEFAULTS = (  # orders that say what is the case anyway
    (re.compile(r" asc\b"), ""),
    (re.compile(r"( desc) nulls first\b"), r"\1"),
    (re.compile(r"(?<! desc) nulls last\b"), ""),
)
_NOT_COLUMNS = {"using", "collate", "tablespace", "::", "."}  # what stands behind one of these is no column
_FORBIDDEN = {
    ";": "contains a semicolon: only one definition is allowed",
    "--": "contains a comment",
    "/*": "contains a comment",
    "'": "has an unterminated quote",
    '"': "has an unterminated quote",
    "$": "contains a dollar sign: quote with apostrophes",
}


def exact(definition: str) -> str:
    """A form in which equal definitions are equal that differ in case, blanks, needless quotes and default orders."""
    text = " ".join(f"{word}{cast}" for word, cast in _tokens(definition))
    return _with_defaults(text)


def loose(definition: str) -> str:
    """As `exact`, also without brackets and casts of constants, which the server adds when it shows a definition.

    Different definitions may agree in it: it is good for two indexes of the same name only.
    """
    text = " ".join(word.strip("()") for word, _ in _tokens(definition) if word not in "()[]")
    return _with_defaults(text.replace(" = any array ", " in "))


def faults(definition: str) -> str:
    """What keeps a text from being one definition and nothing else; empty: nothing does."""
    depth, fault = 0, ""
    for match in _TOKEN.finditer(definition):
        character = match["sign"] or (match["word"] or "")[:1]
        depth += {"(": 1, ")": -1}.get(character, 0)
        fault = fault or next((what for part, what in _FORBIDDEN.items() if part in character), "")
        fault = fault or ("has an unmatched closing parenthesis" if depth < 0 else "")
    fault = fault or ("has an unmatched opening parenthesis" if depth else "")
    begins = re.match(r"\s*(USING\s+\w+\s*)?\(", definition, re.IGNORECASE)
    return fault or ("" if begins else "must begin with (columns) or USING method (columns)")


def expressions(definition: str) -> tuple[str, tuple[str, ...]]:
    """The definition with `?` for each expression of a key and for the predicate; and those expressions, in order."""
    tokens = list(_TOKEN.finditer(definition))
    spans: list[tuple[int, int]] = []
    depth, begin, keys = 0, -1, True
    for at, match in enumerate(tokens):
        if match["sign"] == "(":
            begin = _expression_start(tokens, at) if depth == 1 and keys else begin
            depth += 1
        elif match["sign"] == ")":
            depth -= 1
            keys = keys and depth > 0
            if depth == 1 and begin >= 0:
                spans.append((begin, match.end()))
                begin = -1
        elif depth == 0 and (match["word"] or "").lower() == "where":
            spans.append((match.end(), len(definition)))
            break
    shape, end = "", 0
    for first, last in spans:
        shape, end = f"{shape}{definition[end:first]} ? ", last
    return shape + definition[end:], tuple(definition[first:last].strip() for first, last in spans)


def _expression_start(tokens: Sequence[re.Match[str]], at: int) -> int:
    """Where the expression begins whose bracket is the token `at`: at the bracket, or at the function's name."""
    while at and (tokens[at - 1]["word"] or tokens[at - 1]["quoted"] or tokens[at - 1]["sign"] == "."):
        at -= 1
    return tokens[at].start()


def columns(definition: str, keywords: Collection[str]) -> set[str]:
    """Names in a definition that can only be columns of the table: no keywords, functions, types, operator classes."""
    text = re.sub(r"\bWITH\s*\([^()]*\)", "", definition, flags=re.IGNORECASE)
    words = [match for match in _TOKEN.finditer(text) if match["literal"] is None]
    found = set()
    for at, match in enumerate(words):
        before = (words[at - 1][0].strip().lower() if at else "").rstrip()
        after = words[at + 1][0].strip() if at + 1 < len(words) else ""
        name = match["word"].lower() if match["word"] else (match["quoted"] or "")[1:-1].replace('""', '"')
        if before in _NOT_COLUMNS or after in {"(", "."} or not name or name[0].isdigit():
            continue
        if match["quoted"] or not (name in keywords or name.endswith("_ops")):
            found.add(name)
    return found


def _tokens(definition: str) -> Iterator[tuple[str, str]]:
    for match in _TOKEN.finditer(definition):
        if match["literal"] is not None:
            yield match["literal"], re.sub(r"\s", "", match["cast"]).lower()
        elif match["quoted"] is not None:
            plain = _PLAIN.fullmatch(match["quoted"])
            yield (plain[1] if plain else match["quoted"]), ""
        elif match["word"] is not None:
            yield match["word"].lower(), ""
        else:
            yield match["sign"], ""


def _with_defaults(text: str) -> str:
    for pattern, instead in _DEFAULTS:
        text = pattern.sub(instead, text)
    return text if text.startswith("using ") else f"using btree {text}"
