"""How findings name sessions, amounts and statements. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from console.format import age, decoded, one_line
from console.model import Fix, Record

QUERY = 60  # characters of a statement that a finding repeats


def session(record: Record) -> str:
    """Who a session is: its application, else its user, and where it connects from."""
    name = one_line(record.get("application") or record.get("user") or "a session")
    client = record.get("client")
    return f"{name} at {one_line(client)}" if client and client != "local" else name


def statement(record: Record) -> str:
    """The beginning of a session's statement on one line; empty: this role cannot see it."""
    text = " ".join(one_line(decoded(record.get("query")) or "").split())
    return text if len(text) <= QUERY else f"{text[: QUERY - 1]}…"


def number(value: object) -> float:
    """A number of a row; 0 where there is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def counted(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun: "1 session", "14 sessions"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def since(seconds: object) -> str:
    """An age as in "for 6m"."""
    return f"for {age(seconds)}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def terminate(record: Record, effect: str) -> Fix:
    """Ends the session of a row with `pid` and `backend_start`."""
    return Fix("terminate-backend", _backend(record), f"terminate {record['pid']}: {effect}")


def cancel(record: Record, effect: str) -> Fix:
    """Cancels the statement of the session of a row with `pid` and `backend_start`."""
    return Fix("cancel-backend", _backend(record), f"cancel {record['pid']}: {effect}")


def _backend(record: Record) -> dict[str, str]:
    return {"pid": str(record["pid"]), "started": str(record.get("backend_start") or "")}
