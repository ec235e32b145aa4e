"""Replication: who receives WAL, what each replica says itself, slots, this standby, and subscriptions."""

from __future__ import annotations

from dataclasses import replace

from console.model import Column, Pane, Rate, Snapshot, View, denied
from console.panes.derived import with_notes
from console.rules.replication import (
    REPLAY_STATE,
    REPLICA_SETTINGS,
    REPLICA_STATE,
    SLOT_STATUS,
    SUBSCRIPTION_STATUS,
)
from console.rules.server import (
    CONFLICTS_PER_SECOND,
    REPLICATION_LAG_BYTES,
    REPLICATION_LAG_SECONDS,
    RETAINED_WAL_BYTES,
)


def senders(snapshot: Snapshot) -> Snapshot:
    """A note where this role may not see how far the receivers are."""
    concealed = sum(state is None for state in snapshot.values("state"))
    return snapshot.hiding(denied(f"{concealed} WAL senders are hidden;", "pg_monitor") if concealed else None)


def receiver(snapshot: Snapshot) -> Snapshot:
    """A note where this role may not see the WAL receiver."""
    concealed = any(row["pid"] is not None and row["receiver"] is None for row in snapshot.records())
    return snapshot.hiding(denied("The WAL receiver is hidden;", "pg_monitor") if concealed else None)


def replicas(snapshot: Snapshot) -> Snapshot:
    """A note on who manages failover, and one where this role may not see the WAL receivers of replicas."""
    records = list(snapshot.records())
    concealed = any(row["state"] == "receiving" for row in records)
    managers = sorted({str(row["manager"]) for row in records if row["manager"]})
    if managers:
        snapshot = with_notes(snapshot, f"failover is managed by {' and '.join(managers)}")
    return snapshot.hiding(denied("The WAL receivers are hidden;", "pg_monitor") if concealed else None)


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
SENDERS = View(
    name="senders",
    title="Senders",
    query="replication_senders",
    key=("pid",),
    sort="-lag_bytes",
    derive=senders,
    columns=(
        Column("application", "application", "name", width=12, grow=True, help="application_name of the receiver."),
        Column("client", "client", "name", width=15, help="Address from which it is connected."),
        Column("state", "state", width=10, help="As in pg_stat_replication; backup is a running base backup."),
        Column("sync_state", "sync", width=9, help="Whether commits wait for it: sync or quorum; else async."),
        Column(
            "lag_bytes",
            "behind",
            "size",
            rule=REPLICATION_LAG_BYTES,
            help="WAL that it has not replayed; of a logical receiver, not confirmed.",
        ),
        Column(
            "lag_seconds",
            "lag",
            "age",
            rule=REPLICATION_LAG_SECONDS,
            help="Time between a flush here and its replay there, as last measured; 0 if nothing is missing.",
        ),
        Column("slot", "slot", "name", width=12, help="The replication slot that it uses; – uses none."),
        Column("unsent", "unsent", "size", extra=True, help="WAL not sent to it yet: network or WAL sender."),
        Column("unwritten", "unwritten", "size", width=9, extra=True, help="WAL sent and not written there."),
        Column("unflushed", "unflushed", "size", width=9, extra=True, help="WAL written and not on its disk."),
        Column(
            "unreplayed",
            "unreplayed",
            "size",
            width=10,
            extra=True,
            help="WAL on its disk and not replayed: paused, delayed by queries, or slow.",
        ),
        Column("write_seconds", "write lag", "age", width=9, extra=True, help="Time until it had written the WAL."),
        Column("flush_seconds", "flush lag", "age", width=9, extra=True, help="Time until it had flushed the WAL."),
        Column("reply_age", "reply", "age", extra=True, help="Time since its last message, by the clock there."),
        Column("age", "connected", "age", width=9, extra=True, help="Time since it connected."),
        Column("user", "user", "name", width=12, extra=True),
        Column("sync_priority", "priority", "count", width=8, extra=True, help="In synchronous_standby_names."),
        Column("pid", "pid", "id", extra=True),
    ),
    empty="No standby or other receiver is connected.",
)

