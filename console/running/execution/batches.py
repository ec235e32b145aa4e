"""A step that is repeated in batches, one transaction each, with pauses for other sessions and standbys."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from functools import partial

from console import sql
from console.format import count, counted
from console.model import Batches, Kind, Trouble
from console.running.execution import looking_again
from console.running.execution.executor import Context, Executor
from console.running.failures import message
from console.running.progress import StepProgress
from console.sources.postgres import DriverError, moved_and_more

SERIALIZATION = "40001"
LATE = 0.001  # seconds by which the event loop may wake up late: epoll counts whole milliseconds


def executor(execution: Batches) -> Executor:
    """Runs a step until it changes no more rows; the batches that have committed stay done."""
    about = f", about {counted(execution.rows, 'row', shown=count)}" if execution.rows else ""
    return Executor(
        partial(execute, execution),
        f"in batches, one transaction each{about}",
        transactional=True,
        repeatable=True,
        partial=True,
        role=execution.role,
    )


async def execute(execution: Batches, context: Context, group: Sequence[StepProgress]) -> None:
    """Run batches until none is left."""
    (progress,) = group
    progress.status = "running"
    began = time.monotonic()
    while True:
        await context.recorder.synced()
        sent = time.monotonic()
        with _conflicts(execution):
            async with looking_again.transaction(context.session, group) as replies:
                looked = time.monotonic() - sent
                if execution.role:  # it returns one row, whatever it is, so that COMMIT need not wait for it
                    replies.with_commit = context.session.sealed_batch(execution.role, progress.step.sql)
                else:
                    moved, more = await context.session.batch(progress.step.sql)
        if execution.role:
            moved, more = moved_and_more(replies.answered)
        progress.rows += moved
        progress.seconds = time.monotonic() - began
        progress.message = pace(progress, execution.rows)
        if not more:
            return
        context.changed()
        await _breathe(context, time.monotonic() - sent, looked)


@contextlib.contextmanager
def _conflicts(execution: Batches) -> Iterator[None]:
    """Raises Trouble with the SQLSTATE of a serialization failure for the conflict that `execution` names."""
    try:
        yield
    except DriverError as error:
        if not execution.conflict or error.sqlstate != execution.conflict:
            raise
        raise Trouble(Kind.BUSY, f"Another session changed rows: {message(error)}.", "", SERIALIZATION) from None


def pace(progress: StepProgress, total: int) -> str:
    """Progress of the batches: rows, rate, time left."""
    rate = progress.rows / progress.seconds if progress.seconds else 0.0
    left = (total - progress.rows) / rate if rate and total > progress.rows else 0.0
    moved = f"{progress.rows} of {counted(total, 'row')}" if total else counted(progress.rows, "row")
    return f"{moved}, {rate:.0f} rows/s" + (f", {left:.0f} s left" if left else "")


async def _breathe(context: Context, took: float, looking: float) -> None:
    """Pause after a batch that `took` so many seconds: longer while a standby lags or another session waits.

    To ask for that is part of the pause, as are the seconds that `looking` again will take: no row is locked meanwhile.
    """
    began = time.monotonic()
    ((seconds,),) = await context.query(sql.load("actions/breathe").text, {"took": took, "looking": looking})
    await asyncio.sleep(max(0.0, float(str(seconds)) - (time.monotonic() - began) - LATE))
