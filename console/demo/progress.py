"""Reports progress and the duration of each step on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

CLEAR = "\r\x1b[K"


class Progress:
    """One line a step; on a terminal the line of the running step is updated in place."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._live = sys.stderr.isatty()

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Time one step; the block receives a function that shows a detail."""
        began = time.monotonic()
        self._show(title)
        try:
            yield lambda detail: self._show(f"{title}: {detail}")
        except BaseException:
            self._write(CLEAR if self._live else "")
            raise
        self._write(f"{CLEAR if self._live else ''}{time.monotonic() - began:6.1f} s  {title}\n")

    def say(self, text: str) -> None:
        """Print a line without a duration."""
        self._write(f"          {text}\n")

    def done(self) -> None:
        """Print the total time."""
        self.say(f"Ready in {time.monotonic() - self._started:.1f} s")

    def _show(self, text: str) -> None:
        if self._live:
            self._write(f"{CLEAR}{time.monotonic() - self._started:6.1f} s  {text} …")

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