REPLICAS = View(
    name="replicas",
    title="Replicas",
    query="replica_states",
    source="replicas",
    key=("replica",),
    derive=replicas,
    columns=(
        Column("replica", "replica", "name", width=12, grow=True, help="Its name in the configuration, else its host."),
        Column(
            "state",
            "state",
            width=13,
            rule=REPLICA_STATE,
            help="gone: does not answer. promoted: accepts writes. disconnected: receives no WAL. archive: restores "
            "WAL from an archive. other cluster: no copy of this server.",
        ),
        Column(
            "lag_bytes",
            "behind",
            "size",
            rule=REPLICATION_LAG_BYTES,
            help="WAL of the primary that it has not replayed; 0 when both are idle.",
        ),
        Column(
            "lag_seconds",
            "lag",
            "age",
            rule=REPLICATION_LAG_SECONDS,
            judged="late_seconds",
            help="For how long: 0 if nothing is missing. Judged without an intended delay.",
        ),
        Column("timeline", "tli", "id", width=4, help="Its timeline: a promotion begins a new one."),
        Column("conflicts", "cancelled", "count", width=9, help="Queries there cancelled by the replay."),
        Column("slot", "slot", "name", width=12, help="The replication slot on the primary that it uses; –: none."),
        Column("retained", "retained", "size", help="WAL that the primary keeps for that slot."),
        Column(
            "lower",
            "lower settings",
            width=30,
            extra=True,
            rule=REPLICA_SETTINGS,
            judged="is_lower",
            help="Settings that must be at least the primary's. Where one is lower, the replay stops until a restart "
            "with a higher value.",
        ),
        Column("reason", "reason", width=40, extra=True, help="Why it is in this state."),
        Column(
            "conflict_rate",
            "per s",
            "rate",
            extra=True,
            rule=CONFLICTS_PER_SECOND,
            help="Cancelled queries per second, in the last 5 minutes.",
        ),
        *(replace(column, extra=True) for column in CONFLICT_KINDS),
        Column("replay", "replay", width=15, extra=True, help="Whether its replay is paused."),
        Column("receiver", "receiver", width=10, extra=True, help="State of its WAL receiver; –: none is running."),
        Column("unreplayed", "unreplayed", "size", width=10, extra=True, help="WAL received there and not replayed."),
        Column("sync_state", "sync", width=9, extra=True, help="Whether commits wait for it: sync or quorum."),
        Column("application", "application", "name", width=12, extra=True, help="Its name in pg_stat_replication."),
        Column("sender_pid", "pid", "id", extra=True, help="Its WAL sender on the primary; see Senders."),
        Column("wal_status", "WAL", width=10, extra=True, rule=SLOT_STATUS, help="Of its slot; see Slots."),
        Column(
            "message_age", "message", "age", width=7, extra=True, help="Time since the last message of the primary."
        ),
        Column("feedback", "feedback", width=8, extra=True, help="hot_standby_feedback."),
        Column("query_delay", "for queries", width=11, extra=True, help="max_standby_streaming_delay."),
        Column("delay", "delay", "age", extra=True, help="recovery_min_apply_delay: an intended delay."),
        Column("primary_timeline", "primary tli", "id", width=11, extra=True, help="Timeline of the primary."),
        Column("seen_age", "seen", "age", extra=True, help="Time since it last answered this console."),
    ),
    rates=(Rate("conflict_rate", "conflicts", window=300.0),),
    empty="No replicas.",
)

