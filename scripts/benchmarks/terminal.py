"""A program in a pseudo-terminal: what it wrote, piece by piece with the time of each, and the screen that makes."""

from __future__ import annotations

import ctypes
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

COLUMNS, LINES = 200, 50
# What a plain terminal says when it is asked; pg_activity waits for ten seconds for one that says nothing.
ANSWERS = (
    (re.compile(rb"\x1bP\+q[^\x1b]*\x1b\\"), b"\x1bP0+r\x1b\\\\"),  # a capability: not known
    (re.compile(rb"\x1b\[(?:0)?c"), b"\x1b[?62;22c"),  # what it is: a VT220 with colours
    (re.compile(rb"\x1b\[6n"), b"\x1b[1;1R"),  # where the cursor is
    (re.compile(rb"\x1b\[\?(\d+)\$p"), b"\x1b[?\\1;0$y"),  # a mode: not known
)
PDEATHSIG = 1  # prctl(2): the signal that comes when the parent ends, for programs that outlive their terminal
_PRCTL = getattr(ctypes.CDLL(None), "prctl", None)  # Linux has it
END_SECONDS = 5.0  # a program gets this long to end before it is killed


class Silent(Exception):  # noqa: N818  a sentence for whoever runs the benchmark
    """A program did not show what was waited for; the screen is in the text."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one read of the terminal returned."""

    at: float  # monotonic seconds
    data: bytes


class Terminal:
    """A running program; ended when the block ends. `started` is the moment before it was executed."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        self._fed = 0
        self._pieces: list[Piece] = []
        self._news = threading.Condition()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            argv,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509  no thread runs yet that holds a lock
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Process id of the program."""
        return self._process.pid

    @property
    def written(self) -> int:
        """Bytes so far."""
        with self._news:
            return sum(len(piece.data) for piece in self._pieces)

    def send(self, keys: str) -> float:
        """Press keys; returns the moment before."""
        at = time.monotonic()
        os.write(self._master, keys.encode())
        return at

    def answer(self, keys: str, seconds: float = 5.0) -> float:
        """Press keys and return the seconds until the first bytes come back. Raises Silent."""
        with self._news:
            seen = len(self._pieces)
        at = self.send(keys)
        with self._news:
            if not self._news.wait_for(lambda: len(self._pieces) > seen, seconds):
                raise Silent(f"no answer to {keys!r}:\n{self.text()}")
            return self._pieces[seen].at - at

    def redraw(self, keys: str, seconds: float = 5.0) -> float:
        """Press keys that move a cursor; the seconds until it stands on another line of the screen. Raises Silent."""
        self.text()
        before, at = self._backgrounds(), self.send(keys)
        deadline = at + seconds
        while time.monotonic() < deadline:
            with self._news:
                self._news.wait_for(lambda: len(self._pieces) > self._fed, 0.1)
                ready = self._pieces[self._fed :]
            for piece in ready:
                self._stream.feed(piece.data)
                self._fed += 1
                if self._backgrounds() != before:
                    return piece.at - at
        raise Silent(f"{keys!r} moves no cursor:\n{self._lines()}")

    def _backgrounds(self) -> list[object]:
        # A cursor is a line of another background, or of reversed colours.
        cells = (self._screen.buffer[y][8] for y in range(LINES))
        return [(cell.bg, cell.reverse) for cell in cells]

    def first_after(self, moment: float) -> float:
        """When the first bytes after `moment` came. Raises Silent."""
        with self._news:
            for piece in self._pieces:
                if piece.at > moment:
                    return piece.at
        raise Silent("nothing was written")

    def quiet(self, pause: float, seconds: float = 10.0) -> None:
        """Wait until nothing was written for `pause` seconds, `seconds` at most."""
        deadline = time.monotonic() + seconds
        with self._news:
            while time.monotonic() < deadline:
                seen = len(self._pieces)
                if not self._news.wait_for(lambda seen=seen: len(self._pieces) > seen, pause):  # type: ignore[misc]
                    return

    def when(self, pattern: re.Pattern[str], seconds: float = 20.0) -> float:
        """The moment from which the screen matches. Raises Silent.

        Sleeping first costs the program nothing: the screen is made after the fact, from the pieces and their times.
        """
        deadline = time.monotonic() + seconds
        while True:
            with self._news:
                self._news.wait_for(lambda: len(self._pieces) > self._fed, 0.1)
                ready = self._pieces[self._fed :]
            for piece in ready:
                self._stream.feed(piece.data)
                self._fed += 1
                if pattern.search(self._lines()):
                    return piece.at
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise Silent(f"the screen never matched {pattern.pattern!r}:\n{self._lines()}")

    def text(self) -> str:
        """The screen now."""
        with self._news:
            ready = self._pieces[self._fed :]
        for piece in ready:
            self._stream.feed(piece.data)
        self._fed += len(ready)
        return self._lines()

    def close(self) -> None:
        """End the program as its user would, else by force."""
        try:
            self.send("q")
            self._process.wait(END_SECONDS)
        except (OSError, subprocess.TimeoutExpired, KeyboardInterrupt):
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join(END_SECONDS)
        os.close(self._master)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _lines(self) -> str:
        return "\n".join(self._screen.display)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:  # the program closed its side
                return
            if not data:
                return
            piece = Piece(time.monotonic(), data)
            if b"\x1b" in data:
                self._reply(data)
            with self._news:
                self._pieces.append(piece)
                self._news.notify_all()

    def _reply(self, data: bytes) -> None:
        for question, answer in ANSWERS:
            for found in question.finditer(data):
                os.write(self._master, found.expand(answer))


def _take_terminal() -> None:
    """Make the terminal that of the session: some programs open /dev/tty. It ends when the benchmark is killed."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    if _PRCTL is not None:
        _PRCTL(PDEATHSIG, signal.SIGKILL)
