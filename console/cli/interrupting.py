"""Running a command's coroutine so that an interrupt is noticed at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

AGAIN_SECONDS = 1.0


def run_interruptible(command: Coroutine[Any, Any, int]) -> int:
    """`asyncio.run` of a command; its exit code. The first interrupt cancels it, as there; another ends it at once.

    A signal that arrives just before asyncio.run waits for its sockets would be seen only when one of them has
    something to read. A handler of the loop itself wakes it up.
    """
    return asyncio.run(_interruptible(command))


async def _interruptible(command: Coroutine[Any, Any, int]) -> int:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        interrupted = True
        loop.remove_signal_handler(signal.SIGINT)
        end()

    def end() -> None:
        if task is not None and not task.done():
            task.cancel()
            # The driver answers the first by cancelling its query on the server, which may not answer.
            loop.call_later(AGAIN_SECONDS, end)

    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        return await command
    except asyncio.CancelledError:
        if interrupted:
            raise KeyboardInterrupt from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGINT)
