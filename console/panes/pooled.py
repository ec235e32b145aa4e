"""Sessions behind PgBouncer: which client each works for, as columns of any view with sessions. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import repeat

from console.model import Ask, Column, Counterpart, Frame, Lookup, Row, Snapshot, View, number
from console.rules.pooler import POOL_WAIT_SECONDS

# Of the sessions on the screen. It is asked again at every read: the source knows what it need not ask PgBouncer.
CLIENTS_BEHIND = Lookup(
    "pooler_behind",
    by=("pid", "backend_start", "user", "client", "client_port", "since"),
    adds=("pooler", "pooled_ptr", "pooled_address", "pooled_application", "pooled_busy", "pooled_at"),
    batch=1_000,
    keep=1.0,
    source="pgbouncer",
)
CLIENTS_BEHIND_ALL = replace(CLIENTS_BEHIND, first=1_000)  # of all sessions, for rules
SHORTEST_WAIT = 0.1  # seconds

BEHIND_COLUMNS = (
    Column(
        "pooled_address",
        "pooled client",
        "name",
        width=21,
        present=True,
        extra=True,
        help="Address and port of the client of PgBouncer for which the session works.",
    ),
    Column(
        "pool_wait",
        "pool wait",
        "age",
        present=True,
        extra=True,
        rule=POOL_WAIT_SECONDS,
        help="How long that client waited for a server connection before its statement began.",
    ),
    Column(
        "pooler",
        "pooler",
        "name",
        width=16,
        present=True,
        extra=True,
        help="The PgBouncer that has the session; without a client, the session is idle in its pool.",
    ),
)
CLIENT = Counterpart("pooler", "clients", {"pooler": "pooler", "ptr": "pooled_ptr"})
ADDED = ("pooler", "pooled_ptr", "pooled_address", "pooled_application", "pool_wait")


def clients(snapshot: Snapshot) -> tuple[tuple[str, ...], Iterable[Row]]:
    """The names of the columns that sessions lack of ADDED, and their values, one tuple a row.

    Without a pooler all are empty. A client's request is older than the statement of its session by the time that it
    waited for the server; that is known of a statement that already ran when PgBouncer was read.
    """
    if "pooled_at" not in snapshot.columns:
        return ADDED, repeat((None,) * len(ADDED), len(snapshot.rows))
    read, taken = [snapshot.values(name) for name in ("state", "age", "pooled_busy", "pooled_at")], snapshot.taken_at
    return ("pool_wait",), [(_wait(taken.timestamp(), *each),) for each in zip(*read, strict=True)]


def names(snapshot: Snapshot) -> list[str]:
    """Each session's application, else its user; behind a pooler those of its client.

    With the client's address where clients come from several: one that all have only takes room from their names.
    """
    application, user = snapshot.values("application"), snapshot.values("user")
    if "pooled_address" not in snapshot.columns:
        return [str(name or role or "") for name, role in zip(application, user, strict=True)]
    own_names, addresses = snapshot.values("pooled_application"), snapshot.values("pooled_address")
    hosts = [_host(address) for address in addresses]
    several = len(set(hosts) - {""}) > 1
    pooled = zip(application, user, own_names, hosts, strict=True)
    return [f"{own or name or role or ''} {host if several else ''}".strip() for name, role, own, host in pooled]


def _host(address: object) -> str:
    """An address without its port; empty: there is none."""
    return str(address).rpartition(":")[0] or str(address) if address else ""


def _wait(taken: float, state: object, age: object, busy: object, at: object) -> float | None:
    if state != "active" or not all(isinstance(value, int | float) for value in (age, busy, at)):
        return None
    running = number(at) - (taken - number(age))  # seconds that the statement had run when PgBouncer was read
    waited = number(busy) - running
    return waited if running >= 0 and waited >= SHORTEST_WAIT else None


def ask_with_clients(query: str, every: float, only_if: Callable[[Frame], bool] | None = None) -> Ask:
    """A query about sessions that rules judge, read with the clients behind them."""
    view = View(query, query, query, (), ("pid",), lookups=(CLIENTS_BEHIND_ALL,))
    return Ask(query, every=every, only_if=only_if, view=view)
