"""Waiting for a condition: a wait ends when the condition holds; its limit only ends a test that would hang."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

PATIENCE = 300.0  # seconds after which a test gives up; far above what a slow and busy machine needs
PAUSE = 0.02  # seconds between two looks


def wait(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Return once `condition` holds. AssertionError when it does not within `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"still not so after {seconds:g} s: {_named(condition)}"
        time.sleep(PAUSE)


async def eventually(condition: Callable[[], object | Awaitable[object]], seconds: float = PATIENCE) -> None:
    """Return once `condition`, a function or a coroutine function, holds; the loop goes on meanwhile.

    AssertionError when it does not within `seconds`.
    """
    end = time.monotonic() + seconds
    while True:
        holds = condition()
        if inspect.isawaitable(holds):
            holds = await holds
        if holds:
            return
        assert time.monotonic() < end, f"still not so after {seconds:g} s: {_named(condition)}"
        await asyncio.sleep(PAUSE)


def _named(condition: Callable[[], object]) -> str:
    try:
        return inspect.getsource(condition).strip()
    except OSError:
        return repr(condition)
