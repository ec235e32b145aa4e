"""Texts that leave a pane: what is copied from a row, and the name of an exported file. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from console.format import decoded, pasteable
from console.model import Pane, Snapshot, View
from console.records import dataclass

QUERY = "query"  # the column with the beginning of a statement
WHOLE = 197  # bytes of a statement that no list cuts: the shortest are cut after 200, and in no character
PAIR = 2  # columns of an answer of names with their texts
MOST = 74_994  # bytes that terminals take for the clipboard: 100,000 in base64, with what stands around them
CUT = "\n... (cut)"  # no statement goes on like that: what is pasted without its WHERE must not run
UNREAD = "the rest of it could not be read."


@dataclass(frozen=True, slots=True)
class Copied:
    """What goes to the clipboard, and what of it the user should know."""

    text: str
    why: str = ""  # it is only the beginning

    @property
    def message(self) -> str:
        """What became of it, in a sentence or two."""
        size = f"{len(self.text) - (len(CUT) if self.why else 0)} characters"
        return f"Copied the first {size}: {self.why}" if self.why else f"Copied {size}."


def beginning_of(view: View, row: Mapping[str, object]) -> str:
    """What a row has of a statement, if it may be only the beginning; else empty."""
    column = _query_column(view)
    text = _text(row, column)
    return text if column == QUERY and len(text.encode()) >= WHOLE else ""


def copied_text(view: View, row: Mapping[str, object]) -> str:
    """The query in a row of `view`, else the whole row; without control characters, so that it is safe to paste."""
    whole = "\t".join(f"{name}={value}" for name, value in row.items())
    return pasteable(_text(row, _query_column(view)) or whole)


def copied_query(beginning: str, answer: Snapshot) -> Copied:
    """The whole of a query of which a row has the beginning, from the answer of the view's detail query."""
    found = ((name, text) for name, text in statements_in(answer) if text.startswith(beginning))
    name, query = next(found, ("", ""))
    if not query:
        return only_beginning(beginning, UNREAD)
    text = pasteable(query)
    if len(text.encode()) > MOST:
        return only_beginning(text.encode()[:MOST].decode(errors="ignore"), "terminals take no more of it.")
    cut = name.removeprefix(QUERY).strip(" ()")
    return only_beginning(text, f"{cut}.") if cut else Copied(text)


def only_beginning(text: str, why: str) -> Copied:
    """A beginning, marked so that it does not run by itself, and why it is no more, as the end of a sentence."""
    return Copied(pasteable(text) + CUT, why)


def export_name(pane: Pane, view: View) -> str:
    """A file name for the rows of a view, with the time in UTC."""
    return f"{pane.name}-{view.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.csv"


def statements_in(answer: Snapshot) -> Iterator[tuple[str, str]]:
    """The statements in the answer of a detail query, by name: of two columns the first is a name."""
    for row in answer.rows:
        named = [row] if len(row) == PAIR else zip(answer.columns, row, strict=True)
        for name, text in named:
            if str(name).startswith(QUERY) and isinstance(text, str):
                yield str(name), text


def _query_column(view: View) -> str:
    names = [column.name for column in view.columns if column.format == "query"]
    return QUERY if QUERY in names else next(iter(names), "")


def _text(row: Mapping[str, object], column: str) -> str:
    return str(decoded(row[column])) if row.get(column) else ""
