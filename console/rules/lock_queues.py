"""What ending one session would free, computed from the locks of a server; who waits for whom is Blocking's. Pure.

That a session which waits for the holder of a row keeps the row's own lock meanwhile is described in
src/backend/access/heap/README.tuplock of PostgreSQL.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from console.model import Record, number
from console.panes.blocking import CONFLICTS, Blocking, Member, bits

Node = int | str  # pid of a session (of a parallel query: its leader's), or identifier of a prepared transaction

# In the order of their bits in CONFLICTS; a mode that is not there conflicts with none.
MODES = (
    *("AccessShare", "RowShare", "RowExclusive", "ShareUpdateExclusive"),
    *("Share", "ShareRowExclusive", "Exclusive", "AccessExclusive"),
)
BITS = {mode: 1 << at for at, mode in enumerate(MODES)}
TRANSACTION = frozenset({"transactionid", "virtualxid"})


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock that a session holds or waits for."""

    node: Node
    tag: str  # what is locked
    kind: str  # pg_locks.locktype
    mode: int  # a bit, as in CONFLICTS
    granted: bool
    wait: float  # seconds; 0 for a lock that is held


class Queues:
    """All locks on what somebody waits for."""

    def __init__(self, locks: Iterable[Lock]) -> None:
        self._held: dict[str, list[Lock]] = defaultdict(list)
        self._waiting: dict[str, list[Lock]] = defaultdict(list)
        self._row_mode: dict[Node, int] = {}
        for lock in sorted(locks, key=lambda lock: -lock.wait):
            (self._held if lock.granted else self._waiting)[lock.tag].append(lock)
            if lock.kind == "tuple" and lock.granted:
                self._row_mode[lock.node] = lock.mode
        self.waiting = {lock.node for queue in self._waiting.values() for lock in queue}
        self._nodes = list(dict.fromkeys(lock.node for lock in (*self._each(self._held), *self._each(self._waiting))))
        self._blocking = Blocking(self._members())

    @property
    def roots(self) -> list[Node]:
        """Who blocks others without waiting; of each circle, which the server will resolve, nobody."""
        return sorted((self._nodes[at] for at in self._blocking.below if self._nodes[at] not in self.waiting), key=str)

    @property
    def heads(self) -> list[Node]:
        """Who waits at the head of a queue: whoever came later may wait only because of it."""
        return list(dict.fromkeys(queue[0].node for queue in self._waiting.values() if len(queue) > 1))

    def behind(self, node: Node) -> set[Node]:
        """Who waits for `node`, directly or in turn."""
        found = self._blocking.below.get(self._nodes.index(node), 0)
        return {self._nodes[self._blocking.members[at].id] for at in bits(found)}

    def longest_wait(self, nodes: Iterable[Node]) -> float:
        """Seconds that the one of `nodes` which has waited longest waits."""
        chosen = set(nodes)
        return max(
            (lock.wait for queue in self._waiting.values() for lock in queue if lock.node in chosen), default=0.0
        )

    def freed(self, gone: Node) -> set[Node]:
        """Who gets all it waits for at once when the transaction of `gone` ends or its wait is cancelled."""
        free: set[Node] = set()
        row_modes: list[int] = []
        for tag, queue in self._waiting.items():
            held = [(lock.node, lock.mode) for lock in self._held[tag] if lock.node != gone]
            free |= self._granted([lock for lock in queue if lock.node != gone], held, row_modes)
        if row_modes:
            for queue in self._waiting.values():
                free |= _next_for_row([lock for lock in queue if lock.node != gone and lock.kind == "tuple"], row_modes)
        return free

    def _granted(self, queue: Sequence[Lock], held: list[tuple[Node, int]], row_modes: list[int]) -> set[Node]:
        free: set[Node] = set()
        ahead: set[int] = set()
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

    def _members(self) -> list[Member]:
        """Everyone for Blocking: an entry for each lock that somebody waits for, and one for who only holds."""
        ids = {node: at for at, node in enumerate(self._nodes)}
        found = [Member(ids[node], ids[node]) for node in self._nodes if node not in self.waiting]
        for queue_number, (tag, queue) in enumerate(self._waiting.items()):
            holders = [ids[lock.node] for lock in self._held[tag]]
            modes = [lock.mode for lock in self._held[tag]]
            for place, lock in enumerate(queue, 1):
                held = (holders, modes) if place == 1 else ((), ())
                found.append(Member(ids[lock.node], ids[lock.node], queue_number, place, lock.mode, *held))
        return found

    @staticmethod
    def _each(queues: dict[str, list[Lock]]) -> list[Lock]:
        return [lock for queue in queues.values() for lock in queue]


def locks(records: Iterable[Record]) -> list[Lock]:
    """The rows of the query lock_queues."""
    return [
        Lock(
            node(record),
            str(record["tag"]),
            str(record["kind"]),
            BITS.get(str(record["mode"]), 0),
            record["granted"] is True,
            wait,
        )
        for record in records
        for wait in [number(record["wait_age"]) if record["granted"] is not True else 0.0]
    ]


def node(record: Record) -> Node:
    """Who a row of the query lock_queues belongs to."""
    pid, gid = record["pid"], record["gid"]
    return gid if isinstance(gid, str) else pid if isinstance(pid, int) else 0


def _next_for_row(queue: Sequence[Lock], row_modes: list[int]) -> set[Node]:
    free: set[Node] = set()
    for lock in queue:
        if any(_conflict(lock.mode, mode) for mode in row_modes):
            break
        row_modes.append(lock.mode)
        free.add(lock.node)
    return free


def _conflict(mode: int, other: int) -> bool:
    return bool(CONFLICTS.get(mode, 0) & other)
