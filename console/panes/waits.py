"""Waits: what active sessions wait for, sampled over time."""

from __future__ import annotations

from dataclasses import replace

from console.model import Column, Lead, Lookup, Pane, Snapshot, View, Whole

FIGURES = (
    Column("aas", "AAS", "rate", width=6, help="Average active sessions in the window."),
    Column("share", "share", "percent", width=6, bar=Whole.HUNDRED, help="Of all sessions in the window."),
    Column("error", "±", "percent", width=5, help="Standard error of the share: of sampling, not of the server."),
)
WINDOWS = tuple(
    Column(name, title, "rate", width=6, extra=extra, help=f"The average of the last {title}.")
    for name, title, extra in (
        ("m1", "1 min", False),
        ("m5", "5 min", False),
        ("m15", "15 min", False),
        ("m60", "60 min", False),
    )
)
FURTHER = tuple(replace(column, extra=True) for column in WINDOWS)
CLASS = Column("class", "class", "text", width=10, help="Wait event type; CPU: the session runs without waiting.")
EVENT = Column("event", "event", "text", width=18, help="What it waits for.")
QUERY_ID = Column("query_id", "query id", "text", width=20, extra=True, help="As in the slow queries pane.")


def with_texts(snapshot: Snapshot) -> Snapshot:
    """Statements with their text: as a session had it, else as pg_stat_statements has it."""
    looked_up = snapshot.values("looked_up") if "looked_up" in snapshot.columns else (None,) * len(snapshot.rows)
    texts = zip(snapshot.values("seen_text"), looked_up, strict=True)
    return snapshot.with_columns(("query",), [(seen if seen is not None else found,) for seen, found in texts])


CLASSES = View(
    name="classes",
    title="Classes",
    query="wait_classes",
    columns=(
        Column("letter", "", width=1, help="Its letter in the chart."),
        CLASS,
        *FIGURES,
        *WINDOWS,
        Column("means", "what it means", "query", grow=True, explains=True),
    ),
    key=("class",),
    sort="-aas",
    chart="waits",
    leads=Lead("events", ("class",)),
    empty="No session was active.",
)
EVENTS = View(
    name="events",
    title="Events",
    query="wait_events_seen",
    columns=(
        CLASS,
        EVENT,
        *FIGURES,
        Column(
            "means",
            "what it means",
            "query",
            grow=True,
            explains=True,
            help="As the PostgreSQL manual describes the event.",
        ),
        *FURTHER,
    ),
    key=("class", "event"),
    sort="-aas",
    leads=Lead("statements", ("class", "event")),
    empty="No session was active.",
)
STATEMENTS = View(
    name="statements",
    title="Statements",
    query="wait_statements",
    columns=(
        CLASS,
        EVENT,
        *FIGURES,
        Column("query", "query", "query", grow=True, help="The statement; –: it has no id, or its text is unknown."),
        *FURTHER,
        QUERY_ID,
    ),
    key=("query_id", "class", "event"),
    sort="-aas",
    lookups=(Lookup("wait_statement_texts", by=("unknown_id",), adds=("looked_up",), batch=60),),
    derive=with_texts,
    leads=Lead("sessions", ("class", "event", "query_id")),
    empty="No session was active.",
)
APPLICATIONS = View(
    name="applications",
    title="Applications",
    query="wait_applications",
    columns=(
        Column("who", "who", "name", grow=True, help="The application, else the user."),
        CLASS,
        *FIGURES,
        *WINDOWS,
        Column("user", "user", "name", width=16, extra=True),
    ),
    key=("who", "user", "class"),
    sort="-aas",
    leads=Lead("sessions", ("who", "class")),
    empty="No session was active.",
)
SESSIONS = View(
    name="sessions",
    title="Sessions",
    query="wait_sessions",
    columns=(
        Column("pid", "pid", "text", width=7, help="Process id of the session."),
        Column("who", "who", "name", width=12, help="The application, else the user."),
        replace(CLASS, width=9),
        replace(EVENT, width=13),
        *FIGURES[:2],
        Column("blocked_by", "blocked by", "text", width=10, present=True, help="Now; 0: a prepared transaction."),
        Column("query", "query", "query", grow=True),
        replace(FIGURES[2], extra=True),
        *FURTHER,
        QUERY_ID,
    ),
    key=("pid", "who", "class", "event", "query_id"),
    sort="-aas",
    empty="No session was active.",
)

WAITS = Pane(
    name="waits",
    key="W",
    title="Waits",
    source="waits",
    help=(
        "What active sessions wait for, over time: the average number of sessions in each class, stacked, a letter "
        "for each class, with the number of cores as a line where it can be measured. d turns to another window: 1, "
        "5, 15 or 60 minutes; the columns compare all four. ( and ) make it narrower and wider, [ and ] move its end, "
        "b marks its beginning and | shows the time from there to the moment that is shown. D compares it with the "
        "window at the mark, as does show waits --at 14:05..14:10 --since 13:05..13:25. Enter leads from a "
        "class to its events, to the statements that wait for them, and to their sessions. Sampled every second while "
        "this pane is open, else with the metrics of the header; an hour is kept in memory. Where pg_wait_sampling is "
        "installed, its counters are read, which as a rule count a hundred times a second; where pgsentinel "
        "(pg_active_session_history) or pg_ash is, what it kept of the hour before. The line above the table names "
        "what was read. ± is the standard error of a share of so many samples, one a second. CPU: active without a "
        "wait event. Clients, parallel workers, autovacuum and background workers of a database are counted, without "
        "those that wait for work; not the sessions in which this console reads, nor server processes without a "
        "database, nor walsenders."
    ),
    views=(CLASSES, EVENTS, STATEMENTS, APPLICATIONS, SESSIONS),
    refresh=1.0,
)
