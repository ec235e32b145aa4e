"""A step that runs a local program: its output, how it is stopped, whether it succeeded."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from console.format import one_line
from console.model import Kind, Program, Trouble
from console.running.execution.executor import Context, Executor
from console.running.progress import StepProgress
from console.sources.postgres import ActingSession

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
ENDING = 10.0  # seconds a program has to clean up after itself when it is stopped
LOOK = 0.1  # seconds
LAST = 5  # different lines that are reported when it failed
MOST = 500  # characters of them


def executor(execution: Program) -> Executor:
    """Runs the program on the database of the acting session."""
    return Executor(partial(execute, execution), "a program of this machine")


async def execute(execution: Program, context: Context, group: Sequence[StepProgress]) -> None:
    """Run the program; each line of its output is reported."""
    (progress,) = group
    report = context.begin(progress)
    await context.refuse_read_only()
    await run(context.session, execution.arguments, report, lambda: context.run.leaves)


async def run(
    session: ActingSession,
    argv: Sequence[str],
    report: Callable[[str], None],
    leaves: Callable[[], bool] = lambda: False,
) -> None:
    """Run a program on the database of `session`, without a shell; `report` gets each line of its output.

    Only its environment names the connection. Where its run `leaves` what takes long, it has no time to clean up when
    it is stopped. Raises Trouble(FAILED) with its last lines if it fails.
    """
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**kept, **session.environment()},
            start_new_session=True,
        )
    except OSError as error:
        raise Trouble(Kind.FAILED, f"{one_line(argv[0])} cannot be run: {error.strerror}.") from None
    last: deque[str] = deque(maxlen=LAST)
    try:
        while process.stdout is not None and (line := await _line(process.stdout)):
            text = one_line(line.decode(errors="replace").strip())
            if text not in last:  # it tries the same again and again, such as to connect
                last.append(text)
            report(text)
        code = await process.wait()
    finally:
        if process.returncode is None:
            await _end(process, leaves)
    if code:
        raise _failure(one_line(Path(argv[0]).name), last, code)


def _failure(name: str, last: Sequence[str], code: int) -> Trouble:
    """What the last lines of a program mean; the first of them is nearest to the cause."""
    is_full = any(os.strerror(errno.ENOSPC) in line for line in last)
    why = "the server's disk is full: " if is_full else ""
    said = " ".join(last)[:MOST].rstrip(".") or f"exit code {code}"
    return Trouble(Kind.FAILED, f"{name} failed: {why}{said}.", "Free some space on it." if is_full else "")


async def _line(output: asyncio.StreamReader) -> bytes:
    try:
        return await output.readline()
    except ValueError:  # longer than it is kept
        return b"(a line too long to show)\n"


async def _end(process: asyncio.subprocess.Process, leaves: Callable[[], bool]) -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        if await _has_ended(process, leaves):
            return


async def _has_ended(process: asyncio.subprocess.Process, leaves: Callable[[], bool]) -> bool:
    """Whether it ends in time; on a server that does not answer it can clean up nothing."""
    ended = asyncio.ensure_future(process.wait())
    end = time.monotonic() + ENDING
    while not ended.done() and time.monotonic() < end and not leaves():
        await asyncio.wait({ended}, timeout=LOOK)
    await asyncio.wait({ended}, timeout=LOOK)
    return ended.done()
