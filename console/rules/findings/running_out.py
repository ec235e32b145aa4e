"""Ids and integers that run out: transaction and multixact ids, sequences."""

from __future__ import annotations

from collections.abc import Iterable

from console.format import age, count, one_line, percent
from console.model import (
    IDS,
    RARELY,
    RELATIONS,
    SELDOM,
    Ask,
    CannotTell,
    Diagnosis,
    Evidence,
    Finding,
    Fix,
    Frame,
    Lacks,
    Level,
    Record,
    Urgency,
    of_view,
)
from console.panes.vacuum_views import WRAPAROUND
from console.rules.findings.wording import counted, listed, number
from console.rules.storage import DAY, FREEZE_AGE_PERCENT, SEQUENCE_USED_PERCENT, WRAPAROUND_PERCENT

LAST = 2**31 - 3_000_000  # age at which the server refuses to assign ids
WINDOW = 3600.0  # seconds over which the use of ids is measured
MOST_TABLES = 10  # in the parameters of one fix
LEVELS = {"wraparound near": Level.CRITICAL, "freeze overdue": Level.WARNING}


def wraparound(frame: Frame) -> Iterable[Finding]:
    """A finding for each database with ids that should have been frozen; tables are known of the connected one."""
    overdue = frame.rows_with("vacuum_wraparound", "verdict", LEVELS.__contains__)
    here = frame.facts.database if frame.facts else ""
    tables = sorted((row for row in overdue if row["kind"] == "table"), key=_used, reverse=True)
    if tables:
        yield _of_tables(frame, here, tables)
    for row in overdue:
        if row["kind"] == "database" and not (tables and row["name"] == here):
            yield _finding(frame, str(row["name"]), row, f"database {one_line(row['name'])}")


def _of_tables(frame: Frame, here: str, tables: list[Record]) -> Finding:
    named = [str(row["name"]) for row in tables]
    fix = Fix(
        "vacuum-table",
        {"table": ",".join(named[:MOST_TABLES]), "freeze": "yes", "analyze": "no"},
        f"freeze {counted(min(len(named), MOST_TABLES), 'table')}, without blocking reads or writes",
    )
    return _finding(frame, here, tables[0], f"table {listed([one_line(name) for name in named])}", fix)


def _finding(frame: Frame, database: str, row: Record, what: str, *fixes: Fix) -> Finding:
    multixact = number(row["mxid_limit_pct"]) > number(row["limit_pct"])
    name, ids, column, share = (
        ("multixact ID", "multixacts", "mxid_age", "mxid_limit_pct")
        if multixact
        else (
            "transaction ID",
            "transactions",
            "xid_age",
            "limit_pct",
        )
    )
    pins = frame.row("vitals")
    held = pins["xmin_holder"] if number(pins["xmin_age"]) > number(row["xid_age"]) / 2 else None
    return Finding(
        rule="wraparound",
        subject=f"wraparound {database}",
        level=LEVELS[str(row["verdict"])],
        sentence=f"{what}: {row['verdict']}, its oldest {name} is {count(row[column])} {ids} old, "
        f"{percent(row[share])} of the limit{_left(frame, number(row[column]), multixact)}",
        detail=f"VACUUM cannot freeze past what {one_line(held)} holds" if held else "",
        evidence=(Evidence("verdict", str(row["verdict"]), "vacuum", "wraparound", {"oid": row["oid"]}),),
        fixes=fixes,
        harm=number(row[share]) / 100,
    )


def _left(frame: Frame, old: float, multixact: bool) -> str:
    """How long the ids last at the present rate; empty: not known."""
    try:
        used, elapsed = frame.change("transaction_ages", "mxid_age" if multixact else "next_xid", WINDOW)
    except CannotTell:
        return ""
    return f", {age((LAST - old) / used * elapsed)} left" if used > 0 else ""


def _used(row: Record) -> float:
    return max(number(row["limit_pct"]), number(row["mxid_limit_pct"]))


def sequences(frame: Frame) -> Iterable[Finding]:
    """A finding for each sequence near its end. Raises CannotTell if it found none and could not read all."""
    hidden = 0
    found = False
    for row in frame.rows("sequence_ranges"):
        hidden += int(number(row["hidden"]))
        level = frame.level(SEQUENCE_USED_PERCENT, row["used_pct"])
        if level:
            found = True
            yield _near_its_end(frame, row, level)
    if hidden and not found:
        raise CannotTell(
            f"{counted(hidden, 'sequence')} cannot be read by this role.",
            "GRANT pg_read_all_data TO the role.",
            Lacks(("pg_read_all_data",)),
        )


def _near_its_end(frame: Frame, row: Record, level: Level) -> Finding:
    rest = number(row["last_possible"]) - number(row["last_value"])
    column = f" for {one_line(row['column'])} ({one_line(row['type'])})" if row["column"] else ""
    return Finding(
        rule="sequence-end",
        subject=f"sequence {row['sequence']}",
        level=level,
        sentence=f"sequence {one_line(row['sequence'])}{column}: {percent(row['used_pct'])} used, "
        f"{count(rest)} {'value' if rest == 1 else 'values'} left{_lasts(frame, row, rest)}; then inserts fail",
        detail=_wider(row) if row["type"] in {"integer", "smallint"} else "",
        evidence=(Evidence("used", percent(row["used_pct"]), "capacity", "limits", {"series": row["sequence"]}),),
        harm=number(row["used_pct"]) / 100,
    )


def _wider(row: Record) -> str:
    table, _, column = str(row["column"]).rpartition(".")
    alter = f"ALTER TABLE {one_line(table)} ALTER {one_line(column)} TYPE bigint"
    return f"{alter} makes room: it rewrites the table and blocks reads and writes meanwhile"


def _lasts(frame: Frame, row: Record, rest: float) -> str:
    """How long the values last at the rate since the earliest reading; empty: not known."""
    try:
        before, elapsed = frame.earlier("sequence_ranges", DAY)
    except CannotTell:
        return ""
    former = {old["oid"]: number(old["last_value"]) for old in before.records()}
    used = number(row["last_value"]) - former.get(row["oid"], number(row["last_value"]))
    return f", enough for {age(rest / used * elapsed)}" if used > 0 else ""


WRAPAROUND_NEAR = Diagnosis(
    "wraparound",
    "Transaction or multixact IDs are not frozen in time",
    Urgency.SOON,
    (
        of_view(WRAPAROUND, RARELY, on_change=(*RELATIONS, *IDS)),
        Ask("transaction_ages", every=SELDOM, window=WINDOW),
        Ask("vitals"),
    ),
    wraparound,
    (WRAPAROUND_PERCENT, FREEZE_AGE_PERCENT),
    misses="The ages of tables are read every ten minutes, and at once when 100,000 IDs were assigned.",
)
SEQUENCE_END = Diagnosis(
    "sequence-end",
    "A sequence or integer key is near its end",
    Urgency.SOON,
    (Ask("sequence_ranges", every=RARELY, window=DAY, on_change=RELATIONS),),
    sequences,
    (SEQUENCE_USED_PERCENT,),
    misses="Sequences that are there are read every ten minutes: no counter shows that one moves.",
)
