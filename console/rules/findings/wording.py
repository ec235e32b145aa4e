"""How findings name sessions, amounts and statements. Pure."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from console.format import age, decoded, one_line
from console.format import counted as format_count
from console.model import ACTING_NAME, APPLICATION_NAME, Fix, Record, number
from console.panes.derived import listed

__all__ = [
    "QUERY",
    "application",
    "cancel",
    "cancel_transaction",
    "counted",
    "database_place",
    "drop_slot",
    "listed",
    "longest_idle",
    "number",
    "roll_back",
    "session",
    "since",
    "statement",
    "terminate",
    "terminate_idle",
]

OWN: Mapping[str, str] = {
    ACTING_NAME: "a run of pipeline-console",
    APPLICATION_NAME: "a reading session of pipeline-console",
}
QUERY = 60  # characters of a statement that a finding repeats
counted = functools.partial(format_count, shown="{:,}".format)  # 1 session, 1,400 sessions


def session(record: Record) -> str:
    """Who a session is: its application, else its user, and where it connects from; behind a pooler, its client."""
    own = record.get("pooled_application") or record.get("application")
    name = application(own) or one_line(record.get("user") or "a session")
    if behind := record.get("pooled_address"):
        return f"{name} at {one_line(behind)} via PgBouncer"
    client = record.get("client")
    return f"{name} at {one_line(client)}" if client and client != "local" else name


def application(name: object) -> str:
    """An application by its name; a console's own sessions by what they do, so that none takes them for a client's."""
    return OWN.get(name, one_line(name or "")) if isinstance(name, str) else ""


def statement(record: Record) -> str:
    """The beginning of a session's statement on one line; empty: this role cannot see it."""
    text = " ".join(one_line(decoded(record.get("query")) or "").split())
    return text if len(text) <= QUERY else f"{text[: QUERY - 1]}…"


def database_place(row: Record) -> tuple[str, str, dict[str, object]]:
    """The pane, view and row that show the database of a row of database_counters."""
    return "server", "databases", {"oid": row["oid"]}


def since(seconds: object) -> str:
    """An age as in "for 6m"."""
    return f"for {age(seconds)}"


def terminate(record: Record, effect: str) -> Fix:
    """Ends the session of a row with `pid` and `backend_start`, while its transaction (`transaction_start`) is open.

    Of one that is idle outside a transaction, while it stays so (`idle_since`).
    """
    idle = {"idle-since": str(record["idle_since"])} if record.get("idle_since") else {}
    given = _backend(record, "transaction") | idle
    return Fix("terminate-backend", given, f"terminate {record['pid']}: {effect}")


def cancel(record: Record, effect: str) -> Fix:
    """Cancels the statement of the session of a row with `pid`, `backend_start` and `statement_start`, no later one."""
    return Fix("cancel-backend", _backend(record, "statement"), f"cancel {record['pid']}: {effect}")


def cancel_transaction(record: Record, effect: str) -> Fix:
    """Cancels what a session runs in its transaction of `transaction_start`, of which any statement does the harm."""
    return Fix("cancel-backend", _backend(record, "statement", "transaction"), f"cancel {record['pid']}: {effect}")


def roll_back(gid: object, record: Record, effect: str) -> Fix:
    """Rolls back the prepared transaction that was prepared at `transaction_start`, none of the same name later."""
    at = record.get("transaction_start")
    return Fix("rollback-prepared", {"gid": str(gid), **({"prepared": str(at)} if at else {})}, effect)


def drop_slot(name: object, restart_lsn: object, effect: str) -> Fix:
    """Drops the slot of this name, while its restart_lsn is what was seen: nobody has used it or created it again."""
    seen = {"restart-lsn": str(restart_lsn)} if restart_lsn else {}
    return Fix("drop-slot", {"slot": str(name), **seen}, f"drop slot {one_line(name)}: {effect}")


def longest_idle(row: Record) -> str:
    """The longest idle half of the idle sessions of a row of connection_holders: at most how many, and for how long."""
    most = counted((int(number(row["idle"])) + 1) // 2, "session")
    return f"up to {most} idle for {age(int(number(row['median_idle'])))} or longer"


def terminate_idle(row: Record, effect: str) -> Fix:
    """Ends the longest idle half of the idle sessions of a row of connection_holders; `effect` says what that does.

    They are those that have been idle since a moment: what is planned later can only be fewer of them, while an age
    would by then be reached by others too.
    """
    named = {"application": str(row["application"])} if row["application"] else {}
    given = {**named, "user": str(row["user"]), "idle-since": str(row["half_idle_since"])}
    return Fix("terminate-idle", given, f"terminate {effect}")


def _backend(record: Record, *seen: str) -> dict[str, str]:
    """A session by pid and start, and what it was seen in; what an earlier version recorded lacks that."""
    known = {name: record.get(f"{name}_start") for name in seen}
    return {
        "pid": str(record["pid"]),
        "started": str(record.get("backend_start") or ""),
        **{name: str(value) for name, value in known.items() if value},
    }
