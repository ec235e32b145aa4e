"""Where settings are set, and the lines of the configuration files with their status. Pure."""

from __future__ import annotations

from pathlib import PurePosixPath

from console.model import Record, Snapshot
from console.panes.derived import add

_SOURCES = {
    "user": "role",
    "database user": "role in database",
    "global": "all roles",
    "client": "this connection",
    "session": "the server",  # of the encoding that the console reads, and where statement_timeout is too short
}


def files(snapshot: Snapshot) -> Snapshot:
    """The status of each line: a pending restart is not an error, although the server reports it as one."""

    def columns_of(row: Record) -> tuple[object, ...]:
        return (origin(row), _verdict(row))

    return add(snapshot, ("origin", "verdict"), columns_of)


def _verdict(row: Record) -> str:
    if row["error"] is None:
        return "in effect" if row["applied"] else "overridden"
    if row["context"] == "postmaster":
        return "needs restart"
    return "error"


def origin(row: Record) -> str:
    """The file and line that set a value, else another source of it."""
    if row["sourcefile"]:
        return f"{PurePosixPath(str(row['sourcefile'])).name}:{row['sourceline']}"
    source = str(row.get("source") or "")
    return _SOURCES.get(source, source)
