"""Rules over replication slots, the replay of a standby, and subscriptions: words that stand for trouble."""

from __future__ import annotations

from console.model import Level, StateRule

SLOT_STATUS = StateRule(
    name="slot_status",
    title="State of the WAL that a replication slot needs",
    levels={"unreserved": Level.CRITICAL, "lost": Level.WARNING},
    queries=("slot_retention",),
)
REPLAY_STATE = StateRule(
    name="replay_state",
    title="Whether the replay of a standby is paused",
    levels={"pause requested": Level.WARNING, "paused": Level.WARNING},
    queries=("replication_receiver",),
)
SUBSCRIPTION_STATUS = StateRule(
    name="subscription_status",
    title="Whether an enabled subscription has a worker",
    levels={"no worker": Level.WARNING},
    queries=("subscriptions",),
)
