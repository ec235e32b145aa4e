"""Cluster: the nodes of a Citus cluster, how its data is spread, its sessions, locks and background jobs."""

from __future__ import annotations

from dataclasses import replace

from console.format import counted
from console.model import Column, Lookup, Pane, Record, Rule, Snapshot, View, Whole, number
from console.panes.cluster_nodes import nodes
from console.panes.derived import add, largest, with_notes
from console.rules.cluster import (
    CLUSTER_IMBALANCE_BYTES,
    CLUSTER_IMBALANCE_PERCENT,
    CLUSTER_JOB_STATE,
    CLUSTER_NODE_STATE,
    CLUSTER_SKEW_PERCENT,
)
from console.rules.sessions import LOCK_WAIT_SECONDS, SESSION_STATE, TRANSACTION_SECONDS
from console.rules.storage import TENANT_SHARE_PERCENT

TENANT_LOAD = Lookup(
    "cluster_tenant_load", ("tenant", "colocation"), ("statements", "cpu_seconds"), first=100, batch=100, keep=30
)
_COLOCATION = Column(
    "colocation", "group", "id", width=5, help="Its co-location group: tables whose shards lie together."
)
_KIND = Column("kind", "kind", width=11, help="distributed, reference (a copy on every node), schema or local.")
_DISTRIBUTED_BY = Column("column", "by", "name", width=15, help="The distribution column.")
_SKEW = Column(
    "node_skew",
    "node %",
    "percent",
    width=6,
    help="Size on the fullest node, of the mean of the nodes that hold shards; 100 %: even.",
)
AT_LEAST = "≥"
_GPID = "Its global pid: pg_cancel_backend(gpid) on any node of the cluster reaches it."


def tables(snapshot: Snapshot, cluster_imbalance_bytes: Rule = CLUSTER_IMBALANCE_BYTES) -> Snapshot:
    """A mark and a note where the size of shards is unknown, and the skew where it is worth judging."""
    unread = sum(int(number(row["unread"])) for row in snapshot.records())
    note = f"sizes of {counted(unread, 'shard')} are unknown: their nodes do not answer, or they are locked"

    def columns_of(row: Record) -> tuple[object, ...]:
        over = number(row["largest"]) - 100 * number(row["largest"]) / max(number(row["shard_skew"]), 1)
        judged = row["shard_skew"] if cluster_imbalance_bytes.level(over) else None
        return AT_LEAST if row["unread"] and row["size"] is not None else "", judged

    return with_notes(add(snapshot, ("partial", "skew_judged"), columns_of), note if unread else "")


def shards(snapshot: Snapshot) -> Snapshot:
    """The range of hash values as one column."""

    def columns_of(row: Record) -> tuple[object, ...]:
        return (None if row["low"] is None else f"{row['low']} … {row['high']}",)

    return with_notes(add(snapshot, ("range",), columns_of), largest(snapshot, "shards"))


