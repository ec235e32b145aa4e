"""Texts that leave a pane: what is copied from a row, and the name of an exported file. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from console.format import decoded, pasteable
from console.model import Pane, Snapshot, View
from console.records import dataclass

QUERY = "query"  # the column with the beginning of a statement
PAIR = 2  # columns of an answer of names with their texts
MOST = 74_994  # bytes that terminals take for the clipboard: 100,000 in base64, with what stands around them
CUT = "\n... (cut)"  # no statement goes on like that: what is pasted without its WHERE must not run


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
    """The query in a row as far as the row has it; empty if it has none."""
    queries = [row[column.name] for column in view.columns if column.format == "query" and column.name in row]
    return str(decoded(queries[0])) if queries and queries[0] else ""


def has_more(view: View, row: Mapping[str, object]) -> bool:
    """Whether what is copied is the beginning of a statement, whose rest the view's detail query may return."""
    first = next((column.name for column in view.columns if column.format == "query"), "")
    return bool(view.detail and first == QUERY and row.get(QUERY))


def copied_text(view: View, row: Mapping[str, object]) -> str:
    """The query in a row of `view`, else the whole row; without control characters, so that it is safe to paste."""
    whole = "\t".join(f"{name}={value}" for name, value in row.items())
    return pasteable(beginning_of(view, row) or whole)


def copied_query(beginning: str, answer: Snapshot) -> Copied:
    """The whole of a query of which a row has the beginning, from the answer of the view's detail query."""
    found = dict(_queries(answer))
    if not found:
        return Copied(pasteable(beginning))  # the view shows no statement of which there is more
    name, query = next(((name, text) for name, text in found.items() if text.startswith(beginning)), ("", ""))
    if not query:
        return only_beginning(beginning, "its session runs another statement now.")
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


def _queries(answer: Snapshot) -> Iterator[tuple[str, str]]:
    """The statements in the answer of a detail query, by name: of two columns the first is a name."""
    for row in answer.rows:
        named = [row] if len(row) == 2 else zip(answer.columns, row, strict=True)
        for name, text in named:
            if str(name).startswith(QUERY) and isinstance(text, str):
                yield str(name), text
