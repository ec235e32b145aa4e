"""Connections: who is connected, what each session runs and for how long, and which sessions block others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter

from console.format import decoded
from console.model import Column, Pane, Record, Row, Snapshot, Trouble, View, Whole, denied
from console.panes.blocking import blocking
from console.panes.host import BACKENDS
from console.panes.pooled import BEHIND_COLUMNS, CLIENT, CLIENTS_BEHIND, clients, names
from console.rules.sessions import (
    BLOCKED_BY_SESSIONS,
    BLOCKING_SESSIONS,
    CONNECTION_USAGE_PERCENT,
    IDLE_IN_TRANSACTION_SECONDS,
    SESSION_STATE,
    TRANSACTION_SECONDS,
    WAIT_HELD,
    WAITING_SESSIONS,
    XMIN_AGE_TRANSACTIONS,
)

SHORT: Mapping[object, str] = {
    "idle in transaction": "idle in tx",
    "idle in transaction (aborted)": "aborted tx",
    "fastpath function call": "fastpath",
    "autovacuum worker": "autovacuum",
    "parallel worker": "parallel",
    "background worker": "background",
}
BUSY = frozenset({"active", "fastpath", "parallel", "autovacuum"})
IDLE_IN_TRANSACTION = frozenset({"idle in tx", "aborted tx"})


def sessions(snapshot: Snapshot) -> Snapshot:
    """Sessions with readable query texts and, for each, the sessions that block it and those it blocks."""
    state, query, lock = (snapshot.index(name) for name in ("state", "query", "lock_id"))
    # Of a session that waits for nothing only its pid matters, to those that it blocks.
    waiting = replace(snapshot, rows=tuple([row for row in snapshot.rows if row[lock] is not None]))
    found = blocking(waiting)
    direct = found.direct
    # Since when is only in pg_locks; a statement is at least as old as its wait.
    long_waits = held_long(waiting.values("age"))
    waits = {
        member.id: (by, long_waits >> at & 1)
        for at, (member, by) in enumerate(zip(found.members, found.blockers, strict=True))
    }
    pids = map(itemgetter(snapshot.index("pid")), snapshot.rows)
    more, behind = clients(snapshot)
    rows: list[Row] = []
    for row, pid, name, pooled in zip(snapshot.rows, pids, who(snapshot), behind, strict=True):
        if pid not in waits and pid not in direct:  # as most
            shown = [*row, None, 0, 0, name, None, 0, 0, *pooled]
        else:
            by, is_long = waits.get(pid, ((), 0))
            waiters, blocked = direct.get(pid, 0), len(by)
            blocks, long_blocks = waiters.bit_count(), (waiters & long_waits).bit_count()
            judged = (blocked if is_long else 0, long_blocks)
            shown = [*row, by or None, blocked, blocks, name, _blocking(by, blocks), *judged, *pooled]
        shown[state], shown[query] = SHORT.get(row[state], row[state]), decoded(row[query])
        rows.append(tuple(shown))
    added = ("blocked_by", "blockers", "blocks", "who", "blocking", "blockers_long", "blocks_long")
    columns = (*snapshot.columns, *added, *more)
    return replace(snapshot, columns=columns, rows=tuple(rows)).hiding(hidden(snapshot))


def held_long(seconds: Iterable[object]) -> int:
    """Which of some waits have lasted long enough to be judged, as a bit mask."""
    return sum(1 << at for at, age in enumerate(seconds) if isinstance(age, int | float) and age >= WAIT_HELD)


def who(snapshot: Snapshot) -> list[str | None]:
    """Who each session is: its application, else its user; with its database where the sessions have several.

    Behind a pooler it is the client, with its address.
    """
    databases = snapshot.values("database")
    several = len(set(databases) - {None}) > 1
    return [
        f"{name}@{database}" if several and database and name else name or None
        for name, database in zip(names(snapshot), databases, strict=True)
    ]


def _blocking(pids: Sequence[int], blocks: int) -> str | None:
    """Whom a session blocks, and who blocks it, in a few cells."""
    by = f"by {pids[0]}" + (f" +{len(pids) - 1}" if len(pids) > 1 else "") if pids else ""
    if not blocks:
        return by or None
    return f"blocks {blocks}, {by}" if by else f"blocks {blocks}"


def hidden(snapshot: Snapshot, what: str = "sessions") -> Trouble | None:
    """How many of the sessions this role may see; None when it sees all."""
    states = snapshot.values("state")
    return seen(len(states) - states.count("hidden"), len(states), what)


def seen(visible: int, total: int, what: str = "sessions") -> Trouble | None:
    """How many sessions are shown in full, and what shows the rest; None when all are."""
    if visible >= total:
        return None
    said = f"you see {visible} of {total} {what};"
    return denied(said, "pg_monitor", remedy="GRANT pg_monitor TO your role shows the others")


def summed(snapshot: Snapshot) -> Snapshot:
    """The summary with a note: connections in use, of those that ordinary roles may use."""
    state = snapshot.index("state")
    snapshot = replace(
        snapshot,
        rows=tuple((*row[:state], SHORT.get(row[state], row[state]), *row[state + 1 :]) for row in snapshot.rows),
    )
    used = sum(count for count in snapshot.values("sessions") if isinstance(count, int))
    usable = next((n for n in snapshot.values("usable") if isinstance(n, int) and n > 0), None)
    room = (f"{used} of {usable} usable connections ({100 * used / usable:.0f}%)",) if usable else ()
    unseen = sum(
        row["sessions"] for row in snapshot.records() if row["state"] == "hidden" and isinstance(row["sessions"], int)
    )
    return replace(snapshot, notes=(*snapshot.notes, *room)).hiding(seen(used - unseen, used))


def _left_open(row: Record) -> bool:
    return row["state"] in IDLE_IN_TRANSACTION


def _view(name: str, title: str, empty: str, where: Callable[[Record], bool] | None = None) -> View:
    return View(
        name=name,
        title=title,
        query="connections",
        kept=120.0,
        columns=_COLUMNS,
        key=("pid", "backend_start"),
        sort="-xact_age",
        where=where,
        lookups=(CLIENTS_BEHIND,),
        derive=sessions,
        counterpart=CLIENT,
        detail="connection_details",
        chart="connections",
        empty=empty,
    )


WHO = Column(
    "who",
    "who",
    "name",
    width=12,
    made_of=("application", "user", "pooled_application", "pooled_address", "database"),
    help="The application, else the user; behind a pooler also the client's address; with the database where there "
    "are several.",
)
_PID = Column("pid", "pid", "id", width=7, help="Process id of the session on the server.")
_COLUMNS = (
    _PID,
    WHO,
    Column("age", "age", "age", help="Time since the statement began; for an idle session, since it became idle."),
    Column(
        "xact_age",
        "tx",
        "age",
        rule=TRANSACTION_SECONDS,
        help="Age of the open transaction. Not shown for autovacuum, whose transactions are always long.",
    ),
    Column(
        "state", "state", "text", width=10, rule=SESSION_STATE, help="hidden: this role lacks the privilege to see it."
    ),
    Column("wait", "wait", "text", width=9, present=True, help="The current wait event, as type:event."),
    Column(
        "blocking",
        "blocking",
        "text",
        width=9,
        present=True,
        help="How many sessions wait directly for it, and by which pid it is blocked itself.",
    ),
    Column("query", "query", "query", grow=True, help="Beginning of the running or last statement."),
    Column("user", "user", "name", width=16, extra=True),
    Column("application", "application", "name", width=20, extra=True, help="application_name of the client."),
    Column(
        "client",
        "client",
        "name",
        width=15,
        extra=True,
        help="Client address; behind a pooler, the pooler's address.",
    ),
    *BEHIND_COLUMNS,
    Column("database", "database", "name", width=16, extra=True),
    Column(
        "blockers",
        "blocked by",
        "count",
        width=10,
        extra=True,
        rule=BLOCKED_BY_SESSIONS,
        judged="blockers_long",
        help="Sessions that block it; judged once its statement has run for a second.",
    ),
    Column(
        "blocks",
        "waiters",
        "count",
        width=7,
        extra=True,
        rule=BLOCKING_SESSIONS,
        judged="blocks_long",
        help="Sessions that wait directly for it; judged by those whose statements have run for a second.",
    ),
    Column("blocked_by", "blocker pids", "names", extra=True, help="0 stands for a prepared transaction."),
    Column(
        "xmin_age",
        "xmin age",
        "count",
        width=8,
        rule=XMIN_AGE_TRANSACTIONS,
        extra=True,
        help="Transactions since its snapshot: VACUUM cannot remove tuples that died since. –: only inherited.",
    ),
    Column("backend_start", "connected", "time", extra=True, help="When the session began."),
    Column("leader_pid", "leader", "id", extra=True, help="Pid of the leader of a parallel query."),
    Column(
        "query_id", "query id", "text", width=20, extra=True, help="The same identifier as in the slow queries pane."
    ),
)

_SUMMARY = View(
    name="summary",
    title="Apps",
    query="connections_summary",
    kept=60.0,
    columns=(
        Column("application", "application", "name", width=16, grow=True, help="application_name of the client."),
        Column("state", "state", "text", width=10, rule=SESSION_STATE),
        Column("sessions", "sessions", "count", width=8, help="Number of sessions."),
        Column(
            "used_percent",
            "used",
            "percent",
            bar=Whole.HUNDRED,
            rule=CONNECTION_USAGE_PERCENT,
            help="Share of the connections that ordinary roles may use.",
        ),
        Column("longest_query", "query", "age", help="Age of the longest running statement."),
        Column(
            "longest_idle_in_transaction",
            "idle tx",
            "age",
            width=7,
            rule=IDLE_IN_TRANSACTION_SECONDS,
            help="Longest time that a session has been idle in its transaction.",
        ),
        Column("oldest_transaction", "tx", "age", rule=TRANSACTION_SECONDS, help="Age of their oldest transaction."),
        Column(
            "xmin_age",
            "xmin age",
            "count",
            width=8,
            rule=XMIN_AGE_TRANSACTIONS,
            help="Transactions since its snapshot: VACUUM cannot remove tuples that died since. –: only inherited.",
        ),
        Column(
            "waiting",
            "wait",
            "count",
            width=4,
            rule=WAITING_SESSIONS,
            judged="waiting_long",
            help="Sessions that wait for a lock; judged by those whose statements have run for a second.",
        ),
    ),
    key=("application", "state"),
    sort="-sessions",
    derive=summed,
)

CONNECTIONS = Pane(
    name="connections",
    key="2",
    title="Connections",
    short="Conns",
    help=(
        "Sessions of all databases, oldest transaction first, without those of this console. `age` is the age of the "
        "running statement, or how long the session has been idle; `tx` is the age of its transaction; `blocking` says "
        "how many sessions it blocks and which session blocks it. Enter shows the full query and its locks."
    ),
    views=(
        _view("all", "All", "No other sessions."),
        _view("active", "Active", "No active sessions.", lambda row: row["state"] in BUSY),
        _view("waiting", "Waiting", "No session waits for a lock.", lambda row: bool(row["blockers"])),
        _view("blocking", "Blocking", "No blocking sessions.", lambda row: bool(row["blocks"])),
        _view("idle-in-tx", "Idle in tx", "No sessions idle in transaction.", _left_open),
        _SUMMARY,
        BACKENDS,
    ),
    actions=("cancel-backend", "terminate-backend", "terminate-idle", "limit-idle-transactions"),
)
