"""How a connection ends: cut when a network no longer answers, closed once nobody waits for its socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
from psycopg import errors

from console.model import Haste

LATE_SECONDS = 1.0  # by which a timer of a console that was stopped itself is late
LET_GO_SECONDS = 0.5  # for which a connection that is closed waits for who reads, before and after it is cut
CANCEL_SECONDS = 1.0  # for asking the server to cancel

Cuttable = psycopg.AsyncConnection[Any]


@contextlib.contextmanager
def answering_within(seconds: float, connection: Cuttable) -> Iterator[None]:
    """Cut the connection if what is inside takes longer. Raises ConnectionTimeout, which says so, in that case.

    Where the console itself was stopped meanwhile, the answer may be there, unread: then it begins to wait again.
    """
    late = False
    loop = asyncio.get_running_loop()
    watchdog: list[asyncio.TimerHandle] = []

    def begin() -> None:
        due = loop.time() + seconds
        watchdog[:] = [loop.call_at(due, end, due)]

    def end(due: float) -> None:
        nonlocal late
        if loop.time() > due + LATE_SECONDS:
            begin()
            return
        late = True
        cut(connection)

    begin()
    try:
        yield
    except psycopg.OperationalError:
        if late:
            raise errors.ConnectionTimeout(f"no answer within {seconds:g} s") from None
        raise
    finally:
        watchdog[0].cancel()


@contextlib.asynccontextmanager
async def hurried(haste: Haste, connection: Cuttable) -> AsyncIterator[None]:
    """Cancel what is inside when it takes more than there is time for. Raises Trouble(BUSY), which says so."""
    seconds = haste.seconds
    if not seconds:
        raise haste.miss()
    late = False

    async def end() -> None:
        nonlocal late
        await asyncio.sleep(seconds)
        late = True
        with contextlib.suppress(psycopg.Error, OSError):  # then the read ends by its own timeout
            await connection.cancel_safe(timeout=CANCEL_SECONDS)

    ending = asyncio.create_task(end())
    try:
        yield
    except errors.QueryCanceled:
        if late:
            raise haste.miss() from None
        raise
    finally:
        if not late:
            ending.cancel()
        await asyncio.wait({ending})  # so that it cancels nothing that is read next


def cut(connection: Cuttable) -> None:
    """End a read on a dead network at once: cancelling would wait for the same network."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as channel:
        channel.shutdown(socket.SHUT_RDWR)


async def close_in_turn(connection: Cuttable, reading: asyncio.Lock) -> None:
    """Close a connection once nobody waits for its socket; whoever reads holds the lock `reading`.

    The next connection gets the number of a socket that is closed: the event loop, which knows sockets by number, would
    refuse to wait for it while another task still waits for the closed one. A read that goes on is cut.
    """
    held = False
    for _ in range(2):
        try:
            async with asyncio.timeout(LET_GO_SECONDS):
                held = await reading.acquire()
            break
        except TimeoutError:
            cut(connection)
    try:
        await connection.close()
    finally:
        if held:
            reading.release()
