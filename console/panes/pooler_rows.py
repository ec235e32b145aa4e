"""Rows of PgBouncer's SHOW commands with waits in seconds, verdicts and comparisons. Pure."""

from __future__ import annotations

from dataclasses import replace

from console.model import Column, Record, Row, Snapshot, number
from console.rules.pooler import POOL_WAITING_CLIENTS

WAITING_VERDICTS = frozenset({"full", "waiting"})
ADMIN_DATABASE = "pgbouncer"
WHICH = Column("pooler", "pooler", "name", extra=True, help="Which PgBouncer, if there are several.")


def pooled(row: Record) -> bool:
    """Whether a row is about a pooled database, not the admin console itself."""
    return row.get("database") != ADMIN_DATABASE and row.get("name") != ADMIN_DATABASE


def judge_pools(taken: Snapshot) -> Snapshot:
    """`maxwait` in seconds with its fraction, and a verdict for each pool: full, waiting, paused, disabled or ok.

    What is judged of waiting clients are waits that have lasted.
    """
    rows = []
    for row, record in zip(taken.rows, taken.records(), strict=True):
        longest, verdict = longest_wait(record), _verdict(record)
        lasts = longest >= POOL_WAITING_CLIENTS.held
        judged = (record["cl_waiting"] if lasts else 0, verdict if lasts or verdict not in WAITING_VERDICTS else "ok")
        rows.append((*_put(row, taken.index("maxwait"), longest), verdict, *judged))
    columns = (*taken.columns, "verdict", "waiting_long", "verdict_judged")
    return replace(taken, columns=columns, rows=tuple(rows))


def longest_wait(pool: Record) -> float:
    """How long the oldest waiting client of a pool has waited, in seconds."""
    return number(pool["maxwait"]) + number(pool["maxwait_us"]) / 1e6


def sessions(taken: Snapshot) -> Snapshot:
    """Waits in seconds with their fraction, and each address with its port.

    PgBouncer's `wait` is the age of the request: for a waiting client the time it has waited, for an active one the
    time its request has been running.
    """
    rows = []
    for record in taken.records():
        seconds = number(record["wait"]) + number(record["wait_us"]) / 1e6
        waits = str(record["state"]).startswith("waiting")
        behind = record.get("client_addr") and f"{record['client_addr']}:{record['client_port']}"
        address = f"{record['addr']}:{record['port']}"
        judged = record["state"] if not waits or seconds >= POOL_WAITING_CLIENTS.held else None
        at_server = (record.get("server_addr", record["addr"]), record.get("server_local_port", record["local_port"]))
        times = (seconds if waits else None, None if waits else seconds)
        rows.append((*times, address, behind, judged, _session_port(*at_server)))
    columns = ("wait_seconds", "busy_seconds", "address", "behind", "state_judged", "session_port")
    return taken.with_columns(columns, rows)


def flags(taken: Snapshot) -> Snapshot:
    """`paused` and `disabled` as yes or no."""
    at = [taken.index(name) for name in ("paused", "disabled")]
    rows = tuple(
        tuple(bool(value) if i in at and isinstance(value, int) else value for i, value in enumerate(row))
        for row in taken.rows
    )
    return replace(taken, rows=rows)


def compare_defaults(taken: Snapshot) -> Snapshot:
    """Whether each setting differs from its default."""
    changed = ((record["value"] != record["default"],) for record in taken.records())
    return taken.with_columns(("changed",), changed)


def _verdict(record: Record) -> str:
    if record["paused"]:
        return "paused"
    if record["disabled"]:
        return "disabled"
    if not record["cl_waiting"]:
        return "ok"
    links = sum(number(record[name]) for name in ("sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login"))
    limit, most = number(record["pool_size"]), number(record["max_connections"])
    full = links >= limit > 0 or number(record["current_connections"]) >= most > 0
    return "full" if full else "waiting"


def _session_port(server: object, local_port: object) -> object:
    """client_port of the session of a server connection: -1 on a Unix socket; None without a server."""
    return -1 if str(server).startswith("unix") else local_port if server else None


def _put(row: Row, at: int, value: object) -> Row:
    return (*row[:at], value, *row[at + 1 :])
