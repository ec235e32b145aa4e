"""A step that resumes a database of PgBouncer, or PgBouncer as a whole.

The process that also ends a pause does it (`console.sources.pgbouncer.watchdog`, which says why a plain RESUME is not
enough): it changes a setting for a moment, and sets it back also where the console is killed meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from console.format import one_line
from console.model import Kind, PoolerResume, Trouble
from console.running.execution.executor import Context, Executor
from console.running.progress import StepProgress
from console.sources.pgbouncer.commanding import open_pooler
from console.sources.pgbouncer.fuse import NOT_PAUSED, REFUSED, RESUMED, UNREACHABLE, Fuse, armed

SECONDS = 10.0


def executor(execution: PoolerResume) -> Executor:
    """Resumes; it is undone by no command."""
    return Executor(partial(execute, execution), "on PgBouncer's admin console, by a process of its own")


async def execute(execution: PoolerResume, context: Context, group: Sequence[StepProgress]) -> None:
    """Resume. Raises Trouble(FAILED) if it is paused still, or if there was no such pause.

    A database that is listed may have been resumed by somebody else.
    """
    (progress,) = group
    report = context.begin(progress)
    await context.refuse_read_only()
    session = await open_pooler(execution.uri)
    try:
        report("resuming")
        fuse = await armed(session.conninfo, execution.database, SECONDS)
        ended = await _ended(fuse)
        listed = {str(row["name"]) for row in await session.rows("pooler_databases")} if ended == NOT_PAUSED else set()
    finally:
        await session.close()
    if ended != RESUMED and execution.database not in listed:
        raise _failed(execution.database, ended)


async def _ended(fuse: Fuse) -> str:
    """Let it resume now, and wait until the setting is back. Returns how it ended, in a word."""
    try:
        await fuse.light()
        await fuse.resume()
        async with asyncio.timeout(SECONDS):
            ended = await fuse.heard()
            await fuse.ended()
    except TimeoutError:
        return UNREACHABLE
    finally:
        fuse.leave()
    return ended


def _failed(database: str, ended: str) -> Trouble:
    what = one_line(database) or "PgBouncer as a whole"
    if ended == NOT_PAUSED:
        what = f"{what} is not paused" + (", or there is no such database" if database else "")
        return Trouble(Kind.FAILED, f"{what}.")
    if ended == REFUSED:
        return Trouble(Kind.FAILED, f"PgBouncer refused to resume {what}.", "Connect as a user in its admin_users.")
    return Trouble(
        Kind.UNREACHABLE,
        f"PgBouncer does not answer: {what} may be paused still.",
        "A process on this machine tries to resume it for another minute.",
    )
