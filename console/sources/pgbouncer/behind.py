"""The clients of PgBouncer behind PostgreSQL sessions: SHOW SERVERS joined with SHOW CLIENTS, matched by evidence.

A pid alone is none: servers behind one pooler can have the same. A session is a server connection of PgBouncer where
pid and user are equal and either both ends of the TCP connection are, or the session began when the connection was
made; the latter is the evidence on a Unix socket and where addresses are translated. Where two connections match
equally well, it is not known which one it is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone

from console.model import Record, Row, Snapshot, Trouble, number
from console.records import dataclass
from console.sources.pgbouncer.admin import PgBouncerServer

BY = ("pid", "backend_start", "user", "client", "client_port", "since")
ADDS = ("pooler", "pooled_ptr", "pooled_address", "pooled_application", "pooled_busy", "pooled_at")
LOCAL = "local"  # the client of a session on a Unix socket
EARLIEST, LATEST = -1.0, 5.0  # seconds from connect_time, which has no fraction, to the start of the session
SECONDS_PER_CLIENT = 0.008  # between two SHOW CLIENTS: 3.4 µs of PgBouncer a client, 0.85 ms of each refresh of 2 s
FRESH = 10.0  # seconds for which an answer is not checked again, and a session is known not to be of a pooler
YOUNG = 10.0  # seconds from the start of a session in which PgBouncer may not know its pid yet
MOST_KEPT = 5_000  # answers

Key = tuple[object, ...]  # values of BY
Life = tuple[object, object]  # pid and backend_start


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is known of a session from `since` on: the pooler, its server connection, and the client that it serves."""

    row: Row  # of ADDS
    server: object  # ptr of the server connection
    link: object  # ptr of the client; empty: it serves none
    clock: float


