"""Clients and servers of PgBouncer: views of the pooler pane."""

from __future__ import annotations

from console.model import Column, Counterpart, Lookup, View
from console.panes.pooler_rows import WHICH, sessions
from console.rules.pooler import CLIENT_STATE, POOL_WAIT_SECONDS

# The end of the connection on this side tells sessions of several servers with the same pid apart.
SESSION = ("connections", "all")
LOCKS = ("locks", "blocking")
UNLOCKED = "Its session neither waits for a lock nor blocks another one."

CLIENTS = View(
    name="clients",
    title="Clients",
    query="pooler_clients",
    kept=30.0,
    key=("pooler", "ptr"),
    sort="-wait_seconds",
    lookups=(
        Lookup(
            "pooler_backends",
            by=("pooler", "ptr"),
            adds=("server_pid", "server_addr", "server_local_port"),
            fingerprint=("link",),
            first=10_000,
            batch=10_000,
            keep=10.0,
        ),
    ),
    derive=sessions,
    counterpart=Counterpart(*SESSION, {"pid": "server_pid", "client_port": "session_port"}),
    related=Counterpart(*LOCKS, {"pid": "server_pid", "client_port": "session_port"}, UNLOCKED),
    columns=(
        Column("database", "database", "name", width=10),
        Column("user", "user", "name", width=10),
        Column(
            "state",
            "state",
            "text",
            width=7,
            rule=CLIENT_STATE,
            judged="state_judged",
            help="State as in PgBouncer; `waiting` is judged once it has lasted for half a second.",
        ),
        Column(
            "wait_seconds",
            "wait",
            "age",
            rule=POOL_WAIT_SECONDS,
            help="How long the client has waited for a server connection.",
        ),
        Column("address", "address", "text", width=15, help="Address and port of the client."),
        Column("application_name", "application", "name", width=14, grow=True, help="application_name of the client."),
        Column("server_pid", "pid", "id", help="Pid of the PostgreSQL session that the client uses now."),
        Column("busy_seconds", "busy", "age", extra=True, help="How long its current request has been running."),
        Column("connect_time", "connected", "time", width=23, extra=True, help="When the connection was made."),
        Column("request_time", "last request", "time", width=23, extra=True, help="When the last request began."),
        Column("tls", "tls", "text", extra=True, help="TLS of the connection."),
        Column(
            "prepared_statements",
            "prepared",
            "count",
            width=8,
            extra=True,
            help="Prepared statements (PgBouncer 1.21 and later).",
        ),
        Column(
            "replication",
            "repl",
            "text",
            width=5,
            extra=True,
            help="Replication connection (PgBouncer 1.23 and later).",
        ),
        WHICH,
    ),
    empty="No connected clients.",
)

SERVERS = View(
    name="servers",
    title="Servers",
    query="pooler_servers",
    kept=30.0,
    key=("pooler", "ptr"),
    sort="state",
    lookups=(
        Lookup(
            "pooler_origins",
            by=("pooler", "link"),
            adds=("client_addr", "client_port", "client_application"),
            first=10_000,
            batch=10_000,
            keep=10.0,
        ),
    ),
    derive=sessions,
    counterpart=Counterpart(*SESSION, {"pid": "remote_pid", "client_port": "session_port"}),
    related=Counterpart(*LOCKS, {"pid": "remote_pid", "client_port": "session_port"}, UNLOCKED),
    columns=(
        Column("database", "database", "name", width=10),
        Column("user", "user", "name", width=10),
        Column("state", "state", "text", width=7, help="State as in PgBouncer."),
        Column("remote_pid", "pid", "id", help="Pid of the PostgreSQL session."),
        Column("behind", "client", "text", width=15, help="Address of the client that uses it now."),
        Column(
            "client_application", "application", "name", width=14, grow=True, help="application_name of that client."
        ),
        Column("busy_seconds", "busy", "age", extra=True, help="How long its current request has been running."),
        Column("address", "server", "text", width=15, extra=True, help="Address of the PostgreSQL server."),
        Column("connect_time", "connected", "time", width=23, extra=True, help="When the connection was made."),
        Column("request_time", "last request", "time", width=23, extra=True, help="When the last request began."),
        Column("close_needed", "closing", "count", extra=True, help="1: will be closed as soon as it is free."),
        Column("tls", "tls", "text", extra=True, help="TLS of the connection."),
        Column(
            "prepared_statements",
            "prepared",
            "count",
            width=8,
            extra=True,
            help="Prepared statements (PgBouncer 1.21 and later).",
        ),
        WHICH,
    ),
    empty="No open server connections.",
)
