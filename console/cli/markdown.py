"""A snapshot as a Markdown document with one table (GitHub Flavored Markdown). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from console.format import FORMATS, moment, one_line, show
from console.model import Column, Facts, Snapshot, View

if TYPE_CHECKING:
    from console.cli.markdown_chart import RowCourse

_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|~#&"})


def markdown(title: str, view: View, snapshot: Snapshot, facts: Facts, courses: Sequence[RowCourse] = ()) -> str:
    """A heading, when and where it was read, the columns of `view` as a table, `courses` as a chart, and the notes.

    Text from a server is escaped: it is never markup.
    """
    columns = [column for column in view.columns if column.name in snapshot.columns]
    where = ", ".join(filter(None, (facts.place, facts.database, facts.version_text)))
    head = (f"## {escaped(title)}: {escaped(view.title)}", "", f"{moment(snapshot.taken_at)} UTC, {escaped(where)}", "")
    said = view.without_rows(snapshot)
    body = _table(columns, snapshot) if snapshot.rows else [escaped(said)] if said else []
    body += _drawn(courses) if courses else []
    notes = [f"- {escaped(note)}" for note in snapshot.notes]
    return "\n".join([*head, *body, *(["", *notes] if notes else [])]) + "\n"


def _drawn(courses: Sequence[RowCourse]) -> list[str]:
    from console.cli.markdown_chart import chart  # noqa: PLC0415  few views have courses

    lines = chart(courses)
    return ["", *lines] if lines else []


def escaped(text: object) -> str:
    """Text on one line without anything that Markdown or HTML would take as markup."""
    return one_line(text).translate(_SPECIAL)


def _table(columns: Sequence[Column], snapshot: Snapshot) -> list[str]:
    values = [snapshot.values(column.name) for column in columns]
    rows = [
        [escaped(show(each[at], column.format)) for column, each in zip(columns, values, strict=True)]
        for at in range(len(snapshot.rows))
    ]
    titles = [escaped(column.title.strip() or column.name) for column in columns]
    rules = ["---:" if FORMATS[column.format].right else "---" for column in columns]
    return [f"| {' | '.join(cells)} |" for cells in (titles, rules, *rows)]
