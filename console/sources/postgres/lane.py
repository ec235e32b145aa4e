"""One reading connection of a PostgreSQL server, its settings, and the queue of what is read over it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache, partial

import psycopg
from psycopg import errors, pq
from psycopg.adapt import AdaptersMap

from console.model import Haste, Trouble
from console.sources.backoff import Backoff
from console.sources.postgres.closing import answering_within, close_in_turn, cut, hurried
from console.sources.postgres.confined_reading import confined_rows
from console.sources.postgres.confinement import SEARCH_PATH
from console.sources.postgres.connecting import Connection, open_session, unlimited
from console.sources.postgres.values import FastCursor, columns_of, fast_loaders, keep_bytes, rows_of
from console.sources.slot import Slot

DEADLINE_SLACK = 3.0  # a read that outlives its statement_timeout by this much sits on a dead network
SETTINGS = {
    "default_transaction_read_only": "on",
    "search_path": SEARCH_PATH,
    "lock_timeout": "100ms",
    "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "client_min_messages": "error",
    "jit": "off",
    "plan_cache_mode": "force_custom_plan",
}
ONCE = 1  # runs of a statement after which it is prepared: what is read twice is read again and again
READ_OFTEN = 32  # statements: as many as a session keeps prepared
STATEMENT_SECONDS = {"fast": 5, "slow": 10}  # statement_timeout of each lane
_OWN = frozenset({*SETTINGS, "statement_timeout", "application_name"})  # and `unlimited`

Cursor = psycopg.AsyncCursor[tuple[object, ...]]
OpenCursor = Callable[[], Cursor]
Result = tuple[tuple[str, ...], tuple[tuple[object, ...], ...]]


class Lane:
    """One connection and its back-off. Reads on it queue behind each other."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.backoff = Backoff()
        self.haste: Haste | None = None
        self._slot: Slot[Connection] = Slot()
        self._loaders = AdaptersMap()  # of the connection
        self._lock = asyncio.Lock()

    @property
    def connection(self) -> Connection | None:
        """The connection, if it is open as far as is known."""
        return self._slot.connection

    async def connect(self, target: Mapping[str, str]) -> Connection:
        """The connection, opened if need be. Raises Trouble."""
        async with self._lock:
            if self.connection is not None:
                return self.connection
            self.backoff.check()
            settings = SETTINGS | {"statement_timeout": f"{STATEMENT_SECONDS[self.name]}s"}
            try:
                connection = await self._slot.fill(lambda: open_session(target, settings, prepared_after=ONCE))
            except Trouble as why:
                self.backoff.failed(why)
                raise
            self.backoff.succeeded()
            self._loaders = fast_loaders(connection)
            return connection

    async def run(
        self,
        text: str,
        parameters: Mapping[str, object],
        resets: bool = False,
        role: str = "",
        *,
        seconds: float = 0.0,
        exact: bool = False,
        prepare: bool | None = None,
    ) -> Result:
        """Columns and rows of one statement; with `resets` it finds the session's settings as a new session has them.

        With `role` it is confined to the rights of that role; with `exact` its texts keep undecodable bytes. With
        `prepare` it is prepared at once, not only when it is run again. Raises the driver's own errors, and
        Trouble(BUSY) when there is no time left for it.
        """
        async with self._lock:
            connection = self.connection
            if connection is None:
                raise psycopg.OperationalError("the connection is closed")
            deadline = seconds or STATEMENT_SECONDS[self.name] + DEADLINE_SLACK
            with answering_within(deadline, connection):
                async with hurried(self.haste, connection) if self.haste else contextlib.nullcontext():
                    if role:
                        return await confined_rows(role, connection, text, parameters, exact)
                    opened = partial(self._cursor, connection, exact)
                    if not resets:
                        return await _current_rows(connection, opened, text, parameters, prepare)
                    own = _OWN | unlimited(connection.info.server_version).keys()
                    try:
                        return await _rows_without(own, connection, opened, text, parameters)
                    except errors.QueryCanceled:  # the server's statement_timeout is too short for anything
                        return await _rows_without(own - {"statement_timeout"}, connection, opened, text, parameters)

    def _cursor(self, connection: Connection, exact: bool) -> Cursor:
        """What reads one answer; with `exact` its texts keep undecodable bytes."""
        if not exact:
            return FastCursor(connection, self._loaders)
        cursor = connection.cursor(binary=True)
        keep_bytes(cursor)
        return cursor

    def cut(self) -> None:
        """End what is being read as if the connection had broken."""
        if self.connection is not None:
            cut(self.connection)

    async def close(self) -> None:
        """Cancel what still runs on the server, and close the connection, also one that is just being opened."""
        connection = self._slot.empty()
        if connection is not None:
            if connection.info.transaction_status == pq.TransactionStatus.ACTIVE:
                with contextlib.suppress(psycopg.Error):  # the server may be gone; closing is all that is left to do
                    await connection.cancel_safe(timeout=1.0)
            await close_in_turn(connection, self._lock)


async def _current_rows(
    connection: Connection, opened: OpenCursor, text: str, parameters: Mapping[str, object], prepare: bool | None
) -> Result:
    """`_rows`, also when a view, a table or an extension has changed since the statement was prepared."""
    try:
        return await _rows(opened, text, parameters, prepare)
    except errors.FeatureNotSupported:  # "cached plan must not change result type"
        await connection.execute("DEALLOCATE ALL")
        return await _rows(opened, text, parameters, prepare)


async def _rows(opened: OpenCursor, text: str, parameters: Mapping[str, object], prepare: bool | None) -> Result:
    async with opened() as cursor:
        if parameters:
            await cursor.execute(_encoded(text), parameters, prepare=prepare)
        else:
            await cursor.execute(_unescaped(text), prepare=prepare)
        return columns_of(cursor), await rows_of(cursor)


@lru_cache(READ_OFTEN)
def _encoded(text: str) -> bytes:
    return text.encode()


@lru_cache(READ_OFTEN)
def _unescaped(text: str) -> bytes:
    """A statement as it is sent where it has no parameters: otherwise the driver looks for them at each run."""
    return text.replace("%%", "%").encode()


async def _rows_without(
    own: Collection[str], connection: Connection, opened: OpenCursor, text: str, parameters: Mapping[str, object]
) -> Result:
    """`_rows` in a read-only transaction in which the settings `own` are reset; its end brings them back."""
    async with connection.transaction(force_rollback=True):
        await connection.execute("; ".join(f"RESET {name}" for name in sorted(own)).encode())
        return await _rows(opened, text, parameters, prepare=False)
