"""Vacuum: what it is due for and why it does not run, what holds it back, what is running, and freezing."""

from __future__ import annotations

from console.format import one_line
from console.model import Column, Pane, Record, Snapshot, View, Whole, number
from console.panes import cluster_sums
from console.panes.derived import add, with_notes, with_query
from console.panes.vacuum_clock import CLOCK
from console.panes.vacuum_reasons import is_held_back, why
from console.panes.vacuum_views import RUNNING, WRAPAROUND
from console.rules.sessions import XMIN_AGE_TRANSACTIONS
from console.rules.storage import VACUUM_DUE_PERCENT


def due(snapshot: Snapshot) -> Snapshot:
    """Why each table is not vacuumed, and a note on who holds VACUUM back."""
    found = add(cluster_sums.without_shells(snapshot), ("why",), lambda row: (why(row),))
    holders = {one_line(row["pinned_by"]) for row in found.records() if is_held_back(row)}
    return with_notes(found, *(f"rows that died since {name} began stay" for name in sorted(holders)))


def pins(snapshot: Snapshot) -> Snapshot:
    """Who it is, in one column, and the columns from which the actions of the pane take their parameters."""

    def columns_of(row: Record) -> tuple[object, ...]:
        kind, name = row["kind"], row["name"]
        who = " ".join(str(part) for part in (row["pid"], name) if part not in {None, ""})
        oldest = max((number(row[each]) for each in ("xmin_age", "catalog_xmin_age")), default=0.0)
        return who, oldest, name if kind == "prepared" else None, name if kind == "slot" else None

    return add(with_query(snapshot), ("who", "oldest", "gid", "slot_name"), columns_of)


TABLES = View(
    name="due",
    title="Due",
    query="vacuum_due",
    key=("oid",),
    sort="-due_pct",
    lookups=(cluster_sums.SHELLS,),
    derive=due,
    columns=(
        Column("table", "table", "relation", width=14, grow=True),
        Column("toast", "TOAST", "flag", width=5, help="Whether the row is about its TOAST table."),
        Column(
            "due_pct",
            "due",
            "percent",
            bar=Whole.HUNDRED,
            width=6,
            rule=VACUUM_DUE_PERCENT,
            help="Dead tuples or inserts as a share of the threshold that triggers autovacuum; 100%: due.",
        ),
        Column("due_for", "for", width=11, help="The threshold that it is closest to."),
        Column("dead", "dead", "count", width=6, help="Dead tuples, from the cumulative statistics."),
        Column(
            "removable",
            "removable",
            "count",
            width=9,
            help="Dead tuples that a VACUUM now could remove; 0: all died after the oldest open transaction began; "
            "–: cannot be known.",
        ),
        Column(
            "why",
            "why not vacuumed",
            width=18,
            help="Off, blocked by a lock, held back, or not due. Cancelled runs appear only in the server log.",
        ),
        Column("vacuum_age", "vacuum", "age", width=6, extra=True, help="Time since the last VACUUM."),
        Column("analyze_pct", "analyze", "percent", width=7, extra=True, help="The same as due, for ANALYZE."),
        Column("analyze_age", "analyzed", "age", width=8, extra=True, help="Time since the last ANALYZE."),
        Column(
            "insert_pct",
            "inserts",
            "percent",
            width=7,
            extra=True,
            help="Rows inserted, as a share of the threshold that triggers autovacuum.",
        ),
        Column(
            "freeze_pct",
            "freeze",
            "percent",
            extra=True,
            help="Age of the oldest unfrozen id, as a share of the age that forces a VACUUM.",
        ),
        Column(
            "score",
            "score",
            "rate",
            width=7,
            extra=True,
            help="Autovacuum takes the table with the highest score first (PostgreSQL 19 and later).",
        ),
        Column("estimated_size", "size", "size", extra=True, help="As of the last VACUUM or ANALYZE."),
        Column("options", "options", width=30, extra=True, help="Storage parameters of the table."),
    ),
    empty="No table has dead tuples or new rows.",
)

PINS = View(
    name="pins",
    title="Pins",
    query="held_transactions",
    kept=120.0,
    key=("kind", "name", "pid"),
    sort="-oldest",
    where=lambda row: row["xmin_age"] is not None or row["catalog_xmin_age"] is not None,
    derive=pins,
    columns=(
        Column("kind", "kind", width=8, help="session, prepared (transaction), slot, or standby (its feedback)."),
        Column("who", "who", "name", width=16, grow=True, help="Pid and application, or name."),
        Column(
            "xmin_age",
            "xmin age",
            "count",
            width=8,
            rule=XMIN_AGE_TRANSACTIONS,
            help="Transactions since its snapshot: rows deleted since then cannot be removed.",
        ),
        Column(
            "catalog_xmin_age",
            "catalog",
            "count",
            rule=XMIN_AGE_TRANSACTIONS,
            help="The same for rows of system catalogs.",
        ),
        Column("xact_age", "open", "age", help="Age of its transaction."),
        Column("state", "state", width=14, help="Of a session, or the WAL status of a slot."),
        Column("database", "database", "name", width=12, help="Where it holds VACUUM back; –: in all databases."),
        Column("user", "user", "name", width=14, extra=True),
        Column("client", "client", width=16, extra=True),
        Column("state_age", "for", "age", extra=True, help="How long it has been in that state."),
        Column("wrote", "wrote", "flag", width=5, extra=True, help="Whether its transaction has written."),
        Column("query", "query", "query", extra=True, help="The current or last statement."),
    ),
    empty="Nothing holds VACUUM back.",
)

VACUUM = Pane(
    name="vacuum",
    key="u",
    title="Vacuum",
    group="Storage",
    help=(
        "What autovacuum has to do, when it does it, and what holds it back. "
        "Due: tables near or past what triggers autovacuum, and why it does not run: off, blocked by a lock, held back "
        "by an old snapshot, or not due yet. Clock: when each table will be due, what a VACUUM now would remove, what "
        "it would have to keep, and because of whom, counted from the dead tuples that each of its reads has seen; ≈ "
        "where it was not read around the time of the oldest snapshot. Pins: who holds VACUUM back; a session that "
        "only inherits the snapshot of another one is not listed. Running: VACUUM commands with their phase. "
        "Wraparound: how far VACUUM is behind in freezing."
    ),
    views=(TABLES, CLOCK, PINS, RUNNING, WRAPAROUND),
    refresh=15.0,
    actions=("vacuum-table", "analyze-table", "set-autovacuum", "terminate-backend", "rollback-prepared", "drop-slot"),
)
