"""What the log adds to a finding, where it can be read: only while the metrics show that something happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from console.format import age, one_line
from console.model import Ask, CannotTell, Evidence, Frame

LOGGED_DEADLOCK, LOGGED_CANCELLED = "deadlock", "autovacuum cancelled"  # kinds of entries
_KINDS = "log_kinds"
MOST = 400  # characters of an entry


def ask_log(every: float, only_if: Callable[[Frame], bool]) -> Ask:
    """What the log was about, read at most so often, and only while `only_if` says that it is worth it."""
    return Ask(_KINDS, "log", every, only_if=only_if, optional=True)


def logged(frame: Frame, kind: str, label: str) -> Iterator[Evidence]:
    """The last entry of a kind as evidence; nothing where the log cannot be read, or has none."""
    try:
        rows = frame.rows(_KINDS)
    except CannotTell:
        return
    for row in rows:
        if row["kind"] == kind:
            said = f"{one_line(row['what'])[:MOST]} ({age(row['last'])} ago)"
            yield Evidence(label, said, "log", "entries", {"kind": kind})
