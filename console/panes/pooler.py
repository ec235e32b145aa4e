"""Pooler: PgBouncer's pools, clients, servers, traffic, databases and configuration."""

from __future__ import annotations

from console.model import Column, Lookup, Pane, Rate, View
from console.panes.pooler_groups import DOCTOR, GROUPS
from console.panes.pooler_rows import WHICH, compare_defaults, flags, judge_pools, pooled
from console.panes.pooler_sessions import CLIENTS, SERVERS
from console.rules.pooler import (
    DATABASE_DISABLED,
    DATABASE_PAUSED,
    POOL_VERDICT,
    POOL_WAIT_MS_PER_SECOND,
    POOL_WAIT_SECONDS,
    POOL_WAITING_CLIENTS,
)

POOLS = View(
    name="pools",
    title="Pools",
    query="pooler_pools",
    key=("pooler", "database", "user"),
    sort="-maxwait",
    where=pooled,
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
        Column("database", "database", "name", width=14, grow=True, help="The name that clients connect to."),
        Column("user", "user", "name", width=12),
        Column(
            "cl_waiting",
            "waiting",
            "count",
            rule=POOL_WAITING_CLIENTS,
            judged="waiting_long",
            help="Clients waiting for a server connection; judged once the oldest has for half a second.",
        ),
        Column(
            "maxwait",
            "maxwait",
            "age",
            width=8,
            rule=POOL_WAIT_SECONDS,
            help="How long the oldest client has waited.",
        ),
        Column("cl_active", "clients", "count", help="Clients that use a server connection or are idle."),
        Column("sv_active", "servers", "count", bar="pool_size", help="Server connections in use by a client."),
        Column("sv_idle", "idle", "count", width=4, help="Server connections that are free."),
        Column(
            "pool_mode",
            "mode",
            "text",
            width=11,
            help="When a server connection returns to the pool: after a session, transaction or statement.",
        ),
        Column(
            "verdict",
            "verdict",
            "text",
            width=8,
            extra=True,
            rule=POOL_VERDICT,
            judged="verdict_judged",
            help="full: all server connections are in use.",
        ),
        Column("pool_size", "size", "count", width=5, extra=True, help="Server connections that this pool may open."),
        Column(
            "sv_used", "used", "count", width=5, extra=True, help="Idle server connections that are checked before use."
        ),
        Column("sv_login", "login", "count", width=5, extra=True, help="Server connections that are logging in."),
        Column(
            "current_connections",
            "db conns",
            "count",
            width=8,
            extra=True,
            help="Server connections of the database, of all users.",
        ),
        Column("max_connections", "db limit", "count", width=8, extra=True, help="0: no limit."),
        WHICH,
    ),
    empty="No pools yet.",
)

STATS = View(
    name="stats",
    title="Stats",
    query="pooler_stats",
    kept=30.0,
    key=("pooler", "database"),
    sort="-queries",
    where=pooled,
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
        Column("transactions", "xact/s", "rate", help="Per second, since the last read."),
        Column("queries", "query/s", "rate", help="Per second, since the last read."),
        Column("query_ms", "query", "ms", help="Mean time of a query since the last read."),
        Column(
            "waiting_ms", "wait/s", "ms", rule=POOL_WAIT_MS_PER_SECOND, help="Time that its clients waited, per second."
        ),
        Column("received", "received", "size_rate", help="Bytes received from clients, per second."),
        Column("sent", "sent", "size_rate", help="Bytes sent to clients, per second."),
        Column("transaction_ms", "xact", "ms", extra=True, help="Mean time of a transaction since the last read."),
        Column("assignments", "assigned/s", "rate", width=10, extra=True, help="PgBouncer 1.23 and later."),
        Column(
            "server_parses",
            "parse/s",
            "rate",
            extra=True,
            help="Statements prepared on servers (PgBouncer 1.24 and later).",
        ),
        Column("total_xact_count", "xacts", "count", extra=True, help="Since PgBouncer started."),
        Column("total_query_count", "queries", "count", extra=True, help="Since PgBouncer started."),
        WHICH,
    ),
    empty="No traffic yet.",
)

DATABASES = View(
    name="databases",
    title="DBs",
    query="pooler_databases",
    key=("pooler", "name"),
    sort="name",
    where=pooled,
    derive=flags,
    columns=(
        Column("name", "name", "name", width=14, grow=True, help="The name that clients connect to."),
        Column("host", "host", "text", width=14),
        Column("port", "port", "text", width=5),
        Column(
            "pool_mode",
            "mode",
            "text",
            width=11,
            help="When a server connection returns to the pool: after a session, transaction or statement.",
        ),
        Column("pool_size", "size", "count", width=4, help="Server connections that one user's pool may open."),
        Column("current_connections", "conns", "count", width=5, help="Server connections open now."),
        Column("max_connections", "limit", "count", width=5, help="0: no limit."),
        Column(
            "paused",
            "paused",
            "flag",
            width=6,
            rule=DATABASE_PAUSED,
            help="PAUSE holds its clients until RESUME.",
        ),
        Column(
            "disabled",
            "disabled",
            "flag",
            width=8,
            extra=True,
            rule=DATABASE_DISABLED,
            help="DISABLE refuses new clients until ENABLE.",
        ),
        Column("database", "database", "name", extra=True, help="The database on the server."),
        Column(
            "force_user",
            "user",
            "name",
            width=12,
            extra=True,
            help="All clients of this database connect as this role.",
        ),
        Column("min_pool_size", "min", "count", width=5, extra=True, help="Server connections that are kept open."),
        Column(
            "reserve_pool_size",
            "reserve",
            "count",
            extra=True,
            help="Additional server connections for clients that have waited long.",
        ),
        Column("server_lifetime", "lifetime", "age", width=8, extra=True, help="PgBouncer 1.23 and later."),
        WHICH,
    ),
)

CONFIG = View(
    name="config",
    title="Config",
    query="pooler_config",
    key=("pooler", "key"),
    sort="key",
    derive=compare_defaults,
    columns=(
        Column("key", "setting", "setting", width=26),
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
    short="Pool",
    group="Around",
    help=(
        "PgBouncer, from its admin console. A pool belongs to one database and one user; waiting clients mean that it "
        "is too small or that transactions are too long. Clients and Servers show which client is behind a "
        "PostgreSQL session of the pooler: Enter goes to that session, `l` back. Apps groups clients by application, "
        "user and address. Doctor says why clients wait, who waited in the last hour (kept for the next console, also "
        "by `watch`), how many connections all pools may open, and what the version and the configuration of each "
        "PgBouncer mean."
    ),
    views=(POOLS, CLIENTS, GROUPS, SERVERS, STATS, DATABASES, CONFIG, DOCTOR),
    source="pgbouncer",
    actions=(
        *("pooler-pause", "pooler-resume", "pooler-reconnect", "wait-close", "pooler-disable", "pooler-enable"),
        *("pooler-reload", "kill-client", "pooler-kill", "write-pgbouncer-config"),
    ),
)
