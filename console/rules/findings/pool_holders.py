"""Who holds the server connections of a pool: open transactions, clients of a session pool, sessions behind a lock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from console.format import age, one_line
from console.model import CannotTell, Evidence, Fix, Frame, Record
from console.records import dataclass
from console.rules.findings.blocking import IDLE, subject
from console.rules.findings.wording import (
    application,
    cancel_transaction,
    counted,
    listed,
    longest_idle,
    number,
    session,
    terminate,
    terminate_idle,
)
from console.rules.lock_queues import node, queues_of
from console.sources.pgbouncer.behind import BY, server_of

IDLE_SECONDS = 1.0  # an open transaction whose client has been silent for so long holds its server for nothing
LONG_SECONDS = 5.0  # a transaction or statement that has run for so long is no short one of a pool
MOST_FIXES = 3


@dataclass(frozen=True, slots=True)
class Server:
    """A server connection of PgBouncer that a client uses, and its session on the PostgreSQL server, if it is known."""

    record: Record
    session: Record | None

    @property
    def pid(self) -> int:
        """Of the PostgreSQL session."""
        return int(number(self.record["remote_pid"]))

    @property
    def client(self) -> str:
        """Application and address of the client behind it."""
        of_client = self.record.get("client_application") or (self.session or {}).get("application")
        name, behind = application(of_client) or one_line(self.record["user"]), self.record.get("behind")
        return f"{name} at {one_line(behind)}" if behind else name

    @property
    def idle(self) -> float:
        """Seconds for which its transaction has been idle; 0: it is not."""
        if self.session is None or self.session["state"] not in IDLE:
            return 0.0
        return number(self.session["state_age"])

    @property
    def age(self) -> float:
        """Seconds since its transaction began, else since the last request of its client."""
        return number(self.session["xact_age"] if self.session else self.record["busy_seconds"])


@dataclass(frozen=True, slots=True)
class Hold:
    """Why server connections are not free."""

    kind: str  # of the cause, in a few words
    why: str
    detail: str = ""
    evidence: tuple[Evidence, ...] = ()
    fixes: tuple[Fix, ...] = ()
    blames: tuple[str, ...] = ()


def rows(frame: Frame, query: str) -> tuple[Record, ...]:
    """The rows of a query, none if it could not be read: PgBouncer alone says that clients wait."""
    try:
        return frame.rows(query)
    except CannotTell:
        return ()


def in_use(frame: Frame, pools: Iterable[Record]) -> tuple[Server, ...]:
    """The server connections of some pools that clients use now, the oldest transaction first."""
    wanted = {(pool["pooler"], pool["database"], pool["user"]) for pool in pools}
    servers = rows(frame, "pooler_servers")
    sessions = {
        id(server): row
        for row in rows(frame, "held_transactions")
        if row["kind"] == "session"
        for server in [server_of([row.get(name) for name in BY], servers)]
        if server is not None
    }
    found = [
        Server(row, sessions.get(id(row)))
        for row in servers
        if row["state"] == "active" and (row["pooler"], row["database"], row["user"]) in wanted
    ]
    return tuple(sorted(found, key=lambda server: -server.age))


def held(frame: Frame, servers: Sequence[Server], session_pool: bool) -> Hold:
    """Why these server connections, which are all that there may be, are not free."""
    return (
        _behind_lock(frame, servers)
        or _open_transactions(servers, session_pool)
        or (_connected_clients(frame, servers) if session_pool else None)
        or _busy(frame, servers)
    )


def _behind_lock(frame: Frame, servers: Sequence[Server]) -> Hold | None:
    """Half of them or more wait for locks of one session."""
    records = rows(frame, "lock_queues")
    if not records:
        return None
    found, pids = queues_of(frame), {server.pid for server in servers}
    for root in found.roots:
        waiting = found.behind(root) & pids
        if waiting and 2 * len(waiting) >= len(pids):
            record = next(row for row in records if node(row) == root)
            who = f"prepared transaction {one_line(root)}" if isinstance(root, str) else session(record)
            why = f"{_part(len(waiting), servers, 'waits', 'wait')} for a lock of {who}"
            return Hold("held by a lock", why, blames=(subject(record),))
    return None


def _open_transactions(servers: Sequence[Server], session_pool: bool) -> Hold | None:
    """Half of them or more are held by transactions that are idle or have run for long."""
    holders = [server for server in servers if _is_held(server, session_pool)]
    if not holders or 2 * len(holders) < len(servers):
        return None
    oldest = holders[0]
    what = f"idle in transaction for {age(oldest.idle)}" if oldest.idle else f"transaction open for {age(oldest.age)}"
    return Hold(
        "held by idle in transaction" if oldest.idle else "held by slow statements",
        f"{_part(len(holders), servers, 'is', 'are')} held by open transactions, longest by {oldest.client}: {what}",
        f"holders: {_named(server.client for server in holders)}; pid {oldest.pid}",
        tuple(Evidence(server.client, age(server.age), *_place(server)) for server in holders[:MOST_FIXES]),
        tuple(_end(server, server.session) for server in holders[:MOST_FIXES] if server.session),
        tuple(subject(server.session) for server in holders if server.session),
    )


def _is_held(server: Server, session_pool: bool) -> bool:
    if server.session is None and session_pool:  # its client may well be idle, outside any transaction
        return False
    return server.idle >= IDLE_SECONDS or server.age >= LONG_SECONDS


def _end(server: Server, record: Record) -> Fix:
    lost = "; its changes are rolled back" if record["wrote"] else ""
    effect = f"frees a server connection of {server.client}{lost}"
    return terminate(record, effect) if record["state"] in IDLE else cancel_transaction(record, effect)


def _connected_clients(frame: Frame, servers: Sequence[Server]) -> Hold | None:
    """Session pooling: each client keeps its server connection until it disconnects."""
    if not servers:
        return None
    names = Counter(_application(server) for server in servers)
    (most, _), *_ = names.most_common(1)
    idle = _idle(frame, most, servers)
    effect = f"{longest_idle(idle)} of {one_line(most)}: frees their connections" if idle else ""
    return Hold(
        "held by connected clients",
        f"{_part(len(servers), servers, 'belongs', 'belong')} to connected clients: "
        f"{listed([f'{one_line(name)} {count}' for name, count in names.most_common()])}",
        "session pooling: a client keeps its server connection until it disconnects; pool_mode = transaction shares it",
        tuple(Evidence(server.client, "", *_place(server)) for server in servers[:MOST_FIXES]),
        (terminate_idle(idle, effect),) if idle else (),
    )


def _idle(frame: Frame, application: str, servers: Sequence[Server]) -> Record | None:
    """The role of the application whose idle sessions have been idle for longest; None: none for long."""
    users = {server.record["user"] for server in servers}
    found = [
        row
        for row in rows(frame, "connection_holders")
        if row["application"] == application and row["user"] in users and number(row["median_idle"]) >= IDLE_SECONDS
    ]
    return max(found, key=lambda row: number(row["median_idle"]), default=None)


def _busy(frame: Frame, servers: Sequence[Server]) -> Hold:
    """No one holds most of them for long: there are too few for these clients."""
    if not servers:
        return Hold("pool too small", "no server connection is free", _room(frame))
    names = Counter(_application(server) for server in servers)
    used = [f"{one_line(name)} {count}" for name, count in names.most_common()]
    return Hold(
        "pool too small",
        f"{_part(len(servers), servers, 'is', 'are')} in use by short transactions: {listed(used)}",
        _room(frame),
        tuple(Evidence(server.client, age(server.age), *_place(server)) for server in servers[:MOST_FIXES]),
    )


def _room(frame: Frame) -> str:
    """How many connections the server has to spare for a larger pool."""
    vitals: Mapping[str, object] = next(iter(rows(frame, "vitals")), {})
    free = int(number(vitals.get("usable")) - number(vitals.get("used")))
    return f"the server has {counted(free, 'free connection')}" if vitals and free >= 0 else ""


def _application(server: Server) -> str:
    return str(server.record.get("client_application") or server.record["user"])


def _part(count: int, servers: Sequence[Server], singular: str, plural: str) -> str:
    """How many of the server connections do what the verb says, in either number."""
    total, verb = counted(len(servers), "server connection"), singular if count == 1 else plural
    if count < len(servers):
        return f"{count} of {total} {verb}"
    return f"the only server connection {verb}" if count == 1 else f"all {total} {verb}"


def _named(names: Iterable[str]) -> str:
    return listed(list(dict.fromkeys(names)))


def _place(server: Server) -> tuple[str, str, dict[str, object]]:
    return "pooler", "servers", {"remote_pid": server.pid}
