"""A program in a real pseudo-terminal, and the screen that it makes there."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyte

from tests.waiting import PATIENCE


class Terminal:
    """A terminal of a given size with a program in it."""

    def __init__(self, program: Sequence[str], size: tuple[int, int], environment: dict[str, str]) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.settings = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            program,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509  Ctrl-C is a signal where it may be
        )
        self.slave = slave
        self.screen = pyte.Screen(*size)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""

    def read(self, seconds: float = 0.1) -> None:
        """Take what the program has written."""
        if select.select([self.master], [], [], seconds)[0]:
            data = os.read(self.master, 65536)
            self.raw += data
            self.stream.feed(data)

    def text(self) -> str:
        return "\n".join(self.screen.display)

    def shows(self, *texts: str) -> str:
        """Wait until all of `texts` are on the screen."""
        end = time.monotonic() + PATIENCE
        while not all(text in self.text() for text in texts):
            assert time.monotonic() < end, f"never came: {texts}\n{self.text()}"
            self.read()
        return self.text()

    def ends_in_line(self, number: int, text: str) -> None:
        """Wait until `text` is in line `number`, counted from 1, and in none below it."""
        end = time.monotonic() + PATIENCE
        while [text in line for line in self.screen.display][number - 1 :] != [True]:
            assert time.monotonic() < end, self.text()
            self.read()

    def hides(self, text: str) -> None:
        """Wait until `text` is gone; an escape typed together with the next key would be another key."""
        end = time.monotonic() + PATIENCE
        while text in self.text():
            assert time.monotonic() < end, self.text()
            self.read()

    def encode(self, encoding: str) -> None:
        """Read what the program writes in an encoding of single bytes."""
        if encoding != "utf-8":
            self.stream.select_other_charset("@")

    def type(self, keys: str) -> None:
        self.write(keys.encode())

    def write(self, data: bytes) -> None:
        os.write(self.master, data)

    def resize(self, size: tuple[int, int]) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.screen.resize(size[1], size[0])
        self.process.send_signal(signal.SIGWINCH)

    def ends(self) -> int:
        """Wait for the program's end; its exit code."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < end, self.text()
            self.read()
        while select.select([self.master], [], [], 0)[0]:
            self.read(0)
        return self.process.returncode

    @contextmanager
    def closing(self) -> Iterator[None]:
        """The block; afterwards the program has ended."""
        try:
            yield
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            os.close(self.master)
            os.close(self.slave)
