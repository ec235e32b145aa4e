"""What ending one session would free, computed from the locks of a server; who waits for whom is Blocking's. Pure.

That a session which waits for the holder of a row keeps the row's own lock meanwhile is described in
src/backend/access/heap/README.tuplock of PostgreSQL.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import reduce
from operator import or_
from typing import NamedTuple

from console.model import Frame, Record, number
from console.panes.blocking import CONFLICTS, Member, bits, blocking_among
from console.records import dataclass

Node = int | str  # pid of a session (of a parallel query: its leader's), or identifier of a prepared transaction

# In the order of their bits in CONFLICTS; a mode that is not there conflicts with none.
MODES = (
    *("AccessShare", "RowShare", "RowExclusive", "ShareUpdateExclusive"),
    *("Share", "ShareRowExclusive", "Exclusive", "AccessExclusive"),
)
BITS = {mode: 1 << at for at, mode in enumerate(MODES)}
TRANSACTION = frozenset({"transactionid", "virtualxid"})


class Lock(NamedTuple):  # of which a pile-up has thousands
    """One lock that a session holds or waits for."""

    node: Node
    tag: str  # what is locked
    kind: str  # pg_locks.locktype
    mode: int  # a bit, as in CONFLICTS
    granted: bool
    wait: float  # seconds; 0 for a lock that is held
    row_shared: bool = False  # it waits for one holder of a row's lock, and others may share that lock


@dataclass(frozen=True, slots=True)
class Freed:
    """Who goes on when a transaction ends. pg_locks does not tell who else has locked a row, or which key is inserted:

    `perhaps` wait then for another session that shares the lock of their row, or that inserted the same key first.
    """

    at_once: frozenset[Node]
    perhaps: frozenset[Node] = frozenset()

    def among(self, nodes: Set[Node]) -> Freed:
        """Those of them that are in `nodes`."""
        return Freed(self.at_once & nodes, self.perhaps & nodes)


class Queues:
    """All locks on what somebody waits for."""

    def __init__(self, locks: Iterable[Lock]) -> None:
        self._held: dict[str, list[Lock]] = defaultdict(list)
        self._waiting: dict[str, list[Lock]] = defaultdict(list)
        self._rows: dict[Node, Lock] = {}  # the row's own lock of those who wait for its holder
        self._modes: dict[str, dict[Node, int]] = defaultdict(lambda: defaultdict(int))  # in which a lock is held
        self._freed: dict[Node, Freed] = {}
        for lock in sorted(locks, key=lambda lock: (not lock.granted, -lock.wait)):
            if not lock.granted:
                _enqueue(self._waiting[lock.tag], lock, self._modes[lock.tag].get(lock.node, 0))
                continue
            self._held[lock.tag].append(lock)
            self._modes[lock.tag][lock.node] |= lock.mode
            if lock.kind == "tuple":
                self._rows[lock.node] = lock
        self._waits: dict[Node, float] = {}
        for lock in self._each(self._waiting):
            self._waits[lock.node] = max(lock.wait, self._waits.get(lock.node, 0.0))
        self.waiting = self._waits.keys()
        self.nodes = list(dict.fromkeys(lock.node for lock in (*self._each(self._held), *self._each(self._waiting))))
        self._places = {node: at for at, node in enumerate(self.nodes)}
        self._behind: dict[int, frozenset[Node]] = {}
        self._blocking = blocking_among(tuple(self._members()))

    @property
    def roots(self) -> list[Node]:
        """Who blocks others without waiting; of each circle, which the server will resolve, nobody."""
        return sorted((self.nodes[at] for at in self._blocking.below if self.nodes[at] not in self.waiting), key=str)

    @property
    def heads(self) -> list[Node]:
        """Who waits at the head of a queue: whoever came later may wait only because of it."""
        return list(dict.fromkeys(queue[0].node for queue in self._waiting.values() if len(queue) > 1))

    def behind(self, node: Node) -> frozenset[Node]:
        """Who waits for `node`, directly or in turn."""
        mask = self._blocking.below.get(self._places[node], 0)
        if mask not in self._behind:  # many that hold one lock have the same behind them
            self._behind[mask] = frozenset(self.nodes[self._blocking.members[at].id] for at in bits(mask))
        return self._behind[mask]

    def longest_wait(self, nodes: Iterable[Node]) -> float:
        """Seconds that the one of `nodes` which has waited longest waits."""
        return max((self._waits.get(node, 0.0) for node in nodes), default=0.0)

    def freed(self, gone: Node) -> Freed:
        """Who goes on when the transaction of `gone` is rolled back or its wait is cancelled."""
        if gone not in self._freed:
            self._freed[gone] = self._without(gone)
        return self._freed[gone]

    def _without(self, gone: Node) -> Freed:
        at_once: set[Node] = set()
        perhaps: set[Node] = set()
        rows: dict[str, int] = defaultdict(int)  # by row: the modes in which those who go on lock it
        for tag, queue in self._waiting.items():
            held = {node: modes for node, modes in self._modes[tag].items() if node != gone}
            granted = self._granted([lock for lock in queue if lock.node != gone], held, rows)
            doubtful = {lock.node for lock in granted if lock.row_shared} | _rivals(granted, self._rows)
            perhaps |= doubtful
            at_once |= {lock.node for lock in granted} - doubtful
        for tag, modes in rows.items():
            following = _next_for_row([lock for lock in self._waiting.get(tag, ()) if lock.node != gone], modes)
            doubted = any(self._rows[node].tag == tag for node in perhaps & self._rows.keys())
            (perhaps if doubted else at_once).update(following)
        return Freed(frozenset(at_once), frozenset(perhaps - at_once))

    def _granted(self, queue: Sequence[Lock], held: dict[Node, int], rows: dict[str, int]) -> list[Lock]:
        """Who gets the lock that the queue is for, of which nodes hold modes; `rows` gets the modes of locked rows."""
        free: list[Lock] = []
        ahead, taken = 0, _modes(held.values())
        for lock in queue:
            others = _modes(modes for node, modes in held.items() if node != lock.node) if lock.node in held else taken
            if CONFLICTS.get(lock.mode, 0) & (others | ahead):
                ahead |= lock.mode
                continue
            row = self._rows.get(lock.node)
            if lock.kind in TRANSACTION and row is not None:  # the holder is gone: this one takes the row
                if CONFLICTS.get(row.mode, 0) & rows[row.tag]:
                    continue
                rows[row.tag] |= row.mode
            elif lock.kind == "tuple":
                ahead |= lock.mode
                continue
            held[lock.node] = held.get(lock.node, 0) | lock.mode
            taken |= lock.mode
            free.append(lock)
        return free

    def _members(self) -> list[Member]:
        """Everyone for Blocking: an entry for each lock that somebody waits for, and one for who only holds."""
        ids = self._places
        found = [Member(ids[node], ids[node]) for node in self.nodes if node not in self.waiting]
        for queue_number, (tag, queue) in enumerate(self._waiting.items()):
            holders = tuple(ids[lock.node] for lock in self._held[tag])
            modes = tuple(lock.mode for lock in self._held[tag])
            for place, lock in enumerate(queue, 1):
                held = (holders, modes) if place == 1 else ((), ())
                found.append(Member(ids[lock.node], ids[lock.node], queue_number, place, lock.mode, *held))
        return found

    @staticmethod
    def _each(queues: dict[str, list[Lock]]) -> list[Lock]:
        return [lock for queue in queues.values() for lock in queue]


def queues_of(frame: Frame) -> Queues:
    """The queues of the last reading, which several rules judge. Raises CannotTell if it could not be read."""
    return frame.once(_queues)


def _queues(frame: Frame) -> Queues:
    return Queues(locks(frame.rows("lock_queues")))


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
            record.get("row_shared") is True,
        )
        for record in records
        for wait in [number(record["wait_age"]) if record["granted"] is not True else 0.0]
    ]


def node(record: Record) -> Node:
    """Who a row of the query lock_queues belongs to."""
    pid, gid = record["pid"], record["gid"]
    return gid if isinstance(gid, str) else pid if isinstance(pid, int) else 0


def _enqueue(queue: list[Lock], lock: Lock, own: int) -> None:
    """Put a lock where PostgreSQL does: at the end, or before those that wait for the modes its session holds."""
    before = (at for at, other in enumerate(queue) if CONFLICTS.get(other.mode, 0) & own) if own else ()
    queue.insert(next(iter(before), len(queue)), lock)


def _rivals(granted: Sequence[Lock], rows: Mapping[Node, Lock]) -> set[Node]:
    """All but the first of those who wait for one transaction and for no row: its keys, which may be the same."""
    inserting = [lock.node for lock in granted if lock.kind == "transactionid" and lock.node not in rows]
    return set(inserting[1:])


def _next_for_row(queue: Sequence[Lock], row_modes: int) -> set[Node]:
    """Those in line for a row who can lock it together with those who have it by then."""
    free: set[Node] = set()
    for lock in queue:
        if CONFLICTS.get(lock.mode, 0) & row_modes:
            break
        row_modes |= lock.mode
        free.add(lock.node)
    return free


def _modes(modes: Iterable[int]) -> int:
    return reduce(or_, modes, 0)
