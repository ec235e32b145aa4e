"""Locks: which sessions block which, as trees with the root blocker on top, and which relations are locked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from console.format import decoded
from console.model import Column, Pane, Record, Snapshot, View
from console.panes.connections import SHORT, hidden, who
from console.rules.sessions import (
    BLOCKING_SESSIONS,
    LOCK_MODE,
    LOCK_WAIT_SECONDS,
    SESSION_STATE,
    TRANSACTION_SECONDS,
)

Node = int | str  # a pid, or the name of a prepared transaction

_ADDED = ("tree", "depth", "root", "blocks", "lock", "who")


@dataclass(slots=True)
class _Graph:
    """Which session is blocked by which, and the row of each."""

    rows: dict[Node, Record] = field(default_factory=dict)
    blockers: dict[Node, set[Node]] = field(default_factory=dict)
    blocked: dict[Node, list[Node]] = field(default_factory=dict)


def tree(snapshot: Snapshot) -> Snapshot:
    """Waiting and blocking sessions as trees: each root blocker, then the sessions that wait for it, nearest first.

    A session that waits for several roots is listed once under each. Sessions in a deadlock are
    listed under the one that has waited longest.
    """
    graph = _graph(snapshot.records())
    columns = (*snapshot.columns, *_ADDED)
    names = dict(zip(map(_node, snapshot.records()), who(snapshot), strict=True))
    rows = []
    for root, heirs in _heirs(graph):
        for node, depth in _walk(root, heirs):
            row = graph.rows[node]
            shown = {
                "query": decoded(row["query"]),
                "state": SHORT.get(row["state"], row["state"]),
                "tree": _branch(row, depth),
                "depth": depth,
                "root": str(root),
                "blocks": len(_below(node, graph.blocked)),
                "wants": _wanted(row),
                "lock": _wanted(row) or _wanted_of(node, graph) or row["holds"],
                "who": names[node],
            }
            rows.append(tuple(shown.get(name, row.get(name)) for name in columns))
    return replace(snapshot, columns=columns, rows=tuple(rows)).hiding(hidden(snapshot, "sessions that wait or block"))


def _wanted(row: Record) -> str | None:
    """What a session waits for, the row first where it waits for one."""
    return ", ".join(str(part) for part in (row["wanted_row"], row["wants"]) if part) or None


def _wanted_of(root: Node, graph: _Graph) -> str | None:
    """The rows that others want of a blocker: more telling than its transaction, by which they wait for them."""
    rows = dict.fromkeys(str(graph.rows[node]["wanted_row"] or "") for node in graph.blocked.get(root, ()))
    return ", ".join(row for row in rows if row) or None


def _graph(records: Iterable[Record]) -> _Graph:
    graph = _Graph()
    prepared: dict[object, set[Node]] = {}
    for record in records:
        node = _node(record)
        graph.rows[node] = record
        for waiter in _list(record["in_the_way_of"]):
            prepared.setdefault(waiter, set()).add(node)
    for node, record in graph.rows.items():
        by: set[Node] = {pid for pid in _list(record["blocked_by"]) if isinstance(pid, int) and pid}
        # Pid 0 stands for any prepared transaction; the rows of these name the waiting sessions.
        if 0 in _list(record["blocked_by"]):
            by |= prepared.get(node, set())
        graph.blockers[node] = {blocker for blocker in by if blocker in graph.rows and blocker != node}
    for node in sorted(graph.rows, key=lambda node: -_seconds(graph.rows[node]["wait_age"])):
        for blocker in graph.blockers[node]:
            graph.blocked.setdefault(blocker, []).append(node)
    return graph


def _heirs(graph: _Graph) -> list[tuple[Node, Mapping[Node, list[Node]]]]:
    """Root blockers, the one that blocks most sessions first, each with the tree under it as parent → children."""
    roots = [node for node in graph.rows if not graph.blockers[node]]
    reached = {node for root in roots for node in (root, *_below(root, graph.blocked))}
    for node in sorted(graph.rows, key=lambda node: -_seconds(graph.rows[node]["wait_age"])):
        if node not in reached:
            roots.append(node)
            reached |= {node, *_below(node, graph.blocked)}
    roots.sort(key=lambda root: (-len(_below(root, graph.blocked)), -_seconds(graph.rows[root]["xact_age"])))
    return [(root, _nearest(root, graph.blocked)) for root in roots]


def _nearest(root: Node, blocked: Mapping[Node, list[Node]]) -> Mapping[Node, list[Node]]:
    """Every node below `root` once, under the blocker that is nearest to the root."""
    children: dict[Node, list[Node]] = {}
    seen, level = {root}, [root]
    while level:
        following = []
        for parent in level:
            for node in blocked.get(parent, ()):
                if node not in seen:
                    seen.add(node)
                    children.setdefault(parent, []).append(node)
                    following.append(node)
        level = following
    return children


def _walk(root: Node, children: Mapping[Node, list[Node]]) -> Iterator[tuple[Node, int]]:
    left = [(root, 0)]
    while left:
        node, depth = left.pop()
        yield node, depth
        left += [(child, depth + 1) for child in reversed(children.get(node, []))]


def _below(node: Node, blocked: Mapping[Node, list[Node]]) -> set[Node]:
    found: set[Node] = set()
    left = list(blocked.get(node, ()))
    while left:
        at = left.pop()
        if at not in found and at != node:
            found.add(at)
            left += blocked.get(at, ())
    return found


def _node(record: Record) -> Node:
    gid, pid = record["gid"], record["pid"]
    return gid if isinstance(gid, str) else pid if isinstance(pid, int) else 0


def _branch(record: Record, depth: int) -> str:
    return f"{'·' * (depth - 1)}└{record['pid']}" if depth else str(record["pid"])


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


_BLOCKING = View(
    name="blocking",
    title="Blocking tree",
    query="locks",
    columns=(
        Column(
            "tree", "pid", "text", width=10, help="Waiting sessions are below their blocker; 0: prepared transaction."
        ),
        Column(
            "who",
            "who",
            "name",
            width=12,
            help="The application, else the user; with the database where there are several.",
        ),
        Column("wait_age", "wait", "age", rule=LOCK_WAIT_SECONDS, help="How long it has waited for this lock."),
        Column(
            "xact_age",
            "tx",
            "age",
            rule=TRANSACTION_SECONDS,
            help="Age of its transaction; of a prepared one, since PREPARE.",
        ),
        Column("state", "state", "text", width=10, rule=SESSION_STATE),
        Column(
            "blocks",
            "blocking",
            "count",
            width=8,
            rule=BLOCKING_SESSIONS,
            help="Sessions that wait for it, directly or not.",
        ),
        Column(
            "lock",
            "lock",
            "query",
            width=14,
            grow=True,
            help="The object and the lock it wants; for a root, what others want of it.",
        ),
        Column("query", "query", "query", width=36, extra=True),
        Column("wants", "waits for", "query", width=36, extra=True, help="The lock it waits for, and its object."),
        Column(
            "holds", "holds", "query", width=36, extra=True, help="The locks it holds that other sessions wait for."
        ),
        Column("blocked_by", "blocked by", "names", extra=True, help="Pids of its blockers."),
        Column("user", "user", "name", width=16, extra=True),
        Column("application", "application", "name", width=20, extra=True),
        Column("client", "client", "name", width=15, extra=True),
        Column("database", "database", "name", width=16, extra=True),
        Column(
            "gid",
            "prepared as",
            "name",
            extra=True,
            help="Global id of a prepared transaction; COMMIT PREPARED or ROLLBACK PREPARED ends it.",
        ),
        Column("root", "root", "name", width=12, extra=True, help="The session at the root of its tree."),
        Column("depth", "depth", "count", width=5, extra=True, help="Its distance from the root."),
        Column("pid", "pid", "count", extra=True),
    ),
    key=("pid", "backend_start", "root"),
    derive=tree,
    detail="connection_details",
    empty="No session waits for a lock.",
)

_HELD = View(
    name="held",
    title="Held",
    query="locks_held",
    columns=(
        Column("relation", "relation", "relation", grow=True),
        Column("strongest", "strongest", "text", width=20, rule=LOCK_MODE, help="The strongest mode that is held."),
        Column("sessions", "held by", "count", help="Transactions that hold a lock on it."),
        Column("waiting", "waiting", "count", rule=BLOCKING_SESSIONS, help="Sessions that wait for a lock on it."),
        Column("longest_wait", "wait", "age", rule=LOCK_WAIT_SECONDS, help="Longest wait for a lock on it."),
        Column("modes", "modes", "names", width=40, extra=True, help="Locks that are held on it."),
        Column("wanted", "wanted", "names", width=24, extra=True, help="Locks that are waited for."),
        Column("pids", "pids", "names", width=24, extra=True, help="0 stands for a prepared transaction."),
        Column("database", "database", "name", width=16, extra=True),
    ),
    key=("database_id", "relation_id"),
    empty="No locked relations.",
)

LOCKS = Pane(
    name="locks",
    key="3",
    title="Locks",
    help=(
        "Sessions that wait for a lock, and those that block them. On top is the root blocker: it does not wait, and "
        "the sessions below it continue when it ends its transaction. `wait` is the age of the wait, `blocking` counts "
        "all sessions below it. A prepared transaction has pid 0 and ends only with COMMIT PREPARED or ROLLBACK "
        "PREPARED."
    ),
    views=(_BLOCKING, _HELD),
    actions=("cancel-backend", "terminate-backend"),
)
