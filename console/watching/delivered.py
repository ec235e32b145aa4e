"""Which findings `watch` delivered and has not reported as cleared, in the store, so that a restart repeats none."""

from __future__ import annotations

from console.model import Finding, Level
from console.watching.changes import Change, Event, Known, Raised, identity
from console.watching.store import Store, as_moment, as_text


def load(store: Store, target: str) -> Known:
    """The findings of a target that were delivered. Raises Trouble if the store cannot be used, and so none be kept."""
    query = "SELECT rule, subject, level, sentence, raised_at FROM delivered WHERE target = ?"
    with store.transaction() as database:
        rows = database.execute(query, (target,)).fetchall()
    return {
        (rule, subject): Raised(Finding(rule, subject, Level(level), sentence), as_moment(raised_at))
        for rule, subject, level, sentence, raised_at in rows
    }


def keep(store: Store, target: str, change: Change) -> None:
    """Keep that a change was delivered. Raises Trouble if the store cannot be written."""
    finding = change.raised.finding
    with store.transaction() as database:
        if change.event is Event.CLEARED:
            database.execute(
                "DELETE FROM delivered WHERE target = ? AND rule = ? AND subject = ?", (target, *identity(finding))
            )
        else:
            values = (target, *identity(finding), int(finding.level), finding.sentence, as_text(change.raised.at))
            database.execute("INSERT OR REPLACE INTO delivered VALUES (?, ?, ?, ?, ?, ?)", values)
