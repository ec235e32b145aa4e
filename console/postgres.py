"""The reading sessions on a PostgreSQL server: bounded in time, read-only, never in anybody's way.

At most two connections: the fast lane, whose queries cannot wait behind a lock, and the slow lane, opened on demand.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import psycopg
from psycopg import conninfo, errors, pq
from psycopg.abc import Buffer
from psycopg.types.datetime import (
    DateBinaryLoader,
    DateLoader,
    TimestampBinaryLoader,
    TimestampLoader,
    TimestamptzBinaryLoader,
    TimestamptzLoader,
)

from console import sql
from console.backoff import Backoff
from console.format import one_line
from console.model import Extension, Facts, Kind, Snapshot, Trouble

APPLICATION_NAME = "pipeline-console"
OLDEST = 140000

CONNECT_SECONDS = 5
DEADLINE_SLACK = 3.0  # a read that outlives its statement_timeout by this much sits on a dead network

_SESSION = {
    "default_transaction_read_only": "on",
    "search_path": "pg_catalog",
    "lock_timeout": "100ms",
    "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "client_min_messages": "error",
    "jit": "off",
    "plan_cache_mode": "force_custom_plan",
}
_STATEMENT_SECONDS = {"fast": 5, "slow": 10}


class PostgresServer:
    """A PostgreSQL server that is looked at. Connects on the first fetch and again, with back-off, after a loss."""

    def __init__(self, target: str, label: str = "", read_only: bool = False) -> None:
        """`target` is a libpq URI or conninfo; Trouble (USAGE), repeating none of it, when it is none."""
        self._target = parse_target(target)
        self._label = label
        self._read_only = read_only
        self._facts: Facts | None = None
        self._lanes = {name: _Lane(name, self._target) for name in _STATEMENT_SECONDS}
        self.busy = 0.0  # seconds spent waiting for this server, in all

    @property
    def facts(self) -> Facts:
        """What is known of the server. Trouble (UNREACHABLE) before the first connection."""
        if self._facts is None:
            raise Trouble(Kind.UNREACHABLE, f"Not connected to {self.label} yet.")
        return self._facts

    @property
    def known(self) -> Facts | None:
        """The facts of the last connection; None before the first."""
        return self._facts

    @property
    def label(self) -> str:
        """The target's name, else host and port."""
        return self._label or describe(self._target)

    @property
    def retry_in(self) -> float:
        """Seconds until the next connection attempt; 0 when connected or due."""
        return self._lanes["fast"].backoff.seconds

    async def connect(self) -> Facts:
        """Connect if need be and return the facts. Trouble when the server cannot be reached or used."""
        lane = self._lanes["fast"]
        if self._facts is None or not lane.connected:
            await lane.connect()
            await self._learn()
        return self.facts

    async def fetch(self, name: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """Run the monitoring query `name` in its lane. Trouble, with what would help, when it cannot."""
        facts = await self.connect()
        query = sql.load(name, (facts.major,))
        if query.otherwise and not await self._has(query.extension):
            query = sql.load(query.otherwise, (facts.major,))
        text = query.text
        if query.extension:
            text = await self._for_extension(name, query.extension)
        lane = self._lanes[query.lane]
        if not lane.connected:
            await lane.connect()
        started = time.monotonic()
        taken_at = datetime.now(UTC)
        try:
            columns, rows = await lane.run(text, parameters)
        except psycopg.Error as error:
            raise trouble(error, name, query.extension) from None
        finally:
            self.busy += time.monotonic() - started
        clock = time.monotonic()
        return Snapshot(name, columns, rows, taken_at, clock - started, clock, text)

    async def close(self) -> None:
        """Cancel what still runs on the server, then close both connections."""
        await asyncio.gather(*(lane.close() for lane in self._lanes.values()))

    async def _learn(self) -> None:
        lane = self._lanes["fast"]
        version = lane.version
        if version < OLDEST:
            await self.close()
            raise Trouble(
                Kind.UNSUPPORTED,
                f"{self.label} runs PostgreSQL {version // 10000}; the console reads 14 and later.",
                "Upgrade the server, or point the console at a newer one.",
            )
        try:
            columns, rows = await lane.run(sql.load("server_facts", (version // 10000,)).text, None)
        except psycopg.Error as error:
            raise trouble(error, "server_facts") from None
        known: dict[str, Any] = dict(zip(columns, rows[0], strict=True))
        self._facts = Facts(
            kind="postgres",
            version=version,
            version_text=str(known["version_text"]),
            label=self.label,
            database=str(known["database"]),
            user=str(known["user"]),
            standby=bool(known["standby"]),
            tls=lane.tls,
            read_only=self._read_only,
            superuser=bool(known["superuser"]),
            sees_all_sessions=bool(known["sees_all_sessions"]),
            reads_all_data=bool(known["reads_all_data"]),
            extensions={
                str(extension): Extension(_numbers(str(at)), str(schema))
                for extension, at, schema in zip(
                    known["extensions"], known["extension_versions"], known["extension_schemas"], strict=True
                )
            },
        )

    async def _has(self, extension: str) -> bool:
        if extension not in self.facts.extensions:
            await self._learn()  # it may have been created a moment ago
        return extension in self.facts.extensions

    async def _for_extension(self, name: str, extension: str) -> str:
        await self._has(extension)
        found = self.facts.extensions.get(extension)
        if found is None:
            raise Trouble(
                Kind.MISSING,
                f"The extension {extension} is not installed in database {one_line(self.facts.database)}.",
                f"CREATE EXTENSION {extension}; {_preload_hint(extension)}".strip(),
            )
        schema = '"' + found.schema.replace('"', '""') + '"'
        return sql.load(name, found.version).text.replace("@extschema@", schema)


class _Lane:
    """One connection and its back-off. Reads on it queue behind each other."""

    def __init__(self, name: str, target: Mapping[str, str]) -> None:
        self.name = name
        self.backoff = Backoff()
        self._target = target
        self._connection: psycopg.AsyncConnection[tuple[object, ...]] | None = None
        self._lock = asyncio.Lock()

    @property
    def connected(self) -> bool:
        return self._connection is not None and not self._connection.closed

    @property
    def version(self) -> int:
        return self._connection.info.server_version if self._connection else 0

    @property
    def tls(self) -> bool:
        return bool(self._connection and self._connection.pgconn.ssl_in_use)

    async def connect(self) -> None:
        async with self._lock:
            if self.connected:
                return
            self.backoff.check()
            try:
                self._connection = await _open(self._target, _STATEMENT_SECONDS[self.name])
            except Trouble as why:
                self.backoff.failed(why)
                raise
            self.backoff.succeeded()

    async def run(
        self, text: str, parameters: Mapping[str, object] | None
    ) -> tuple[tuple[str, ...], tuple[tuple[object, ...], ...]]:
        async with self._lock:
            connection = self._connection
            if connection is None or connection.closed:
                raise psycopg.OperationalError("the connection is closed")
            deadline = _STATEMENT_SECONDS[self.name] + DEADLINE_SLACK
            watchdog = asyncio.get_running_loop().call_later(deadline, cut, connection)
            try:
                async with connection.cursor(binary=True) as cursor:
                    await cursor.execute(text.encode(), parameters)
                    columns = tuple(column.name for column in cursor.description or ())
                    return columns, tuple(await cursor.fetchall())
            finally:
                watchdog.cancel()

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.closed:
            if connection.info.transaction_status == pq.TransactionStatus.ACTIVE:
                with contextlib.suppress(psycopg.Error):  # the server may be gone; closing is all that is left to do
                    await connection.cancel_safe(timeout=1.0)
            await connection.close()


def parse_target(target: str) -> dict[str, str]:
    """A libpq URI or conninfo as parameters. Trouble (USAGE) without libpq's message, which repeats passwords."""
    try:
        parameters = conninfo.conninfo_to_dict(target)
    except psycopg.ProgrammingError:
        raise Trouble(
            Kind.USAGE,
            "The target is not a valid connection URI or conninfo string.",
            "Write postgresql://user@host:5432/database, or host=… port=… dbname=… user=…, and percent-encode special "
            "characters of a password.",
        ) from None
    return {name: str(value) for name, value in parameters.items() if value is not None}


@contextlib.contextmanager
def acting_session(target: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A session for changes, in autocommit mode. Raises Trouble, also for what is refused in it."""
    parameters = {**parse_target(target), "application_name": APPLICATION_NAME}
    try:
        connection = psycopg.connect("", autocommit=True, **parameters)  # type: ignore[arg-type]
    except psycopg.Error as error:
        raise refused(error, parameters) from None
    try:
        with connection:
            yield connection
    except psycopg.Error as error:
        raise trouble(error, "the change") from error


def describe(parameters: Mapping[str, str]) -> str:
    """host:port/database of a target as far as it says so; never a password."""
    host = parameters.get("host") or parameters.get("hostaddr") or os.environ.get("PGHOST", "")
    service = parameters.get("service") or os.environ.get("PGSERVICE", "")
    if not host and service:
        return one_line(f"service {service}")
    port = parameters.get("port") or os.environ.get("PGPORT", "")
    return one_line((host or "local socket") + (f":{port}" if port else ""))


def trouble(error: psycopg.Error, name: str, extension: str = "") -> Trouble:  # noqa: PLR0911  one case a line
    """What an error of the driver means for the user, judged by SQLSTATE alone."""
    state = error.sqlstate or ""
    said = one_line(error.diag.message_primary or error.__class__.__name__).rstrip(".")
    match error:
        case errors.InsufficientPrivilege():
            return Trouble(
                Kind.DENIED, f"The role may not read {name}: {said}.", "GRANT pg_monitor TO the role.", state
            )
        case errors.ObjectNotInPrerequisiteState() if extension:
            return Trouble(Kind.MISSING, f"{extension} is not loaded: {said}.", _preload_hint(extension), state)
        case errors.CharacterNotInRepertoire() if extension:
            return Trouble(
                Kind.FAILED,
                f"{name} cannot be read: {extension} holds a text in another encoding ({said}).",
                "SELECT pg_stat_statements_reset(0, OID) with the OID of that text's database drops it.",
                state,
            )
        case errors.LockNotAvailable():
            return Trouble(Kind.BUSY, f"{name} would have waited for a lock; it is read again soon.", "", state)
        case errors.QueryCanceled():
            return Trouble(Kind.BUSY, f"{name} took too long and was cancelled; it is read again soon.", "", state)
        case errors.AdminShutdown() | errors.CrashShutdown() | errors.CannotConnectNow():
            return Trouble(Kind.UNREACHABLE, f"The server ended the connection: {said}.", "", state)
        case psycopg.OperationalError() if not state or state.startswith("08"):
            return Trouble(Kind.UNREACHABLE, "The connection to the server was lost.", "", state)
    return Trouble(Kind.FAILED, f"{name} failed: {said}" + (f" (SQLSTATE {state})." if state else "."), "", state)


async def _open(target: Mapping[str, str], statement_seconds: int) -> psycopg.AsyncConnection[tuple[object, ...]]:
    settings = {**_SESSION, "statement_timeout": f"{statement_seconds}s"}
    options = " ".join([target.get("options", ""), *(f"-c {name}={value}" for name, value in settings.items())])
    plain = {
        "connect_timeout": str(CONNECT_SECONDS),
        **target,
        "application_name": APPLICATION_NAME,
        "client_encoding": "UTF8",
    }
    try:
        connection = await _connect({**plain, "options": options.strip()})
    except psycopg.Error as error:
        if await _accepts_without_options(plain, error):
            raise Trouble(
                Kind.UNSUPPORTED,
                f"{describe(target)} is a connection pooler, which cannot hold a reading session of its own.",
                "Give the PostgreSQL server as target, and the pooler's admin console with --pooler.",
            ) from None
        raise refused(error, target) from None
    _read_anything(connection)
    if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
        # The server would check every text for UTF-8 and refuse the whole answer; our loaders read any bytes.
        await connection.execute("SET client_encoding = 'SQL_ASCII'")
    return connection


async def _connect(parameters: Mapping[str, str]) -> psycopg.AsyncConnection[tuple[object, ...]]:
    return await psycopg.AsyncConnection.connect("", autocommit=True, prepare_threshold=None, **parameters)  # type: ignore[arg-type]


async def _accepts_without_options(plain: Mapping[str, str], error: psycopg.Error) -> bool:
    # A server that was reached and refuses only our start-up options is a pooler: PostgreSQL accepts all of them.
    if not _reached(error):
        return False
    try:
        connection = await _connect({name: value for name, value in plain.items() if name != "options"})
    except psycopg.Error:
        return False
    await connection.close()
    return True


def _reached(error: psycopg.Error) -> bool:
    return (
        error.pgconn is not None and bool(error.pgconn.status == pq.ConnStatus.BAD) and error.pgconn.server_version == 0
    )


def refused(error: psycopg.Error, target: Mapping[str, str]) -> Trouble:
    # Connect errors carry no SQLSTATE; libpq's own text names host and reason. It is shown without the password.
    said = one_line(str(error).strip())
    for secret in (target.get("password"), os.environ.get("PGPASSWORD")):
        if secret:
            said = said.replace(secret, "***")
    return Trouble(
        Kind.UNREACHABLE,
        f"Cannot connect to {describe(target)}: {said.rstrip('.')}.",
        "Check host, port, database, user, password (.pgpass or PGPASSWORD) and pg_hba.conf.",
    )


def cut(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    """End a read on a dead network at once: cancelling it would wait for the same dead network."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as channel:
        channel.shutdown(socket.SHUT_RDWR)


def _preload_hint(extension: str) -> str:
    if extension != "pg_stat_statements":
        return ""
    return "It must be in shared_preload_libraries, which takes a restart of the server."


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _read_anything(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    """Texts in another encoding, infinite timestamps: a value that cannot be read must not lose the whole screen."""
    for name in ("text", "name", "varchar", "bpchar", '"char"'):
        connection.adapters.register_loader(name, TextLoader)
        connection.adapters.register_loader(name, _TextBinaryLoader)
    for name, loaders in _TIMES.items():
        for loader in loaders:
            connection.adapters.register_loader(name, loader)


class TextLoader(psycopg.adapt.Loader):
    def load(self, data: Buffer) -> str:
        return bytes(data).decode("utf-8", "backslashreplace")


class _TextBinaryLoader(TextLoader):
    format = pq.Format.BINARY


class _Timestamptz(TimestamptzLoader):
    def load(self, data: Buffer) -> datetime | str:  # type: ignore[override]
        text = bytes(data).decode()
        return text if text.endswith(("infinity", "BC")) else super().load(data)


class _Timestamp(TimestampLoader):
    def load(self, data: Buffer) -> datetime | str:  # type: ignore[override]
        text = bytes(data).decode()
        return text if text.endswith(("infinity", "BC")) else super().load(data)


class _Date(DateLoader):
    def load(self, data: Buffer) -> date | str:  # type: ignore[override]
        text = bytes(data).decode()
        return text if text.endswith(("infinity", "BC")) else super().load(data)


def _beyond(data: Buffer) -> str:
    return "-infinity" if bytes(data)[:1] >= b"\x80" else "infinity"


class _TimestamptzBinary(TimestamptzBinaryLoader):
    def load(self, data: Buffer) -> datetime | str:  # type: ignore[override]
        try:
            return super().load(data)
        except psycopg.DataError:
            return _beyond(data)


class _TimestampBinary(TimestampBinaryLoader):
    def load(self, data: Buffer) -> datetime | str:  # type: ignore[override]
        try:
            return super().load(data)
        except psycopg.DataError:
            return _beyond(data)


class _DateBinary(DateBinaryLoader):
    def load(self, data: Buffer) -> date | str:  # type: ignore[override]
        try:
            return super().load(data)
        except psycopg.DataError:
            return _beyond(data)


_TIMES: Mapping[str, tuple[type[psycopg.adapt.Loader], ...]] = {
    "timestamptz": (_Timestamptz, _TimestamptzBinary),
    "timestamp": (_Timestamp, _TimestampBinary),
    "date": (_Date, _DateBinary),
}
