"""A step that is done by a program of this machine: what it says, how it is stopped, whether it succeeded."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from console.format import one_line
from console.model import Kind, Trouble
from console.sources.postgres import ActingSession

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
ENDING = 10.0  # seconds a program has to clean up after itself when it is stopped
LAST = 5  # lines that are told when it failed


async def execute(session: ActingSession, argv: Sequence[str], heard: Callable[[str], None]) -> None:
    """Run a program on the database of `session`, without a shell; `heard` gets each line it says.

    How to connect is told by its environment alone. Trouble (FAILED) with its last lines when it does not succeed.
    """
    if await session.query("SELECT 1 WHERE pg_catalog.current_setting('default_transaction_read_only')::bool"):
        raise Trouble(Kind.REFUSED, "The session is read-only: nothing is changed.")
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
    said: deque[str] = deque(maxlen=LAST)
    try:
        while process.stdout is not None and (line := await _line(process.stdout)):
            said.append(one_line(line.decode(errors="replace").strip()))
            heard(said[-1])
        code = await process.wait()
    finally:
        if process.returncode is None:
            await _end(process)
    if code:
        raise Trouble(Kind.FAILED, f"{one_line(Path(argv[0]).name)} failed: {' '.join(said)[-500:] or code}")


async def _line(output: asyncio.StreamReader) -> bytes:
    try:
        return await output.readline()
    except ValueError:  # longer than it is kept
        return b"(a line too long to show)\n"


async def _end(process: asyncio.subprocess.Process) -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), ENDING)
            return
