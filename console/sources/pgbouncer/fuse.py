"""The console's side of the watchdog: started before a database is paused, which it resumes whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from console.format import pooler_identifier
from console.model import Kind, Trouble
from console.records import dataclass
from console.sources.pgbouncer.watchdog import NOT_PAUSED, REFUSED, RESUMED, UNREACHABLE

WATCHDOG = Path(__file__).with_name("watchdog.py")
ARMING = 20.0  # seconds in which it must have connected
KEPT = ("PATH", "HOME", "LC_ALL", "LANG")  # HOME: where libpq finds certificates

__all__ = ["NOT_PAUSED", "REFUSED", "RESUMED", "UNREACHABLE", "Fuse", "armed"]


@dataclass(frozen=True, slots=True)
class Fuse:
    """A watchdog that is connected. It goes on by itself when this process is gone, or has left it."""

    process: subprocess.Popen[bytes]
    said: asyncio.StreamReader  # what it writes
    pipe: asyncio.ReadTransport

    async def light(self) -> None:
        """From now on it resumes the database: after its time, or when this process is gone."""
        await self.write("lit")

    async def resume(self) -> None:
        """Resume the database now."""
        await self.write("resume")

    async def put_out(self) -> None:
        """End it; it resumes nothing."""
        await self.write("done")

    async def heard(self) -> str:
        """The next line that it writes, at its end how it ended in a word; empty: it has ended without a word."""
        return (await self.said.readline()).decode().strip()

    async def ended(self) -> None:
        """Wait until it has ended."""
        await self.said.read()

    async def write(self, text: str) -> None:
        """Write a line, unless nobody is there to read it."""
        assert self.process.stdin is not None  # noqa: S101  a pipe, see `armed`
        with contextlib.suppress(OSError, ValueError):  # it is gone, which `heard` reports
            self.process.stdin.write(f"{text}\n".encode())

    def leave(self) -> None:
        """Close the pipes. If it is not done yet it does the rest by itself."""
        assert self.process.stdin is not None  # noqa: S101
        self.pipe.close()
        with contextlib.suppress(OSError):
            self.process.stdin.close()


async def armed(conninfo: str, database: str, seconds: float) -> Fuse:
    """A watchdog that is connected, but does nothing before it is lit. Raises Trouble(FAILED)."""
    process = subprocess.Popen(  # noqa: ASYNC220  asyncio would kill it when its loop ends
        (sys.executable, "-I", str(WATCHDOG)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        start_new_session=True,
        cwd="/",
        env={name: os.environ[name] for name in KEPT if name in os.environ},
    )
    # Somebody must wait for it, and the console's exit must not.
    threading.Thread(target=process.wait, name="watchdog", daemon=True).start()
    said = asyncio.StreamReader()
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(said), process.stdout
    )
    fuse = Fuse(process, said, pipe)
    named = pooler_identifier(database) if database else ""
    order = {"path": sys.path, "conninfo": conninfo, "database": database, "named": named, "seconds": seconds}
    try:
        await fuse.write(json.dumps(order))
        first = await asyncio.wait_for(fuse.heard(), ARMING)
    except BaseException as error:
        process.kill()
        fuse.leave()
        if isinstance(error, TimeoutError):
            raise _unarmed() from None
        raise
    if first != "armed":
        fuse.leave()
        raise _unarmed()
    return fuse


def _unarmed() -> Trouble:
    return Trouble(
        Kind.FAILED,
        "The watchdog that would resume the database could not connect to PgBouncer: nothing was paused.",
        "Check that PgBouncer admits another admin connection.",
    )
