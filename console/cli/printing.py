"""Printing what is already there. Loaded before anything else: it needs nothing."""

from __future__ import annotations

import os
import sys

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
