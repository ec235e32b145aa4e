"""What is changed: steps, how each is run, plans, and how a run ends."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from console.later import late
from console.model.cache_steps import CacheDrop, Prewarm
from console.model.local_file import LocalFile
from console.model.look import Snapshot
from console.model.pooler_steps import PoolerStep
from console.model.source import Database
from console.records import dataclass

if TYPE_CHECKING:
    from console.model.forecast import Forecast, TrafficReading

# Seconds that a statement of the acting session waits for a lock, unless its step sets another limit.
LOCK_TIMEOUT = 0.2
NOTICED = 0.2  # seconds after which a watched statement has given way to whoever queues behind it

# Statements that no function may run. PostgreSQL runs what they set off with the rights of the table's owner.
CONFINED_BY_SERVER = late(r"\bCONCURRENTLY\b|^\s*(VACUUM|ANALYZE|REINDEX|CLUSTER|REPACK)\b", re.IGNORECASE)
# What nothing confines: it computes expressions of indexes and partition keys with the rights of the session.
DETACHES = late(r"\bDETACH\s+PARTITION\b.*\bCONCURRENTLY\s*;?\s*$", re.IGNORECASE | re.DOTALL)
# As CONFINED_BY_SERVER, in a transaction; the owner may lack CREATE on the schema that it takes.
BUILDS_INDEX = late(r"\s*CREATE\s+(UNIQUE\s+)?INDEX\b[^;]*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that a parameter can have, and what it does."""

    value: str
    help: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an action; its value is text."""

    name: str
    help: str
    default: str = ""  # used when nothing is given
    required: bool = False
    choices: Callable[[], tuple[Choice, ...]] = tuple  # a form offers them; none: any text
    other: str = ""  # what else may be given than a choice, such as the path of a file; empty: nothing
    # It says what a row or a finding showed of what is meant: taken from there, one for each row, and not asked for.
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A relation as its plan saw it."""

    oid: int
    name: str  # schema-qualified, quoted where SQL needs it
    digest: str  # of kind, owner, columns, triggers, rules and foreign keys


@dataclass(frozen=True, slots=True)
class OwnTable:
    """A table of the console's own in schema public, which somebody else may have replaced or changed."""

    name: str
    ledger: bool = False  # it is the migration ledger, which only trusted owners may have
    owner: str = ""  # the role that is trusted with the ledger besides

    @property
    def qualified(self) -> str:
        """With its schema."""
        return f"public.{self.name}"


@dataclass(frozen=True, slots=True)
class Transaction:
    """In a transaction, together with its neighbours of the same group."""

    rows: ClassVar[int] = 0  # that it will change, as estimated; 0: unknown
    queue: ClassVar[float | None] = (
        LOCK_TIMEOUT  # seconds that others queue behind its request for a lock; None: unknown
    )

    group: str = ""
    role: str = ""  # whose rights it is confined to; empty: those of the session
    # It changes the catalogs alone, which takes milliseconds: neighbours are sent together, and no rows are counted.
    at_once: bool = False
    # It only prepares the step outside a transaction that follows, and does no harm by itself. Its id is synced before
    # that step is sent, not before its own COMMIT: only a loss of power between the two can leave it out of the trail.
    prelude: bool = False


@dataclass(frozen=True, slots=True)
class Batches:
    """Repeated, one transaction each, until it changes no row or returns (moved, more = false)."""

    queue: ClassVar[float | None] = LOCK_TIMEOUT

    rows: int = 0  # that all batches will change, as estimated; 0: unknown
    role: str = ""  # whose rights they are confined to, and then they must return (moved, more); empty: the session's
    conflict: str = ""  # SQLSTATE by which a batch fails that met a concurrent change: it is tried again


