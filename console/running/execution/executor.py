"""The declaration of a kind of execution: the function that runs its steps, and its properties."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from console.model import Source, read_only
from console.records import dataclass
from console.running.execution.looking_again import look_again, looking
from console.running.failures import change_trouble
from console.running.progress import Run, StepProgress
from console.running.trail.audit import Trail
from console.sources.postgres import ActingSession, DriverError

_READ_ONLY = "SELECT 1 WHERE pg_catalog.current_setting('default_transaction_read_only')::bool"


class Recorder(Protocol):
    """What writes the entries of a run to the trail."""

    def write(self, event: str, details: Mapping[str, object], *, sync: bool = True) -> None:
        """Append an event with its details, and sync it."""

    def begin_sync(self) -> None:
        """Begin to sync what was written without."""

    async def synced(self) -> None:
        """Wait until all that was written is on disk. Raises Trouble(REFUSED) if that fails."""


@dataclass(frozen=True, slots=True)
class Context:
    """What an execution needs."""

    session: ActingSession
    source: Source
    run: Run
    changed: Callable[[], None]  # reports that the run's progress changed
    recorder: Recorder
    trail: Trail  # with earlier runs
    log: Callable[[], Source]  # the log of the server; raises Trouble where there is none to read
    ahead: Sequence[str] = ()  # what the session is asked next, to be sent with the last message of the steps

    def begin(self, step: StepProgress) -> Callable[[str], None]:
        """Report that `step` runs now. Returns a function that reports what it is doing."""
        step.status = "running"
        self.changed()
        began = time.monotonic()

        def report(message: str) -> None:
            step.message, step.seconds = message, time.monotonic() - began
            self.changed()

        return report

    async def query(self, text: str, parameters: Mapping[str, object] | None = None) -> list[tuple[object, ...]]:
        """The rows of a query in the acting session. Raises Trouble."""
        try:
            return await self.session.query(text, parameters)
        except DriverError as error:
            raise change_trouble(error) from None

    async def refuse_read_only(self) -> None:
        """Raises Trouble(REFUSED) in a read-only session. The server itself would not refuse everything."""
        await self.ready(())

    async def ready(self, steps: Sequence[StepProgress], *more: str) -> None:
        """`refuse_read_only`, a look at what the plan of `steps` saw, and then `more`, all sent at once.

        Meanwhile the trail is synced, where it was not. Raises Trouble(REFUSED) also if that fails.
        """
        question = _question(self.session)
        self.recorder.begin_sync()
        answers = await look_again(self.session, steps, *question, *more)
        await self.recorder.synced()
        if question and answers[0]:
            raise read_only()


def readying(session: ActingSession, steps: Sequence[StepProgress], *more: str) -> list[str]:
    """What Context.ready sends, to be sent ahead of it."""
    return looking(session, steps, *_question(session), *more)


def _question(session: ActingSession) -> list[str]:
    # A read-only session accepts VACUUM, REINDEX, ALTER SYSTEM and pg_terminate_backend(). A borrowed session only
    # signals other sessions, and never with --read-only.
    return [] if session.borrowed else [_READ_ONLY]


async def _nothing(_: Context) -> list[str]:
    return []


def _nothing_first(_: ActingSession, __: Sequence[StepProgress]) -> list[str]:
    return []


@dataclass(frozen=True, slots=True)
class Executor:
    """How steps of one kind run. `execute` raises Trouble or an error of the driver, after which the run may retry."""

    execute: Callable[[Context, Sequence[StepProgress]], Awaitable[None]]
    how: str  # in words: "outside a transaction"
    group: str | None = None  # neighbours of the same group run together; None: the step runs by itself
    transactional: bool = False  # everything it does happens in transactions
    partial: bool = False  # what a failed try has done stays done
    repeatable: bool = False  # it may run again once the server has rolled back the transaction that it was in
    left: Callable[[Context], Awaitable[list[str]]] = _nothing  # the statements that a failed try leaves to do
    # The script that `execute` begins with, where it can be sent ahead: it changes nothing, and looks at what it relies
    # on just after what precedes it.
    opening: Callable[[ActingSession, Sequence[StepProgress]], list[str]] = _nothing_first
    role: str = ""  # whose rights it is confined to; empty: those of the session
    unit: str = "row"  # what StepProgress.rows counts
    syncs: bool = False  # it syncs what was written to the trail before it changes anything
    restores: tuple[tuple[str, str], ...] = ()  # undoing it copies the first file of each pair to the second
    pooler: str = ""  # undoing it is a command of this PgBouncer; empty: it is none
