"""Rules over PgBouncer."""

from __future__ import annotations

from console.model import Level, Rule, StateRule, Window, above

POOL_WAITING_CLIENTS = Rule(
    name="pool_waiting_clients",
    title="Clients that wait for a server connection, once the oldest has for half a second",
    unit="count",
    limit=above(1, 10),
    queries=("pooler_pools", "pooler_clients"),
    held=0.5,
)
POOL_WAIT_SECONDS = Rule(
    name="pool_wait_seconds",
    title="How long a client has waited for a server connection",
    unit="s",
    limit=above(1, 10),
    queries=("pooler_pools", "pooler_clients", "connections", "locks"),
)
POOL_WAIT_MS_PER_SECOND = Rule(
    name="pool_wait_ms_per_second",
    title="Time that all clients of a database together waited for a server connection",
    unit="ms per second",
    limit=above(1000),
    queries=("pooler_stats",),
    window=Window.INTERVAL,
)
POOL_CLIENTS_PERCENT = Rule(
    name="pool_clients_percent",
    title="Clients of a PgBouncer, of those that max_client_conn admits",
    unit="%",
    limit=above(80, 95),
    queries=("pooler_pools",),
)

POOL_VERDICT = StateRule(
    name="pool_verdict",
    title="Verdict on a pool; on one with waiting clients, once the oldest has waited for half a second",
    levels={
        "full": Level.CRITICAL,
        "paused": Level.WARNING,
        "disabled": Level.WARNING,
        "waiting": Level.WARNING,
    },
    queries=("pooler_pools", "pooler_limits"),
)
CLIENT_STATE = StateRule(
    name="client_state",
    title="State of a client of the pooler; of one that waits, once it has for half a second",
    levels={"waiting": Level.WARNING},
    queries=("pooler_clients",),
)
DATABASE_PAUSED = StateRule(
    name="database_paused",
    title="Whether a database of the pooler is paused",
    levels={True: Level.WARNING},
    queries=("pooler_databases",),
)
DATABASE_DISABLED = StateRule(
    name="database_disabled",
    title="Whether a database of the pooler is disabled",
    levels={True: Level.WARNING},
    queries=("pooler_databases",),
)
