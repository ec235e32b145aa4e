"""The pooler: PgBouncer's pools, clients, servers, traffic, databases and configuration."""

from __future__ import annotations

from dataclasses import replace

from console.model import Column, Lookup, Pane, Rate, Record, Row, Snapshot, View
from console.rules.pooler import (
    CLIENT_STATE,
    DATABASE_DISABLED,
    DATABASE_PAUSED,
    POOL_VERDICT,
    POOL_WAIT_MS_PER_SECOND,
    POOL_WAIT_SECONDS,
    POOL_WAITING_CLIENTS,
)

ADMIN_DATABASE = "pgbouncer"
WHICH = Column("pooler", "pooler", "name", extra=True, help="Which PgBouncer, when several are named.")


def _pooled(row: Record) -> bool:
    return row.get("database") != ADMIN_DATABASE and row.get("name") != ADMIN_DATABASE


def judge_pools(taken: Snapshot) -> Snapshot:
    """`maxwait` in seconds with its fraction, and a verdict for each pool: full, waiting, paused, disabled or fine."""
    rows = []
    for row, record in zip(taken.rows, taken.records(), strict=True):
        seconds = _number(record["maxwait"]) + _number(record["maxwait_us"]) / 1e6
        rows.append((*_put(row, taken.index("maxwait"), seconds), _verdict(record)))
    return replace(taken, columns=(*taken.columns, "verdict"), rows=tuple(rows))


def ends(taken: Snapshot) -> Snapshot:
    """Waits in seconds with their fraction, and each address with its port.

    PgBouncer's `wait` is the age of the request: a waiting client has waited so long, an active one is busy so long.
    """
    rows = []
    for record in taken.records():
        seconds = _number(record["wait"]) + _number(record["wait_us"]) / 1e6
        waits = str(record["state"]).startswith("waiting")
        behind = record.get("client_addr") and f"{record['client_addr']}:{record['client_port']}"
        address = f"{record['addr']}:{record['port']}"
        rows.append((seconds if waits else None, None if waits else seconds, address, behind))
    return taken.with_columns(("wait_seconds", "busy_seconds", "address", "behind"), rows)


def flags(taken: Snapshot) -> Snapshot:
    """`paused` and `disabled` as yes or no."""
    at = [taken.index(name) for name in ("paused", "disabled")]
    rows = tuple(
        tuple(bool(value) if i in at and isinstance(value, int) else value for i, value in enumerate(row))
        for row in taken.rows
    )
    return replace(taken, rows=rows)


def compare_defaults(taken: Snapshot) -> Snapshot:
    """Whether each setting differs from its default."""
    changed = ((record["value"] != record["default"],) for record in taken.records())
    return taken.with_columns(("changed",), changed)


def _verdict(record: Record) -> str:
    if record["paused"]:
        return "paused"
    if record["disabled"]:
        return "disabled"
    if not record["cl_waiting"]:
        return "fine"
    links = sum(_number(record[name]) for name in ("sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login"))
    limit, most = _number(record["pool_size"]), _number(record["max_connections"])
    full = links >= limit > 0 or _number(record["current_connections"]) >= most > 0
    return "full" if full else "waiting"


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _put(row: Row, at: int, value: object) -> Row:
    return (*row[:at], value, *row[at + 1 :])


