"""The end of a command by a signal, and of the process with the exit code that it was given."""

from __future__ import annotations

import os
import select
import sys

HUNG_UP = 129  # what a shell reports of a program that SIGHUP ended


class Ended(KeyboardInterrupt):
    """A signal has ended the command."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number


def settle() -> None:
    """Leave nothing that the interpreter would flush at its end: where it cannot, it makes 120 of the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except (OSError, ValueError):  # a terminal that has gone, a pipe without a reader
            _discard(stream.fileno())


def terminal_has_gone() -> bool:
    """Whether what is written can reach nobody any more, because the terminal was closed."""
    poll = select.poll()
    for number in (1, 2):
        poll.register(number, 0)
    return any(events & select.POLLHUP for _, events in poll.poll(0))


def _discard(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
