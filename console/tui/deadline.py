"""The end of a console whose terminal has gone: by itself, or by the kernel once its time is over."""

from __future__ import annotations

import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

END_SECONDS = 0.6  # without a terminal, before the process is ended from outside
STOP_SECONDS = 5.0  # the same while actions run


def set_deadline(running: bool) -> None:
    """Once the terminal has gone, the kernel ends this process unless it ends by itself within the deadline.

    With actions `running` it has time to cancel them and to record that.
    """
    if hung_up(sys.__stdin__):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, STOP_SECONDS if running else END_SECONDS)


@contextmanager
def within_deadline() -> Iterator[None]:
    """The whole console, closing its connections included; what runs in this process later has no deadline."""
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def hung_up(file: TextIO | None) -> bool:
    """Whether the terminal has gone."""
    if file is None or file.closed:
        return True
    poll = select.poll()
    poll.register(file, 0)
    return any(events & (select.POLLHUP | select.POLLNVAL) for _, events in poll.poll(0))