@dataclass(frozen=True, slots=True)
class Standalone:
    """One statement outside a transaction block.

    `lock_timeout` is how many seconds it waits for a lock; 0: without limit; None: the session's 200 ms. With a value,
    the run watches the statement and cancels it when another session queues behind it. Which to choose:

    - CREATE INDEX, REINDEX and DROP INDEX CONCURRENTLY: 0. They wait for open transactions, and lock_timeout counts
      that: at 200 ms they fail next to any open transaction and leave an invalid index. Meanwhile they hold SHARE
      UPDATE EXCLUSIVE, which blocks only DDL and VACUUM.
    - VACUUM and ANALYZE: more than deadlock_timeout, after which a running autovacuum gives up its lock.
    - DETACH PARTITION CONCURRENTLY: a few seconds, never 0, because it ends with ACCESS EXCLUSIVE on the partition. Its
      FINALIZE: None, because it holds that lock while it waits for old snapshots.
    - REFRESH MATERIALIZED VIEW CONCURRENTLY: None. It waits for no transaction.
    """

    rows: ClassVar[int] = 0

    lock_timeout: float | None = None
    # Of a statement that can be left half done: a query, run before each further try, that returns the statements to
    # send instead, one a row, with their lock_timeout as a second column where it differs. No row: nothing is left to
    # do. When a run ends in the middle, it also reports what is left.
    again: str = ""
    role: str = (
        ""  # whose rights it is confined to; empty: the session's, or PostgreSQL confines it to the owner itself
    )
    # Of a statement that takes no condition: a query that returns true, or false and why not, sent with it. Only after
    # true is it run, and nothing but a few microseconds of the server passes between the two.
    only_if: str = ""

    @property
    def queue(self) -> float | None:
        """Seconds that others queue behind its request for a lock."""
        return LOCK_TIMEOUT if self.lock_timeout is None else NOTICED


@dataclass(frozen=True, slots=True)
class Export:
    """A COPY … TO STDOUT of a query into a compressed local file, with a manifest.

    `manifest` is a query for what the manifest keeps (`rows` and `checksum` at least), read from the same snapshot. The
    file is read back, then pipeline_console.exported is set to rows and checksum, for a later step to compare.
    """

    rows: ClassVar[int] = 0
    queue: ClassVar[float | None] = LOCK_TIMEOUT

    file: str
    manifest: str
    query: str
    role: str = ""  # whose rights it is confined to; empty: those of the session


@dataclass(frozen=True, slots=True)
class Program:
    """Runs a local program, without a shell; the step's `sql` shows the command."""

    rows: ClassVar[int] = 0
    queue: ClassVar[float | None] = None

    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LoadScript:
    """A script, as pgbench reads it."""

    name: str  # of its file
    weight: int  # how often it is chosen, compared with the others
    text: str


@dataclass(frozen=True, slots=True)
class LoadTest:
    """Runs scripts with a driver for some seconds and measures them; what they created stays for a later step.

    The step's `sql` shows the command and the scripts. If the run ends in this step, `removal` is repeated until it
    removes no row.
    """

    rows: ClassVar[int] = 0
    queue: ClassVar[float | None] = 0.0

    tag: str  # marks what it creates
    by: str  # the driver: "pgbench" or "console"
    program: str  # its path
    arguments: tuple[str, ...]  # without the scripts
    scripts: tuple[LoadScript, ...]
    seconds: int
    clients: int
    rate: int  # transactions a second; 0: as many as possible
    removal: str  # a batch; returns (moved, more)
    processes: int = 1  # or threads, that share the clients
    address: str = ""  # conninfo of a pooler with its database, without user and password; empty: the session's


