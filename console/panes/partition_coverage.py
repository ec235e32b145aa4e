"""What the bounds of a partitioned table cover: first and last bound, gaps, days until the partitions run out. Pure."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from console.format import counted
from console.model import Level, Record, Rule, number
from console.panes import partition_bounds as bounds
from console.panes.partition_bounds import Key, Range
from console.records import dataclass
from console.rules.storage import PARTITION_RUNWAY_DAYS

DAY = 86_400.0
ENDED = 366.0  # days; a table whose last partition ended longer ago is an archive, not a forgotten table


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the bounds of one partitioned table cover."""

    first: str = ""
    last: str = ""
    runway: float | None = None  # days
    holds_now: bool = True
    ended: bool = False  # its last partition ended more than ENDED days ago
    unknown: bool = False  # the bounds do not show when new rows will have no partition
    gaps: tuple[str, ...] = ()
    complete: bool = True
    segments: tuple[tuple[float | None, float | None, float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Laid:
    """What the bounds alone tell: the coverage but for now, and if they are times, the ranges in order, in seconds."""

    known: Coverage
    spans: tuple[Range, ...] = ()
    order: tuple[int, ...] = ()  # the place of each range among the bounds
    gaps: tuple[tuple[Key, Key], ...] = ()


def coverage(row: Record) -> Coverage:
    """The coverage of one partitioned table, from its bounds."""
    texts = _texts(row["bounds"])
    if row["strategy"] == "hash":
        share = bounds.hash_share(texts)
        return Coverage(complete=share == 1, first=f"{float(share):.0%} of keys")
    types = tuple(_texts(row["types"])) or ("",)  # the catalogs of a later version may not give them
    if row["strategy"] == "list":
        unknown = types[0] in bounds.TIMES or not row["clock"]
        return Coverage(first=counted(sum(map(bounds.list_values, texts)), "value"), unknown=unknown)
    laid = _laid_out(tuple(texts), types, bool(row["clock"]))
    return _in_time(laid, row) if laid.spans else laid.known


@lru_cache(maxsize=256)
def _laid_out(texts: tuple[str, ...], types: tuple[str, ...], is_clock: bool) -> Laid:
    """Kept between two reads: bounds seldom change, and to parse those of thousands of partitions takes long."""
    parsed = sorted((pair, at) for at, text in enumerate(texts) if (pair := bounds.parse_range(text, types)))
    ranges, order = [Range(*pair) for pair, _ in parsed], tuple(at for _, at in parsed)
    if not ranges:
        return Laid(Coverage())
    found = bounds.gaps(ranges)
    known = Coverage(
        first=bounds.bound_text(ranges[0].lower, types),
        last=bounds.bound_text(max(span.upper for span in ranges), types),
        gaps=tuple(f"{bounds.bound_text(start, types)} … {bounds.bound_text(end, types)}" for start, end in found),
    )
    unit = bounds.time_unit(ranges, types[0]) if is_clock else None
    if unit is None:
        return Laid(replace(known, unknown=all(span.upper[0] < bounds.HIGHEST for span in ranges)))
    spans = tuple(ranges if unit == 1.0 else (bounds.in_seconds(span, unit) for span in ranges))
    return Laid(known, spans, order, tuple(bounds.gaps(spans)))


def _in_time(laid: Laid, row: Record) -> Coverage:
    now, ranges = number(row["now"]), laid.spans
    end = bounds.covered_until(ranges, now)
    until = 0.0 if end is None else None if (edge := _seconds(end)) is None else (edge - now) / DAY
    counts = row["bound_rows"] if isinstance(row["bound_rows"], list | tuple) else ()
    rows = [number(counts[at]) if at < len(counts) else 0.0 for at in laid.order]
    pieces = [
        (_seconds(span.lower), _seconds(span.upper), count, _kind(span, now))
        for span, count in zip(ranges, rows, strict=True)
    ]
    pieces += [(_seconds(start), _seconds(stop), 0.0, "gap") for start, stop in laid.gaps]
    pieces.sort(key=lambda piece: float("-inf") if piece[0] is None else piece[0])
    if row["default_oid"] is not None:
        pieces.append((None, None, number(row["default_rows"]), "default"))
    ends = [edge for _, edge, _, kind in pieces if kind != "default"]
    ended = bool(ends) and all(edge is not None and now - edge > ENDED * DAY for edge in ends)
    until = None if ended else until
    return replace(laid.known, runway=until, holds_now=end is not None, ended=ended, segments=tuple(pieces))


def _kind(span: Range, now: float) -> str:
    here = ((0, now),)
    return "past" if span.upper <= here else "future" if span.lower > here else "current"


def _seconds(key: Key) -> float | None:
    rank, value = key[0]
    return None if rank or isinstance(value, str) else value


def _texts(value: object) -> list[str]:
    return [str(text) for text in value] if isinstance(value, list | tuple) else []


def judge(row: Record, known: Coverage, partition_runway_days: Rule = PARTITION_RUNWAY_DAYS) -> str:
    """The most urgent problem of a partitioned table, in a few words."""
    if row["bounds"] is None and row["children"]:
        return "detach pending" if row["detaching"] else "not read yet"
    runway = partition_runway_days.level(known.runway)
    for holds, verdict in (
        (row["detaching"], "detach pending"),
        (row.get("astray"), "month detached"),
        (not row["children"], "no partitions"),
        (known.ended, "ended"),
        (not known.holds_now, "now not covered"),
        (runway is Level.CRITICAL, "runway critical"),
        (runway is Level.WARNING, "runway short"),
        (not known.complete, "incomplete"),
        (number(row["default_rows"]) > 0, "rows in default"),
        (bool(known.gaps), "gap"),
        (known.unknown, "unknown"),
    ):
        if holds:
            return verdict
    return "ok"
