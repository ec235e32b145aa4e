"""Who will wait for a statement, and for whom it will wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum

from console.model.locks import LockMode
from console.records import dataclass


@dataclass(frozen=True, slots=True)
class TrafficReading:
    """Counters of some tables at one moment."""

    clock: float = 0.0
    uses: Mapping[int, float] = field(default_factory=dict)  # scans and rows inserted, by oid
    writes: Mapping[int, float] = field(default_factory=dict)  # rows inserted, updated and deleted
    transactions: float = 0.0
    clients: int = 0


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Whose lock is in the way: of those that hold one, the transaction that is open for longest."""

    pid: int | None  # None: a prepared transaction
    who: str
    mode: LockMode  # its strongest on the relation that conflicts
    seconds: float | None  # since its transaction began; None: the role may not see that
    others: int = 0  # that hold conflicting locks besides


@dataclass(frozen=True, slots=True)
class ExpectedLock:
    """A lock that a statement will take."""

    mode: LockMode
    relation: str  # schema-qualified, quoted where SQL needs it
    kind: str = ""  # pg_class.relkind; empty: it does not exist yet
    holder: LockHolder | None = None  # None: it would be granted now, unless somebody queues for it
    waiting: int = 0  # sessions that queue there already
    arrivals: float | None = None  # requests a second that conflict with it; None: not measured


class TableWork(Enum):
    """What a statement does to whole tables, so that it holds its locks for longer the larger they are."""

    REWRITE = "rewrite"  # the table with all its indexes
    COPY = "copy"  # the files, to another tablespace
    BUILD = "build an index of"
    READ = "read all rows of"


@dataclass(frozen=True, slots=True)
class ExpectedWork:
    """A task, on the tables of one name."""

    task: TableWork
    relation: str  # that the statement names, schema-qualified, quoted where SQL needs it
    relations: int  # that it goes through: with partitions and children
    size: float  # bytes of what it goes through, estimated, without tables of unknown size
    sure: bool = True  # False: it depends on more than is known here
    unknown: int = 0  # tables that were never vacuumed or analyzed, so that no estimate is known


@dataclass(frozen=True, slots=True)
class Forecast:
    """The locks of a statement, the strongest first, who holds conflicting ones, and what would queue."""

    kind: str  # ALTER TABLE
    locks: tuple[ExpectedLock, ...] = ()
    lock_timeout: float | None = None  # seconds that it waits for a lock; 0: without limit; None: not known
    transactions: float | None = None  # a second in the database: no more than these can begin to wait
    clients: int = 0  # sessions in the database: no more than these can wait at the same time
    notes: tuple[str, ...] = ()
    work: tuple[ExpectedWork, ...] = ()  # what is sure, and the costliest, first
    unknown: str = ""  # why the locks of the statement are not known beyond those listed

    @property
    def held(self) -> tuple[ExpectedLock, ...]:
        """The locks that it would have to wait for now."""
        return tuple(lock for lock in self.locks if lock.holder is not None or lock.waiting)

    @property
    def arrivals(self) -> float | None:
        """Requests a second that would queue behind it. One transaction waits once, however many tables it reads."""
        measured = [lock.arrivals for lock in self.locks if lock.arrivals is not None]
        if not measured:
            return None
        return sum(measured) if self.transactions is None else min(sum(measured), self.transactions)

    @property
    def queue(self) -> float | None:
        """How many would wait at the same time when it waits for the whole of lock_timeout; None: not bounded."""
        if self.arrivals is None or not self.lock_timeout:
            return None
        return min(self.arrivals * self.lock_timeout, float(self.clients))

    @property
    def blocks(self) -> str:
        """Which statements of applications queue behind it; empty: none."""
        return max((lock.mode for lock in self.locks), key=lambda mode: mode.strength).blocks if self.locks else ""