SLOTS = View(
    name="slots",
    title="Slots",
    query="slot_retention",
    key=("slot_name",),
    sort="-retained",
    columns=(
        Column("slot_name", "slot", "name", width=16, grow=True),
        Column("slot_type", "type", width=8, help="physical: for a standby. logical: for a subscriber."),
        Column("active_pid", "pid", "id", help="The WAL sender that uses it; –: unused."),
        Column(
            "wal_status",
            "WAL",
            width=10,
            rule=SLOT_STATUS,
            help="unreserved: removed at the next checkpoint. lost: removed; its consumer must be set up again.",
        ),
        Column(
            "retained",
            "retained",
            "size",
            rule=RETAINED_WAL_BYTES,
            help="WAL that the server keeps for it, from the oldest that it needs.",
        ),
        Column(
            "safe_wal_size",
            "safe",
            "size",
            help="WAL that can still be written before it is invalidated; –: max_slot_wal_keep_size is not set.",
        ),
        Column(
            "inactive_age",
            "inactive",
            "age",
            width=8,
            help="Time since it was last used (PostgreSQL 17 and later); –: in use, or unknown.",
        ),
        Column("database", "database", "name", width=12, extra=True, help="Of a logical slot."),
        Column(
            "invalidation_reason",
            "invalidated",
            width=18,
            extra=True,
            help="Why the slot can no longer be used (PostgreSQL 17 and later).",
        ),
        Column("growth", "growth", "size_rate", extra=True, help="By how much the retained WAL grows, per second."),
        Column(
            "unconfirmed",
            "unconfirmed",
            "size",
            width=11,
            extra=True,
            help="WAL that its subscriber has not confirmed.",
        ),
        Column(
            "xmin_age",
            "xmin age",
            "count",
            width=8,
            extra=True,
            help="Age of its xmin in transactions: VACUUM keeps rows deleted since then.",
        ),
        Column(
            "catalog_xmin_age",
            "catalog xmin",
            "count",
            width=12,
            extra=True,
            help="The same for rows of system catalogs.",
        ),
        Column("plugin", "plugin", width=12, extra=True, help="The output plugin of a logical slot."),
        Column("synced", "synced", "flag", width=6, extra=True, help="Whether it is copied from the primary (17+)."),
    ),
    rates=(Rate("growth", "retained", window=300.0),),
    empty="No replication slots.",
)

RECEIVER = View(
    name="receiver",
    title="Receiver",
    query="replication_receiver",
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

SUBSCRIPTIONS = View(
    name="subscriptions",
    title="Subscriptions",
    query="subscriptions",
    key=("oid", "worker_pid"),
    sort="status",
    columns=(
        Column("subscription", "subscription", "name", width=14, grow=True),
        Column("database", "database", "name", width=12),
        Column(
            "status",
            "status",
            width=9,
            rule=SUBSCRIPTION_STATUS,
            help="no worker: it is enabled and nothing runs; the reason is in the server log.",
        ),
        Column("worker", "worker", width=10, help="apply, parallel apply, or table sync: the first copy of a table."),
        Column("message_age", "message", "age", width=7, help="Time since the last message of the publisher."),
        Column("apply_errors", "errors", "count", help="Failed attempts to apply changes (PostgreSQL 15 and later)."),
        Column("sync_errors", "sync err", "count", width=8, help="Failed copies of tables (PostgreSQL 15 and later)."),
        Column("tables_waiting", "waiting", "count", extra=True, help="Tables of this database not in sync yet."),
        Column("table", "table", "relation", extra=True, help="The table that a table sync copies."),
        Column("unreported", "unreported", "size", width=10, extra=True, help="WAL received and not yet reported."),
        Column("slot", "slot", "name", width=16, extra=True, help="Its slot on the publisher."),
        Column("publications", "publications", "name", extra=True),
        Column("pid", "pid", "id", extra=True),
    ),
    empty="No subscriptions.",
)

REPLICATION = Pane(
    name="replication",
    key="r",
    title="Replication",
    group="Around",
    help=(
        "Who receives WAL from this server, and from whom it receives it. "
        "Senders: each standby or other receiver of WAL, how far it is behind and at which stage. Replicas: what each "
        "replica named by --replica or in the configuration is, asked there and compared with this server. Slots: the "
        "WAL and the dead rows that each retains; an unused slot retains them until it is dropped (temporary "
        "ones end with their session and are left out). Receiver: on a standby, where its WAL comes from and whether "
        "its replay is paused. Conflicts: queries of a standby that the replay cancelled. Subscriptions: the workers "
        "of logical replication and their errors."
    ),
    views=(SENDERS, REPLICAS, SLOTS, RECEIVER, CONFLICTS, SUBSCRIPTIONS),
    refresh=5.0,
    actions=("drop-slot", "resume-replay"),
)
