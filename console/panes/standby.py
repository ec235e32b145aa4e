"""What a standby receives and replays: the WAL receiver, and the queries that the replay cancelled."""

from __future__ import annotations

from console.model import Column, Rate, Snapshot, View, denied
from console.rules.replication import REPLAY_STATE
from console.rules.server import CONFLICTS_PER_SECOND, REPLICATION_LAG_BYTES, REPLICATION_LAG_SECONDS


def receiver(snapshot: Snapshot) -> Snapshot:
    """A note where this role may not see the WAL receiver."""
    concealed = any(row["pid"] is not None and row["receiver"] is None for row in snapshot.records())
    return snapshot.hiding(denied("The WAL receiver is hidden;", "pg_monitor") if concealed else None)


CONFLICT_KINDS = (
    Column("snapshots", "snapshot", "count", width=8, help="Because they could still see rows that VACUUM removed."),
    Column("locks", "lock", "count", help="Because they held a lock that DDL on the primary needed."),
    Column("pins", "pin", "count", help="Because they had pinned a page that had to be cleaned up."),
    Column("deadlocks", "deadlock", "count", width=8, help="Because they and the replay waited for each other."),
    Column(
        "tablespaces",
        "tablespace",
        "count",
        width=10,
        extra=True,
        help="Because their temporary files were in a dropped tablespace.",
    ),
    Column("slots", "slot", "count", help="Logical slots invalidated (PostgreSQL 16 and later)."),
)
RECEIVER = View(
    name="receiver",
    title="Receiver",
    query="replication_receiver",
    kept=30.0,
    key=("one",),
    derive=receiver,
    columns=(
        Column("sender_host", "from", "name", width=16, grow=True, help="The server that sends the WAL."),
        Column("sender_port", "port", "id", width=5),
        Column("receiver", "receiver", width=10, help="State of the WAL receiver; –: none is running."),
        Column(
            "replay",
            "replay",
            width=15,
            rule=REPLAY_STATE,
            help="paused: pg_wal_replay_pause() was called, or a setting is lower than on the primary. "
            "promoting: it was asked to become a primary (PostgreSQL 19 and later).",
        ),
        Column("lag_bytes", "behind", "size", rule=REPLICATION_LAG_BYTES, help="WAL received and not replayed."),
        Column(
            "lag_seconds",
            "lag",
            "age",
            rule=REPLICATION_LAG_SECONDS,
            help="Age of the last transaction replayed; 0 if everything received is.",
        ),
        Column("message_age", "message", "age", width=7, help="Time since the last message of the sender."),
        Column("slot", "slot", "name", width=12, extra=True, help="The slot on the sender that it uses."),
        Column("received", "received", width=16, extra=True, help="Up to where WAL was received."),
        Column("replayed", "replayed", width=16, extra=True, help="Up to where WAL was replayed."),
        Column(
            "reading",
            "replaying",
            width=16,
            extra=True,
            help="End of the record that is being replayed: beyond replayed, it is held up (PostgreSQL 19 and later).",
        ),
        Column("timeline", "timeline", "id", width=8, extra=True, help="Of the WAL replayed last (19 and later)."),
        Column(
            "chunk_age",
            "chunk",
            "age",
            extra=True,
            help="Time since the WAL now replayed was received: what max_standby_streaming_delay limits (PostgreSQL 19 "
            "and later).",
        ),
        Column("apply_delay", "delay", extra=True, width=8, help="recovery_min_apply_delay: an intended delay."),
        Column("query_delay", "for queries", width=11, extra=True, help="max_standby_streaming_delay."),
        Column("feedback", "feedback", width=8, extra=True, help="hot_standby_feedback."),
        Column("pid", "pid", "id", extra=True),
    ),
    empty="This server is a primary: it receives no WAL.",
)

CONFLICTS = View(
    name="conflicts",
    title="Conflicts",
    query="replication_conflicts",
    kept=120.0,
    key=("oid",),
    sort="-conflicts",
    where=lambda row: bool(row["conflicts"]),
    columns=(
        Column("database", "database", "name", grow=True),
        Column("conflicts", "cancelled", "count", width=9, help="Queries of this standby cancelled by the replay."),
        Column("rate", "per s", "rate", rule=CONFLICTS_PER_SECOND, help="The same per second, in the last 5 minutes."),
        *CONFLICT_KINDS,
    ),
    rates=(Rate("rate", "conflicts", window=300.0),),
    empty="No query was cancelled by the replay of WAL.",
)
