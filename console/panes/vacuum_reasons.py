"""Why autovacuum does not run for a table."""

from __future__ import annotations

from console.format import one_line
from console.model import Record, number

DUE = 100.0  # percent of the threshold
TURN = "waits for its turn"


def why(row: Record) -> str:
    """Why autovacuum does not run for a table, the decisive reason first."""
    frozen = number(row["freeze_pct"]) >= DUE  # nothing turns off autovacuum that prevents wraparound
    reasons = (
        (row["running"], f"running: pid {row['running']}"),
        (not row["server_enabled"] and not frozen, "autovacuum is off"),
        (not row["enabled"] and not frozen, "off for this table"),
        (number(row["due_pct"]) < DUE <= number(row["analyze_pct"]), "ANALYZE is due"),
        (number(row["due_pct"]) < DUE, "below threshold"),
        (row["locked_by"], f"locked by pid {row['locked_by']}"),
        (is_held_back(row), f"held back: {one_line(row['pinned_by'])}"),
        (row["workers_busy"], "all workers busy"),
    )
    return next((reason for holds, reason in reasons if holds), TURN)


def is_held_back(row: Record) -> bool:
    """Whether it is due for dead tuples and a VACUUM could remove none of them."""
    return bool(row["pinned_by"]) and row["due_for"] == "dead tuples" and row["removable"] == 0