# Those with a `role` run as a function of that role, in which no code can get back the rights of the session.
# How a step is run. Each has its module in console/running/execution/; nothing else asks which it is.
Execution = (
    Transaction | Batches | Standalone | Export | LocalFile | Program | LoadTest | CacheDrop | PoolerStep | Prewarm
)


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a plan, exactly as it is sent, and how it is run."""

    sql: str
    lock: str = ""  # modes and relations, "SHARE UPDATE EXCLUSIVE on public.t, ROW SHARE on public.u" (model/locks.py)
    on: str = ""  # the relation it may have to wait for, schema-qualified and quoted; empty: none
    execution: Execution = Transaction()
    undo: str = ""  # the statement that undoes it; empty: it needs or has none
    estimate: str = ""  # rows and bytes, as text
    note: str = ""  # why, in one line
    expect: str = ""  # a query that returns true once the step has taken effect; a second column: why it has not
    settle: float = 0.0  # seconds the effect may take to show
    # Run in a transaction of its own when the run ended because of this step, or was stopped in it, while the session
    # is still connected: records the failure. pipeline_console.failed holds what went wrong. Must not run code that
    # another role owns.
    failed: str = ""
    # What it relies on: locked and looked at again in its transaction, before it is run.
    sees: tuple[Seen, ...] = ()
    # The table of the console's own that the statement, or `failed`, writes: it is locked and checked before.
    writes: OwnTable | None = None
    # The setting of the session that its query sets and returns, for later steps; only of a step outside a transaction.
    keeps: str = ""
    # Afterwards a new connection must be possible. If it is not, or a later step fails, everything is undone.
    canary: bool = False
    forecast: Forecast | None = None  # who will wait for it, as far as that is known
    # Who may have to wait from this step to the end of its transaction, such as "writers of public.api_usage". The
    # longest of these times is reported after the run, failed tries included: nobody waited longer because of it.
    holds_up: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a plan acts on; no other session may act on it at the same time."""

    subject: str
    parts: tuple[str, ...] = ()  # of the subject, where another plan may act on one of them alone
    cluster_wide: bool = False  # it belongs to the whole server: a console in another database conflicts as well
    advisory_lock: int = 0  # the number of a lock that other programs which do the same also take; 0: none does
    name: str = ""  # its short name, typed to confirm a destructive plan; empty: the subject is short enough

    @property
    def typed(self) -> str:
        """What must be typed to confirm a destructive plan."""
        return self.name or self.subject


@dataclass(frozen=True, slots=True)
class Signals:
    """What a plan that only cancels and ends sessions has done, by how many of them were still what was seen."""

    single: str  # "statement cancelled"
    plural: str
    gone: str  # "The statement that was seen has ended": said if all were gone
    sessions: int = 0  # that are meant

    def done(self, hit: int) -> str:
        """How many were hit, as a sentence."""
        if not hit:
            return f"{self.gone}; nothing was {self.single.rsplit(' ', 1)[1]}."
        if hit < self.sessions:
            return f"{hit} of {self.sessions} {self.plural}: what was seen of the others had ended."
        return f"{hit} {self.single if hit == 1 else self.plural}."


@dataclass(frozen=True, slots=True)
class Plan:
    """What an action would do now. No steps means that there is nothing to do.

    `action` and `parameters` are filled in by `console.actions.planning.plan`, which also completes `summary`.
    """

    claim: Claim
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()  # what else to know: what is skipped and why, which restart is pending
    left: tuple[str, ...] = ()  # those of the notes on what this action skips, and why
    summary: str = ""  # one line; an action may set its beginning ("9 partitions for 3 tables"), the rest is added
    result: str = ""  # what has happened once it has run: "9 partitions created"; empty: only its steps are counted
    signals: Signals | None = None  # it only does that: then the reading session will do if no other can be opened
    destructive: bool = False  # `claim.typed` must be typed
    table: Snapshot | None = None  # the change as a table, where that reads better than statements
    in_full: bool = False  # each row of the table with all its columns, a line each; numbers are ages in seconds
    recipe: str = ""  # how to get out when the worst happens, shown before anything runs
    read_back: Callable[[Database], Awaitable[tuple[str, ...]]] | None = (
        None  # what to report after the run, from a new read
    )
    asks: tuple[str, ...] = ()  # parameters that could not be measured and were not given: what needs them is left out
    traffic: TrafficReading | None = None  # how much its tables were used by then; None: nothing of it blocks
    action: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    replica: str = ""  # the name of the replica it runs on, instead of the server itself

    @property
    def changes(self) -> bool:
        """Whether a statement may be more than a query, such as one that ends sessions."""
        return any(not step.sql.startswith("SELECT ") for step in self.steps)


class Outcome(Enum):
    """How a run of a plan ended; the command line's exit codes follow it."""

    DONE = "done"
    NOTHING = "nothing to do"
    FAILED = "failed"  # nothing was changed, or everything was rolled back
    STOPPED = "stopped"  # part of it is done; the same action resumes it
    REFUSED = "refused"
