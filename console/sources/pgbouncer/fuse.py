"""The console's side of the watchdog: started before a database is paused, which it resumes whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path

from console.model import Kind, Trouble
from console.records import dataclass
from console.sources.pgbouncer.watchdog import NOT_PAUSED, REFUSED, RESUMED, UNREACHABLE

WATCHDOG = Path(__file__).with_name("watchdog.py")
ARMING = 20.0  # seconds in which it must have connected
KEPT = ("PATH", "HOME", "LC_ALL", "LANG")  # HOME: where libpq finds certificates

__all__ = ["NOT_PAUSED", "REFUSED", "RESUMED", "UNREACHABLE", "Fuse", "armed"]


@dataclass(frozen=True, slots=True)
class Fuse:
    """A watchdog that is connected."""

    process: asyncio.subprocess.Process

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
        assert self.process.stdout is not None  # noqa: S101  a pipe, see `armed`
        return (await self.process.stdout.readline()).decode().strip()

    async def write(self, text: str) -> None:
        """Write a line, unless nobody is there to read it."""
        assert self.process.stdin is not None  # noqa: S101
        with contextlib.suppress(OSError):  # it is gone, which `outcome` reports
            self.process.stdin.write(f"{text}\n".encode())
            await self.process.stdin.drain()


async def armed(conninfo: str, database: str, seconds: float) -> Fuse:
    """A watchdog that is connected, but does nothing before it is lit. Raises Trouble(FAILED)."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", str(WATCHDOG)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        env={name: os.environ[name] for name in KEPT if name in os.environ},
    )
    fuse = Fuse(process)
    order = {"path": sys.path, "conninfo": conninfo, "database": database, "seconds": seconds}
    try:
        await fuse.write(json.dumps(order))
        said = await asyncio.wait_for(fuse.heard(), ARMING)
    except BaseException as error:
        process.kill()
        await process.wait()
        if isinstance(error, TimeoutError):
            raise _unarmed() from None
        raise
    if said != "armed":
        await process.wait()
        raise _unarmed()
    return fuse


def _unarmed() -> Trouble:
    return Trouble(
        Kind.FAILED,
        "The watchdog that would resume the database could not connect to PgBouncer: nothing was paused.",
        "Check that PgBouncer admits another admin connection.",
    )
