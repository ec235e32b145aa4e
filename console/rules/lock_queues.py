"""Who waits for whom, and what ending one session would free: computed from the locks of a server. Pure.

The conflicts of lock modes are those of https://www.postgresql.org/docs/current/explicit-locking.html; that a session
which waits for the holder of a row keeps the row's own lock meanwhile is described in
src/backend/access/heap/README.tuplock of PostgreSQL.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from console.model import Record

Node = int | str  # pid of a session (of a parallel query: its leader's), or identifier of a prepared transaction

CONFLICTS: Mapping[str, frozenset[str]] = {
    mode: frozenset(others.split())
    for mode, others in {
        "AccessShare": "AccessExclusive",
        "RowShare": "Exclusive AccessExclusive",
        "RowExclusive": "Share ShareRowExclusive Exclusive AccessExclusive",
        "ShareUpdateExclusive": "ShareUpdateExclusive Share ShareRowExclusive Exclusive AccessExclusive",
        "Share": "RowExclusive ShareUpdateExclusive ShareRowExclusive Exclusive AccessExclusive",
        "ShareRowExclusive": ("RowExclusive ShareUpdateExclusive Share ShareRowExclusive Exclusive AccessExclusive"),
        "Exclusive": ("RowShare RowExclusive ShareUpdateExclusive Share ShareRowExclusive Exclusive AccessExclusive"),
        "AccessExclusive": (
            "AccessShare RowShare RowExclusive ShareUpdateExclusive Share ShareRowExclusive Exclusive AccessExclusive"
        ),
    }.items()
}
TRANSACTION = frozenset({"transactionid", "virtualxid"})


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock that a session holds or waits for."""

    node: Node
    tag: str  # what is locked
    kind: str  # pg_locks.locktype
    mode: str  # without "Lock"
    granted: bool
    wait: float  # seconds; 0 for a lock that is held


class Queues:
    """All locks on what somebody waits for."""

    def __init__(self, locks: Iterable[Lock]) -> None:
        self._held: dict[str, list[Lock]] = defaultdict(list)
        self._waiting: dict[str, list[Lock]] = defaultdict(list)
        self._row_mode: dict[Node, str] = {}
        for lock in sorted(locks, key=lambda lock: -lock.wait):
            (self._held if lock.granted else self._waiting)[lock.tag].append(lock)
            if lock.kind == "tuple" and lock.granted:
                self._row_mode[lock.node] = lock.mode
        self._blockers = self._edges()

    @property
    def waiting(self) -> set[Node]:
        """Everyone who waits."""
        return {lock.node for queue in self._waiting.values() for lock in queue}

    @property
    def roots(self) -> list[Node]:
        """Who blocks others without waiting; of each circle, which the server will resolve, nobody."""
        blocking = {blocker for blockers in self._blockers.values() for blocker in blockers}
        return sorted(blocking - self.waiting, key=str)

    @property
    def heads(self) -> list[Node]:
        """Who waits at the head of a queue: whoever came later may wait only because of it."""
        return list(dict.fromkeys(queue[0].node for queue in self._waiting.values() if len(queue) > 1))

    def behind(self, node: Node) -> set[Node]:
        """Who waits for `node`, directly or in turn."""
        blocked: dict[Node, list[Node]] = defaultdict(list)
        for waiter, blockers in self._blockers.items():
            for blocker in blockers:
                blocked[blocker].append(waiter)
        found: set[Node] = set()
        left = [node]
        while left:
            new = [waiter for waiter in blocked[left.pop()] if waiter not in found and waiter != node]
            found.update(new)
            left += new
        return found

    def longest_wait(self, nodes: Iterable[Node]) -> float:
        """Seconds that the one of `nodes` which has waited longest waits."""
        chosen = set(nodes)
        return max(
            (lock.wait for queue in self._waiting.values() for lock in queue if lock.node in chosen), default=0.0
        )

    def freed(self, gone: Node) -> set[Node]:
        """Who gets all it waits for at once when the transaction of `gone` ends or its wait is cancelled."""
        free: set[Node] = set()
        row_modes: list[str] = []
        for tag, queue in self._waiting.items():
            held = [(lock.node, lock.mode) for lock in self._held[tag] if lock.node != gone]
            free |= self._granted([lock for lock in queue if lock.node != gone], held, row_modes)
        if row_modes:
            for queue in self._waiting.values():
                free |= _next_for_row([lock for lock in queue if lock.node != gone and lock.kind == "tuple"], row_modes)
        return free

    def _granted(self, queue: Sequence[Lock], held: list[tuple[Node, str]], row_modes: list[str]) -> set[Node]:
        free: set[Node] = set()
        ahead: set[str] = set()
        for lock in queue:
            if any(_conflict(lock.mode, mode) for node, mode in held if node != lock.node) or any(
                _conflict(lock.mode, mode) for mode in ahead
            ):
                ahead.add(lock.mode)
                continue
            if lock.kind in TRANSACTION and lock.node in self._row_mode:  # the holder is gone: this one takes the row
                wanted = self._row_mode[lock.node]
                if any(_conflict(wanted, mode) for mode in row_modes):
                    continue
                row_modes.append(wanted)
            elif lock.kind == "tuple":
                ahead.add(lock.mode)
                continue
            held.append((lock.node, lock.mode))
            free.add(lock.node)
        return free

    def _edges(self) -> dict[Node, set[Node]]:
        """Each waiter with those it waits for: holders, and per lock mode the nearest one ahead in the queue."""
        edges: dict[Node, set[Node]] = defaultdict(set)
        for tag, queue in self._waiting.items():
            ahead: dict[str, Node] = {}
            held = self._held[tag]
            for lock in queue:
                blockers = {other.node for other in held if _conflict(lock.mode, other.mode)}
                blockers |= {node for mode, node in ahead.items() if _conflict(lock.mode, mode)}
                edges[lock.node] |= blockers - {lock.node}
                ahead[lock.mode] = lock.node
        return edges


def locks(records: Iterable[Record]) -> list[Lock]:
    """The rows of the query lock_queues."""
    return [
        Lock(
            node(record), str(record["tag"]), str(record["kind"]), str(record["mode"]), record["granted"] is True, wait
        )
        for record in records
        for wait in [_seconds(record["wait_age"]) if record["granted"] is not True else 0.0]
    ]


def node(record: Record) -> Node:
    """Who a row of the query lock_queues belongs to."""
    pid, gid = record["pid"], record["gid"]
    return gid if isinstance(gid, str) else pid if isinstance(pid, int) else 0


def _next_for_row(queue: Sequence[Lock], row_modes: list[str]) -> set[Node]:
    free: set[Node] = set()
    for lock in queue:
        if any(_conflict(lock.mode, mode) for mode in row_modes):
            break
        row_modes.append(lock.mode)
        free.add(lock.node)
    return free


def _conflict(mode: str, other: str) -> bool:
    return other in CONFLICTS.get(mode, ())


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