POOLS = View(
    name="pools",
    title="Pools",
    query="pooler_pools",
    key=("pooler", "database", "user"),
    sort="-maxwait",
    where=_pooled,
    lookups=(
        Lookup(
            "pooler_limits",
            by=("pooler", "database"),
            adds=("pool_size", "max_connections", "current_connections", "paused", "disabled"),
            first=10_000,
            batch=10_000,
            keep=5.0,
        ),
    ),
    derive=judge_pools,
    columns=(
        Column("database", "database", "name", width=14, grow=True, help="As clients name it."),
        Column("user", "user", "name", width=12),
        Column(
            "cl_waiting",
            "waiting",
            "count",
            rule=POOL_WAITING_CLIENTS,
            help="Clients waiting for a server connection.",
        ),
        Column(
            "maxwait",
            "maxwait",
            "age",
            width=8,
            rule=POOL_WAIT_SECONDS,
            help="How long the oldest has waited.",
        ),
        Column("cl_active", "clients", "count", help="Clients linked to a server connection, or idle."),
        Column("sv_active", "servers", "count", help="Server connections that work for a client."),
        Column("sv_idle", "idle", "count", width=4, help="Server connections that are free."),
        Column(
            "pool_mode",
            "mode",
            "text",
            width=11,
            help="When a server connection goes back to the pool: after a session, a transaction or a statement.",
        ),
        Column(
            "verdict", "verdict", "text", width=8, extra=True, rule=POOL_VERDICT, help="full: no connection is left."
        ),
        Column("pool_size", "size", "count", width=5, extra=True, help="Server connections that this pool may open."),
        Column("sv_used", "used", "count", width=5, extra=True, help="Idle ones that are checked before use."),
        Column("sv_login", "login", "count", width=5, extra=True, help="Server connections that log in."),
        Column("current_connections", "db conns", "count", width=8, extra=True, help="Of the database, all users."),
        Column("max_connections", "db limit", "count", width=8, extra=True, help="0: no limit."),
        WHICH,
    ),
    empty="no client has used a pool yet",
)

CLIENTS = View(
    name="clients",
    title="Clients",
    query="pooler_clients",
    key=("pooler", "ptr"),
    sort="-wait_seconds",
    lookups=(
        Lookup(
            "pooler_backends",
            by=("pooler", "ptr"),
            adds=("server_pid",),
            fingerprint=("link",),
            first=10_000,
            batch=10_000,
            keep=10.0,
        ),
    ),
    derive=ends,
    columns=(
        Column("database", "database", "name", width=10),
        Column("user", "user", "name", width=10),
        Column("state", "state", "text", width=7, rule=CLIENT_STATE, help="As PgBouncer calls it."),
        Column("wait_seconds", "wait", "age", rule=POOL_WAIT_SECONDS, help="How long the client waits for a server."),
        Column("address", "address", "text", width=15, help="Where the client connects from."),
        Column("application_name", "application", "name", width=14, grow=True, help="As the client calls itself."),
        Column("server_pid", "pid", "count", help="The PostgreSQL process that works for the client now."),
        Column("busy_seconds", "busy", "age", extra=True, help="How long its query runs."),
        Column("connect_time", "connected", "text", width=23, extra=True, help="When the connection was made."),
        Column("request_time", "last request", "text", width=23, extra=True, help="When the last request began."),
        Column("tls", "tls", "text", extra=True, help="The encryption of the connection."),
        Column("prepared_statements", "prepared", "count", width=8, extra=True, help="From PgBouncer 1.21 on."),
        Column("replication", "repl", "text", width=5, extra=True, help="From PgBouncer 1.23 on."),
        WHICH,
    ),
    empty="no client is connected",
)

SERVERS = View(
    name="servers",
    title="Servers",
    query="pooler_servers",
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
    derive=ends,
    columns=(
        Column("database", "database", "name", width=10),
        Column("user", "user", "name", width=10),
        Column("state", "state", "text", width=7, help="As PgBouncer calls it."),
        Column("remote_pid", "pid", "count", help="The process of PostgreSQL."),
        Column("behind", "client", "text", width=15, help="The client that the process works for now."),
        Column("client_application", "application", "name", width=14, grow=True, help="Of that client."),
        Column("busy_seconds", "busy", "age", extra=True, help="How long its query runs."),
        Column("address", "server", "text", width=15, extra=True, help="Of the PostgreSQL server."),
        Column("connect_time", "connected", "text", width=23, extra=True, help="When the connection was made."),
        Column("request_time", "last request", "text", width=23, extra=True, help="When the last request began."),
        Column("close_needed", "closing", "count", extra=True, help="1: closed as soon as it is free."),
        Column("tls", "tls", "text", extra=True, help="The encryption of the connection."),
        Column("prepared_statements", "prepared", "count", width=8, extra=True, help="From PgBouncer 1.21 on."),
        WHICH,
    ),
    empty="no server connection is open",
)

