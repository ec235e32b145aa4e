"""Bounds of partitions: parses what pg_get_expr returns, finds gaps and where coverage ends. Pure; times are UTC."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from console.later import late
from console.records import dataclass

Point = tuple[int, float | str]  # (-1, 0) MINVALUE, (0, value), (1, 0) MAXVALUE
Key = tuple[Point, ...]

LOWEST: Point = (-1, 0.0)
HIGHEST: Point = (1, 0.0)
TIMES = frozenset({"date", "timestamp with time zone", "timestamp without time zone"})
NUMBERS = frozenset({"smallint", "integer", "bigint", "numeric", "real", "double precision", "oid"})

UNITS = (1.0, 1e3, 1e6, 1e9)  # of a second
CENTURY = (946_684_800, 4_102_444_800)  # seconds since 1970: the years 2000 to 2100

_VALUE = r"'(?:[^']|'')*'|[^\s,()']+"
_RANGE = late(rf"^FOR VALUES FROM \(((?:{_VALUE}|, )+)\) TO \(((?:{_VALUE}|, )+)\)$", re.DOTALL)
_SINGLE = late(r"FOR VALUES FROM \('([^']*)'\) TO \('([^']*)'\)")  # of one column, as most are: far faster
_VALUES = late(_VALUE, re.DOTALL)
_HASH = late(r"^FOR VALUES WITH \(modulus (\d+), remainder (\d+)\)$")
_LIST = late(r"^FOR VALUES IN \((.*)\)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Range:
    """One range partition: lower bound inclusive, upper exclusive. Times are seconds since 1970 UTC."""

    lower: Key
    upper: Key


def is_default(bound: str) -> bool:
    """Whether this is the bound of a default partition."""
    return bound == "DEFAULT"


def parse_range(bound: str, types: tuple[str, ...]) -> tuple[Key, Key] | None:
    """Lower and upper key of a range bound; None when `bound` is of another strategy."""
    if len(types) == 1 and (single := _SINGLE.fullmatch(bound)):
        return _quoted(single[1], types[0]), _quoted(single[2], types[0])
    match = _RANGE.match(bound)
    return (_key(match[1], types), _key(match[2], types)) if match else None


@lru_cache(maxsize=64)  # where one partition ends the next begins
def _key(text: str, types: tuple[str, ...]) -> Key:
    return tuple(_point(value, kind) for value, kind in zip(_VALUES.findall(text), types, strict=False))


@lru_cache(maxsize=64)
def _quoted(plain: str, kind: str) -> Key:
    return (_converted(plain, kind),)


def _point(value: str, kind: str) -> Point:
    if value in ("MINVALUE", "MAXVALUE"):
        return LOWEST if value == "MINVALUE" else HIGHEST
    return _converted(value[1:-1].replace("''", "'") if value.startswith("'") else value, kind)


def _converted(plain: str, kind: str) -> Point:
    if kind in TIMES:
        return _time(plain)
    if kind in NUMBERS:
        return (0, float(plain))
    return (0, plain)


def _time(text: str) -> Point:
    # A time beyond Python's calendar counts as unbounded: partitions never run out there.
    if text == "-infinity" or text.endswith("BC"):
        return LOWEST
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return HIGHEST
    return (0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def list_values(bound: str) -> int:
    """How many values a list partition accepts; 0 when `bound` is of another strategy."""
    match = _LIST.match(bound)
    return len(_VALUES.findall(match[1])) if match else 0


def hash_share(bounds: Iterable[str]) -> Fraction:
    """The share of all keys that has a hash partition: 1 when every remainder has one."""
    return sum((Fraction(1, int(match[1])) for match in map(_HASH.match, bounds) if match), Fraction(0))


def time_unit(ranges: Sequence[Range], kind: str) -> float | None:
    """How many units of the first key are a second; None when it is no time.

    A number is one when every bound is a whole hour of this century in seconds, milli-, micro- or nanoseconds since
    1970.
    """
    if kind in TIMES:
        return 1.0
    edges = [edge[0][1] for span in ranges for edge in (span.lower, span.upper) if not edge[0][0]]
    numbers = [float(edge) for edge in edges if not isinstance(edge, str)]
    if kind not in NUMBERS or not numbers:
        return None
    for unit in UNITS:
        if all(CENTURY[0] * unit <= edge <= CENTURY[1] * unit and not edge % (3600 * unit) for edge in numbers):
            return unit
    return None


def in_seconds(span: Range, unit: float) -> Range:
    """A range whose first key is in `unit`, in seconds."""
    return Range(_scaled(span.lower, unit), _scaled(span.upper, unit))


def _scaled(key: Key, unit: float) -> Key:
    (rank, value), *rest = key
    return ((rank, value if rank or isinstance(value, str) else value / unit), *rest)


def gaps(ranges: Sequence[Range]) -> Iterator[tuple[Key, Key]]:
    """Gaps between the lowest and the highest bound. `ranges` are sorted."""
    for before, after in pairwise(ranges):
        if before.upper < after.lower:
            yield before.upper, after.lower


def covered_until(ranges: Sequence[Range], now: float) -> Key | None:
    """Where the gapless ranges around `now` end; None when no range contains `now`. `ranges` are sorted."""
    here: Key = ((0, now),)
    end: Key | None = None
    for span in ranges:
        if (end is None and span.lower <= here < span.upper) or span.lower == end:
            end = span.upper
        elif end is not None:
            break
    return end


def bound_text(key: Key, types: Sequence[str]) -> str:
    """A bound as people write it: 2026-11-01, 2026-11-01 06:00, 42, MAXVALUE."""
    return ", ".join(_point_text(point, kind) for point, kind in zip(key, types, strict=False))


def _point_text(point: Point, kind: str) -> str:
    rank, value = point
    if rank:
        return "MINVALUE" if rank < 0 else "MAXVALUE"
    if isinstance(value, str):
        return value
    if kind not in TIMES:
        return f"{value:.0f}" if value.is_integer() else str(value)
    moment = datetime.fromtimestamp(value, UTC)
    return moment.strftime(
        "%Y-%m-%d" if not value % 86_400 else "%Y-%m-%d %H:%M" if not value % 60 else "%Y-%m-%d %H:%M:%S"
    )
