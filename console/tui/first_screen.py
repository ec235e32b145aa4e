"""What is on the terminal while the interface is being loaded: which server, and the first rows, in plain ANSI.

It stands where the interface will paint the same. Keys typed meanwhile are not echoed; the interface gets them. This
module loads nothing of the interface.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import termios
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TextIO

from console.format import FORMATS, MISSING, UNKNOWN, cells, counted, one_line
from console.model import Column, Facts, Level, Pane, Row, Snapshot, View
from console.records import dataclass
from console.tui.grounds import Ground, ground
from console.tui.layout import GUTTER, MARKS, Placed, cells_of_end, place, present

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"  # the alternate screen
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
NO_WRAP, WRAP = "\x1b[?7l", "\x1b[?7h"
CRITICAL, WARNING = "\x1b[31m", "\x1b[33m"
SMALLEST = (20, 6)  # columns and lines
ABOVE = 5  # lines above the rows: server, metrics, tabs, title of the pane, titles of the columns
ENDING = (signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class ReadSoFar:
    """What is known by now."""

    label: str
    pane: Pane
    view: View
    facts: Facts | None = None  # None: not connected yet
    rows: Snapshot | None = None  # in the order of the view; None: not read yet


class FirstScreen:
    """The terminal from the start of the console until the interface takes it over."""

    def __init__(self, file: TextIO | None, environ: Mapping[str, str] = os.environ, theme: str = "auto") -> None:
        """`file` is the terminal; nothing is shown on anything else, or on one that is too small."""
        self._file = file
        self._ground = ground(environ, theme)
        self._plain = bool(environ.get("NO_COLOR"))
        self._settings: list[object] | None = None  # of the terminal, as they were
        self.is_shown = False

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """The block; afterwards the terminal is as it was, unless the interface has taken it over."""
        self._begin()
        try:
            yield
        finally:
            self._end()

    def paint(self, seen: ReadSoFar) -> None:
        """Paint what is known by now."""
        if self.is_shown and self._file is not None:
            lines = painted(seen, self._size(), self._ground, colours=not self._plain)
            self._write("".join(f"\x1b[{y};1H{line}" for y, line in enumerate(lines, 1)))

    def hand_over(self) -> bool:
        """The interface takes the terminal over; whether it finds the alternate screen there already."""
        was, self.is_shown = self.is_shown, False
        if was:
            self._restore()
        return was

    def _begin(self) -> None:
        file = self._file
        if file is None or not file.isatty() or any(n < least for n, least in zip(self._size(), SMALLEST, strict=True)):
            return
        try:
            self._settings = termios.tcgetattr(file.fileno())
            quiet = termios.tcgetattr(file.fileno())
            quiet[0] &= ~(termios.ICRNL | termios.IXON)
            quiet[3] &= ~(termios.ECHO | termios.ICANON)
            quiet[6][termios.VSUSP] = quiet[6][termios.VQUIT] = b"\0"
            termios.tcsetattr(file.fileno(), termios.TCSANOW, quiet)
        except (termios.error, OSError):
            return
        self.is_shown = True
        for number in ENDING:
            asyncio.get_running_loop().add_signal_handler(number, self._ended, number)
        self._write(f"{ENTER}{HIDE_CURSOR}{NO_WRAP}\x1b[2J")

    def _ended(self, number: signal.Signals) -> None:
        self._end()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _end(self) -> None:
        if self.is_shown:
            self._write(f"\x1b[0m{WRAP}{LEAVE}{SHOW_CURSOR}")
            self._restore()
            for number in ENDING:
                asyncio.get_running_loop().remove_signal_handler(number)
        self.is_shown = False

    def _restore(self) -> None:
        if self._settings is not None and self._file is not None:
            with contextlib.suppress(termios.error, OSError):  # the terminal has gone
                termios.tcsetattr(self._file.fileno(), termios.TCSANOW, self._settings)  # type: ignore[arg-type]

    def _size(self) -> tuple[int, int]:
        try:
            size = os.get_terminal_size(self._file.fileno()) if self._file is not None else (0, 0)
        except (OSError, ValueError):
            return 0, 0
        return size[0], size[1]

    def _write(self, text: str) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # the terminal has gone; what follows ends the console
                self._file.write(text)
                self._file.flush()


def painted(seen: ReadSoFar, size: tuple[int, int], on: Ground, colours: bool = True) -> list[str]:
    """The lines of the screen, each as wide as it is, from the top down."""
    width, height = size
    facts, pane = seen.facts, seen.pane
    place_ = f" {one_line(facts.place if facts else seen.label)} "
    rest = _server(facts) if facts else " connecting …"
    head = _fit(place_, min(width, cells(place_)))
    tabs = f" {pane.key} {pane.title}"
    rows = counted(len(seen.rows.rows), "row") if seen.rows is not None else ""
    title = _fit(f" {seen.view.title}", max(0, width - len(rows))) + rows
    lines = [
        f"{on.panel}\x1b[1;7m{head}\x1b[22;27m{_fit(rest, width - cells(head))}",
        f"{on.panel}{' ' * width}",
        f"{on.surface}\x1b[1m{_fit(tabs, width)}\x1b[22m",
        f"{on.surface}{_fit(title, width)}",
        *(f"{on.background}{line}" for line in _rows(seen, width, height - ABOVE - 1, on.front if colours else "")),
    ]
    notes = [f"{on.background}{_fit(f' {line}', width)}" for line in _notes(seen, width)[: height - ABOVE]]
    lines = lines[: height - 1 - len(notes)]
    lines += [f"{on.background}{' ' * width}"] * (height - len(lines) - 1 - len(notes)) + notes
    return [f"\x1b[0m{line}\x1b[0m" for line in [*lines[: height - 1], f"{on.panel}{' ' * width}"]]


def _server(facts: Facts) -> str:
    role = "standby" if facts.standby else "primary"
    user = f"SUPERUSER {one_line(facts.user)}" if facts.superuser else one_line(facts.user)
    limits = " READ-ONLY" if facts.read_only else ""
    return f"{limits} PostgreSQL {one_line(facts.version_text.split(' ')[0])} {role} {user}@{one_line(facts.database)}"


def _rows(seen: ReadSoFar, width: int, height: int, front: str) -> Iterator[str]:
    """The titles and the first rows, column by column as the table places them; of findings their sentences."""
    rows, view = seen.rows, seen.view
    if rows is None:
        return
    known = present([column for column in view.columns if column.name in rows.columns], rows)
    if view.blocks:
        known = tuple(replace(column, extra=False) for column in known if column.grow or column.rule)[:2]
    placed = [each for each in place(known, width) if each.x < width]
    columns = [_Cells(each, rows.index(each.column.name), _judged(each.column, rows)) for each in placed]
    if not view.blocks:
        titles = (_fit(each.column.title, each.width, FORMATS[each.column.format].right) for each in placed)
        yield f"\x1b[1m{_fit('  ' + ' '.join(titles), width)}\x1b[22m"
    for row in rows.rows[:height]:
        yield _line(columns, row, width, front, rows.unknown)
    if said := view.without_rows(rows):
        yield _fit(f"  {one_line(said)}", width)


def _notes(seen: ReadSoFar, width: int) -> Sequence[str]:
    """Below findings, how many rules were evaluated: without it nothing would say that they were."""
    if seen.rows is None or not seen.view.blocks:
        return ()
    from textwrap import wrap  # noqa: PLC0415  only the first pane has findings

    return [line for note in seen.rows.notes for line in wrap(one_line(note), width - 2)]


@dataclass(frozen=True, slots=True)
class _Cells:
    """A column in its place: where its value is in a row, and the one that it is judged by."""

    placed: Placed
    at: int
    judged: int

    def level(self, row: Row) -> Level:
        """How bad its value is."""
        rule = self.placed.column.rule
        return rule.level(row[self.judged]) if rule else Level.OK


def _judged(column: Column, rows: Snapshot) -> int:
    return rows.index(column.judged_in(rows.columns))


def _line(columns: Sequence[_Cells], row: Row, width: int, front: str, unknown: Collection[str]) -> str:
    levels = [
        each.placed.column.rule.level(row[each.judged]) if each.placed.column.rule else Level.OK for each in columns
    ]
    line, used = MARKS[max(levels, default=Level.OK)], GUTTER
    for each, level in zip(columns, levels, strict=True):
        kind, value = FORMATS[each.placed.column.format], row[each.at]
        nothing = UNKNOWN if each.placed.column.name in unknown else MISSING
        shown = nothing if value is None else kind.show(value)
        text = _fit(shown, each.placed.width, kind.right, kind.end)
        text = _start(text, width - used)
        used += cells(text) + 1
        line += f"{_colour(level, front)}{text}\x1b[22m{front} " if level >= Level.WARNING else f"{text} "
    return line[:-1] if used > width else line + " " * (width - used)


def _fit(text: str, width: int, right: bool = False, end: float = 0.0) -> str:
    """`text` in exactly `width` cells, at the right or left; an ellipsis shows where it was cut."""
    if cells(text) > width:
        last = cells_of_end(width, end)
        cut = f"{_start(text, width - 1 - last)}…{_start(text[::-1], last)[::-1]}"
        text = cut if width > 1 else _start(text, width)
    space = " " * (width - cells(text))
    return space + text if right else text + space


def _start(text: str, width: int) -> str:
    """As many of its first characters as fit."""
    if text.isascii():
        return text[: max(0, width)]
    at = next((n for n in range(len(text)) if cells(text[: n + 1]) > width), len(text))
    return text[:at]


def _colour(level: Level, front: str) -> str:
    """The colour that stands out from `front`; bold alone where there are no colours."""
    return f"\x1b[1m{'' if not front else CRITICAL if level is Level.CRITICAL else WARNING}"


def terminal() -> TextIO | None:
    """What the interface is painted on: standard output where standard error goes to a file."""
    error, output = sys.__stderr__, sys.__stdout__
    return output if output and output.isatty() and not (error and error.isatty()) else error
