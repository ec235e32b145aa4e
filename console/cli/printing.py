"""Printing what is already there, and the end of a command. Loaded before anything else: it needs nothing."""

from __future__ import annotations

import os
import sys

HUNG_UP = 129  # what a shell reports of a program that SIGHUP ended
BROKEN_PIPE = 141  # what a shell reports of a program that SIGPIPE ended


def printed(text: str) -> int:
    """Print `text` and return the exit code."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        return unread()
    return 0


def unread() -> int:
    """The exit code when the reader of the output has gone away."""
    # The interpreter flushes stdout once more when it ends; there must be something to flush into.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


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
    import select  # noqa: PLC0415  few commands lose their terminal

    poll = select.poll()
    for number in (1, 2):
        poll.register(number, 0)
    return any(events & select.POLLHUP for _, events in poll.poll(0))


def _discard(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
