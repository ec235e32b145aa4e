"""Texts that leave a pane: what is copied from a row, and the name of an exported file. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from console.format import decoded, pasteable
from console.model import Pane, View


def copied_text(view: View, row: Mapping[str, object]) -> str:
    """The query in a row of `view`, else the whole row; without control characters, so that it is safe to paste."""
    queries = [row[column.name] for column in view.columns if column.format == "query"]
    whole = "\t".join(f"{name}={value}" for name, value in row.items())
    return pasteable(str(decoded(queries[0])) if queries and queries[0] else whole)


def export_name(pane: Pane, view: View) -> str:
    """A file name for the rows of a view, with the time in UTC."""
    return f"{pane.name}-{view.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.csv"
