"""What samples waits on the server itself: which of it the waits pane reads, and what it could read."""

from __future__ import annotations

from collections.abc import Iterator

from console.doctor.check import Check, Status, literal
from console.doctor.extensions import preload
from console.doctor.server import Found
from console.format import one_line
from console.model import Record, Source
from console.watching.kept_waits import SOURCES, can_be_read

DOES = {
    "pg_wait_sampling": "samples many times a second",
    "pgsentinel": "keeps samples of the time before",
    "pg_ash": "keeps samples of the time before",
}
OWN = "The waits pane samples once a second while it is open."


async def check(server: Source, found: Found) -> Check:
    """What the waits pane reads besides its own samples. Raises Trouble."""
    rows = list((await server.fetch(SOURCES)).records())
    used = [str(row["name"]) for row in rows if can_be_read(row)]
    what = f"The waits pane reads {' and '.join(f'{name}, which {DOES[name]}' for name in used)}." if used else OWN
    lacking = [(row, list(_remedies(row, found))) for row in rows if not can_be_read(row) and _is_there(row)]
    state = Status.LIMITED if lacking and not used else Status.OK
    why = "; ".join(f"{row['name']} {_lacks(row)}" for row, _ in lacking)
    remedy = "\n".join(line for _, remedies in lacking for line in remedies)
    return Check("extension", "samples of waits", state, what, why, remedy)


def _is_there(row: Record) -> bool:
    return row["installed"] is not None or row["available"] is not None


def _lacks(row: Record) -> str:
    if row["installed"] is None:
        return f"{one_line(row['available'])} is available and not installed"
    if not row["is_loaded"]:
        return "is installed and not preloaded"
    return "belongs to a role that is neither a superuser nor this one" if not row["is_trusted"] else "may not be read"


def _remedies(row: Record, found: Found) -> Iterator[str]:
    name = str(row["name"])
    if not row["is_loaded"]:
        yield preload(found, name)
    if row["installed"] is None:
        yield f"CREATE EXTENSION {name}; -- as a superuser"
    elif not row["is_trusted"]:
        yield f"Let a superuser own all of schema {name.removeprefix('pg_')}, or connect as its owner."
    elif not row["may_read"]:
        yield f"SELECT ash.grant_reader({literal(found.facts.user)}); -- as a superuser"
