"""Locks: which sessions block which, as trees with the root blocker on top, and which relations are locked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from console.format import decoded, moment
from console.model import Column, Pane, Rate, Row, Snapshot, View, number
from console.panes.blocking import Blocking, bits, blocking
from console.panes.connections import SHORT, WHO, held_long, hidden, who
from console.panes.derived import with_notes
from console.panes.pooled import BEHIND_COLUMNS, CLIENT, CLIENTS_BEHIND, clients
from console.rules.sessions import (
    BLOCKING_SESSIONS,
    LOCK_MODE,
    LOCK_WAIT_SECONDS,
    SESSION_STATE,
    TRANSACTION_SECONDS,
)

REPEATED = 500  # rows of a tree in which a session that waits for several roots is listed under each


def tree(snapshot: Snapshot) -> Snapshot:
    """Waiting and blocking sessions as trees: each root blocker, then the sessions that wait for it, nearest first.

    A session that waits for several roots is listed once under each, in a large tree under the first only. Sessions in
    a deadlock are listed under the one that has waited longest.
    """
    at = snapshot.index("wait_age")
    snapshot = replace(snapshot, rows=tuple(sorted(snapshot.rows, key=lambda row: -number(row[at]))))
    found = blocking(snapshot)
    shown = _shown(snapshot, found)
    pids, gids = snapshot.values("pid"), snapshot.values("gid")
    rows: list[Row] = []
    for root, children in _trees(snapshot.values("xact_age"), found):
        name = str(gids[root] or pids[root])
        for node, depth in _walk(root, children):
            rows.append((*shown[node], _branch(pids[node], depth), depth, name))
    more, _ = clients(snapshot)
    added = ("blocked_by", "blocks", "blocks_long", "lock", "who")
    columns = (*snapshot.columns, *added, *more, "tree", "depth", "root")
    snapshot = replace(snapshot, columns=columns, rows=tuple(rows))
    return snapshot.hiding(hidden(snapshot, "sessions that wait or block"))


def counted_waits(snapshot: Snapshot) -> Snapshot:
    """A note on how far back the waits are counted, or that this version does not count them."""
    since = max((number(value) for value in snapshot.values("counted_from") if value is not None), default=0.0)
    if not since:
        return with_notes(snapshot, "waits are counted from PostgreSQL 19 on")
    return with_notes(snapshot, f"waits counted since {moment(datetime.fromtimestamp(since, UTC))}")


def _shown(snapshot: Snapshot, found: Blocking) -> list[Row]:
    """The row of each session as it is shown wherever it is listed: with blocked_by, blocks, lock and who."""
    state, query, wants = (snapshot.index(name) for name in ("state", "query", "wants"))
    wanted_rows, holds = snapshot.values("wanted_row"), snapshot.values("holds")
    long_waits = held_long(snapshot.values("wait_age"))
    prepared = any(member.id < 0 for member in found.members)
    _, behind = clients(snapshot)
    rows: list[Row] = []
    parts = zip(found.members, found.blockers, snapshot.rows, wanted_rows, who(snapshot), behind, strict=True)
    for member, by, row, wanted_row, name, pooled in parts:
        wanted = f"{wanted_row}, {row[wants]}" if wanted_row and row[wants] else wanted_row or row[wants] or None
        lock = wanted or _wanted_of(found.direct.get(member.id, 0), wanted_rows) or holds[len(rows)]
        values = [*row]
        values[state], values[query], values[wants] = SHORT.get(row[state], row[state]), decoded(row[query]), wanted
        pids = [max(0, blocker) for blocker in by] if prepared else by
        below = found.below.get(member.id, 0)
        counts = (below.bit_count(), (below & long_waits).bit_count()) if below else (0, 0)
        rows.append((*values, pids or None, *counts, lock, name, *pooled))
    return rows


def held(snapshot: Snapshot) -> Snapshot:
    """Locked relations with the waiters that are judged: those of relations where a wait has lasted."""
    waits = zip(snapshot.values("waiting"), snapshot.values("longest_wait"), strict=True)
    long_waits = [(waiting if held_long((longest,)) else 0,) for waiting, longest in waits]
    return snapshot.with_columns(("waiting_long",), long_waits)


def _wanted_of(blocked: int, wanted_rows: Sequence[object]) -> str | None:
    """The rows that others want of a blocker: more telling than its transaction, by which they wait for them."""
    rows = dict.fromkeys(str(wanted_rows[node] or "") for node in bits(blocked))
    return ", ".join(row for row in rows if row) or None


def _trees(ages: Sequence[object], found: Blocking) -> Iterator[tuple[int, Mapping[int, list[int]]]]:
    """Root blockers, the one that blocks most sessions first, each with the tree under it as parent → children.

    `ages` are those of the transactions.
    """
    ids = [member.id for member in found.members]
    below = [found.below.get(id_, 0) for id_ in ids]
    blocked = reached = 0
    for id_ in ids:
        blocked |= found.direct.get(id_, 0)
    roots = [node for node in range(len(ids)) if not blocked >> node & 1]
    for node in roots:
        reached |= 1 << node | below[node]
    for node in range(len(ids)):  # the longest wait first
        if not reached >> node & 1:
            roots.append(node)
            reached |= 1 << node | below[node]
    roots.sort(key=lambda root: (-below[root].bit_count(), -number(ages[root])))
    direct = [found.direct.get(id_, 0) for id_ in ids]
    listed = rows = 0
    for root in roots:
        rows += 1 + below[root].bit_count()
        yield root, _nearest(root, direct, listed if rows > REPEATED else 0)
        listed |= 1 << root | below[root]


def _nearest(root: int, direct: Sequence[int], without: int) -> Mapping[int, list[int]]:
    """Every member below `root` once, under the blocker that is nearest to the root; not those in `without`."""
    children: dict[int, list[int]] = {}
    seen, level = without | 1 << root, [root]
    while level:
        following = []
        for parent in level:
            if found := direct[parent] & ~seen:
                seen |= found
                children[parent] = list(bits(found))
                following += children[parent]
        level = following
    return children


def _walk(root: int, children: Mapping[int, list[int]]) -> Iterator[tuple[int, int]]:
    left = [(root, 0)]
    while left:
        node, depth = left.pop()
        yield node, depth
        left += [(child, depth + 1) for child in reversed(children.get(node, []))]


def _branch(pid: object, depth: int) -> str:
    return f"{'·' * (depth - 1)}└{pid}" if depth else str(pid)


_BLOCKING = View(
    name="blocking",
    title="Blocking tree",
    query="locks",
    columns=(
        Column(
            "tree", "pid", "text", width=10, help="Waiting sessions are below their blocker; 0: prepared transaction."
        ),
        WHO,
        Column("wait_age", "wait", "age", rule=LOCK_WAIT_SECONDS, help="How long it has waited for this lock."),
        Column(
            "xact_age",
            "tx",
            "age",
            rule=TRANSACTION_SECONDS,
            help="Age of its transaction; of a prepared one, since PREPARE.",
        ),
        Column("state", "state", "text", width=10, rule=SESSION_STATE),
        Column(
            "blocks",
            "blocking",
            "count",
            width=8,
            rule=BLOCKING_SESSIONS,
            judged="blocks_long",
            help="Sessions that wait for it, directly or not; judged by those that have for a second.",
        ),
        Column(
            "lock",
            "lock",
            "query",
            width=14,
            grow=True,
            help="The object and the lock it wants; for a root, what others want of it.",
        ),
        Column("query", "query", "query", width=36, extra=True),
        Column("wants", "waits for", "query", width=36, extra=True, help="The lock it waits for, and its object."),
        Column(
            "holds", "holds", "query", width=36, extra=True, help="The locks it holds that other sessions wait for."
        ),
        Column("blocked_by", "blocked by", "names", extra=True, help="Pids of its blockers."),
        Column("user", "user", "name", width=16, extra=True),
        Column("application", "application", "name", width=20, extra=True),
        Column("client", "client", "name", width=15, extra=True),
        *BEHIND_COLUMNS,
        Column("database", "database", "name", width=16, extra=True),
        Column(
            "gid",
            "prepared as",
            "name",
            extra=True,
            help="Global id of a prepared transaction; COMMIT PREPARED or ROLLBACK PREPARED ends it.",
        ),
        Column("root", "root", "name", width=12, extra=True, help="The session at the root of its tree."),
        Column("depth", "depth", "count", width=5, extra=True, help="Its distance from the root."),
        Column("pid", "pid", "id", extra=True),
    ),
    key=("pid", "backend_start", "root"),
    lookups=(CLIENTS_BEHIND,),
    derive=tree,
    counterpart=CLIENT,
    detail="connection_details",
    empty="No session waits for a lock.",
)

_HELD = View(
    name="held",
    title="Held",
    query="locks_held",
    kept=60.0,
    columns=(
        Column("relation", "relation", "relation", grow=True),
        Column("strongest", "strongest", "text", width=20, rule=LOCK_MODE, help="The strongest mode that is held."),
        Column("sessions", "held by", "count", help="Transactions that hold a lock on it."),
        Column(
            "waiting",
            "waiting",
            "count",
            rule=BLOCKING_SESSIONS,
            judged="waiting_long",
            help="Sessions that wait for a lock on it; judged once the first has for a second.",
        ),
        Column("longest_wait", "wait", "age", rule=LOCK_WAIT_SECONDS, help="Longest wait for a lock on it."),
        Column("modes", "modes", "names", width=40, extra=True, help="Locks that are held on it."),
        Column("wanted", "wanted", "names", width=24, extra=True, help="Locks that are waited for."),
        Column("pids", "pids", "names", width=24, extra=True, help="0 stands for a prepared transaction."),
        Column("database", "database", "name", width=16, extra=True),
    ),
    key=("database_id", "relation_id"),
    derive=held,
    empty="No locked relations.",
)

_TYPES = View(
    name="types",
    title="By type",
    query="lock_types",
    kept=300.0,
    key=("locktype",),
    sort="-wait_rate",
    where=lambda row: any(number(row[name]) for name in ("held", "waiting", "waits", "exceeded")),
    derive=counted_waits,
    columns=(
        Column("locktype", "type", "text", grow=True, help="What is locked, as pg_locks names it."),
        Column("held", "held", "count", help="Locks that are held now."),
        Column("waiting", "waiting", "count", help="Locks that are waited for now."),
        Column("longest_wait", "wait", "age", rule=LOCK_WAIT_SECONDS, help="Longest wait for such a lock now."),
        Column(
            "waits",
            "waits",
            "count",
            help="Waits longer than deadlock_timeout that got their lock, since the reset (PostgreSQL 19 and later).",
        ),
        Column("wait_ms", "waited", "ms", help="How long these waits took, in all."),
        Column(
            "wait_rate",
            "ms/s",
            "rate",
            width=6,
            help="Milliseconds of such waits per second, counted when they end: 1000 is one session that only waits.",
        ),
        Column("exceeded", "no slot", "count", help="Locks that found no slot in the fast path, since the reset."),
        Column("fast", "fast path", "count", width=9, extra=True, help="Locks held now by the fast path."),
        Column("exceeded_rate", "no slot/s", "rate", width=9, extra=True, help="The same per second."),
    ),
    rates=(Rate("wait_rate", "wait_ms"), Rate("exceeded_rate", "exceeded")),
    empty="No locks are held.",
)

LOCKS = Pane(
    name="locks",
    key="3",
    title="Locks",
    help=(
        "Sessions that wait for a lock, and those that block them. On top is the root blocker: it does not wait, and "
        "the sessions below it continue when it ends its transaction. `wait` is the age of the wait, `blocking` counts "
        "all sessions below it. A prepared transaction has pid 0 and ends only with COMMIT PREPARED or ROLLBACK "
        "PREPARED. `By type` shows what kinds of locks are held and waited for, and, from PostgreSQL 19 on, how long "
        "sessions have waited for each; many locks without a slot in the fast path are those of queries over many "
        "partitions."
    ),
    views=(_BLOCKING, _HELD, _TYPES),
    actions=("cancel-backend", "terminate-backend", "rollback-prepared"),
)
