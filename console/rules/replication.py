"""Rules over replication slots, the replay of a standby, and subscriptions: words that stand for trouble."""

from __future__ import annotations

from console.model import Level, StateRule

SLOT_STATUS = StateRule(
    name="slot_status",
    title="State of the WAL that a replication slot needs",
    levels={"unreserved": Level.CRITICAL, "lost": Level.WARNING},
    queries=("slot_retention", "replica_states"),
)
REPLAY_STATE = StateRule(
    name="replay_state",
    title="Whether the replay of a standby is paused",
    levels={"pause requested": Level.WARNING, "paused": Level.WARNING},
    queries=("replication_receiver",),
)
REPLICA_STATE = StateRule(
    name="replica_state",
    title="Whether a named replica answers, follows its primary and replays",
    levels={
        "gone": Level.CRITICAL,
        "promoted": Level.CRITICAL,
        "other cluster": Level.CRITICAL,
        "unreadable": Level.WARNING,
        "disconnected": Level.WARNING,
        "paused": Level.WARNING,
        "primary": Level.WARNING,
    },
    queries=("replica_states",),
)
REPLICA_SETTINGS = StateRule(
    name="replica_settings",
    title="Whether a replica has settings lower than its primary's, with which its replay stops",
    levels={True: Level.WARNING},
    queries=("replica_states",),
)
SUBSCRIPTION_STATUS = StateRule(
    name="subscription_status",
    title="Whether an enabled subscription has a worker",
    levels={"no worker": Level.WARNING},
    queries=("subscriptions",),
)
