"""What a statement asks to lock, by the names that are written in it, before any catalog is read."""

from __future__ import annotations

from enum import Enum

from console.model.locks import LockMode
from console.records import dataclass


class Reach(Enum):
    """Which relations a request means, seen from the one that the statement names."""

    ITSELF = "itself"
    TREE = "tree"  # and its partitions and inheritance children, at every level
    PARTITIONS = "partitions"  # the same, unless it is a parent by inheritance alone
    INHERITED = "inherited"  # the same, unless it is partitioned
    PARENT = "parent"  # of a partition: the parent, and its DEFAULT partition
    DEFAULT = "default"  # its DEFAULT partition
    TABLE = "table"  # of an index
    INDEXES = "indexes"  # of a table
    REFERENCED = "referenced"  # tables that its foreign keys reference, those of its parent's left out
    ALL_REFERENCED = "all referenced"  # those of its parent's too
    REFERENCING = "referencing"  # tables whose foreign keys reference it
    REFERENCING_ALL = "referencing all"  # the same of each of these in turn
    OF_COLUMN = "of column"  # the other side of each foreign key that has the column
    OF_CONSTRAINT = "of constraint"  # the other side of the foreign key; of a key: tables that reference it
    VIEWS = "views"  # views and materialized views that read it, and those that read these
    READ = "read"  # what the view reads, at every level


@dataclass(frozen=True, slots=True)
class TypedName:
    """The name of a relation as it is written."""

    name: str
    schema: str | None = None  # None: the first schema of the search_path that has it

    def __str__(self) -> str:
        return self.name if self.schema is None else f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class LockRequest:
    """One mode, on what a name leads to."""

    mode: LockMode
    name: TypedName
    reach: Reach = Reach.ITSELF
    part: str = ""  # the column or constraint of OF_COLUMN and OF_CONSTRAINT, or what VIEWS must rely on


@dataclass(frozen=True, slots=True)
class Recognised:
    """A statement whose locks are known."""

    kind: str  # ALTER TABLE
    requests: tuple[LockRequest, ...] = ()
    optional: frozenset[TypedName] = frozenset()  # names that need not exist: IF EXISTS, or what it creates
    notes: tuple[str, ...] = ()  # what it waits for or locks besides
    cascades: bool = False  # from table to table
    analysed: bool = False  # the server analyses its query as soon as it parses it, which locks what that reads
