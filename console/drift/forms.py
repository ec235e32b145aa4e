"""Whether two spellings of a definition are equivalent, and which values of the expected type another type holds."""

from __future__ import annotations

from console.later import late
from console.records import dataclass

_CAST = late(r"::(?:text|character varying|bpchar)(?:\(\d+\))?(?:\[\])?")
_SPACE = late(r"[\s()]+")
_LIMITED = late(r"(?P<base>[a-z ]+?)\((?P<limits>\d+(?:,\d+)?)\)")
_WHOLE = {"smallint": 1, "integer": 2, "bigint": 3}
_TEXTS = {"text", "character varying", "character"}
_NUMBERS = {"numeric", "real", "double precision"}


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a column of another type holds every value of the expected type, and why not."""

    fits: bool
    related: bool  # of the same family: what depends on the column still works
    why: str = ""


def plain(expression: str) -> str:
    """An expression without casts, parentheses and extra spaces, which versions and text types spell differently."""
    return _SPACE.sub(" ", _CAST.sub("", expression)).replace("CURRENT_TIMESTAMP", "now ").strip().replace("  ", " ")


def fit(expected: str, found: str) -> Fit:
    """Whether a column of type `found` can stand in for `expected`; types as format_type prints them."""
    if expected == found:
        return Fit(True, True)
    wanted, limits = _parts(expected)
    base, room = _parts(found)
    if wanted in _WHOLE and base in _WHOLE:
        return Fit(_WHOLE[base] > _WHOLE[wanted], True, f"{found} holds less than {expected}")
    if wanted in _TEXTS and base in _TEXTS:
        enough = not room or (bool(limits) and room >= limits)
        return Fit(enough and base != "character", True, f"{found} holds shorter text than {expected}")
    if wanted == "numeric" and base in _NUMBERS:
        return _number(expected, found, limits, room)
    if base in _WHOLE and wanted == "uuid":
        return Fit(False, False, f"the keys are {found}; every column that references them would have to change too")
    return Fit(False, False, f"{found} cannot hold all values of {expected}; changing the type rewrites the table")


def _parts(name: str) -> tuple[str, tuple[int, ...]]:
    match = _LIMITED.fullmatch(name)
    return (match["base"], tuple(int(part) for part in match["limits"].split(","))) if match else (name, ())


def _number(expected: str, found: str, limits: tuple[int, ...], room: tuple[int, ...]) -> Fit:
    if not found.startswith("numeric"):
        return Fit(False, True, f"{found} is not exact")
    if not room:
        return Fit(True, True)
    digits, places = (*limits, 0)[:2] if limits else (1000, 1000)
    has_digits, has_places = (*room, 0)[:2]
    enough = has_places >= places and has_digits - has_places >= digits - places
    return Fit(enough, True, f"{found} holds fewer digits than {expected}")
