"""What is changed: steps, plans and how a run of them ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from console.model.look import Snapshot
from console.model.source import Source


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
    read_back: Callable[[Source], Awaitable[tuple[str, ...]]] | None = None  # what to tell after the run, read anew


class Outcome(Enum):
    """How a run of a plan ended; the command line's exit codes follow it."""

    DONE = "done"
    NOTHING = "nothing to do"
    FAILED = "failed"  # nothing was changed, or everything was rolled back
    STOPPED = "stopped"  # part of it is done; the same action goes on from there
    REFUSED = "refused"
