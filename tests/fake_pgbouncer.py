"""An admin console that answers like PgBouncer 1.18 – 1.25, for the versions that no package of this system offers.

It speaks the simple protocol of PostgreSQL far enough for SHOW commands and replays the headers of each version. It
also stands in for a server of any version that cannot be had, up to the end of its log-in.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
OIDS = {str: 25, int: 20, float: 1700, type(None): 25}
Version = tuple[int, int]
Row = Mapping[str, object]

CLIENTS = (
    "type user database state addr port local_addr local_port connect_time request_time wait wait_us close_needed ptr "
    "link remote_pid tls application_name"
)
POOLS = (
    "database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active sv_active_cancel "
    "sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode"
)
DATABASES = (
    "name host port database force_user pool_size min_pool_size reserve_pool pool_mode max_connections "
    "current_connections paused disabled"
)
TOTALS = "xact_count query_count received sent xact_time query_time wait_time"


def clients(version: Version) -> list[str]:
    """Columns of SHOW CLIENTS and SHOW SERVERS."""
    columns = CLIENTS.split()
    if version >= (1, 21):
        columns.append("prepared_statements")
    if version >= (1, 23):
        columns.insert(columns.index("state"), "replication")
    if version >= (1, 24):
        columns.append("id")
    return columns


def pools(version: Version) -> list[str]:
    """Columns of SHOW POOLS."""
    return POOLS.split() + (["load_balance_hosts"] if version >= (1, 24) else [])


def databases(version: Version) -> list[str]:
    """Columns of SHOW DATABASES."""
    columns = DATABASES.split()
    if version >= (1, 23):
        columns.insert(columns.index("pool_mode"), "server_lifetime")
    if version >= (1, 24):
        columns[columns.index("reserve_pool")] = "reserve_pool_size"
        columns += ["max_client_connections", "current_client_connections"]
    return columns


def stats(version: Version) -> list[str]:
    """Columns of SHOW STATS."""
    names = TOTALS.split()
    if version >= (1, 23):
        names.insert(0, "server_assignment_count")
    if version >= (1, 24):
        names += ["client_parse_count", "server_parse_count", "bind_count"]
    return ["database", *(f"total_{name}" for name in names), *(f"avg_{name}" for name in names)]


def config(version: Version) -> list[str]:
    """Columns of SHOW CONFIG."""
    return ["key", "value", "default", "changeable"]


COLUMNS: Mapping[str, Callable[[Version], list[str]]] = {
    "SHOW POOLS": pools,
    "SHOW CLIENTS": clients,
    "SHOW SERVERS": clients,
    "SHOW STATS": stats,
    "SHOW DATABASES": databases,
    "SHOW CONFIG": config,
}
ROWS: Mapping[str, tuple[Row, ...]] = {
    "SHOW POOLS": (
        {
            "database": "shop",
            "user": "app",
            "cl_active": 3,
            "cl_waiting": 2,
            "sv_active": 5,
            "maxwait": 1,
            "maxwait_us": 250_000,
            "pool_mode": "transaction",
        },
    ),
    "SHOW CLIENTS": (
        {
            "type": "C",
            "user": "app",
            "database": "shop",
            "state": "active",
            "addr": "10.0.0.7",
            "port": 4242,
            "wait": 0,
            "wait_us": 500_000,
            "ptr": "0xc1",
            "link": "0x51",
            "application_name": "web",
        },
    ),
    "SHOW SERVERS": (
        {
            "type": "S",
            "user": "app",
            "database": "shop",
            "state": "active",
            "addr": "10.0.0.9",
            "port": 5432,
            "wait": 0,
            "wait_us": 0,
            "ptr": "0x51",
            "link": "0xc1",
            "remote_pid": 777,
        },
    ),
    "SHOW STATS": ({"database": "shop", "total_xact_count": 10.0, "total_query_count": 20.0, "total_bind_count": 5.0},),
    "SHOW DATABASES": (
        {
            "name": "shop",
            "host": "10.0.0.9",
            "port": 5432,
            "database": "shop_db",
            "pool_size": 5,
            "reserve_pool": 2,
            "reserve_pool_size": 2,
            "max_connections": 50,
            "current_connections": 5,
            "paused": 0,
            "disabled": 0,
        },
    ),
    "SHOW CONFIG": ({"key": "pool_mode", "value": "transaction", "default": "session", "changeable": "yes"},),
}


@dataclass(slots=True)
class FakePgBouncer:
    """A listening fake; what it saw is counted."""

    server_version: str
    port: int = 0
    logins: int = 0
    open: int = 0
    rows: Mapping[str, tuple[Row, ...]] = field(default_factory=lambda: ROWS)  # by command
    commands: list[str] = field(default_factory=list)
    startups: list[dict[str, str]] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def uri(self) -> str:
        """Where it listens."""
        return f"postgresql://stats@127.0.0.1:{self.port}"

    @property
    def version(self) -> Version:
        major, minor = self.server_version.split("/")[0].split(".")[:2]
        return int(major), int(minor)

    def drop(self) -> None:
        """Cut every connection, as a restart does."""
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client from its first byte to its last."""
        self.open += 1
        self.writers.append(writer)
        try:
            await self._log_in(reader, writer)
            while True:
                kind, length = struct.unpack("!cI", await reader.readexactly(5))
                body = await reader.readexactly(length - 4)
                if kind != b"Q":
                    break
                self._answer(body.rstrip(b"\0").decode(), writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _log_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            length, code = struct.unpack("!II", await reader.readexactly(8))
            body = await reader.readexactly(length - 8)
            if code not in (SSL_REQUEST, GSS_REQUEST):
                break
            writer.write(b"N")
        words = body.decode().split("\0")
        self.startups.append(dict(zip(words[::2], words[1::2], strict=False)))
        self.logins += 1
        writer.write(_message(b"R", struct.pack("!I", 0)))
        for name, value in (("server_version", self.server_version), ("client_encoding", "UTF8")):
            writer.write(_message(b"S", _text(name) + _text(value)))
        writer.write(_message(b"Z", b"I"))

    def _answer(self, command: str, writer: asyncio.StreamWriter) -> None:
        self.commands.append(command)
        if command not in COLUMNS:
            fields = (b"SERROR", b"C08P01", b"Munsupported: " + command.encode(), b"")
            writer.write(_message(b"E", b"\0".join(fields) + b"\0"))
        else:
            columns, rows = COLUMNS[command](self.version), self.rows[command]
            kinds = [next((type(row[name]) for row in rows if row.get(name) is not None), str) for name in columns]
            writer.write(_message(b"T", struct.pack("!H", len(columns)) + b"".join(map(_field, columns, kinds))))
            for row in rows:
                values = b"".join(_value(row.get(name)) for name in columns)
                writer.write(_message(b"D", struct.pack("!H", len(columns)) + values))
            writer.write(_message(b"C", _text("SHOW")))
        writer.write(_message(b"Z", b"I"))


@asynccontextmanager
async def fake_pgbouncer(server_version: str, **rows: tuple[Row, ...]) -> AsyncIterator[FakePgBouncer]:
    """A fake that reports `server_version`, e.g. "1.24.1/bouncer", on a free port.

    `rows` are those of some commands: SHOW_CLIENTS=(…).
    """
    fake = FakePgBouncer(server_version, rows={**ROWS, **{name.replace("_", " "): own for name, own in rows.items()}})
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        fake.drop()


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def _text(text: str) -> bytes:
    return text.encode() + b"\0"


def _field(name: str, kind: type) -> bytes:
    return _text(name) + struct.pack("!IHIhih", 0, 0, OIDS[kind], -1, -1, 0)


def _value(value: object) -> bytes:
    if value is None:
        return struct.pack("!i", -1)
    data = str(int(value) if isinstance(value, float) else value).encode()
    return struct.pack("!i", len(data)) + data
