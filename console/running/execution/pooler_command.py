"""A step that is one command to the admin console of a PgBouncer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

from console.format import counted, one_line
from console.model import Kind, PoolerCommand, PoolerProof, Record, Trouble
from console.running.execution.executor import Context, Executor
from console.running.progress import StepProgress
from console.sources.pgbouncer.commanding import PoolerSession, open_pooler

LOOK = 0.2  # seconds between two looks for its effect
SPARE = 5.0  # seconds after the deadline in which the command is ended here, before its connection is cut


def executor(execution: PoolerCommand) -> Executor:
    """Sends the command and waits until SHOW proves its effect."""
    pooler = execution.pooler if execution.reversible else ""
    return Executor(partial(execute, execution), "on PgBouncer's admin console", pooler=pooler)


async def execute(execution: PoolerCommand, context: Context, group: Sequence[StepProgress]) -> None:
    """Send it. Raises Trouble, also in a read-only console, or if its effect does not show before the deadline."""
    (progress,) = group
    report = context.begin(progress)
    await context.refuse_read_only()
    session = await open_pooler(execution.uri)
    looking = await open_pooler(execution.uri)
    try:
        await _send(execution, session, looking, report)
    finally:
        await session.close()
        await looking.close()


async def _send(
    execution: PoolerCommand, session: PoolerSession, looking: PoolerSession, report: Callable[[str], None]
) -> None:
    end = time.monotonic() + execution.deadline
    sent = asyncio.ensure_future(session.command(execution.command, execution.deadline + SPARE))
    try:
        while True:
            await asyncio.wait({sent}, timeout=LOOK)
            if sent.done() and (error := sent.exception()):
                raise error
            left = await missing(looking, execution.proof)
            if sent.done() and not left:
                return
            if time.monotonic() > end:
                raise _late(execution, left)
            report(f"{left}, {max(0.0, end - time.monotonic()):.0f} s left" if left else "waiting for PgBouncer")
            if sent.done():
                await asyncio.sleep(LOOK)
    finally:
        session.cut()
        await asyncio.wait({sent})


def _late(execution: PoolerCommand, left: str) -> Trouble:
    what = f": {left}" if left else ""
    sentence = f"{one_line(execution.command)} was not complete after {execution.deadline:.0f} s{what}."
    return Trouble(Kind.BUSY, sentence, "What it began goes on in PgBouncer; run the action again to wait for it.")


async def missing(looking: PoolerSession, proof: PoolerProof | None) -> str:
    """What is missing for the effect of a command, in words; empty: nothing."""
    if proof is None:
        return ""
    rows = await looking.rows(proof.query)
    found = sum(_has(row, proof) for row in rows)
    if proof.present:
        # A database that an entry * has made is not listed while it has no connections.
        is_listed = any(row.get(column) == value for row in rows for column, value in proof.where[:1])
        return "its effect does not show yet" if is_listed and not found else ""
    return counted(found, "connection is left", "connections are left") if found else ""


def _has(row: Record, proof: PoolerProof) -> bool:
    return all(row.get(column) == value for column, value in proof.where)
