"""A Citus cluster: nodes that are down, metadata that differ, shards in the wrong place, data that is uneven."""

from __future__ import annotations

from collections.abc import Iterable

from console.format import one_line, percent, size
from console.model import (
    SELDOM,
    CannotTell,
    Diagnosis,
    Evidence,
    Finding,
    Fix,
    Frame,
    Level,
    Record,
    Urgency,
    of_view,
)
from console.panes.cluster import NODES
from console.panes.cluster_nodes import excess, holders, mean_size
from console.rules.cluster import CLUSTER_IMBALANCE_BYTES, CLUSTER_IMBALANCE_PERCENT, CLUSTER_NODE_STATE
from console.rules.findings.wording import counted, number

EXTENSION = "citus"
METADATA = frozenset({"not synced", "metadata differ", "version differs"})
PLACEMENT = frozenset({"shards missing", "foreign shards", "shards inactive"})
_EFFECT = {
    "shards missing": "queries that need them fail",
    "foreign shards": "no query reads them; they take space and break a later move of the shard",
    "shards inactive": "Citus does not read them",
    "not synced": "it refuses to plan queries, or plans them with what it knew before",
    "metadata differ": "queries that it plans go to the wrong place or miss rows",
    "version differs": "statements between the nodes may fail",
}
_REMEDY = {
    "shards missing": "restore them from a backup of the node, or copy them with citus_copy_shard_placement()",
    "foreign shards": "SELECT citus_cleanup_orphaned_resources(); -- what stays was made by hand: compare and drop it",
    "shards inactive": "SELECT citus_copy_shard_placement() from a node that has them",
    "not synced": "SELECT start_metadata_sync_to_all_nodes()",
    "metadata differ": "SELECT start_metadata_sync_to_all_nodes()",
    "version differs": "install the same version of Citus on all nodes, then ALTER EXTENSION citus UPDATE on each",
}


def down(frame: Frame) -> Iterable[Finding]:
    """A finding for each node that does not answer."""
    rows = frame.rows("cluster_nodes")
    for row in rows:
        if row["state"] == "down":
            held = int(number(row["distributed_shards"]))
            yield _finding(
                "cluster-node-down",
                row,
                f"node {one_line(row['node'])} of the cluster does not answer: "
                + (f"{counted(held, 'shard')} cannot be read or written" if held else "it holds no distributed shards"),
                "start it, or promote its standby and name that with citus_update_node()",
                held / 1e6,
            )


def metadata(frame: Frame) -> Iterable[Finding]:
    """A finding for each node whose metadata are not those of this node."""
    return _of_states(frame, "cluster-metadata", METADATA)


def placement(frame: Frame) -> Iterable[Finding]:
    """A finding for each node with shards that should not be there, or without those that should."""
    return _of_states(frame, "cluster-placement", PLACEMENT)


def unbalanced(frame: Frame) -> Iterable[Finding]:
    """A finding if the fullest node holds far more than the mean. Raises CannotTell while a node is down."""
    rows = frame.rows("cluster_nodes")
    if len(holders(rows)) < 2:
        return
    mean = mean_size(rows)
    if mean is None:
        raise CannotTell("A node of the cluster does not answer, so how much it holds is unknown.")
    fullest = max(holders(rows), key=lambda row: number(row["size"]))
    over = excess(fullest, mean) or 0.0
    share = 100 * over / mean if mean else 0.0
    level = frame.level(CLUSTER_IMBALANCE_PERCENT, share)
    if level and frame.level(CLUSTER_IMBALANCE_BYTES, over):
        yield Finding(
            rule="cluster-unbalanced",
            subject="balance of the cluster",
            level=level,
            sentence=f"node {one_line(fullest['node'])} holds {size(fullest['size'])} of shards, {percent(share)} more "
            f"than the mean of the nodes ({size(mean)})",
            detail="a single large tenant stays on one node",
            fixes=(Fix("rebalance-cluster", {}, "moves shards to other nodes in the background; lists them first"),),
            evidence=(_evidence("size", size(fullest["size"]), fullest),),
            harm=over / 2**40,
        )


def _of_states(frame: Frame, rule: str, states: frozenset[str]) -> Iterable[Finding]:
    for row in frame.rows("cluster_nodes"):
        if row["state"] in states:
            state = str(row["state"])
            sentence = f"node {one_line(row['node'])} of the cluster: {state}, {row['reason']}; {_EFFECT[state]}"
            yield _finding(rule, row, sentence, _REMEDY[state], 0.0)


def _finding(rule: str, row: Record, sentence: str, detail: str, harm: float) -> Finding:
    state = str(row["state"])
    return Finding(
        rule=rule,
        subject=f"node {row['node']}",
        level=max(Level.WARNING, CLUSTER_NODE_STATE.level(state)),
        sentence=sentence,
        detail=detail,
        evidence=(_evidence("state", state, row),),
        harm=harm,
    )


def _evidence(label: str, value: str, row: Record) -> Evidence:
    return Evidence(label, value, "cluster", "nodes", {"nodeid": row["nodeid"]})


def _installed(frame: Frame) -> bool:
    """Whether the database has Citus: nothing is asked where it has not."""
    return frame.facts is not None and EXTENSION in frame.facts.extensions


_ASKS = (of_view(NODES, SELDOM, only_if=_installed),)
_MISSES = "What happens to a node shows within a minute."
CLUSTER_NODE_DOWN = Diagnosis(
    "cluster-node-down", "A node of the Citus cluster does not answer", Urgency.NOW, _ASKS, down, misses=_MISSES
)
CLUSTER_METADATA = Diagnosis(
    "cluster-metadata", "Metadata of a node of the Citus cluster differ", Urgency.NOW, _ASKS, metadata, misses=_MISSES
)
CLUSTER_PLACEMENT = Diagnosis(
    "cluster-placement",
    "Shards of the Citus cluster are missing, inactive, or where they should not be",
    Urgency.SOON,
    _ASKS,
    placement,
    misses=_MISSES,
)
CLUSTER_UNBALANCED = Diagnosis(
    "cluster-unbalanced",
    "A node of the Citus cluster holds far more than the others",
    Urgency.CARE,
    _ASKS,
    unbalanced,
    (CLUSTER_IMBALANCE_PERCENT, CLUSTER_IMBALANCE_BYTES),
    misses=_MISSES,
)
