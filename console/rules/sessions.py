"""Rules over sessions, transactions and locks."""

from __future__ import annotations

from console.model import Level, Rule, StateRule, Window, above

CONNECTION_USAGE_PERCENT = Rule(
    name="connection_usage_percent",
    title="Connections in use, of those that ordinary roles may use",
    unit="%",
    limit=above(80, 95),
    queries=("vitals", "connections_summary", "database_list"),
)
TRANSACTION_SECONDS = Rule(
    name="transaction_seconds",
    title="Age of an open transaction",
    unit="s",
    limit=above(60, 300),
    queries=("vitals", "connections", "connections_summary", "locks", "cluster_sessions"),
)
IDLE_IN_TRANSACTION_SECONDS = Rule(
    name="idle_in_transaction_seconds",
    title="How long a session has been idle in its transaction",
    unit="s",
    limit=above(60, 300),
    queries=("vitals", "connections_summary"),
)
IDLE_IN_TRANSACTION_SESSIONS = Rule(
    name="idle_in_transaction_sessions",
    title="Sessions that are idle in a transaction",
    unit="count",
    limit=above(5, 20),
    queries=("vitals",),
)
PREPARED_TRANSACTION_SECONDS = Rule(
    name="prepared_transaction_seconds",
    title="Age of a prepared transaction",
    unit="s",
    limit=above(60, 300),
    queries=("vitals",),
)
ADVISORY_LOCK_SECONDS = Rule(
    name="advisory_lock_seconds",
    title="How long a session of a transaction pool has held an advisory lock",
    unit="s",
    limit=above(120),
    queries=("session_advisory_locks",),
)
XMIN_AGE_TRANSACTIONS = Rule(
    name="xmin_age_transactions",
    title="Age of the oldest snapshot, which keeps VACUUM from removing dead tuples",
    unit="transactions",
    limit=above(1_000_000, 50_000_000),
    queries=("vitals", "connections", "connections_summary", "held_transactions"),
)
WAIT_HELD = 1.0  # seconds; a shorter wait for a lock is ordinary
WAITING_SESSIONS = Rule(
    name="waiting_sessions",
    title="Sessions that have waited for a lock for a second or more",
    unit="count",
    limit=above(1, 10),
    queries=("vitals", "connections_summary"),
    held=WAIT_HELD,
)
BLOCKED_BY_SESSIONS = Rule(
    name="blocked_by_sessions",
    title="Sessions that block one session, once it has waited for a second",
    unit="count",
    limit=above(1),
    queries=("connections",),
    held=WAIT_HELD,
)
BLOCKING_SESSIONS = Rule(
    name="blocking_sessions",
    title="Sessions that have waited for one session or one relation for a second or more",
    unit="count",
    limit=above(1, 5),
    queries=("connections", "locks", "locks_held"),
    held=WAIT_HELD,
)
LOCK_WAIT_SECONDS = Rule(
    name="lock_wait_seconds",
    title="How long a session has waited for a lock",
    unit="s",
    limit=above(1, 30),
    queries=("locks", "locks_held", "lock_types", "commands_in_progress", "cluster_locks"),
)
STATEMENT_SECONDS = Rule(
    name="statement_seconds",
    title="How long a statement of a client has been running, without maintenance, COPY and waits for locks",
    unit="s",
    limit=above(600, 7200),
    queries=("runaway_statements",),
)
LIVE_TEMP_BYTES = Rule(
    name="live_temp_bytes",
    title="Temporary files that a running statement holds",
    unit="bytes",
    limit=above(5 * 2**30, 50 * 2**30),
    queries=("runaway_statements",),
)
NEW_SESSIONS_PER_SECOND = Rule(
    name="new_sessions_per_second",
    title="Sessions of a database that begin and end, a second, where at least 300 did within 5 minutes",
    unit="count",
    limit=above(20),
    queries=("database_counters",),
)
DEADLOCKS_PER_SECOND = Rule(
    name="deadlocks_per_second",
    title="Deadlocks per second; in each, the server cancelled a transaction",
    unit="count",
    limit=above(0.000001),
    queries=("vitals", "database_list"),
    window=Window.RECENT,
)

SESSION_STATE = StateRule(
    name="session_state",
    title="State of a session",
    levels={"hidden": Level.NOTICE},
    queries=("connections", "connections_summary", "locks", "cluster_sessions", "cluster_locks"),
)
LOCK_MODE = StateRule(
    name="lock_mode",
    title="Strongest lock held on a relation",
    levels={"AccessExclusive": Level.WARNING, "Exclusive": Level.NOTICE},
    queries=("locks_held",),
)
