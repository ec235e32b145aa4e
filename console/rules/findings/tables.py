"""Tables that VACUUM or ANALYZE does not keep up with or that need a rewrite, by the verdicts of the bloat pane."""

from __future__ import annotations

from collections.abc import Iterable
from operator import not_

from console.format import age, count, one_line, percent, size
from console.model import (
    OUTDATED,
    RARELY,
    RELATIONS,
    REPACK_EXTENSION,
    SELDOM,
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
from console.panes.bloat import TABLES
from console.panes.settings import JUDGED
from console.rules.findings.logged import LOGGED_CANCELLED, ask_log, logged
from console.rules.findings.wording import counted, listed, number
from console.rules.storage import BLOAT_BYTES, VACUUM_DUE_PERCENT

MOST = 5  # tables of which one rule makes a finding each


def bloated(frame: Frame) -> Iterable[Finding]:
    """A finding for each of the tables with the most bloat."""
    found = frame.rows_with("bloat_tables", "verdict", {"bloat", "heavy bloat"}.__contains__)
    for row in _largest(found, "bloat"):
        table = str(row["table"])
        repack = frame.facts is not None and frame.facts.can_repack
        yield Finding(
            rule="bloat",
            subject=f"table {table}",
            level=Level.WARNING if row["verdict"] == "heavy bloat" else Level.NOTICE,
            sentence=f"table {one_line(table)}: {size(row['bloat'])} of {size(row['size'])} are estimated bloat",
            detail="" if repack else f"repack-table returns it online; it needs the extension {REPACK_EXTENSION}",
            evidence=(_evidence("bloat", percent(row["bloat_pct"]), row),),
            fixes=(Fix("repack-table", {"table": table}, "rewrite it online; needs room for a copy"),)
            if repack
            else (),
            harm=number(row["bloat"]) / 2**40,
        )


def overdue(frame: Frame) -> Iterable[Finding]:
    """A finding for each of the tables whose dead tuples VACUUM should have removed."""
    found = [
        row
        for row in frame.rows_with("bloat_tables", "verdict", {"dead tuples", "many dead tuples"}.__contains__)
        if frame.level(VACUUM_DUE_PERCENT, row["debt_pct"])
    ]
    for row in _largest(found, "dead"):
        table = str(row["table"])
        last = f"last vacuumed {age(row['vacuum_age'])} ago" if row["vacuum_age"] is not None else "never vacuumed"
        yield Finding(
            rule="vacuum-overdue",
            subject=f"table {table}",
            level=Level.WARNING,
            sentence=f"table {one_line(table)}: {count(row['dead'])} dead tuples "
            f"({percent(row['dead_pct'])}) wait for VACUUM, {last}",
            detail="" if row["autovacuum"] else "autovacuum is disabled for this table",
            evidence=(
                _evidence("of the number that triggers autovacuum", percent(row["debt_pct"]), row),
                *(each for each in logged(frame, LOGGED_CANCELLED, "cancelled") if f'.{table}"' in each.value),
            ),
            fixes=(
                Fix("vacuum-table", {"table": table}, "make the space reusable, without blocking reads or writes"),
                *(() if row["autovacuum"] else (_enable(row),)),
            ),
            harm=number(row["dead"]) / 1e12,
        )


def disabled(frame: Frame) -> Iterable[Finding]:
    """A finding if the server runs no autovacuum, and one for all larger tables for which it is disabled."""
    for row in frame.rows_with("settings", "name", {"autovacuum", "track_counts"}.__contains__):
        if row["setting"] == "off":
            yield Finding(
                rule="autovacuum-disabled",
                subject=f"setting {row['name']}",
                level=Level.CRITICAL,
                sentence=f"{row['name']} is off: no table is vacuumed or analysed before wraparound forces it",
                detail="ALTER SYSTEM RESET, and reload; check command line and role settings too",
                evidence=(Evidence(str(row["name"]), "off", "settings", "all", {"name": row["name"]}),),
            )
    found = [
        row for row in frame.rows_with("bloat_tables", "autovacuum", not_) if frame.level(BLOAT_BYTES, row["size"])
    ]
    if found:
        tables = [one_line(row["table"]) for row in _largest(found, "size", len(found))]
        yield Finding(
            rule="autovacuum-disabled",
            subject="tables without autovacuum",
            level=Level.NOTICE,
            sentence=f"autovacuum is disabled for {counted(len(found), 'table')}: {listed(tables)}",
            detail="ALTER TABLE … RESET (autovacuum_enabled) enables it again",
            evidence=tuple(_evidence("size", size(row["size"]), row) for row in found[:3]),
            fixes=tuple(_enable(row) for row in _largest(found, "size")),
        )


def parents(frame: Frame) -> Iterable[Finding]:
    """One finding for all partitioned tables without statistics of their own."""
    found = frame.rows("partition_statistics")
    if found:
        named = [str(row["parent"]) for row in found]
        yield Finding(
            rule="parent-not-analyzed",
            subject="partitioned tables without statistics",
            level=Level.NOTICE,
            sentence=f"never analysed as a whole: {listed([one_line(name) for name in named])}",
            detail="plans across their partitions are guesses; autovacuum analyses only the partitions",
            evidence=tuple(
                Evidence(
                    one_line(row["parent"]),
                    _rows(row["rows"]),
                    "partitions",
                    "",
                    {"oid": row["oid"]},
                )
                for row in found[:3]
            ),
            fixes=(Fix("analyze-table", {"table": ",".join(named)}, "update their statistics, without blocking"),),
        )


def _largest(found: Iterable[Record], column: str, most: int = MOST) -> list[Record]:
    return sorted(found, key=lambda row: (-number(row[column]), str(row["table"])))[:most]


def _evidence(label: str, value: str, row: Record) -> Evidence:
    return Evidence(label, value, "bloat", "tables", {"oid": row["oid"]})


def _enable(row: Record) -> Fix:
    """Lets autovacuum process a table again for which it is disabled."""
    table = str(row["table"])
    effect = f"let autovacuum process {one_line(table)} again, as the server's settings say"
    return Fix("set-autovacuum", {"table": table, "enabled": "reset"}, effect)


def are_overdue(frame: Frame) -> bool:
    """Whether the dead tuples of a table wait for too long, so that the log is worth reading."""
    try:
        level = frame.limits(VACUUM_DUE_PERCENT).level
        return bool(frame.rows_with("bloat_tables", "debt_pct", lambda share: bool(level(share))))
    except CannotTell:
        return False


_ASKS = (of_view(TABLES, RARELY, on_change=(*RELATIONS, *OUTDATED)),)
_MISSES = "Fewer than 100,000 rows that were updated or deleted show within ten minutes."
BLOAT = Diagnosis("bloat", "A large part of a table is bloat", Urgency.CARE, _ASKS, bloated, misses=_MISSES)
VACUUM_OVERDUE = Diagnosis(
    "vacuum-overdue",
    "Dead tuples of a table wait for VACUUM for too long",
    Urgency.CARE,
    (*_ASKS, ask_log(SELDOM, are_overdue)),
    overdue,
    (VACUUM_DUE_PERCENT,),
    misses=_MISSES,
)
AUTOVACUUM_DISABLED = Diagnosis(
    "autovacuum-disabled",
    "Autovacuum is off for the server or for a large table",
    Urgency.CARE,
    (*_ASKS, of_view(JUDGED, RARELY)),
    disabled,
    (BLOAT_BYTES,),
)
PARENT_NOT_ANALYZED = Diagnosis(
    "parent-not-analyzed",
    "A partitioned table has no statistics of its own",
    Urgency.CARE,
    (Ask("partition_statistics", every=RARELY, on_change=RELATIONS),),
    parents,
)


def _rows(value: object) -> str:
    return f"{count(value)} {'row' if number(value) == 1 else 'rows'}"
