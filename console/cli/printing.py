"""Printing what is already there, and the end of a command. Loaded before anything else: it needs nothing."""

from __future__ import annotations

import errno
import os
import sys

HUNG_UP = 129  # what a shell reports of a program that SIGHUP ended
BROKEN_PIPE = 141  # what a shell reports of a program that SIGPIPE ended
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # of a file that takes no more


def printed(text: str) -> int:
    """Print `text` and return the exit code."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        return unread()
    except OSError as error:
        return unwritten(error)
    return 0


def unread() -> int:
    """The exit code when the reader of the output has gone away."""
    # The interpreter flushes stdout once more when it ends; there must be something to flush into.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


def unwritten(error: OSError) -> int:
    """Say that the output could not be written, such as to a full disk; returns the exit code. Raises other errors."""
    if error.errno not in FULL or error.filename is not None:
        raise error
    try:  # noqa: SIM105  contextlib takes longer to load than a list to be printed
        sys.stderr.write(f"pipeline-console: The output could not be written: {error.strerror}.\n")
    except OSError:
        pass  # diagnostics go to the same place
    _discard(sys.stdout.fileno())  # the interpreter would try once more
    return 1


def open_closed_streams() -> None:
    """Lead standard streams that whoever started the command has closed nowhere.

    Otherwise the first connection would get their number, and what is printed would go to the server.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            _discard(number)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


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
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere == number:  # it was closed
        os.set_inheritable(number, True)
        return
    os.dup2(nowhere, number)
    os.close(nowhere)
