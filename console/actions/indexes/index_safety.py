"""Unsafe definitions of indexes, with a safe form: the server would refuse them, or refuse rows because of them.

Only known cases, found in the text. The server itself refuses other ones before anything is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_LITERAL = re.compile(r"'(?:[^']|'')*'")
_NOW = re.compile(
    r"\b(current_date|current_timestamp|current_time|localtimestamp|localtime"
    r"|(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\(\s*\))",
    re.IGNORECASE,
)
_RANDOM = re.compile(r"\b(random|gen_random_uuid|uuidv4|uuidv7|nextval|setval)\s*\(", re.IGNORECASE)
_INCLUDE = re.compile(r"\bINCLUDE\s*\(([^()]*)\)", re.IGNORECASE)
_ZONED = re.compile(r"timestamp.* with time zone$")
_SMALL = {"smallint", "integer"}
_CUT = re.compile(r'\b("?left"?|md5|substr|substring|hashtext\w*)\s*\(', re.IGNORECASE)
_ORDER = re.compile(
    r"\s+(ASC|DESC|NULLS|FIRST|LAST|COLLATE\s+\S+|[a-z_]+_ops)\b|::\s*\w+|\b(lower|upper)\s*(?=\()", re.IGNORECASE
)
_LONG = re.compile(r"^(text|character varying|character varying\(\d{4,}\)|jsonb?|bytea|xml|tsvector|.*\[\])$")


def danger(definition: str, types: Mapping[str, str], short: str = "") -> str:
    """What is wrong with a definition on a table with columns of these types, and the safe form; empty: nothing known.

    `short` says what keeps the texts of the index short.
    """
    bare = _LITERAL.sub("''", definition)
    return next((said for said in _dangers(bare, types, short) if said), "")


def is_unbounded(type_name: str) -> bool:
    """Whether values of this type may be too long for an entry of a B-tree."""
    return bool(_LONG.match(type_name))


def _dangers(bare: str, types: Mapping[str, str], short: str) -> Iterator[str]:
    yield _moment(bare)
    for column in (name for name, type_name in types.items() if _ZONED.match(type_name)):
        yield _zone(bare, column)
    for column in (name for name, type_name in types.items() if type_name == "money"):
        if re.search(rf"{_word(column)}\)*\s*::|CAST\s*\(\s*{_word(column)}", bare, re.IGNORECASE):
            yield (
                f"the cast of {column} from money depends on lc_monetary (42P17): make the column numeric, "
                f"or index {column} itself"
            )
    yield _overflow(bare, types)
    if not short:
        yield _too_long(bare, types)
        yield _long_key(bare, types)


def _moment(bare: str) -> str:
    if found := _NOW.search(bare):
        return (
            f"{found[0]} changes with time, so it cannot be in an index (42P17): index the column itself, as in "
            "(brand_profile_id, created_at DESC), which serves every period"
        )
    if found := _RANDOM.search(bare):
        return f"{found[1]}() answers differently each time, so it cannot be in an index (42P17)"
    return ""


def _zone(bare: str, column: str) -> str:
    name = _word(column)
    enclosed = rf"\(*\s*{name}\s*\)*"
    forms = (
        rf"\bdate\s*\({enclosed}\)",
        rf"(?<![\w.]){enclosed}\s*::\s*(date|time|timestamp|text|varchar)\b(?!\s+with\s+time)",
        rf"\bcast\s*\({enclosed}\s+as\s+(date|time|timestamp|text)\b(?!\s+with\s+time)",
        rf"\bdate_trunc\s*\(\s*''(::text)?\s*,{enclosed}\)",
        rf"\b(date_part|to_char)\s*\([^()]*{name}",
        rf"\bextract\s*\([^()]*\bfrom\s+{name}",
    )
    if any(re.search(form, bare, re.IGNORECASE) for form in forms):
        return (
            f"the day or month of {column} depends on the session's TimeZone, so it cannot be in an index (42P17): "
            f"write (({column} AT TIME ZONE 'UTC')::date), and the same in the query, or index {column} itself and "
            "ask for a range"
        )
    return ""


def _overflow(bare: str, types: Mapping[str, str]) -> str:
    """Sums and products of columns that are too narrow for them: the row that overflows could not be inserted."""
    small = [name for name, type_name in types.items() if type_name in _SMALL]
    either = "|".join(map(_word, small)) or r"(?!)"
    operand = rf"(?:coalesce\s*\(\s*(?:{either})\s*,\s*-?\d+\s*\)|\b(?:{either}))"
    found = re.search(rf"(?<!::)({operand})\)?\s*[+*]\s*\(?({operand})", bare, re.IGNORECASE)
    if found is None or _widened(bare[: found.start()]):
        return ""
    column = next(name for name in small if re.search(_word(name), found[1], re.IGNORECASE))
    return (
        f"{found[0]} is computed as {types[column]} inside the index, and a row for which it overflows cannot be "
        f"inserted (22003): widen the first, as in {column}::bigint + …, or ::numeric"
    )


def _widened(before: str) -> bool:
    """Whether the sum goes on from one that is wide already."""
    return bool(re.search(r"::\s*(bigint|int8|numeric|decimal|float8|double precision)\)*[\w\s+()*,]*[+*]\s*$", before))


def _too_long(bare: str, types: Mapping[str, str]) -> str:
    found = _INCLUDE.search(bare)
    for part in found[1].split(",") if found else ():
        column = part.strip().strip('"')
        if is_unbounded(types.get(column, "")):
            return (
                f"{column} in INCLUDE is of unbounded length, and a row for which the index entry exceeds 2,704 bytes "
                "cannot be inserted (54000): leave it out, or say in `short` what keeps it short"
            )
    return ""


def _long_key(bare: str, types: Mapping[str, str]) -> str:
    """A B-tree over a text of unknown length. Casts and calls other than lower and upper are not judged."""
    method = re.match(r"\s*USING\s+(\w+)", bare, re.IGNORECASE)
    if method and method[1].lower() != "btree":
        return ""
    for key in _keys(bare):
        plain = _ORDER.sub("", key).strip('() "')
        if is_unbounded(types.get(plain, "")) or ("->>" in key and not _CUT.search(key)):
            return (
                f"{plain} is of unbounded length, and a row for which the index entry exceeds 2,704 bytes cannot be "
                'inserted (54000): index its beginning, as in ("left"(name, 64)), or USING hash, or say in `short` '
                "what keeps it short"
            )
    return ""


def _keys(bare: str) -> Iterator[str]:
    """The keys of a definition, split by the commas outside of inner parentheses."""
    depth, key = 1, ""
    for sign in bare[bare.index("(") + 1 :]:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth == 0 or (depth == 1 and sign == ","):
            yield key
            key = ""
        else:
            key += sign
        if depth == 0:
            return


def _word(column: str) -> str:
    return rf'"?\b{re.escape(column)}\b"?'
