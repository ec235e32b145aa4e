"""Rules over a cluster of Citus: its nodes, how the data is spread, its background jobs."""

from __future__ import annotations

from console.model import Level, Rule, StateRule, above

CLUSTER_NODE_STATE = StateRule(
    name="cluster_node_state",
    title="State of a node of a Citus cluster",
    levels={
        "down": Level.CRITICAL,
        "shards missing": Level.CRITICAL,
        "metadata differ": Level.CRITICAL,
        "not synced": Level.WARNING,
        "foreign shards": Level.WARNING,
        "shards inactive": Level.WARNING,
        "version differs": Level.WARNING,
        "disabled": Level.NOTICE,
    },
    queries=("cluster_nodes",),
)
CLUSTER_JOB_STATE = StateRule(
    name="cluster_job_state",
    title="State of a background job of Citus",
    levels={"failing": Level.WARNING, "failed": Level.WARNING, "cancelling": Level.NOTICE},
    queries=("cluster_jobs",),
)
CLUSTER_IMBALANCE_PERCENT = Rule(
    name="cluster_imbalance_percent",
    title="Data of the fullest node of a Citus cluster above the mean of the nodes that hold shards",
    unit="%",
    limit=above(30, 100),
    queries=("cluster_nodes",),
)
CLUSTER_IMBALANCE_BYTES = Rule(
    name="cluster_imbalance_bytes",
    title="The same in bytes: smaller differences are not judged",
    unit="bytes",
    limit=above(1 << 30),
    queries=("cluster_nodes", "cluster_tables"),
)
CLUSTER_SKEW_PERCENT = Rule(
    name="cluster_skew_percent",
    title="Size of the largest shard of a distributed table, of the mean of its shards",
    unit="%",
    limit=above(300, 1000),
    queries=("cluster_tables",),
)
