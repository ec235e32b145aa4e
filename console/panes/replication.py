"""Replication: who receives WAL, the slots that keep it, and subscriptions; with what replicas and a standby say."""

from __future__ import annotations

from console.model import Column, Pane, Rate, Snapshot, View, denied
from console.panes.replicas import REPLICAS
from console.panes.standby import CONFLICTS, RECEIVER
from console.rules.replication import SLOT_STATUS, SUBSCRIPTION_STATUS
from console.rules.server import REPLICATION_LAG_BYTES, REPLICATION_LAG_SECONDS, RETAINED_WAL_BYTES


def senders(snapshot: Snapshot) -> Snapshot:
    """A note where this role may not see how far the receivers are."""
    concealed = sum(state is None for state in snapshot.values("state"))
    return snapshot.hiding(denied(f"{concealed} WAL senders are hidden;", "pg_monitor") if concealed else None)


SENDERS = View(
    name="senders",
    title="Senders",
    query="replication_senders",
    kept=30.0,
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

SUBSCRIPTIONS = View(
    name="subscriptions",
    title="Subscriptions",
    query="subscriptions",
    kept=60.0,
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
    short="Repl",
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
