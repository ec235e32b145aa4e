"""The declaration of a kind of execution: the function that runs its steps, and its properties."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from console.model import Source, read_only
from console.records import dataclass
from console.running.execution.looking_again import look_again
from console.running.failures import change_trouble
from console.running.progress import Run, StepProgress
from console.running.trail.audit import Trail
from console.sources.postgres import ActingSession, DriverError

_READ_ONLY = "SELECT 1 WHERE pg_catalog.current_setting('default_transaction_read_only')::bool"


class Recorder(Protocol):
    """What writes the entries of a run to the trail."""

    unsynced: bool  # some of them may not be on disk yet

    def write(self, event: str, details: Mapping[str, object], *, sync: bool = True) -> None:
        """Append an event with its details, and sync it."""

    def sync(self) -> None:
        """Sync what was written without."""


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
        # It accepts VACUUM, REINDEX, ALTER SYSTEM and pg_terminate_backend() there. A borrowed session only signals
        # other sessions, and never with --read-only.
        question = [] if self.session.borrowed else [_READ_ONLY]
        async with self._synced():
            answers = await look_again(self.session, steps, *question, *more)
        if question and answers[0]:
            raise read_only()

    @contextlib.asynccontextmanager
    async def _synced(self) -> AsyncIterator[None]:
        syncing = asyncio.ensure_future(asyncio.to_thread(self.recorder.sync)) if self.recorder.unsynced else None
        try:
            yield
        finally:
            if syncing is not None:  # a thread cannot be stopped, and must not write after what follows
                await asyncio.wait({syncing})
        if syncing is not None:
            syncing.result()


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
    restores: tuple[tuple[str, str], ...] = ()  # undoing it copies the first file of each pair to the second
    pooler: str = ""  # undoing it is a command of this PgBouncer; empty: it is none