NODES = View(
    name="nodes",
    title="Nodes",
    query="cluster_nodes",
    kept=60.0,
    key=("nodeid",),
    columns=(
        Column("node", "node", "name", width=20, help="Host and port, as the cluster knows it."),
        Column("role", "role", width=11),
        Column("state", "state", width=15, rule=CLUSTER_NODE_STATE, help="The most urgent thing about it."),
        Column("shards", "shards", "count", width=6, help="Placements that the metadata have on it."),
        Column("size", "size", "size", help="Of its shards, with indexes and TOAST; –: it does not answer."),
        Column("share", "%", "percent", bar=Whole.HUNDRED, help="Of the data of all nodes."),
        Column(
            "reason",
            "why",
            "query",
            grow=True,
            help="What is behind the state.",
        ),
        Column("sessions", "sessions", "count", width=8, extra=True, help="Client sessions, those of Citus included."),
        Column(
            "over_percent",
            "over mean",
            "percent",
            width=9,
            extra=True,
            rule=CLUSTER_IMBALANCE_PERCENT,
            judged="over_judged",
            help="Data above the mean of the nodes that hold shards.",
        ),
        Column("holds_shards", "holds", "flag", width=5, extra=True, help="Whether Citus places shards there."),
        Column("active", "active", "flag", width=6, extra=True),
        Column("synced", "synced", "flag", width=6, extra=True, help="Whether its metadata are up to date."),
        Column("group", "group", "id", width=5, extra=True, help="A primary and its standbys are one group."),
        Column("citus", "Citus", width=8, extra=True),
        Column("postgres", "PostgreSQL", width=12, extra=True),
    ),
    derive=nodes,
    rules=(CLUSTER_IMBALANCE_BYTES,),
    empty="No nodes.",
)
TABLES = View(
    name="tables",
    title="Tables",
    query="cluster_tables",
    kept=900.0,
    key=("oid",),
    columns=(
        Column("table", "table", "relation", grow=True),
        _KIND,
        _DISTRIBUTED_BY,
        Column("shards", "shards", "count", width=6),
        Column("partial", "", width=1, help="≥ where the size of some shards is unknown."),
        Column("size", "size", "size", help="Of all its shards and their copies, with indexes and TOAST."),
        Column(
            "shard_skew",
            "shard %",
            "percent",
            width=7,
            rule=CLUSTER_SKEW_PERCENT,
            judged="skew_judged",
            help="The largest shard, of the mean of its shards; 100 %: even.",
        ),
        _SKEW,
        Column("rows", "rows", "count", extra=True, help="As of the last VACUUM or ANALYZE of the shards."),
        Column("dead", "dead", "count", extra=True, help="Dead tuples in all shards."),
        Column("largest_shard", "largest shard", "text", width=13, extra=True),
        Column("largest", "its size", "size", extra=True),
        replace(_COLOCATION, extra=True),
        Column("unread", "unread", "count", width=6, extra=True, help="Shards whose size is unknown."),
    ),
    derive=tables,
    rules=(CLUSTER_IMBALANCE_BYTES,),
    empty="No distributed tables: distribute-table makes one.",
)
GROUPS = View(
    name="groups",
    title="Groups",
    query="cluster_groups",
    kept=300.0,
    key=("colocation",),
    columns=(
        _COLOCATION,
        _KIND,
        Column("tables", "tables", "count", width=6),
        Column("shards", "shards", "count", width=6, help="Of each table."),
        Column("size", "size", "size", help="Of all its tables and their copies."),
        _SKEW,
        Column(
            "apart",
            "apart",
            "count",
            width=5,
            help="Ranges of hash values whose shards are not all on one node; 0 is right.",
        ),
        Column("members", "members", "query", grow=True),
        replace(_DISTRIBUTED_BY, extra=True),
        Column("nodes", "on", width=50, extra=True, help="Its size on each node."),
    ),
    empty="No co-location groups.",
)
SHARDS = View(
    name="shards",
    title="Shards",
    query="cluster_shards",
    kept=900.0,
    key=("shardid", "group"),
    columns=(
        Column("shardid", "shard", "text", width=8),
        Column("table", "table", "relation", grow=True),
        Column("node", "node", "name", width=18),
        Column("size", "size", "size", help="With indexes and TOAST; –: its node does not answer, or it is locked."),
        Column("share", "%", "percent", bar=Whole.HUNDRED, help="Of all shards of the table."),
        Column("rows", "rows", "count", help="As of its last VACUUM or ANALYZE."),
        Column("dead", "dead", "count", width=6),
        Column("range", "hash values", width=25, extra=True, help="Which hash values of the column it holds."),
        Column("kind", "kind", width=11, extra=True),
        Column("active", "active", "flag", width=6, extra=True),
    ),
    derive=shards,
    empty="No shards.",
)
TENANTS = View(
    name="tenants",
    title="Tenants",
    query="cluster_tenants",
    kept=300.0,
    key=("tenant", "colocation", "node"),
    columns=(
        Column("tenant", "tenant", grow=True, help="The value of the distribution column."),
        Column(
            "share",
            "%",
            "percent",
            bar=Whole.HUNDRED,
            rule=TENANT_SHARE_PERCENT,
            help="Of the rows of all tables of its co-location group.",
        ),
        Column("rows", "rows", "count", help="In all tables, estimated from the statistics of the shards."),
        Column("node", "node", "name", width=18),
        Column("statements", "stmts", "count", width=6, help="In this period and the last one (citus_stat_tenants)."),
        Column("cpu_seconds", "CPU s", "rate", width=6, help="CPU time in these periods."),
        Column("mostly", "mostly in", "relation", extra=True, help="The table in which it has most rows."),
        Column("tables", "tables", "count", width=6, extra=True),
        replace(_COLOCATION, extra=True),
    ),
    lookups=(TENANT_LOAD,),
    empty="The statistics of the shards list no tenants: never analyzed, evenly spread, or not readable by this role.",
)
SESSIONS = View(
    name="sessions",
    title="Sessions",
    query="cluster_sessions",
    kept=60.0,
    key=("gpid",),
    sort="-state_age",
    columns=(
        Column("gpid", "gpid", "text", width=12, help=_GPID),
        Column("who", "who", "name", width=13, help="The application, else the user."),
        Column("state", "state", width=8, rule=SESSION_STATE),
        Column("state_age", "for", "age", help="How long it has been in this state."),
        Column("parts", "parts", "count", width=5, help="Its backends on other nodes that are not idle."),
        Column("wait", "waits for", width=14),
        Column("query", "query", "query", grow=True),
        Column("part_waits", "parts wait for", width=24, extra=True, help="What its backends on other nodes wait for."),
        Column("tx_age", "tx", "age", extra=True, rule=TRANSACTION_SECONDS, help="Age of its transaction."),
        Column("node", "node", "name", width=18, extra=True, help="Where it is connected."),
        Column("pid", "pid", "text", width=7, extra=True, help="Its process id on that node."),
        Column("user", "user", "name", width=12, extra=True),
        Column("address", "address", width=15, extra=True),
        Column("backend_start", "connected", "time", extra=True, help="When the session began."),
    ),
    empty="No other client sessions in the cluster.",
)
LOCKS = View(
    name="locks",
    title="Locks",
    query="cluster_locks",
    kept=60.0,
    key=("waiting_gpid", "blocking_gpid"),
    columns=(
        Column("waiting_gpid", "waits", "text", width=12, help=_GPID),
        Column("who", "who", "name", width=10),
        Column("waited", "for", "age", rule=LOCK_WAIT_SECONDS, help="Time since its statement began."),
        Column("blocking_gpid", "blocked by", "text", width=12, help=_GPID),
        Column("blocker", "blocker", "name", width=10),
        Column("blocker_state", "its state", width=10, rule=SESSION_STATE),
        Column("query", "statement that waits", "query", grow=True),
        Column("blocking_query", "statement of the blocker", "query", width=40, extra=True),
        Column("blocker_age", "its tx", "age", extra=True, help="Age of the transaction of the blocker."),
        Column("node", "node", "name", width=18, extra=True),
        Column("blocking_node", "node of the blocker", "name", width=19, extra=True),
        Column("blocking_start", "it connected", "time", extra=True, help="When the session of the blocker began."),
    ),
    empty="No session of the cluster waits for another one.",
)
JOBS = View(
    name="jobs",
    title="Jobs",
    query="cluster_jobs",
    kept=60.0,
    key=("job", "description"),
    columns=(
        Column("job", "job", "id", width=5, help="Its number; –: a shard that is being moved or copied now."),
        Column("type", "type", width=10),
        Column("state", "state", width=10, rule=CLUSTER_JOB_STATE),
        Column("done", "done", "percent", bar=Whole.HUNDRED, help="Of its tasks, or of the bytes of a shard."),
        Column("tasks", "tasks", "count", width=5),
        Column("failed", "failed", "count", width=6, help="Tasks that ended with an error."),
        Column("started_age", "began", "age", help="How long ago it began."),
        Column("description", "description", "query", grow=True),
        Column("message", "message", "query", width=40, extra=True, help="What its tasks reported, or the phase."),
        Column("retries", "retries", "count", width=7, extra=True),
        Column("seconds", "took", "age", extra=True),
    ),
    empty="No background jobs, and no shard is being moved.",
)

CLUSTER = Pane(
    name="cluster",
    key="N",
    title="Cluster",
    short="Citus",
    group="Around",
    help=(
        "A cluster of Citus, where the extension is installed. Nodes: whether each answers, its shards and data, and "
        "whether its metadata and shards are as this node has them. Tables and Groups sum the shards and show how "
        "evenly they are spread; Tenants the largest values of the distribution column with their load. Sessions and "
        "Locks are those of the whole cluster by global pid, of the nodes that answer; K ends the session under the "
        "cursor, in Locks the blocker. Jobs are those in the background, such as rebalancing. Each read asks every "
        "node once; one that does not answer within 3 s counts as down."
    ),
    views=(NODES, TABLES, GROUPS, SHARDS, TENANTS, SESSIONS, LOCKS, JOBS),
    refresh=10.0,
    extension="citus",
    actions=("distribute-table", "rebalance-cluster", "cancel-cluster-job", "cancel-backend", "terminate-backend"),
)
