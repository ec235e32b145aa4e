"""The output formats of `show`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from console.cli.markdown import markdown
from console.cli.table import table
from console.format import moment, safe, to_json
from console.glyphs import write_exactly
from console.model import Facts, Snapshot, View
from console.panes import pane as pane_called
from console.reading.export import csv_text, document
from console.records import dataclass

if TYPE_CHECKING:
    from console.cli.markdown_chart import RowCourse


@dataclass(frozen=True, slots=True)
class Taken:
    """One read, ready to print."""

    pane: str
    view: View
    snapshot: Snapshot
    facts: Facts
    courses: Sequence[RowCourse] = ()  # of its first rows, where the output draws them


class Output(Protocol):
    """Prints one read after the other."""

    @property
    def prints_notes(self) -> bool:
        """Whether the notes of a read go to standard error; JSON and Markdown have them in the document."""
        ...

    @property
    def draws(self) -> bool:
        """Whether it draws the courses of rows."""
        ...

    def __call__(self, taken: Taken) -> None: ...


@dataclass(frozen=True, slots=True)
class TableOutput:
    """Fixed-width text; in a terminal as wide as that and in colour."""

    watching: bool
    prints_notes: bool = True
    draws: bool = False

    def __call__(self, taken: Taken) -> None:
        terminal = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if terminal else 0
        if self.watching:
            at, label = moment(taken.snapshot.taken_at), safe(taken.facts.place)
            sys.stdout.write(f"{at} UTC  {taken.pane}: {taken.view.title}  {label}\n")
        sys.stdout.write(table(taken.view, taken.snapshot, width, colour=terminal and _colour()))
        sys.stdout.write("\n" if self.watching else "")
        sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class JsonOutput:
    """One document; while watching one a line."""

    watching: bool
    prints_notes: bool = False
    draws: bool = False

    def __call__(self, taken: Taken) -> None:
        made = document(taken.pane, taken.view.name, taken.snapshot, taken.facts)
        sys.stdout.write(to_json(made, None if self.watching else 2) + "\n")
        sys.stdout.flush()


@dataclass(slots=True)
class CsvOutput:
    """RFC 4180; while watching one header line for all reads, and when each row was taken."""

    watching: bool
    prints_notes: bool = True
    draws: bool = False
    header: str = ""

    def __call__(self, taken: Taken) -> None:
        snapshot = taken.snapshot
        if self.watching:
            rows = tuple((snapshot.taken_at, *row) for row in snapshot.rows)
            snapshot = replace(snapshot, columns=("taken_at", *snapshot.columns), rows=rows)
        if sys.stdout.isatty():
            snapshot = replace(snapshot, rows=tuple(tuple(map(_harmless, row)) for row in snapshot.rows))
        else:
            write_exactly(sys.stdout)
        header, rest = csv_text(snapshot).split("\n", 1)
        sys.stdout.write(rest if header == self.header else f"{header}\n{rest}")
        sys.stdout.flush()
        self.header = header


@dataclass(frozen=True, slots=True)
class MarkdownOutput:
    """A document with a heading, a table and the notes; while watching one after the other."""

    watching: bool
    prints_notes: bool = False
    draws: bool = True

    def __call__(self, taken: Taken) -> None:
        text = markdown(pane_called(taken.pane).title, taken.view, taken.snapshot, taken.facts, taken.courses)
        sys.stdout.write(text + ("\n" if self.watching else ""))
        sys.stdout.flush()


OUTPUTS: Mapping[str, Callable[[bool], Output]] = {
    "table": TableOutput,
    "json": JsonOutput,
    "csv": CsvOutput,
    "markdown": MarkdownOutput,
}


def _harmless(value: object) -> object:
    return safe(value, 1_000_000) if isinstance(value, str) else value


def _colour() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
