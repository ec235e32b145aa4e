"""How a connection ends: cut when a network no longer answers, closed once nobody waits for its socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import errors

LET_GO_SECONDS = 0.5  # for which a connection that is closed waits for who reads, before and after it is cut

Cuttable = psycopg.AsyncConnection[Any]


@contextlib.contextmanager
def answering_within(seconds: float, connection: Cuttable) -> Iterator[None]:
    """Cut the connection if what is inside takes longer. Raises ConnectionTimeout, which says so, in that case."""
    late = False

    def end() -> None:
        nonlocal late
        late = True
        cut(connection)

    watchdog = asyncio.get_running_loop().call_later(seconds, end)
    try:
        yield
    except psycopg.OperationalError:
        if late:
            raise errors.ConnectionTimeout(f"no answer within {seconds:g} s") from None
        raise
    finally:
        watchdog.cancel()


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
