"""The views of the first pane that are no metrics: the findings of the rules, and the waits of the moment."""

from __future__ import annotations

from console.model import Column, Snapshot, View, number
from console.panes.connections import seen
from console.panes.derived import with_query
from console.rules import server


def _readable(snapshot: Snapshot) -> Snapshot:
    """The waits with readable query texts, and how many of the sessions this role may see."""
    counts = [(row["class"], int(number(row["sessions"]))) for row in snapshot.records()]
    total = sum(sessions for _, sessions in counts)
    visible = sum(sessions for group, sessions in counts if group != "hidden")
    return with_query(snapshot).hiding(seen(visible, total))


FINDINGS = View(
    name="findings",
    title="Findings",
    query="findings",
    source="rules",
    blocks=True,
    columns=(
        Column("level", "level", "text", width=8, rule=server.FINDING_LEVEL),
        Column("sentence", "finding", "query", grow=True, help="Who or what is at the root, and what is wrong."),
        Column("fix", "fix", "text", width=30, help="What f would do: its plan is shown first."),
        Column("detail", "detail", "text", width=30, extra=True),
        Column("explains", "explains", "names", extra=True, help="What has the same cause."),
        Column("since", "since", "time", extra=True),
        Column("rule", "rule", "text", width=18, extra=True),
        Column(
            "muted", "not counted", "text", width=24, extra=True, help="Who acknowledged it, or that it is withheld."
        ),
    ),
    key=("rule", "subject"),
    empty="",  # the note says how many rules were evaluated
)
WAITS = View(
    name="waits",
    title="Waits",
    query="waits",
    columns=(
        Column("class", "class", "text", width=16, help="Wait event type; CPU: the session runs without waiting."),
        Column("event", "event", "text", width=16, help="What it waits for."),
        Column("sessions", "sessions", "count", width=8),
        Column("longest", "longest", "age", help="Age of the statement, or of the state, of the oldest of them."),
        Column("pid", "pid", "text", width=7, extra=True, help="Process id of that session."),
        Column("who", "who", "text", width=12, help="Its application, else its user."),
        Column("query", "query", "query", grow=True),
    ),
    key=("class", "event"),
    derive=_readable,
    chart="activity",
    empty="No session runs anything.",
)
HISTORY = View(
    name="history",
    title="History",
    query="finding_history",
    source="rules",
    columns=(
        Column("began", "from", "time", help="When it began, as far as that is known."),
        Column("lasted", "lasted", "age", help="Until it cleared, was last seen, or now."),
        Column("level", "level", "text", width=8, rule=server.FINDING_LEVEL, help="The worst level it reached."),
        Column("sentence", "finding", "query", grow=True, help="What was found, when it was worst."),
        Column("done", "done", "text", width=12, help="Runs of the actions that fix it, while it was there."),
        Column("ended", "until", "time", extra=True, help="When it cleared or was last seen; empty: still there."),
        Column("blocked", "blocked", "names", extra=True, help="The sessions that it blocked."),
        Column("explains", "explains", "names", extra=True, help="What had the same cause."),
        Column("rule", "rule", "text", width=18, extra=True),
    ),
    key=("rule", "subject", "began"),
    sort="-began",
    empty="No findings were kept for this server yet.",
)
