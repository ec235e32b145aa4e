"""Log: what the server has written to its log, as far as this console can read it."""

from __future__ import annotations

from console.model import Column, Lead, Pane, View
from console.rules.server import LOG_SEVERITY

MINUTES = (
    Column("m1", "1 min", "count", width=6, help="Entries of the last minute."),
    Column("m5", "5 min", "count", width=6, help="Entries of the last five minutes."),
    Column("m60", "60 min", "count", width=6, help="Entries of the last hour, as far back as the log was read."),
)
LAST = Column("last", "ago", "age", width=5, help="Since the last one was written.")
WHO = Column("who", "who", "name", width=14, extra=True, help="The application of the last one, else its user.")
DETAIL = Column(
    "detail", "detail", "query", width=40, extra=True, help="Of the last one: both statements of a deadlock."
)
DATABASE = Column("database", "database", "name", width=12, extra=True, help="–: the server as a whole.")
SEVERITY = Column("severity", "level", width=7, rule=LOG_SEVERITY, help="As the server writes it.")
ENTRY = (
    Column("at", "time", "time", width=19, help="When it was written."),
    SEVERITY,
    Column("kind", "about", width=12, help="failed login, deadlock, autovacuum cancelled, checkpoint, temp file, …"),
    Column("message", "message", "query", grow=True, help="Its first line."),
)
FURTHER = (
    Column("user", "user", "name", width=12, extra=True),
    Column("application", "application", "name", width=14, extra=True),
    Column("client", "client", width=16, extra=True),
    Column("pid", "pid", "text", width=7, extra=True, help="Process id of the session."),
    Column("sqlstate", "code", width=5, extra=True, help="SQLSTATE; –: the format does not have it."),
    Column("ms", "took", "ms", width=8, extra=True, help="Of a statement that was logged for its duration."),
    Column("bytes", "file", "size", width=8, extra=True, help="Size of a temporary file that was logged."),
    Column("statement", "statement", "query", width=40, extra=True, help="What the session ran."),
    Column(
        "detail", "detail", "query", width=40, extra=True, help="Parameters of a statement; both sides of a deadlock."
    ),
    Column("context", "context", "query", width=30, extra=True, help="Where in a function, or in which task."),
    Column("hint", "hint", "query", width=30, extra=True),
    Column("backend", "backend", width=14, extra=True, help="Type of the process."),
)

ENTRIES = View(
    name="entries",
    title="Entries",
    query="log_entries",
    key=("id",),
    columns=(*ENTRY, *FURTHER, DATABASE),
    empty="No entry of this database was logged.",
)
KINDS = View(
    name="kinds",
    title="Kinds",
    query="log_kinds",
    key=("kind",),
    sort="last",
    columns=(
        Column("kind", "about", width=20, help="What the entries are about."),
        *MINUTES,
        LAST,
        Column("what", "the last one", "query", grow=True),
        WHO,
        DETAIL,
    ),
    leads=Lead("entries", ("kind",)),
    empty="No entry of this database was logged.",
)
ERRORS = View(
    name="errors",
    title="Errors",
    query="log_errors",
    chart="log-errors",
    key=("sqlstate", "severity"),
    sort="-m60",
    columns=(
        Column("sqlstate", "code", width=5, help="SQLSTATE; –: the format of the log does not have it."),
        SEVERITY,
        *MINUTES,
        LAST,
        Column("what", "the last one", "query", grow=True),
        WHO,
        DETAIL,
    ),
    leads=Lead("entries", ("sqlstate", "severity")),
    empty="No error or warning of this database was logged.",
)
EVERYWHERE = View(
    name="everywhere",
    title="All databases",
    query="log_everywhere",
    kept=30.0,
    key=("id",),
    columns=(*ENTRY[:-1], Column("database", "database", "name", width=12), ENTRY[-1], *FURTHER),
    empty="Nothing was logged.",
)

LOG = Pane(
    name="log",
    key="L",
    title="Log",
    source="log",
    help=(
        "The server's log, the newest entry first: read through the server where the role may, else a file, a folder "
        "or a unit of systemd that log: of the target in the configuration names. Each read takes only what was added, "
        "at most 512 kB, across rotation; csvlog, jsonlog or stderr, by log_line_prefix. Entries: of this database and "
        "of the server as a whole. Kinds: failed logins, deadlocks, cancelled autovacuums, checkpoints, temporary "
        "files, slow statements. Errors: by SQLSTATE, with their number in each minute of the last hour. Enter leads "
        "to the entries. The first read takes the end of the log. While the pane is closed, it is read when a rule "
        "needs it, and every 30 seconds for a later turn to the past. Passwords in statements are hidden."
    ),
    views=(ENTRIES, KINDS, ERRORS, EVERYWHERE),
    refresh=2.0,
)
