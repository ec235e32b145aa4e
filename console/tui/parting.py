"""The end of a console that has runs to stop: what takes long is said on the terminal, and Ctrl-C hurries it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence

from console.format import safe
from console.running.progress import Run
from console.running.stopping import SLOW
from console.tui.deadline import hung_up
from console.workspace import Workspace

HASTENS = (signal.SIGINT, signal.SIGTERM)


async def close(workspace: Workspace) -> None:
    """Stop the runs and close the connections, after the interface has given the terminal back.

    Where that takes long, what is waited for is said, and what came of it.
    """
    stopped = [run for run in workspace.runs if run.outcome is None]
    with hastened(workspace, stopped) if stopped else contextlib.nullcontext():
        await workspace.close()


@contextlib.contextmanager
def hastened(workspace: Workspace, runs: Sequence[Run]) -> Iterator[None]:
    """The block, in which Ctrl-C lets `runs` leave what takes them long to clean up."""
    loop = asyncio.get_running_loop()
    announced: list[Run] = []

    def announce() -> None:
        announced.extend(run for run in runs if run.outcome is None)
        names = ", ".join(dict.fromkeys(safe(run.plan.action) for run in announced))
        if names:
            say(f"Waiting for {names} to clean up. Ctrl-C leaves that to the next run.")

    def hurry() -> None:
        workspace.hurry()
        say("")  # the terminal shows what was typed, ^C

    timer = loop.call_later(SLOW, announce)
    for number in HASTENS:
        loop.add_signal_handler(number, hurry)
    try:
        yield
    finally:
        timer.cancel()
        for number in HASTENS:
            loop.remove_signal_handler(number)
        for run in announced:
            say(safe(" ".join((f"{run.plan.action}: {run.message}", *run.notes))))


def say(line: str) -> None:
    """Write a line for whoever is still there; Textual has replaced sys.stderr."""
    if sys.__stderr__ is not None and not hung_up(sys.__stdin__):
        with contextlib.suppress(OSError):
            sys.__stderr__.write(f"{line}\n")
            sys.__stderr__.flush()
