"""The admin console of PgBouncer 1.18 and later: SHOW commands as snapshots.

It speaks only the simple protocol: one command a call, no parameters, no binary results.
Commands and their columns: https://www.pgbouncer.org/usage.html#admin-console
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
from psycopg import conninfo

from console.format import one_line
from console.model import APPLICATION_NAME, Facts, Kind, Row, Snapshot, Trouble
from console.records import dataclass
from console.sources.backoff import Backoff
from console.sources.derived import no_query
from console.sources.postgres import (
    CONNECT_SECONDS,
    KEPT_ALIVE,
    TextLoader,
    answering_within,
    close_in_turn,
    describe,
    parse_target,
    refused,
    trouble,
)
from console.sources.slot import Slot

READ_SECONDS = 5.0
# From 1.23 on a pooler that shuts down waits for admin connections too: an idle one is closed, a busy one renewed.
IDLE_SECONDS = 15.0
LIFETIME_SECONDS = 60.0

# For look-ups of PostgreSQL sessions: the clients behind them, from both commands (behind.py).
BEHIND = "pooler_behind"

Result = tuple[tuple[str, ...], tuple[Row, ...]]
Connection = psycopg.AsyncConnection[Row]


@dataclass(frozen=True, slots=True)
class Show:
    """A SHOW command, columns under another name, and columns that not every version returns."""

    command: str
    renamed: Mapping[str, str] = field(default_factory=dict)
    later: tuple[str, ...] = ()


SHOWS: Mapping[str, Show] = {
    "pooler_pools": Show("SHOW POOLS", later=("load_balance_hosts",)),
    "pooler_clients": Show("SHOW CLIENTS", later=("prepared_statements", "replication", "id")),
    "pooler_servers": Show("SHOW SERVERS", later=("prepared_statements", "replication", "id")),
    "pooler_stats": Show(
        "SHOW STATS",
        later=(
            "total_server_assignment_count",
            "total_client_parse_count",
            "total_server_parse_count",
            "total_bind_count",
        ),
    ),
    "pooler_databases": Show("SHOW DATABASES", {"reserve_pool": "reserve_pool_size"}, later=("server_lifetime",)),
    "pooler_config": Show("SHOW CONFIG"),
    "pooler_version": Show("SHOW VERSION"),
    "pooler_state": Show("SHOW STATE"),  # 1.19 and later
    "pooler_memory": Show("SHOW MEM"),
    "pooler_peers": Show("SHOW PEERS"),  # 1.19 and later
    # For look-ups: a pool's limits by the name that clients use, and both ends of a link.
    "pooler_limits": Show("SHOW DATABASES", {"database": "server_database", "name": "database"}),
    "pooler_backends": Show(
        "SHOW SERVERS",
        {
            "ptr": "server_ptr",
            "link": "ptr",
            "remote_pid": "server_pid",
            "addr": "server_addr",
            "local_port": "server_local_port",
        },
    ),
    "pooler_origins": Show(
        "SHOW CLIENTS",
        {
            "link": "server_ptr",
            "ptr": "link",
            "addr": "client_addr",
            "port": "client_port",
            "application_name": "client_application",
        },
    ),
}


class PgBouncerServer:
    """One PgBouncer. Connects on the first fetch and again, with back-off, after a loss."""

    def __init__(self, target: str, label: str = "") -> None:
        """`target` is a URI or conninfo; its database is `pgbouncer` unless it names one. Raises Trouble(USAGE)."""
        self._target = {"dbname": "pgbouncer", **parse_target(target)}
        self._label = label
        self._facts: Facts | None = None
        self._slot: Slot[psycopg.AsyncConnection[Row]] = Slot()
        self._mark = ""
        self._since = 0.0
        self._lock = asyncio.Lock()
        self._backoff = Backoff()
        self._idle: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def facts(self) -> Facts:
        """What is known of the pooler. Raises Trouble(UNREACHABLE) before the first connection."""
        if self._facts is None:
            raise Trouble(Kind.UNREACHABLE, f"Not connected to {self.label} yet.")
        return self._facts

    @property
    def label(self) -> str:
        """Host and port, unless it was given a name."""
        return self._label or describe(self._target)

    @property
    def retry_in(self) -> float:
        """Seconds until the next connection attempt; 0 when connected or due."""
        return self._backoff.seconds

    @property
    def mark(self) -> str:
        """The application_name of the open admin connection, which no other has; empty: none is open."""
        return self._mark if self.connected else ""

    @property
    def connected(self) -> bool:
        """Whether an admin connection is open at this moment."""
        return self._slot.connection is not None

    async def connect(self) -> Facts:
        """Connect if need be and return the facts. Raises Trouble if it cannot be reached or is no PgBouncer."""
        async with self._lock:
            await self._ready()
            self._wait_idle()
        return self.facts

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:  # noqa: ARG002
        """The rows of one SHOW command; a look-up gets all of them, whatever keys it asks for. Raises Trouble."""
        show = show_command(query)
        async with self._lock:
            connection = await self._ready()
            taken_at, started = datetime.now(UTC), time.monotonic()
            try:
                columns, rows = await send(connection, show.command)
            except psycopg.Error as error:
                raise trouble(error, show.command) from None
            finally:
                self._wait_idle()
        clock = time.monotonic()
        columns = tuple(show.renamed.get(column, column) for column in columns)
        taken = Snapshot(query, columns, rows, taken_at, clock - started, clock, text(query), notes(self.facts))
        absent = [column for column in show.later if column not in columns]
        return taken.with_columns(absent, [(None,) * len(absent)] * len(rows)) if absent else taken

    async def close(self) -> None:
        """Close the admin connection."""
        if self._idle is not None:
            self._idle.cancel()
        connection = self._slot.empty()
        if connection is not None:
            await close_in_turn(connection, self._lock)

    async def _ready(self) -> psycopg.AsyncConnection[Row]:
        known = self._slot.connection
        if known is not None and time.monotonic() - self._since > LIFETIME_SECONDS:
            self._slot.empty()
            await known.close()
        elif known is not None:
            return known
        self._backoff.check()
        try:
            mark = f"{APPLICATION_NAME} {os.urandom(4).hex()}"
            connection = await self._slot.fill(lambda: open_admin(self._target, mark))
        except Trouble as why:
            self._backoff.failed(why)
            raise
        self._backoff.succeeded()
        self._mark = mark
        self._since = time.monotonic()
        self._facts = _facts(connection, self.label)
        return connection

    def _wait_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._close_idle)

    def _close_idle(self) -> None:
        self._closing = asyncio.get_running_loop().create_task(self.close())


def text(query: str) -> str:
    """The command that answers the query, or both. Raises Trouble(MISSING) if none does."""
    if query == BEHIND:
        return f"{text('pooler_servers')}\n{text('pooler_clients')}"
    return f"{show_command(query).command};"


def notes(facts: Facts) -> tuple[str, ...]:
    """What must be known of a pooler's version."""
    if 12400 <= facts.version < 12502:
        harm = "lets users of stats_users end clients with KILL_CLIENT (CVE-2026-6667); 1.25.2 fixes it."
        return (f"PgBouncer {facts.version_text} {harm}",)
    return ()


