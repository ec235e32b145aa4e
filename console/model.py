"""The nouns of the console. Standard library only; everything else may import this, it imports nothing of ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, IntEnum
from itertools import starmap
from operator import add, itemgetter
from typing import Protocol

Row = tuple[object, ...]
Record = Mapping[str, object]


class Level(IntEnum):
    """Severity of a value, in rising order."""

    OK = 0
    NOTICE = 1
    WARNING = 2
    CRITICAL = 3


class Kind(Enum):
    """What sort of trouble stopped a read or a command; front ends map it to exit codes and remedies."""

    USAGE = "usage"  # the user asked for something that does not exist or cannot be read
    UNREACHABLE = "unreachable"  # no connection, or it was lost
    DENIED = "denied"  # the role lacks a right
    MISSING = "missing"  # an extension, a setting or a server is not there
    UNSUPPORTED = "unsupported"  # the server's version or kind cannot do it
    BUSY = "busy"  # a lock or a timeout was in the way; trying again may help
    REFUSED = "refused"  # a guard of the console: read-only, no confirmation, somebody else is at it
    FAILED = "failed"  # the server refused for another reason


class Trouble(Exception):  # noqa: N818  a sentence for the user, not a programming error
    """Something that went wrong, as one sentence that is safe to show, and what to do about it.

    `sentence` and `remedy` never contain a password. `sqlstate` is the server's code, empty when there is none.
    """

    def __init__(self, kind: Kind, sentence: str, remedy: str = "", sqlstate: str = "") -> None:
        super().__init__(sentence)
        self.kind = kind
        self.sentence = sentence
        self.remedy = remedy
        self.sqlstate = sqlstate

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}".strip()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one read returned: the unit that is shown, exported, recorded and compared."""

    name: str  # of the query
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    taken_at: datetime  # aware; the client's clock, for people
    seconds: float = 0.0  # how long the read took, as the client saw it
    clock: float = 0.0  # monotonic seconds; the base of rates
    sql: str = ""  # the statement that was sent
    notes: tuple[str, ...] = ()  # truths about this read, e.g. "you see 3 of 41 sessions"

    def index(self, column: str) -> int:
        """Position of `column` in each row; ValueError when the snapshot has no such column."""
        return self.columns.index(column)

    def values(self, column: str) -> tuple[object, ...]:
        """All values of one column, in row order."""
        at = self.columns.index(column)
        return tuple(map(itemgetter(at), self.rows))

    def records(self) -> Iterable[dict[str, object]]:
        """Each row as column → value."""
        return (dict(zip(self.columns, row, strict=True)) for row in self.rows)

    def with_columns(self, names: Sequence[str], values: Iterable[Row]) -> Snapshot:
        """This snapshot with columns added on the right; `values` holds one tuple a row."""
        rows = tuple(starmap(add, zip(self.rows, values, strict=True)))
        return replace(self, columns=(*self.columns, *names), rows=rows)


@dataclass(frozen=True, slots=True)
class Extension:
    """An installed extension of the connected database."""

    version: tuple[int, ...]  # (1, 10)
    schema: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a server after connecting; the header shows it and queries are chosen by it."""

    kind: str  # "postgres" or "pgbouncer"
    version: int  # server_version_num style: 180004, 11800 for PgBouncer 1.18.0
    version_text: str  # "18.4"
    label: str = ""  # host:port or the target's name in the configuration; never a password
    database: str = ""
    user: str = ""
    standby: bool = False
    tls: bool = False
    read_only: bool = False
    superuser: bool = False
    sees_all_sessions: bool = True  # pg_read_all_stats
    reads_all_data: bool = True  # pg_read_all_data: without it pg_stats shows less
    extensions: Mapping[str, Extension] = field(default_factory=dict)

    @property
    def major(self) -> int:
        """Major version of a PostgreSQL server: 18."""
        return self.version // 10000


class Server(Protocol):
    """Something that can be asked: a PostgreSQL server, a PgBouncer admin console, a recording."""

    @property
    def facts(self) -> Facts: ...

    async def fetch(self, name: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """Run the named monitoring query. Raises Trouble."""
        ...

    async def close(self) -> None: ...


Rule = Callable[[object], Level]


@dataclass(frozen=True, slots=True)
class Limit:
    """From which value on something is worth a warning, and from which it is critical."""

    warning: float
    critical: float


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a view: how a value of the snapshot is titled, formatted, sized and judged."""

    name: str  # in the snapshot
    title: str
    format: str = "text"  # a key of format.FORMATS
    width: int = 0  # in cells; 0: the format's own width
    grow: bool = False  # takes what is left of the screen; at most one a view
    extra: bool = False  # wanted only where there is room: shown when the terminal is wide, else by scrolling
    rule: Rule | None = None  # severity of a value
    threshold: str = ""  # name of the configured threshold that takes the place of `rule`
    help: str = ""  # one sentence for the help screen and the details


