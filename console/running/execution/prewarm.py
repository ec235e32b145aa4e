"""A step that loads blocks of a relation into shared buffers, in slices between which it can be stopped."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from console.format import count, one_line, size
from console.model import Kind, Prewarm, Trouble
from console.running.execution.executor import Context, Executor
from console.running.progress import StepProgress
from console.sources.postgres import DriverError

SLICE = 1024  # blocks of one call, 8 MB with the usual block size
_OUT_OF_RANGE = "22023"  # the relation is shorter now


def executor(execution: Prewarm) -> Executor:
    """Loads slice by slice; what has been loaded stays loaded, and a retry goes on from there."""
    return Executor(partial(execute, execution), f"in slices of {SLICE} blocks", partial=True, unit="block")


async def execute(execution: Prewarm, context: Context, group: Sequence[StepProgress]) -> None:
    """Load all blocks. Raises Trouble(REFUSED) if the relation has become shorter, or in a read-only session."""
    (progress,) = group
    report = context.begin(progress)
    await context.refuse_read_only()
    block = int(str((await context.query("SELECT pg_catalog.current_setting('block_size')"))[0][0]))
    began, before = time.monotonic(), progress.rows
    while progress.rows < execution.blocks:
        first = execution.first + progress.rows
        progress.rows += await _load(execution, context, first, min(first + SLICE - 1, execution.last))
        report(pace(progress.rows, execution.blocks, (progress.rows - before) / (time.monotonic() - began), block))


async def _load(execution: Prewarm, context: Context, first: int, last: int) -> int:
    try:
        ((loaded,),) = await context.session.query(execution.statement(str(execution.oid), first, last))
    except DriverError as error:
        if error.sqlstate != _OUT_OF_RANGE:
            raise
        what = f"{one_line(execution.name)} is shorter than when it was planned."
        raise Trouble(Kind.REFUSED, what, "Plan again.") from None
    return int(str(loaded))


def pace(loaded: int, blocks: int, rate: float, block: int) -> str:
    """Progress of a load: blocks, rate in blocks a second, time left; `block` is the size of a block in bytes."""
    left = f", {(blocks - loaded) / rate:.0f} s left" if rate and loaded < blocks else ""
    return f"{count(loaded)} of {count(blocks)} blocks, {size(rate * block)}/s{left}"