def show_command(query: str) -> Show:
    """The SHOW command that answers a query. Raises Trouble(MISSING) if none does."""
    if query not in SHOWS:
        raise no_query(query, "for PgBouncer")
    return SHOWS[query]


async def open_admin(target: Mapping[str, str], application: str = APPLICATION_NAME) -> Connection:
    """A connection to the admin console; `application` is its application_name. Raises Trouble."""
    # PgBouncer refuses start-up options, also those of PGOPTIONS.
    fixed = {"options": "", "target_session_attrs": "any", "application_name": application}
    parameters = {"connect_timeout": str(CONNECT_SECONDS), **KEPT_ALIVE, **target, **fixed}
    try:
        connection = await psycopg.AsyncConnection.connect(
            "",
            autocommit=True,
            prepare_threshold=None,
            cursor_factory=psycopg.AsyncClientCursor,
            **parameters,  # type: ignore[arg-type]
        )
    except psycopg.Error as error:
        why = refused(error, target)
        remedy = "Check PgBouncer's port, the password, and that the user is in its admin_users or stats_users."
        raise Trouble(why.kind, why.sentence, remedy) from None
    for name in ("text", "numeric"):
        connection.adapters.register_loader(name, TextLoader if name == "text" else _WholeLoader)
    if "bouncer" not in (connection.info.parameter_status("server_version") or ""):
        await connection.close()
        raise Trouble(
            Kind.UNSUPPORTED,
            f"{describe(target)} is not the admin console of a PgBouncer.",
            "Give PgBouncer's port and its database pgbouncer: postgresql://USER@HOST:6432/pgbouncer.",
        )
    return connection


def conninfo_of(connection: Connection) -> str:
    """How to connect to the same PgBouncer again, with the password that was used: for no argument and no log."""
    info = connection.info
    secret = {"password": info.password} if info.password else {}
    return conninfo.make_conninfo("", **{**info.get_parameters(), **secret})


def conninfo_for(target: Mapping[str, str], database: str, user: str, secret: str) -> str:
    """How a client connects to a database of the PgBouncer of `target`: for no argument and no log."""
    other = ("user", "dbname", "password", "passfile", "service")
    same = {name: value for name, value in target.items() if name not in other}
    return conninfo.make_conninfo("", **same, dbname=database, user=user, password=secret)


async def send(connection: Connection, command: str, seconds: float = READ_SECONDS) -> Result:
    """The columns and rows that a command returns within so many seconds. Raises the driver's error."""
    with answering_within(seconds, connection):
        async with connection.cursor() as cursor:
            await cursor.execute(command.encode())
            if cursor.description is None:  # of commands that return no rows
                return (), ()
            return tuple(column.name for column in cursor.description), tuple(await cursor.fetchall())


def _facts(connection: psycopg.AsyncConnection[Row], label: str) -> Facts:
    version = (connection.info.parameter_status("server_version") or "").split("/")[0]
    return Facts(
        kind="pgbouncer",
        version=connection.info.server_version,
        version_text=one_line(version),
        label=label,
        address=conninfo.make_conninfo("", host=connection.info.host, port=str(connection.info.port)),
        database=connection.info.dbname,
        user=connection.info.user,
        tls=bool(connection.pgconn.ssl_in_use),
    )


class _WholeLoader(psycopg.adapt.Loader):
    """Totals come as numeric and are whole numbers."""

    def load(self, data: psycopg.abc.Buffer) -> int | float:
        number = Decimal(bytes(data).decode())
        return int(number) if number == number.to_integral_value() else float(number)
