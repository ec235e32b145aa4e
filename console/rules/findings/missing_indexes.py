"""Indexes that are missing: for foreign keys, and for large tables that are scanned as a whole again and again."""

from __future__ import annotations

from collections.abc import Iterable

from console.format import age, count, decoded, milliseconds, one_line, size
from console.model import (
    RARELY,
    RELATIONS,
    Ask,
    CannotTell,
    Diagnosis,
    Evidence,
    Finding,
    Fix,
    Frame,
    Level,
    Record,
    Urgency,
    of_view,
)
from console.panes.indexes import MISSING
from console.rules.findings.gone_indexes import has_table
from console.rules.findings.wording import counted, number, statement
from console.rules.storage import DAY, INDEX_COUNTED_DAYS, SCANS_PER_DAY, UNINDEXED_BYTES

KEY = ("queryid", "userid", "dbid")
MOST = 5  # findings of each kind
WHOLE = 0.9  # of the rows of a table: a scan that reads fewer looks for one row, as EXISTS and LIMIT do


def missing(frame: Frame) -> Iterable[Finding]:
    """A finding for each large table that deletes of another one, or queries, scan as a whole.

    Raises CannotTell while that was counted for less than a week.
    """
    scanned = frame.rows("sequential_scans")
    keys = [row for row in frame.rows("foreign_keys") if row["deleted"] and frame.level(UNINDEXED_BYTES, row["size"])]
    large = [row for row in scanned if _is_scanned(frame, row)]
    if not keys and not large:
        return
    counted = max((number(row["counted_for"]) for row in scanned), default=0.0)
    if frame.level(INDEX_COUNTED_DAYS, counted / DAY):
        days = frame.limits(INDEX_COUNTED_DAYS).limit.warning
        raise CannotTell(f"Scans were counted for less than {days:g} days.", "They are counted as the server runs.")
    yield from (_foreign_key(row) for row in keys[:MOST])
    yield from (_scans(frame, row) for row in large[:MOST])


def somebody_scans(frame: Frame) -> bool:
    """Whether a large table is read as a whole again and again: only then texts of statements are read."""
    return any(_is_scanned(frame, row) for row in frame.rows("sequential_scans"))


def _is_scanned(frame: Frame, row: Record) -> bool:
    rows, scans = number(row["rows"]), number(row["scans"])
    if not rows or not scans or not frame.level(UNINDEXED_BYTES, row["size"]):
        return False
    whole = number(row["rows_read"]) / scans >= WHOLE * rows
    return whole and bool(frame.level(SCANS_PER_DAY, _per_day(row)))


def _per_day(row: Record) -> float:
    return number(row["scans"]) * DAY / max(number(row["counted_for"]), 1.0)


def _foreign_key(row: Record) -> Finding:
    table, columns = one_line(row["table"]), one_line(row["columns"])
    return Finding(
        rule="index-missing",
        subject=f"foreign key {row['constraint']} of {row['table']}",
        level=Level.NOTICE,
        sentence=f"foreign key {one_line(row['constraint'])} of {table} ({columns}) has no index: each of "
        f"{count(row['deleted'])} deletes from {one_line(row['referenced'])} scanned {size(row['size'])}",
        detail="an index that begins with these columns lets each delete find its rows",
        evidence=(Evidence("size", size(row["size"]), "indexes", "missing", {"oid": row["oid"]}),),
        fixes=(
            Fix(
                "create-index",
                {"table": str(row["target"]), "columns": str(row["keys"])},
                "build it without blocking reads or writes; can be undone",
            ),
        ),
        harm=number(row["deleted"]) * number(row["size"]) / 2**60,
    )


def _scans(frame: Frame, row: Record) -> Finding:
    reader = _reader(frame, str(row["table"]))
    return Finding(
        rule="index-missing",
        subject=f"scans of {row['table']}",
        level=Level.NOTICE,
        sentence=f"table {one_line(row['table'])} of {size(row['size'])} is read as a whole "
        f"{count(_per_day(row))} times a day: an index may be missing",
        detail=f"{count(row['scans'])} sequential scans in {age(row['counted_for'])}; "
        + (_explained(reader) if reader else "EXPLAIN of its slow queries shows which columns they filter by"),
        evidence=(
            Evidence("size", size(row["size"]), "bloat", "tables", {"oid": row["oid"]}),
            *([_statement_evidence(reader)] if reader else []),
        ),
        harm=number(row["scans"]) * number(row["size"]) / 2**60,
    )


def _reader(frame: Frame, qualified: str) -> Record | None:
    """The statement that takes most time of those that name a table, with its text; None: none is known."""
    try:
        heads, counters = frame.rows("statement_heads"), frame.rows("statements")
    except CannotTell:  # without pg_stat_statements the table is known, but not who reads it
        return None
    here = frame.facts.database if frame.facts else None
    schema, _, table = qualified.partition(".")
    texts = {
        tuple(row[column] for column in KEY): row["query"]
        for row in heads
        if row["database"] == here and has_table(str(decoded(row["query"]) or ""), schema, table)
    }
    found = [row for row in counters if tuple(row[column] for column in KEY) in texts]
    if not found:
        return None
    most = max(found, key=lambda row: number(row["total_ms"]))
    return {**most, "query": texts[tuple(most[column] for column in KEY)]}


def _explained(reader: Record) -> str:
    cost = f"{counted(int(number(reader['calls'])), 'call')}, {milliseconds(reader['total_ms'])} in all"
    return (
        f"EXPLAIN the statement with most time on it ({cost}) to see by which columns it filters: {statement(reader)}"
    )


def _statement_evidence(reader: Record) -> Evidence:
    row = {column: reader[column] for column in ("queryid", "dbid")}
    return Evidence("statement", milliseconds(reader["total_ms"]), "slow-queries", "totals", row)


INDEX_MISSING = Diagnosis(
    "index-missing",
    "An index is missing for a foreign key or a large table",
    Urgency.CARE,
    (
        Ask("sequential_scans", every=RARELY),
        of_view(MISSING, RARELY, on_change=RELATIONS),
        Ask("statements", every=RARELY, only_if=somebody_scans),
        Ask("statement_heads", every=RARELY, only_if=somebody_scans),
    ),
    missing,
    (UNINDEXED_BYTES, SCANS_PER_DAY, INDEX_COUNTED_DAYS),
    misses="Scans are read every ten minutes, and judged once they were counted for a week.",
)
