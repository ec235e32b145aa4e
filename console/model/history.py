"""What is remembered of statements, indexes and pools from one reading to the next. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from console.records import dataclass

PoolKey = tuple[str, str, str]  # pooler, database, user
StatementKey = tuple[int, int, int, bool]  # queryid, userid, dbid, toplevel


@dataclass(frozen=True, slots=True)
class StatementPast:
    """A statement's usual cost, its counters as last read, and how long it has cost far more than usual."""

    usual_calls: float  # calls and their milliseconds from which the usual mean is taken
    usual_ms: float
    calls: float  # counters of the last reading
    total_ms: float
    rows: float
    more_calls: float = 0.0  # between the last two readings
    more_ms: float = 0.0
    more_rows: float = 0.0
    slow_readings: int = 0  # in a row in which it was far slower than usual
    slow_calls: float = 0.0  # in these readings
    slow_ms: float = 0.0
    slow_since: datetime | None = None

    @property
    def usual_mean(self) -> float:
        """Milliseconds that a call usually takes."""
        return self.usual_ms / self.usual_calls if self.usual_calls else 0.0


@dataclass(frozen=True, slots=True)
class StatementHistory:
    """The past of all statements that were read."""

    at: datetime | None = None  # of the last reading; None: nothing was read
    seconds: float = 0.0  # between the last two readings; 0: they cannot be compared
    counted_from: object = None  # when the counters were reset
    evictions: object = None
    statements: Mapping[StatementKey, StatementPast] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KnownIndex:
    """An index and its table."""

    name: str
    schema: str
    table: str
    target: str  # the table schema-qualified, quoted where SQL needs it
    method: str
    keys: str  # equal for indexes with the same columns, expressions and predicate
    columns: str  # as SQL; empty: it has expressions or a predicate, or is unique


@dataclass(frozen=True, slots=True)
class GoneIndex:
    """An index that was dropped between two readings."""

    index: KnownIndex
    seen: datetime  # the last reading that has it
    missed: datetime  # the first one that has it no more


@dataclass(frozen=True, slots=True)
class IndexHistory:
    """The indexes of a database as last read, and those that went away meanwhile, latest first."""

    at: datetime | None = None  # of the last reading; None: nothing was read
    known: Mapping[int, KnownIndex] = field(default_factory=dict)  # by oid
    gone: tuple[GoneIndex, ...] = ()
    new: Mapping[int, datetime] = field(default_factory=dict)  # by oid: since when one is there that was not before


@dataclass(frozen=True, slots=True)
class PoolMinute:
    """A minute in which clients of a pool waited."""

    minute: int  # since 1970
    waiting: int  # readings in which some waited
    most: int  # clients that waited at a time
    longest: float  # seconds that the oldest of them had waited


@dataclass(frozen=True, slots=True)
class PoolHistory:
    """When clients of PgBouncer waited."""

    at: datetime | None = None  # of the last reading; None: nothing was read
    readings: Mapping[int, int] = field(default_factory=dict)  # how many there were in each minute
    pools: Mapping[PoolKey, tuple[PoolMinute, ...]] = field(default_factory=dict)  # those that waited, oldest first
