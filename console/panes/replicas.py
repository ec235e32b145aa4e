"""What each replica says of itself, compared with its primary."""

from __future__ import annotations

from dataclasses import replace

from console.model import Column, Rate, Snapshot, View, denied
from console.panes.derived import with_notes
from console.panes.standby import CONFLICT_KINDS
from console.rules.replication import REPLICA_SETTINGS, REPLICA_STATE, SLOT_STATUS
from console.rules.server import CONFLICTS_PER_SECOND, REPLICATION_LAG_BYTES, REPLICATION_LAG_SECONDS


def replicas(snapshot: Snapshot) -> Snapshot:
    """A note on who manages failover, and one where this role may not see the WAL receivers of replicas."""
    records = list(snapshot.records())
    concealed = any(row["state"] == "receiving" for row in records)
    managers = sorted({str(row["manager"]) for row in records if row["manager"]})
    if managers:
        snapshot = with_notes(snapshot, f"failover is managed by {' and '.join(managers)}")
    return snapshot.hiding(denied("The WAL receivers are hidden;", "pg_monitor") if concealed else None)


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