class ClientsBehind:
    """Which clients are behind PostgreSQL sessions. Sends nothing while what it is asked for is known."""

    def __init__(self, poolers: Mapping[str, PgBouncerServer]) -> None:
        """The poolers by the names under which their rows are shown."""
        self._poolers = poolers
        self._asked = poolers
        self._others: dict[Life, float] = {}  # sessions that no pooler has: since when that is known
        self._known: dict[Key, _Answer] = {}
        self._due: dict[str, float] = {}  # by pooler: when SHOW CLIENTS may be sent again

    async def of(self, parameters: Mapping[str, object], without: Container[str] = ()) -> Snapshot:
        """For sessions by BY, each an array: the client behind those of a pooler. Raises Trouble if none answers.

        Names in `without` are other addresses of poolers that are asked already.
        """
        self._asked = {name: pooler for name, pooler in self._poolers.items() if name not in without}
        started, taken_at = time.monotonic(), datetime.now(UTC)
        arrays = [_array(parameters[name]) for name in BY]
        sessions = [session for session in zip(*arrays, strict=True) if not self._is_known(session, started)]
        notes = await self._learn(sessions) if sessions else ()
        asked = [key for key in zip(*arrays, strict=True) if key in self._known]
        rows = tuple((*key, *self._known[key].row) for key in asked)
        self._forget()
        clock = time.monotonic()
        return Snapshot("pooler_behind", (*BY, *ADDS), rows, taken_at, clock - started, clock, notes=notes)

    def _is_known(self, key: Key, now: float) -> bool:
        answer = self._known.get(key)
        if answer is not None:
            return now - answer.clock < FRESH and (not answer.link or answer.row[1] is not None)
        return now - self._others.get((key[0], key[1]), -FRESH) < FRESH

    async def _learn(self, sessions: Sequence[Key]) -> tuple[str, ...]:
        """Find the server connections of sessions, and their clients as far as SHOW CLIENTS may be sent."""
        servers, notes = await self._servers()
        now = time.monotonic()
        wanted: dict[str, list[tuple[Key, Record]]] = {}
        for key in sessions:
            server = server_of(key, servers.get(key[0], ()))
            if server is not None:
                wanted.setdefault(str(server["pooler"]), []).append((key, server))
            elif not notes and not _is_young(key[1]):
                self._others[key[0], key[1]] = now
        await asyncio.gather(*(self._name(pooler, found) for pooler, found in wanted.items()))
        return notes

    async def _servers(self) -> tuple[dict[object, list[Record]], tuple[str, ...]]:
        """The server connections of all poolers by pid, and why there may be others. Raises Trouble if none answers."""
        reads = (pooler.fetch("pooler_servers") for pooler in self._asked.values())
        answers = await asyncio.gather(*reads, return_exceptions=True)
        found: dict[object, list[Record]] = {}
        failed: list[Trouble] = []
        for pooler, answer in zip(self._asked, answers, strict=True):
            if isinstance(answer, Trouble):
                failed.append(answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                for record in answer.records():
                    found.setdefault(record["remote_pid"], []).append({**record, "pooler": pooler})
        if len(failed) == len(self._asked):
            raise failed[0]
        return found, tuple(map(str, failed))

    async def _name(self, pooler: str, found: Sequence[tuple[Key, Record]]) -> None:
        """Remember what sessions of one pooler do for whom."""
        now, unnamed = time.monotonic(), []
        for key, server in found:
            before = self._known.get(key)
            if before and before.row[1] is not None and (before.server, before.link) == (server["ptr"], server["link"]):
                self._known[key] = _Answer(before.row, before.server, before.link, now)
            else:
                self._known[key] = _Answer((pooler, *(None,) * 5), server["ptr"], server["link"], now)
                if server["link"]:
                    unnamed.append((key, server))
        if not unnamed or now < self._due.get(pooler, 0.0):
            return
        clients = await self._poolers[pooler].fetch("pooler_clients")
        self._due[pooler] = time.monotonic() + SECONDS_PER_CLIENT * len(clients.rows)
        linked = {(row["ptr"], row["link"]): row for row in clients.records() if row["link"]}
        for key, server in unnamed:
            client = linked.get((server["link"], server["ptr"]))
            if client is not None:  # otherwise another one has got the connection meanwhile
                row = (pooler, *_client(client, clients.taken_at))
                self._known[key] = _Answer(row, server["ptr"], server["link"], now)

    def _forget(self) -> None:
        if len(self._known) + len(self._others) > MOST_KEPT:
            oldest = time.monotonic() - FRESH
            self._known = {key: answer for key, answer in self._known.items() if answer.clock > oldest}
            self._others = {life: clock for life, clock in self._others.items() if clock > oldest}


def server_of(key: Sequence[object], servers: Iterable[Record]) -> Record | None:
    """The one of some rows of SHOW SERVERS that is the session with these values of BY; None: none, or not known."""
    pid, backend_start, user, client, client_port, _ = key
    start = _moment(backend_start)
    matches: list[tuple[bool, bool, Record]] = []
    for server in servers:
        if server["remote_pid"] != pid or server["user"] != user:
            continue
        is_local = str(server["addr"]).startswith("unix")
        if is_local != (client == LOCAL):
            continue
        ends = not is_local and (server["local_addr"], server["local_port"]) == (client, client_port)
        made = _moment(server["connect_time"])
        began = bool(start and made and EARLIEST <= (start - made).total_seconds() <= LATEST)
        if ends or began:
            matches.append((ends, began, server))
    for best in ([each for each in matches if each[0] and each[1]], matches):
        if best:
            return best[0][2] if len(best) == 1 else None
    return None


def _client(client: Record, at: datetime) -> Row:
    """The values of ADDS behind the pooler's name, of a row of SHOW CLIENTS that was read at that time."""
    address = str(client["addr"])
    address = address if address.startswith("unix") else f"{address}:{client['port']}"
    busy = number(client["wait"]) + number(client["wait_us"]) / 1e6
    return client["ptr"], address, client["application_name"], busy, at.timestamp()


def _array(values: object) -> Sequence[object]:
    return values if isinstance(values, list) else [values]


def _is_young(backend_start: object) -> bool:
    start = _moment(backend_start)
    return start is None or abs((datetime.now(UTC) - start).total_seconds()) < YOUNG


def _moment(value: object) -> datetime | None:
    """A time of PostgreSQL, or of PgBouncer where the name of its time zone is known here."""
    if isinstance(value, datetime):
        return value
    text = str(value or "")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        head, _, zone = text.rpartition(" ")
        offset = _offset(zone)
        if offset is None:
            return None
        try:
            return datetime.fromisoformat(head).replace(tzinfo=offset)
        except ValueError:
            return None
    return found if found.tzinfo else None


def _offset(zone: str) -> timezone | None:
    if zone in ("UTC", "GMT"):
        return UTC
    if zone in time.tzname:
        seconds = -(time.timezone, time.altzone)[time.tzname.index(zone)]
        return timezone(timedelta(seconds=seconds))
    return None
