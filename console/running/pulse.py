"""Whether the server still answers while something runs on it.

A statement may take hours and a network may freeze in the middle of it: the reading session asks for a sign of life
meanwhile. Whoever watches the run sees since when the server is silent, and a run that is to stop does not wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from console.model import Database, Trouble
from console.running.progress import Run
from console.sources.postgres import ActingSession

PERIOD = 2.0  # seconds between two questions
ANSWER_SECONDS = 3.0  # without an answer for so long the server counts as silent
STOP_SECONDS = 0.7  # the same for a run that is to stop
SLICE = 0.2


async def watch_pulse(
    session: ActingSession, server: Database, run: Run, changed: Callable[[Run], None], task: asyncio.Task[Any]
) -> None:
    """Keep `run.silent_since` up to date until cancelled; end the session when `task` is to stop and none answers."""
    answered = datetime.now(UTC)
    while True:
        question = asyncio.ensure_future(server.pulse(ANSWER_SECONDS))
        try:
            waited = 0.0
            while not (await asyncio.wait({question}, timeout=SLICE))[0]:
                waited = waited + SLICE if task.cancelling() else 0.0
                if waited and (run.silent_since or waited >= STOP_SECONDS):
                    run.silent_since = run.silent_since or answered
                    _end(session, server, run, task)
            question.result()
        except Trouble:
            run.silent_since = run.silent_since or answered
            changed(run)
        else:
            answered, was_silent = datetime.now(UTC), run.silent_since
            run.silent_since = None
            if was_silent:
                changed(run)
        finally:
            question.cancel()
        await _pause(session, server, run, task)


async def _pause(session: ActingSession, server: Database, run: Run, task: asyncio.Task[Any]) -> None:
    for _ in range(round(PERIOD / SLICE)):
        if task.cancelling() and run.silent_since:
            _end(session, server, run, task)
        await asyncio.sleep(SLICE)
        if task.cancelling():
            return


def _end(session: ActingSession, server: Database, run: Run, task: asyncio.Task[Any]) -> None:
    session.cut()
    server.cut()  # it is as silent, and whoever closes it would wait for that
    if not run.stopping:
        # The driver answers the first request by cancelling on the server, which would take until its timeouts.
        task.cancel()
