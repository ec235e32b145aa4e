"""When autovacuum will come for a table, why it has not, and what a VACUUM now would remove: a view of vacuum."""

from __future__ import annotations

from dataclasses import replace

from console.format import age, one_line
from console.model import Column, Record, Snapshot, View, number
from console.panes import cluster_sums
from console.panes.derived import MARK, add, with_notes
from console.panes.vacuum_reasons import TURN, why


def clock(snapshot: Snapshot) -> Snapshot:
    """Why each table is not vacuumed, who keeps its dead tuples, and a note where autovacuum cannot come at all."""
    found = add(cluster_sums.without_shells(snapshot), ("why",), lambda row: (why_not(row),))
    first = next(iter(found.records()), None)
    if first is None:
        return found
    return with_notes(
        found,
        "standby: autovacuum runs on the primary, which counts dead tuples" if first["standby"] else "",
        f"database {one_line(first['goes_first'])} is near wraparound: autovacuum serves it first"
        if first["goes_first"]
        else "",
    )


def why_not(row: Record) -> str:
    """Why autovacuum does not run for a table, the decisive reason first."""
    if row["standby"]:
        return "standby: the primary vacuums"
    reason = why({**row, "pinned_by": row["holder"], "removable": row["removes"]})
    interrupted = number(row["interrupted"])
    if row["interrupted"] is not None and reason in {TURN, "all workers busy"}:
        return f"interrupted {age(interrupted)} ago"
    if reason != TURN:
        return reason
    if row["goes_first"] and number(row["freeze_pct"]) < 100:
        return f"after database {one_line(row['goes_first'])}"
    if row["due_since"] is not None and number(row["due_since"]) <= number(row["naptime"]):
        return f"next round: each {age(row['naptime'])}"
    return TURN


CLOCK = View(
    name="clock",
    title="Clock",
    query="vacuum_clock",
    kept=240.0,
    source="clock",
    key=("oid",),
    sort="due_in",
    lookups=(replace(cluster_sums.SHELLS, source="postgres"),),
    derive=clock,
    columns=(
        Column("table", "table", "relation", width=14, grow=True),
        Column("toast", "TOAST", "flag", width=5, present=True, help="Whether the row is about its TOAST table."),
        Column(
            "due_in",
            "due in",
            "age",
            width=7,
            help="Until autovacuum is due, as fast as its dead tuples, inserts or age grow now; 0: it is due; "
            "–: not at this rate, or not known before the second read.",
        ),
        Column(
            "removes",
            "removes",
            "count",
            width=7,
            help="Dead tuples that a VACUUM now would remove, from what was dead when the oldest snapshot was taken.",
        ),
        MARK,
        Column("keeps", "keeps", "count", width=6, help="Dead tuples that it could not remove; –: not known."),
        Column("holder", "because of", "name", width=14, help="Who holds the oldest snapshot that may still see them."),
        Column("why", "why not vacuumed", width=18, help="What keeps autovacuum from the table, the decisive reason."),
        Column("due_for", "for", width=11, extra=True, help="The threshold that it is closest to."),
        Column("due_pct", "due", "percent", width=6, extra=True, help="Of what triggers autovacuum."),
        Column("dead", "dead", "count", width=6, extra=True, help="Dead tuples, from the cumulative statistics."),
        Column("dead_rate", "dead/s", "rate", width=6, extra=True, help="How many die a second, over ten minutes."),
        Column("holder_age", "xmin age", "count", width=8, extra=True, help="Of the oldest snapshot."),
        Column("due_since", "due for", "age", width=7, extra=True, help="How long it was seen to be due."),
        Column(
            "interrupted",
            "interrupted",
            "age",
            width=11,
            extra=True,
            help="Since a VACUUM of it ended without having finished, as when another session wanted a lock.",
        ),
        Column("vacuum_age", "vacuum", "age", width=6, extra=True, help="Time since the last VACUUM."),
        Column("options", "options", width=30, extra=True, help="Storage parameters of the table."),
    ),
    empty="No table has dead tuples or new rows.",
)
