"""What the bounds of a partitioned table say: from when to when, holes, how long they last. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from console.model import Level, Record, Rule
from console.panes import bounds
from console.panes.bounds import Key, Range
from console.panes.storage import number
from console.rules.storage import PARTITION_RUNWAY_DAYS

DAY = 86_400.0
ENDED = 366.0  # days; a table whose last partition ended before that is an archive, not one that was forgotten


@dataclass(frozen=True, slots=True)
class Extent:
    """What the bounds of one parent say."""

    first: str = ""
    last: str = ""
    runway: float | None = None  # days
    holds_now: bool = True
    ended: bool = False  # its last partition ended long ago
    gaps: tuple[str, ...] = ()
    complete: bool = True
    segments: tuple[tuple[float | None, float | None, float, str], ...] = ()


def extent(row: Record) -> Extent:
    """The extent of one parent, from its bounds."""
    texts = _texts(row["bounds"])
    if row["strategy"] == "hash":
        share = bounds.hash_share(texts)
        return Extent(complete=share == 1, first=f"{float(share):.0%} of keys")
    if row["strategy"] == "list":
        return Extent(first=f"{sum(map(bounds.list_values, texts))} values")
    types = tuple(_texts(row["types"]))
    ranges = _ranges(texts, row["bound_rows"], types)
    holes = tuple(bounds.gaps(ranges))
    known = Extent(
        first=bounds.said(ranges[0].lower, types) if ranges else "",
        last=bounds.said(max(one.upper for one in ranges), types) if ranges else "",
        gaps=tuple(f"{bounds.said(start, types)} … {bounds.said(end, types)}" for start, end in holes),
    )
    if not types or types[0] not in bounds.TIMES or not texts:
        return known
    return _in_time(known, ranges, holes, row)


def _in_time(known: Extent, ranges: Sequence[Range], holes: Sequence[tuple[Key, Key]], row: Record) -> Extent:
    now = number(row["now"])
    end = bounds.coverage(ranges, now)
    until = 0.0 if end is None else None if (edge := _seconds(end)) is None else (edge - now) / DAY
    pieces = [(_seconds(one.lower), _seconds(one.upper), one.rows, _kind(one, now)) for one in ranges]
    pieces += [(_seconds(start), _seconds(stop), 0.0, "gap") for start, stop in holes]
    pieces.sort(key=lambda piece: float("-inf") if piece[0] is None else piece[0])
    if row["default_oid"] is not None:
        pieces.append((None, None, number(row["default_rows"]), "default"))
    ends = [edge for _, edge, _, kind in pieces if kind != "default"]
    ended = bool(ends) and all(edge is not None and now - edge > ENDED * DAY for edge in ends)
    until = None if ended else until
    return replace(known, runway=until, holds_now=end is not None, ended=ended, segments=tuple(pieces))


def _ranges(texts: Sequence[str], rows: object, types: tuple[str, ...]) -> list[Range]:
    counts = rows if isinstance(rows, list | tuple) else [0.0] * len(texts)
    parsed = ((bounds.parse_range(text, types), count) for text, count in zip(texts, counts, strict=True))
    return sorted(
        (Range(*pair, number(count)) for pair, count in parsed if pair),
        key=lambda one: (one.lower, one.upper),
    )


def _kind(one: Range, now: float) -> str:
    here = ((0, now),)
    return "past" if one.upper <= here else "future" if one.lower > here else "current"


def _seconds(key: Key) -> float | None:
    rank, value = key[0]
    return None if rank or isinstance(value, str) else value


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else []


def judge(row: Record, known: Extent, partition_runway_days: Rule = PARTITION_RUNWAY_DAYS) -> str:
    """The most urgent thing to say of a parent."""
    if row["bounds"] is None and row["children"]:
        return "detach pending" if row["detaching"] else "not read yet"
    runway = partition_runway_days.level(known.runway)
    for holds, verdict in (
        (row["detaching"], "detach pending"),
        (not row["children"], "no partitions"),
        (known.ended, "ended"),
        (not known.holds_now, "no room for now"),
        (runway is Level.CRITICAL, "runway critical"),
        (runway is Level.WARNING, "runway short"),
        (not known.complete, "incomplete"),
        (number(row["default_rows"]) > 0, "rows in default"),
        (bool(known.gaps), "gap"),
    ):
        if holds:
            return verdict
    return "ok"
