"""Exports the rows on the screen: JSON for programs, CSV for spreadsheets. Pure except `write`."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from console.files import private
from console.format import is_record, json_default, to_json
from console.model import Facts, Kind, Snapshot, Trouble


def document(pane: str, view: str, snapshot: Snapshot, facts: Facts) -> dict[str, object]:
    """One read as the JSON document of the command line's contract: rows as objects of raw values."""
    role = {"role": "standby" if facts.standby else "primary"} if facts.standby is not None else {}
    return {
        "pane": pane,
        "view": view,
        "taken_at": snapshot.taken_at,
        "server": {
            "kind": facts.kind,
            "label": facts.label,
            **({"host": facts.host} if facts.host else {}),
            "version": facts.version_text,
            "database": facts.database,
            "user": facts.user,
            **role,
        },
        "notes": list(snapshot.notes),
        "columns": list(snapshot.columns),
        "rows": list(snapshot.records()),
    }


def csv_text(snapshot: Snapshot) -> str:
    """The snapshot as CSV (RFC 4180, UTF-8) with a header line; raw values, nothing for a missing one."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(snapshot.columns)
    writer.writerows([_plain(value) for value in row] for row in snapshot.rows)
    return out.getvalue()


def write(path: Path, text: str) -> None:
    """Write a new private file. Raises Trouble if it exists or cannot be written."""
    try:
        private.write(path, text, new=True)
    except FileExistsError:
        raise Trouble(Kind.USAGE, f"{path} exists already.", "Choose another name.") from None
    except OSError as error:
        raise Trouble(Kind.FAILED, f"Cannot write {path}: {error.strerror}.", "Choose another folder.") from None


def save(path: Path, pane: str, view: str, snapshot: Snapshot, facts: Facts) -> None:
    """Write a snapshot to a new file: JSON if its name ends in .json, else CSV. Raises Trouble as `write` does."""
    write(path, json_text(pane, view, snapshot, facts) if path.suffix == ".json" else csv_text(snapshot))


def json_text(pane: str, view: str, snapshot: Snapshot, facts: Facts) -> str:
    """The JSON document as text."""
    return to_json(document(pane, view, snapshot, facts)) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping) or (isinstance(value, list | tuple) and any(map(is_record, value))):
        return to_json(value, None)
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return json_default(value)