@dataclass(frozen=True, slots=True)
class Rate:
    """A column derived from two snapshots: Δ`of` per second, or Δ`of` / Δ`per` × `scale`.

    Rows are matched by the view's key. The first snapshot, a new row and a counter that fell (a reset) give None.
    """

    name: str
    of: str
    per: str = ""  # empty: per second of the client's monotonic clock
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Lookup:
    """Columns fetched by a second query, only for rows that are not yet known, and kept.

    The query gets each column of `by` as an array parameter of that name and returns `by` and `adds`.
    A kept answer is dropped when a `fingerprint` column of its row changes or it is older than `keep` seconds.
    """

    query: str
    by: tuple[str, ...]
    adds: tuple[str, ...]
    fingerprint: tuple[str, ...] = ()
    first: int = 0  # 0: rows that are on the screen; N: the first N rows in the query's own order
    batch: int = 100  # keys asked for in one read
    keep: float = float("inf")


@dataclass(frozen=True, slots=True)
class View:
    """One table of a pane, as data."""

    name: str
    title: str
    query: str  # sql/monitoring/<query>.sql, or SHOW … of the pooler
    columns: tuple[Column, ...]
    key: tuple[str, ...]  # columns that identify a row between two reads
    sort: str = ""  # column, with a leading "-" for descending; empty: the query's order
    where: Callable[[Record], bool] | None = None
    rates: tuple[Rate, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    derive: Callable[..., Snapshot] | None = None  # pure reshaping after rates and lookups
    limits: tuple[str, ...] = ()  # names of configured thresholds that `derive` takes as keyword arguments
    detail: str = ""  # query for the details of one row; gets the key columns as parameters
    chart: str = ""  # name of a drawing in tui/charts.py shown above the table
    empty: str = "nothing to show"  # said when there are no rows; good news should read as such


@dataclass(frozen=True, slots=True)
class Pane:
    """A live view, as a declaration. One list of these drives keys, help, palette, command line and smoke tests."""

    name: str
    key: str
    title: str
    help: str  # a short paragraph: what it shows, how to read it
    views: tuple[View, ...]
    refresh: float = 2.0  # seconds
    source: str = "postgres"  # which kind of server is asked
    actions: tuple[str, ...] = ()

    def view(self, name: str) -> View:
        """The view called `name`; KeyError when there is none."""
        for view in self.views:
            if view.name == name:
                return view
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something an action wants to be told, as text."""

    name: str
    help: str
    default: str = ""  # used when nothing is given
    required: bool = False


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of this machine as it shall be."""

    path: str
    text: str = field(repr=False)  # may hold passwords: it is never shown
    former: str = ""  # SHA-256 of what it holds now; empty: there is none
    kept: str = ""  # where what it holds now is kept; empty: it is not


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a plan, exactly as it is sent."""

    sql: str
    lock: str = ""  # how strongly it locks what: "SHARE UPDATE EXCLUSIVE on public.api_usage"
    on: str = ""  # the relation it may have to wait for, schema-qualified and quoted; empty: none
    transaction: bool = True  # runs in a transaction, with its neighbours of the same group
    group: str = ""
    undo: str = ""  # the statement that undoes it; empty: it needs or has none
    estimate: str = ""  # rows and bytes, as text
    note: str = ""  # why, in one line
    expect: str = ""  # a query that returns true once the step has had its effect; a second column says why it has not
    settle: float = 0.0  # seconds the effect may take to show
    repeat: bool = False  # a batch: committed and run again until it changes no row, or returns (moved, more = false)
    total: int = 0  # rows that all batches will change, as estimated
    # Seconds that a step outside a transaction waits for a lock; 0: without end; None: the session's 200 ms.
    # - CREATE INDEX, REINDEX and DROP INDEX CONCURRENTLY wait for transactions, and lock_timeout counts that: at 200 ms
    #   they fail beside any open transaction and leave an invalid index. Meanwhile they hold SHARE UPDATE EXCLUSIVE,
    #   which is in the way of DDL alone, so theirs is 0.
    # - VACUUM and ANALYZE take more than deadlock_timeout, after which a running autovacuum makes room.
    # - DETACH CONCURRENTLY takes a few seconds and never 0: it ends with ACCESS EXCLUSIVE on the partition. Its
    #   FINALIZE takes None: it holds ACCESS EXCLUSIVE on the partition while it waits for old snapshots.
    # - REFRESH CONCURRENTLY waits for no transaction: None.
    # With a value, the runner watches the step and cancels it for who stands behind it (console/running/lone.py).
    lock_timeout: float | None = None
    # Of a step outside a transaction that can be left half done: a query, run before each further try, that returns
    # the statements to send instead of `sql`, one a row, with their lock_timeout as a second column where it differs.
    # No row: nothing is left to do. When a run ends in the middle, it also tells what is left.
    again: str = ""
    # Of a COPY … TO STDOUT outside a transaction: the file its output goes to, compressed, and a query for what its
    # manifest keeps (`rows` and `checksum` at least), read from the same snapshot. The runner reads the file back, then
    # sets pipeline_console.exported to rows and checksum, so that a later step can ask whether they are still the same.
    into: str = ""
    manifest: str = ""
    # Of a step outside a transaction that writes a file of this machine and sends nothing: `sql` is what may be shown
    # of it, `undo` a command of local_files.undo.
    file: LocalFile | None = None
    # Of a step outside a transaction that a program of this machine does: its arguments; `sql` shows the command.
    program: tuple[str, ...] = ()
    # Run in a transaction of its own when the run ended because of this step, or was stopped in it, while the session
    # still lives: for a record of failures. pipeline_console.failed holds what went wrong. One runs no code of others.
    failed: str = ""
    # Afterwards a new connection must be possible. If it is not, or a later step fails, all that was done is undone.
    canary: bool = False
    # Who may have to wait from this step to the end of its transaction, such as "writers of public.api_usage". The
    # longest of these times is told after the run, tries that failed included: nobody waited longer because of it.
    holds_up: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an action would do now. No steps: there is nothing to do."""

    action: str
    subject: str  # what it acts on; only one console at a time may
    steps: tuple[Step, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # what else to know: what was left alone and why, what waits for a restart
    destructive: bool = False  # the subject's name must be typed
    table: Snapshot | None = None  # the change as a table, where that reads better than statements
    recipe: str = ""  # how to get out when the worst happens, printed before anything runs
    parts: tuple[str, ...] = ()  # of the subject, where another plan may act on one of them alone
    everywhere: bool = False  # the subject is the server's: a console in another database is in the way as well
    number: int = 0  # of an advisory lock that other programs which do the same also take; 0: none does
    read_back: Callable[[Server], Awaitable[tuple[str, ...]]] | None = None  # what to tell after the run, read anew


class Outcome(Enum):
    """How a run of a plan ended; the command line's exit codes follow it."""

    DONE = "done"
    NOTHING = "nothing to do"
    FAILED = "failed"  # nothing was changed, or everything was rolled back
    STOPPED = "stopped"  # part of it is done; the same action goes on from there
    REFUSED = "refused"
