"""The terminal driver: counts the bytes it sends, and ends the console when its terminal goes away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import sys
import threading
from codecs import getincrementaldecoder
from typing import TYPE_CHECKING, Any, TextIO

from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key

from console.tui.deadline import hung_up, set_deadline
from console.tui.first_screen import ENTER, terminal
from console.tui.picture import RESET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.app import App
    from textual.message import Message

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
READ_BYTES = 4096
LOOK_SECONDS = 0.05  # how often the input thread looks whether an Esc stands alone
ESC = "\x1b"
INTRODUCERS = "[O"  # with Esc they begin the sequence of an arrow or a function key, which a network may cut there
TYPOGRAPHY = frozenset(ESC + key for key in "1234567890-=§")  # Textual's: what Alt and these keys write on macOS
AT_ONCE = 4096  # bytes that are written without the writer thread if the terminal takes any


class TerminalDriver(LinuxDriver):
    """Textual's driver with an attribute `written`, bytes sent to the terminal so far, that ends with its terminal.

    Textual's own reads on from a terminal that has hung up, which never blocks, and answers every SIGCONT, one of the
    two signals of a closing terminal, with another such thread, even while the application ends.
    """

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.written = 0
        self._sent = 0  # texts given to the writer thread or written without it
        self._file: Any = TerminalOutput(terminal())
        self.exit_event = self._stop_sign = StopSign()
        self._hand_over: Callable[[], bool] = getattr(app, "hand_over", lambda: False)

    def write(self, data: str) -> None:
        """Send `data`; nothing takes it before the terminal was prepared and after its last line."""
        if data == ENTER and self._hand_over():
            return  # what is painted there stays until the interface paints the same
        self.written += len(data) if data.isascii() else len(data.encode())
        if self._writer_thread is None or not self._writer_thread.is_alive():
            return
        is_idle = self._file.flushed == self._sent  # the writer thread has nothing to do
        self._sent += 1
        if is_idle and len(data) <= AT_ONCE and self._file.is_ready:
            self._file.write(data)  # another thread would have to be woken, and wait until this one rests
            self._file.flush()
        else:
            super().write(data)

    def stop_application_mode(self) -> None:
        """Give the terminal back, without the style in which the last text was written."""
        self.write(RESET)
        super().stop_application_mode()

    def send_message(self, message: Message) -> None:
        """Hand what was typed to the application at once; Textual's own makes a task of it first."""
        self._loop.call_soon_threadsafe(self._app.post_message, message)

    def _get_terminal_size(self) -> tuple[int, int]:
        """Columns and lines of the terminal itself; COLUMNS and LINES are what a shell exported once."""
        with contextlib.suppress(OSError):
            width, height = os.get_terminal_size(self.fileno)
            if width and height:
                return width, height
        return super()._get_terminal_size()

    def run_input_thread(self) -> None:
        """Pass on what is typed until it is to stop; the end of the terminal counts as SIGHUP."""
        parser = KeyParser(self._debug)
        decode = getincrementaldecoder(input_encoding(terminal()))("replace").decode
        while not self.exit_event.is_set():
            # Only an escape sequence that is not complete is a reason to look again.
            patience = None if parser._timeout_time is None else LOOK_SECONDS  # noqa: SLF001
            if self.fileno in select.select([self.fileno, self._stop_sign], [], [], patience)[0]:
                try:
                    data = os.read(self.fileno, READ_BYTES)
                except BlockingIOError:  # another reader of this terminal was faster
                    continue
                except OSError:
                    data = b""
                if not data:
                    signal.raise_signal(signal.SIGHUP)
                    break
                for message in parser.feed(decode(data)):
                    self.process_message(message)
            for message in parser.tick():
                self.process_message(message)
        with contextlib.suppress(EOFError, ParseError):
            for message in parser.feed(""):
                self.process_message(message)

    def _sigtstp_application(self, *_: object) -> None:
        if self._key_thread is not None and self._key_thread.is_alive():
            self.suspend_application_mode()
            self._must_signal_resume = True
        # The default action, unlike SIGSTOP, spares a process that no shell could wake up again.
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._sigtstp_application)
        self._sigcont_application()

    def _sigcont_application(self, *_: object) -> None:
        if hung_up(sys.__stdin__):
            signal.raise_signal(signal.SIGHUP)
        elif self._must_signal_resume:  # otherwise there is nothing to resume
            self.resume_application_mode()


class KeyParser(XTermParser):
    """Textual's parser, which takes an Esc and a key within a tenth of a second for Alt and that key, and loses both.

    Nothing is bound to Alt here. Where terminals send Esc and a character for a key that is bound, to go by words in a
    text field, both come in one read: an Esc that ends a read stands alone however soon the next one follows.
    """

    _is_escape = False  # the last text was an Esc alone

    def feed(self, data: str) -> Iterable[Message]:
        """Yield what `data`, the text of one read, says; empty at the end of the terminal."""
        if self._is_escape and self._timeout_time is not None and data and data[0] not in INTRODUCERS:
            self._timeout_time = 0.0  # the time in which an Esc waits for the rest of a sequence is over
            yield from self.tick()
        self._is_escape = data == ESC
        yield from super().feed(data)

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[Key]:
        if alt:
            yield Key("escape", ESC)
        if sequence not in TYPOGRAPHY:
            yield from super()._sequence_to_key_events(sequence)


class StopSign(threading.Event):
    """An event that `select` waits for as well."""

    def __init__(self) -> None:
        super().__init__()
        self._read, self._write = os.pipe()

    def fileno(self) -> int:
        """What is ready to be read while it is set."""
        return self._read

    def set(self) -> None:
        """Set it."""
        if not self.is_set():
            os.write(self._write, b"x")
        super().set()

    def clear(self) -> None:
        """Let it be not set."""
        if self.is_set():
            os.read(self._read, 1)
        super().clear()

    def __del__(self) -> None:
        os.close(self._read)
        os.close(self._write)


class TerminalOutput:
    """The terminal as a file; what is written after it has hung up is discarded."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file
        self._gone = file is None
        self._written = 0
        self.flushed = 0  # how many texts have been written and flushed

    @property
    def is_ready(self) -> bool:
        """Whether the terminal takes more now."""
        return self._gone or self._file is None or bool(select.select((), [self._file], (), 0)[1])

    def write(self, text: str) -> None:
        """Write `text`."""
        self._written += 1
        if self._file is not None and not self._gone:
            try:
                self._file.write(text)
            except OSError:
                self._gone = True

    def flush(self) -> None:
        """Send what was written."""
        if self._file is not None and not self._gone:
            try:
                self._file.flush()
            except OSError:
                self._gone = True
        self.flushed = self._written


def input_encoding(output: TextIO | None) -> str:
    """The encoding of what is typed: that of the `output`; UTF-8 holds ASCII, and what a locale C lets through."""
    encoding = output.encoding if output is not None else "utf-8"
    return "utf-8" if encoding == "ascii" else encoding


def end_on_signals(end: Callable[..., None], running: Callable[[], bool]) -> None:
    """Have SIGTERM and SIGHUP end the application by its `end`, in time: see `set_deadline`. Within an event loop."""

    def received(number: signal.Signals) -> None:
        set_deadline(running=running())
        end(128 + number, return_code=128 + number)

    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, received, number)


async def run_until_closed(app: App[int]) -> int:
    """Show an application on the terminal until it ends; the exit code."""
    await app.run_async()
    return app.return_code or 0
