"""What the nodes of a Citus cluster say, as states and shares. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from console.format import counted, one_line
from console.model import Record, Rule, Snapshot, number
from console.panes.derived import add, listed, with_notes
from console.rules.cluster import CLUSTER_IMBALANCE_BYTES

OK = "ok"


def nodes(snapshot: Snapshot, cluster_imbalance_bytes: Rule = CLUSTER_IMBALANCE_BYTES) -> Snapshot:
    """Each node with its state, the reason for it, its share of the data, and what it holds above the mean."""
    rows = tuple(snapshot.records())
    mean, whole = mean_size(rows), sum(number(row["size"]) for row in rows)
    version = next((row["citus"] for row in rows if row["role"] == "coordinator"), None)

    def columns_of(row: Record) -> tuple[object, ...]:
        share = 100 * number(row["size"]) / whole if whole and row["size"] is not None else None
        over = excess(row, mean)
        percent = None if over is None or not mean else 100 * over / mean
        return (*state(row, version), share, percent, percent if cluster_imbalance_bytes.level(over) else None)

    judged = add(snapshot, ("state", "reason", "share", "over_percent", "over_judged"), columns_of)
    silent = sum(row["reachable"] is False for row in rows)
    return with_notes(judged, f"sizes of {counted(silent, 'node')} are unknown" if silent else "")


def state(row: Record, version: object) -> tuple[str, str]:
    """The most urgent thing about a node, and why; `version` is that of Citus on the coordinator."""
    missing, foreign = _names(row["missing"]), _names(row["foreign"])
    held = row["role"] == "worker" and not row["holds_shards"] and number(row["distributed_shards"])
    states = (
        (row["reachable"] is False, "down", one_line(row["error"] or "it accepts no connection from this node")),
        (bool(missing), "shards missing", f"not there: {listed(missing)}"),
        (
            row["active"] and row["hasmetadata"] and row["synced"] and row["same_metadata"] is False,
            "metadata differ",
            "it knows other nodes or placements than this node",
        ),
        (
            row["active"] and row["role"] == "worker" and not (row["hasmetadata"] and row["synced"]),
            "not synced",
            "metadata changes have not been sent to it",
        ),
        (bool(foreign), "foreign shards", f"placed elsewhere: {listed(foreign)}"),
        (
            number(row["inactive_shards"]) > 0,
            "shards inactive",
            f"{counted(int(number(row['inactive_shards'])), 'placement')} in an inactive state",
        ),
        (
            row["citus"] is not None and version is not None and row["citus"] != version,
            "version differs",
            f"Citus {one_line(row['citus'])}, the coordinator has {one_line(version)}",
        ),
        (not row["active"], "disabled", "citus_activate_node() enables it again"),
        (bool(held), "draining", "it is not to hold shards and still has some: citus_drain_node() moves them"),
    )
    return next(((name, why) for holds, name, why in states if holds), (OK, _role(row)))


def holders(rows: Iterable[Record]) -> tuple[Record, ...]:
    """The nodes over which Citus spreads shards."""
    primary = {"coordinator", "worker"}
    return tuple(row for row in rows if row["active"] and row["holds_shards"] and row["role"] in primary)


def mean_size(rows: Iterable[Record]) -> float | None:
    """Mean size of the nodes that hold shards; None if one of them is unknown, or there is only one."""
    found = holders(rows)
    if len(found) < 2 or any(row["size"] is None and row["reachable"] is False for row in found):
        return None
    return sum(number(row["size"]) for row in found) / len(found)


def excess(row: Record, mean: float | None) -> float | None:
    """Bytes of a node above the mean; None where that is unknown."""
    return None if mean is None or not holders((row,)) else number(row["size"]) - mean


def _role(row: Record) -> str:
    if row["role"] == "coordinator" and not row["holds_shards"]:
        return "plans and routes; holds no distributed shards"
    return ""


def _names(value: object) -> list[str]:
    return [one_line(name) for name in value] if isinstance(value, list | tuple) else []
