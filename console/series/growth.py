"""Rows of the view Growth: the size of each table now and how fast it grows. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from console.format import size
from console.model import Record, Row, Snapshot, number
from console.series.days import DAY, MONTH, SeriesName
from console.series.sampled import Sampled
from console.series.trend import LEAST_DAYS, TooFew, Trend

COLUMNS = (
    *("kind", "table", "size", "month", "band", "rows_month", "row_bytes", "index_bytes", "note"),
    *("heap", "indexes", "toast", "rows", "partitions", "low", "high", "days", "day", "series"),
)
FEWEST_ROWS = 1000  # from which bytes a row mean something
OTHERS = {"database": "(database)", "wal": "(WAL written)"}  # rows that are no table, by their kind


def rows(tables: Snapshot, limits: Snapshot | None, history: Sampled) -> Snapshot:
    """The tables of capacity_tables, the database and the WAL; `limits` is what capacity_limits returned."""
    found = [_table(record, history) for record in tables.records()]
    others = [record for record in limits.records() if record["kind"] in OTHERS] if limits else []
    found += [_other(str(record["kind"]), str(record["subject"]), record["used"], history) for record in others]
    return replace(tables, name="capacity_growth", columns=COLUMNS, rows=tuple(found))


def bytes_a_row(record: Record) -> tuple[float | None, float | None]:
    """Bytes of heap and TOAST, and of indexes, for each row of a table; None where it has too few rows, or unknown."""
    held = number(record["rows"])
    if held < FEWEST_ROWS:
        return None, None
    return (number(record["heap"]) + number(record["toast"])) / held, number(record["indexes"]) / held


def band_text(found: Trend | TooFew) -> str:
    """The growth of a month as a band, or why it is not known."""
    if isinstance(found, TooFew):
        return too_few(found.days)
    if found.steady:
        return "steady"
    return f"{size(found.low * MONTH)} … {size(found.high * MONTH)}"


def too_few(days: int) -> str:
    """How many of the days that it takes have samples, or that the level changes too often."""
    return "cannot tell: it jumps" if days >= LEAST_DAYS else f"{days} of {LEAST_DAYS} days sampled"


def step_note(found: Trend | TooFew) -> str | None:
    """The changes of level, the newest first; None: there was none."""
    if isinstance(found, TooFew) or not found.steps:
        return None
    last = found.steps[-1]
    date = datetime.fromtimestamp(last.day * DAY, UTC).date()
    more = f", {len(found.steps) - 1} more before" if len(found.steps) > 1 else ""
    return f"{'+' if last.size > 0 else '-'}{size(abs(last.size))} at once on {date}{more}"


def growth_note(found: Trend | TooFew) -> str | None:
    """What was added or removed at once, and whether the rate is unclear; None: nothing is to be said."""
    unclear = isinstance(found, Trend) and not found.known
    notes = (step_note(found), "the band is too wide to name a rate" if unclear else None)
    return "; ".join(filter(None, notes)) or None


def a_month(found: Trend | TooFew) -> float | None:
    """The growth of a month; None: it is not known."""
    return found.per_day * MONTH if isinstance(found, Trend) and found.known else None


def a_day(found: Trend | TooFew) -> float | None:
    """The growth of a day; None: it is not known."""
    return found.per_day if isinstance(found, Trend) and found.known else None


def _table(record: Record, history: Sampled) -> Row:
    name = str(record["table"])
    found = history.trend(SeriesName("table", name, "size"))
    row_bytes, index_bytes = bytes_a_row(record)
    return (
        "table",
        name,
        record["size"],
        a_month(found),
        band_text(found),
        a_month(history.trend(SeriesName("table", name, "rows"))),
        row_bytes,
        index_bytes,
        growth_note(found),
        *(record[column] for column in ("heap", "indexes", "toast", "rows", "partitions")),
        *_band(found),
        found.days,
        a_day(found),
        name,
    )


def _other(kind: str, subject: str, used: object, history: Sampled) -> Row:
    name = SeriesName(kind, subject, "used")
    found = history.trend(name)
    shown = used if kind == "database" else None  # what was ever written is no size
    head = (kind, OTHERS[kind], shown, a_month(found), band_text(found), None, None, None, growth_note(found))
    return (*head, *(None,) * 5, *_band(found), found.days, a_day(found), subject)


def _band(found: Trend | TooFew) -> tuple[float | None, float | None]:
    return (None, None) if isinstance(found, TooFew) else (found.low * MONTH, found.high * MONTH)
