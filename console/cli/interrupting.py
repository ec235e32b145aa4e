"""Running a command's coroutine so that a signal that ends it is noticed at once, and leaves nothing on the server."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Coroutine
from typing import Any

from console.cli.printing import Ended

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_SECONDS = 1.0
LATEST = 1.7  # seconds after which the process ends, whatever still hangs: a server that does not answer


def run_interruptible(command: Coroutine[Any, Any, int]) -> int:
    """`asyncio.run` of a command; its exit code. The first signal cancels it; another ends it at once.

    Not another SIGHUP: the kernel sends one when a terminal is closed, the shell sends one as well. A signal that
    arrives just before asyncio.run waits for its sockets would be seen only when one of them has something to read.
    A handler of the loop itself wakes it up. Raises Ended.
    """
    deadlines: list[threading.Timer] = []
    try:
        return asyncio.run(_interruptible(command, deadlines))
    finally:
        for deadline in deadlines:
            deadline.cancel()


async def _interruptible(command: Coroutine[Any, Any, int], deadlines: list[threading.Timer]) -> int:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    got: list[int] = []

    def interrupt(number: int) -> None:
        if not got:
            got.append(number)
            deadlines.append(_deadline(128 + number))
            loop.remove_signal_handler(signal.SIGINT)
            loop.remove_signal_handler(signal.SIGTERM)
            end()

    def end() -> None:
        if task is not None and not task.done():
            task.cancel()
            # The driver answers the first by cancelling its query on the server, which may not answer.
            loop.call_later(AGAIN_SECONDS, end)

    for number in ENDS:
        loop.add_signal_handler(number, interrupt, number)
    try:
        return await command
    except asyncio.CancelledError:
        if got:
            raise Ended(got[0]) from None
        raise
    finally:
        for number in ENDS:
            loop.remove_signal_handler(number)


def _deadline(code: int) -> threading.Timer:
    timer = threading.Timer(LATEST, os._exit, (code,))
    timer.daemon = True
    timer.start()
    return timer