STATS = View(
    name="stats",
    title="Traffic",
    query="pooler_stats",
    key=("pooler", "database"),
    sort="-queries",
    where=_pooled,
    rates=(
        Rate("transactions", "total_xact_count"),
        Rate("queries", "total_query_count"),
        Rate("received", "total_received"),
        Rate("sent", "total_sent"),
        Rate("query_ms", "total_query_time", "total_query_count", 0.001),
        Rate("transaction_ms", "total_xact_time", "total_xact_count", 0.001),
        Rate("waiting_ms", "total_wait_time", scale=0.001),
        Rate("assignments", "total_server_assignment_count"),
        Rate("server_parses", "total_server_parse_count"),
    ),
    columns=(
        Column("database", "database", "name", width=14, grow=True),
        Column("transactions", "xact/s", "rate", help="Between two reads."),
        Column("queries", "query/s", "rate", help="Between two reads."),
        Column("query_ms", "query", "ms", help="Mean time of a query since the last read."),
        Column(
            "waiting_ms", "wait/s", "ms", rule=POOL_WAIT_MS_PER_SECOND, help="Time that its clients waited, per second."
        ),
        Column("received", "received", "size_rate", help="From clients."),
        Column("sent", "sent", "size_rate", help="To clients."),
        Column("transaction_ms", "xact", "ms", extra=True, help="Mean time of a transaction since the last read."),
        Column("assignments", "assigned/s", "rate", width=10, extra=True, help="From PgBouncer 1.23 on."),
        Column("server_parses", "parse/s", "rate", extra=True, help="Statements prepared on servers; from 1.24 on."),
        Column("total_xact_count", "xacts", "count", extra=True, help="Since PgBouncer started."),
        Column("total_query_count", "queries", "count", extra=True, help="Since PgBouncer started."),
        WHICH,
    ),
    empty="no database has had traffic yet",
)

DATABASES = View(
    name="databases",
    title="Databases",
    query="pooler_databases",
    key=("pooler", "name"),
    sort="name",
    where=_pooled,
    derive=flags,
    columns=(
        Column("name", "name", "name", width=14, grow=True, help="As clients name it."),
        Column("host", "host", "text", width=14),
        Column("port", "port", "text", width=5),
        Column(
            "pool_mode",
            "mode",
            "text",
            width=11,
            help="When a server connection goes back to the pool: after a session, a transaction or a statement.",
        ),
        Column("pool_size", "size", "count", width=4, help="Server connections a user's pool may open."),
        Column("current_connections", "conns", "count", width=5, help="Server connections open now."),
        Column("max_connections", "limit", "count", width=5, help="0: no limit."),
        Column(
            "paused",
            "paused",
            "flag",
            width=6,
            rule=DATABASE_PAUSED,
            help="PAUSE holds its clients; RESUME lets them go on.",
        ),
        Column(
            "disabled",
            "disabled",
            "flag",
            width=8,
            extra=True,
            rule=DATABASE_DISABLED,
            help="DISABLE refuses new clients; ENABLE admits them again.",
        ),
        Column("database", "database", "name", extra=True, help="On the server."),
        Column("force_user", "user", "name", width=12, extra=True, help="All clients of the entry work as this role."),
        Column("min_pool_size", "least", "count", width=5, extra=True, help="Server connections that are kept open."),
        Column("reserve_pool_size", "reserve", "count", extra=True, help="Further ones for clients that wait long."),
        Column("server_lifetime", "lifetime", "age", width=8, extra=True, help="From PgBouncer 1.23 on."),
        WHICH,
    ),
)

CONFIG = View(
    name="config",
    title="Configuration",
    query="pooler_config",
    key=("pooler", "key"),
    sort="key",
    derive=compare_defaults,
    columns=(
        Column("key", "setting", "name", width=26),
        Column("value", "value", "text", width=14, grow=True),
        Column("default", "default", "text", width=14),
        Column("changed", "changed", "flag", width=7, help="Whether the value differs from the default."),
        Column("changeable", "reload", "text", width=6, help="no: a new value needs a restart."),
        WHICH,
    ),
)

POOLER = Pane(
    name="pooler",
    key="9",
    title="Pooler",
    help=(
        "PgBouncer as its admin console sees it. A pool is one database and one user: clients that wait are the first "
        "sign that it is too small, or that transactions are too long. The pid of a server connection is that of the "
        "PostgreSQL process, so clients and servers show who is behind a session of the pooler."
    ),
    views=(POOLS, CLIENTS, SERVERS, STATS, DATABASES, CONFIG),
    source="pgbouncer",
)
