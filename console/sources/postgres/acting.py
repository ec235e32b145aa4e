"""The acting sessions: short lock waits, limited harm if the console freezes or dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import field

import psycopg
from psycopg import pq

from console.model import ACTING_NAME, LOCK_TIMEOUT, Trouble
from console.records import dataclass
from console.sources.postgres import confinement
from console.sources.postgres.closing import cut
from console.sources.postgres.confined_reading import described
from console.sources.postgres.connecting import (
    Connection,
    describe,
    open_session,
    parse_target,
)

Rows = list[tuple[object, ...]]
Cursor = psycopg.AsyncCursor[tuple[object, ...]]
PROOF_SECONDS = 0.5
PIECE = 256 * 1024  # bytes of a COPY that are handed on at once
IDLE_SECONDS = 2  # in a transaction, after which the server ends the session: a frozen console keeps no lock

_SESSION = {
    "search_path": confinement.SEARCH_PATH,
    "lock_timeout": f"{round(1000 * LOCK_TIMEOUT)}ms",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
    "client_connection_check_interval": "2s",  # a statement of a dead console ends
    "timezone": "UTC",
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "client_min_messages": "error",
    "plan_cache_mode": "force_custom_plan",
}
_SET = "SELECT pg_catalog.set_config(%(name)s, %(value)s, false)"


@dataclass(frozen=True, slots=True)
class _SentAhead:
    """Statements that were sent before they were asked for, and the rows of each."""

    statements: tuple[str, ...]
    answers: list[Rows]
    at: float  # when they were answered, by the monotonic clock

    @property
    def fresh(self) -> bool:
        """Whether the console has not been held up since: outside a transaction, no server ends the session for it."""
        return time.monotonic() - self.at < IDLE_SECONDS


@dataclass(slots=True)
class Replies:
    """The rows of what is sent with BEGIN and, once that has been answered, of what is sent with COMMIT."""

    first: list[Rows] = field(default_factory=list)
    with_commit: list[str] = field(default_factory=list)  # statements that are sent in one message with COMMIT
    answered: list[Rows] = field(default_factory=list)  # the rows of these
    last: list[Rows] = field(default_factory=list)
    ahead: Sequence[str] = ()  # what else is sent with COMMIT, as ActingSession.script does


class ActingSession:
    """One acting session, in autocommit mode except in `transaction`. Raises the errors of the driver."""

    def __init__(
        self,
        target: str,
        read_only: bool = False,
        address: str = "",
        spare: Callable[[], Connection | None] = lambda: None,
        name: str = ACTING_NAME,
    ) -> None:
        """`target` is a libpq URI or conninfo. With `read_only` the server itself refuses every change.

        `name` is its application_name.

        `address` is that of the server that was read (Facts.address): of several hosts, the same one is used. `spare`
        returns a connection that is open already: it is borrowed where no other can be opened.
        """
        self.borrowed = False  # it is read-only, and stays open
        self._spare = spare
        self._name = name
        self._target = {**parse_target(target), **parse_target(address)}
        self._settings = _SESSION | ({"default_transaction_read_only": "on"} if read_only else {})
        self._restored: Mapping[str, str] = {}  # what confined code may have set otherwise
        self._connection: Connection | None = None
        self._prepared: dict[str, list[str]] = {}  # what runs a statement that the connection has planned already
        self._ahead: _SentAhead | None = None
        self._kept: dict[str, str] = {}  # settings that a new connection gets too
        self._answered = 0.0  # when the last answer came, by the monotonic clock
        self.number = 0  # of the connection, from 1: another one has neither its locks nor its prepared statements

    @property
    def label(self) -> str:
        """Host and port."""
        return describe(self._target)

    def environment(self) -> dict[str, str]:
        """How a program finds the same database by libpq's environment, which only this user can read."""
        known = {
            option.keyword.decode(): option.envvar.decode() for option in pq.Conninfo.get_defaults() if option.envvar
        }
        inherited = {name: os.environ[name] for name in (*known.values(), "PGSERVICEFILE") if name in os.environ}
        # Its statements end with it, also when it is killed.
        options = f"{self._target.get('options', '')} -c client_connection_check_interval=2s".strip()
        parameters = {**self._target, "options": options}
        return inherited | {known[name]: value for name, value in parameters.items() if name in known}

    @property
    def connected(self) -> bool:
        """Whether there is a connection that works as far as is known."""
        return self._connection is not None and not self._connection.closed

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._open.info.backend_pid

    async def open(self) -> None:
        """Connect, or borrow the spare connection where that is refused. Raises Trouble."""
        try:
            connection = await open_session(self._target, self._settings, self._name)
        except Trouble:
            self._connection = self._spare()
            self.borrowed = self._connection is not None
            if not self.borrowed:
                raise
            return
        encoding = connection.info.parameter_status("client_encoding")
        self._restored = {"client_encoding": str(encoding), **self._settings}
        self._connection, self._prepared, self._ahead = connection, {}, None
        self._answered, self.number = time.monotonic(), self.number + 1
        for name, value in self._kept.items():
            await self.execute(_SET, {"name": name, "value": value})

    @property
    def released(self) -> float:
        """When the last transaction released its locks, at the latest, by the monotonic clock."""
        now = time.monotonic()
        return now if self.connected else min(now, self._answered + IDLE_SECONDS)

    async def keep(self, name: str, value: object) -> None:
        """Give the session a setting, and the next one too, should this one be lost."""
        self._kept[name] = str(value)
        await self.execute(_SET, {"name": name, "value": str(value)})

    async def keep_value(self, name: str, query: str = "") -> None:
        """Let the next session have a setting too, should this one be lost: what `query` has set it to, and returns.

        Without a query its present value.
        """
        ((value,),) = await self.query(query or f"SELECT pg_catalog.current_setting('{name}', true)")
        self._kept[name] = str(value or "")

    async def execute(self, statement: str, parameters: Mapping[str, object] | None = None) -> int:
        """Run one statement; how many rows it returned or changed, 0 where that means nothing."""
        async with self._cursor() as cursor:
            await cursor.execute(statement.encode(), parameters)
            return max(0, cursor.rowcount)

    async def execute_if(self, question: str, statement: str) -> bool:
        """Run one statement if the query `question`, sent with it, returns true first; whether it was run."""
        from console.sources.postgres.conditional import execute_if  # noqa: PLC0415  few statements need it

        await self._drop_ahead()
        ran = await execute_if(self._open, question, statement)
        self._answered = time.monotonic()
        return ran

    async def batch(self, statement: str) -> tuple[int, bool]:
        """Run one batch: how many rows it changed, and whether more are to come.

        A statement that returns one row (`moved`, `more`) decides itself; others continue until no row changes.
        """
        async with self._cursor() as cursor:
            await cursor.execute(statement.encode())
            if [column.name for column in cursor.description or ()] == ["moved", "more"]:
                ((moved, more),) = await cursor.fetchall()
                return int(str(moved)), bool(more)
            changed = max(0, cursor.rowcount)
            return changed, changed > 0

    async def execute_as(self, role: str, *statements: str) -> int:
        """Run `statements` in a transaction, confined to the rights of `role`; `seal` must follow before its end.

        Returns as `execute`, for the last one.
        """
        answers = await self.script(
            *self._changing(role, *statements), confinement.restored(self._restored, inside=True)
        )
        ((changed,),) = answers[confinement.MADE]
        return int(str(changed))

    def sealed(self, role: str, *statements: str) -> list[str]:
        """What runs `statements` as `execute_as` and `seal` do, to be sent at once in a transaction."""
        return [*self._changing(role, *statements), *self._sealing]

    async def execute_sealed(
        self, role: str, statement: str, expect: str = "", ahead: Sequence[str] = ()
    ) -> tuple[int, Rows]:
        """`execute_as` and `seal` in a transaction of their own, in one message; and the rows of the query `expect`.

        With it `ahead` is sent, as `script` does.
        """
        asked = [expect] if expect else []
        try:
            sent = "BEGIN", *self.sealed(role, statement), "COMMIT", *asked
            _, *answers = await self.script(*sent, ahead=ahead)
            ((changed,),), answer = answers[confinement.MADE], answers[-1]
        except BaseException:
            await self._roll_back()
            raise
        return int(str(changed)), answer if expect else []

    def sealed_batch(self, role: str, statement: str) -> list[str]:
        """What runs a `batch` of (`moved`, `more`) confined and sealed: sent in a transaction, for `moved_and_more`."""
        return [*confinement.batch(role, statement).sent(self._superuser), *self._sealing]

    async def seal(self) -> None:
        """Let nothing of a role's code outlive what was confined. Fails if some of it waits for COMMIT."""
        await self.script(*self._sealing)

    def _changing(self, role: str, *statements: str) -> tuple[str, str, str]:
        return confinement.change(role, *statements).sent(self._superuser)

    @property
    def _superuser(self) -> bool:
        return self._open.info.parameter_status("is_superuser") == "on"

    @property
    def _sealing(self) -> tuple[str, str]:
        return confinement.restored(self._restored, inside=False), confinement.SEAL

    async def script(self, *statements: str, ahead: Sequence[str] = ()) -> list[Rows]:
        """Send all `statements` at once; the rows of each result.

        The statements in `ahead` are sent with them. If the next thing that is asked is a script of just these, it is
        answered already; anything else first rolls back the transaction that they began. An error in them is raised as
        one in `statements`, and then the latter may have committed.
        """
        if self._ahead is not None and not ahead and self._ahead.statements == statements and self._ahead.fresh:
            answers, self._ahead = self._ahead.answers, None
            return answers
        try:
            async with self._cursor() as cursor:
                await cursor.execute(";\n".join((*statements, *ahead)).encode())
                results = [await _rows(cursor)]
                while cursor.nextset():
                    results.append(await _rows(cursor))
        except BaseException:
            if ahead:  # perhaps in a transaction that they began
                await self._roll_back()
            raise
        if not ahead:
            return results
        own = len(results) - len(ahead)
        self._ahead = _SentAhead(tuple(ahead), results[own:], time.monotonic())
        return results[:own]

    @contextlib.asynccontextmanager
    async def _cursor(self) -> AsyncIterator[Cursor]:
        """A cursor; a transaction that was begun ahead, and is not used, is rolled back."""
        connection = self._open
        await self._drop_ahead()
        async with connection.cursor() as cursor:
            yield cursor
        self._answered = time.monotonic()

    async def _drop_ahead(self) -> None:
        if self._ahead is None:
            return
        self._ahead = None
        if self._open.info.transaction_status == pq.TransactionStatus.IDLE:  # so it may have changed settings
            await self.execute(confinement.restored(self._restored, inside=False))
        await self._roll_back()

    async def prepare(self, *queries: str, then: Callable[[], Sequence[str]] = tuple) -> None:
        """Let the server parse and plan each of `queries` once, for what `prepared` returns from now on.

        What `then` returns is sent with that, as `script` sends what is ahead; if that fails, nothing is prepared.

        Not where functions of other roles run: one could give the name to a statement of its own. Those of an index or
        a view, which REINDEX and the like run, cannot: the server refuses PREPARE and DEALLOCATE in them.
        """
        names = _named(queries)
        self._prepared = {query: [f"EXECUTE {name}"] for query, name in names.items()}
        ahead = then()
        try:
            await self.script(*(f"PREPARE {name} AS {query}" for query, name in names.items()), ahead=ahead)
        except psycopg.Error:
            self._prepared = {}
            if not ahead or not self.connected:
                raise

    async def prepare_guarded(self, *queries: str) -> None:
        """As `prepare`, also where functions of other roles run: before it is run, each is asked for what it is."""
        from console.sources.postgres.preparing import prepare  # noqa: PLC0415  few sessions confine anything

        names = _named(queries)
        await self._drop_ahead()
        for query, name in names.items():
            await prepare(self._open, name, query)
        self._prepared = {query: [confinement.guard(name), f"EXECUTE {name}"] for query, name in names.items()}

    def forget_prepared(self) -> bool:
        """Send queries as they are from now on; whether any was sent otherwise."""
        known, self._prepared = self._prepared, {}
        return bool(known)

    def prepared(self, query: str) -> list[str]:
        """What to send for `query`, which has no parameters: itself, or what runs its prepared statement; that last."""
        return self._prepared.get(query, [query])

    async def query(self, statement: str, parameters: Mapping[str, object] | None = None) -> Rows:
        """Run one statement and return its rows."""
        async with self._cursor() as cursor:
            await cursor.execute(statement.encode(), parameters)
            return await cursor.fetchall()

    async def copy_out(self, statement: str, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Run a COPY … TO STDOUT; `write` gets its output in pieces of about 256 kB. What it raises ends the COPY."""
        piece = bytearray()
        async with self._cursor() as cursor, cursor.copy(statement.encode()) as copy:
            async for data in copy:
                piece += data
                if len(piece) >= PIECE:
                    await write(bytes(piece))
                    piece.clear()
        if piece:
            await write(bytes(piece))

    @contextlib.asynccontextmanager
    async def transaction(self, *first: str, last: Sequence[str] = ()) -> AsyncIterator[Replies]:
        """A transaction around what is executed inside; rolled back when that fails.

        `first` is sent together with BEGIN, `last` and Replies.ahead with COMMIT: an error there leaves open whether it
        committed.
        """
        replies = Replies()
        try:
            _, *replies.first = await self.script("BEGIN", *first)
            yield replies
            answers = await self.script(*replies.with_commit, "COMMIT", *last, ahead=replies.ahead)
            replies.answered, replies.last = answers, answers[len(answers) - len(last) :]
        except BaseException:
            await self._roll_back()
            raise

    async def _roll_back(self) -> None:
        if self.connected and self._open.info.transaction_status != pq.TransactionStatus.IDLE:
            with contextlib.suppress(psycopg.Error):  # the first error is the one to report
                await self.execute("ROLLBACK")

    @contextlib.asynccontextmanager
    async def snapshot(self, role: str, *queries: str) -> AsyncIterator[tuple[str, ...]]:
        """A read-only transaction that sees one state of the database, and is rolled back at its end.

        Yields what to send for each of `queries`: confined to the rights of `role`, with an empty one the query itself.
        """
        connection, calls = self._open, queries
        await self._drop_ahead()
        async with connection.transaction(force_rollback=True):
            await self.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            if role:
                functions = [
                    confinement.stream(role, each, await described(connection, role, each)) for each in queries
                ]
                await self.script("SET LOCAL check_function_bodies = off", *(each.create for each in functions))
                calls = tuple(each.call for each in functions)
            await self.execute("SET TRANSACTION READ ONLY")
            yield calls

    async def prove(self) -> None:
        """Open another connection, as any client would. Raises Trouble if that still fails after half a second."""
        end = time.monotonic() + PROOF_SECONDS
        while True:
            try:
                connection = await open_session({"connect_timeout": "2", **self._target}, {}, ACTING_NAME)
            except Trouble:
                if time.monotonic() >= end:
                    raise
                await asyncio.sleep(0.05)
                continue
            await connection.close()
            return

    def cut(self) -> None:
        """End what runs as if the connection had broken: the network is dead, and cancelling would wait for it."""
        if self._connection is not None and not self._connection.closed:
            cut(self._connection)

    async def cancel(self) -> None:
        """Ask the server to cancel what runs, if anything does."""
        if self.connected and self._open.info.transaction_status == pq.TransactionStatus.ACTIVE:
            with contextlib.suppress(psycopg.Error):  # the server may be gone, and with it what ran
                await self._open.cancel_safe(timeout=2.0)

    async def close(self) -> None:
        """Close the connection, or give it back; without its advisory locks."""
        connection, self._connection = self._connection, None
        if connection is None or connection.closed:
            return
        if self.borrowed:
            with contextlib.suppress(psycopg.Error):  # a lost connection has no locks
                await connection.execute("SELECT pg_catalog.pg_advisory_unlock_all()")
        else:
            await connection.close()

    @property
    def _open(self) -> Connection:
        if self._connection is None:
            raise psycopg.OperationalError("the connection is closed")
        return self._connection


def _named(queries: Sequence[str]) -> dict[str, str]:
    return {query: f"pipeline_console_{number}" for number, query in enumerate(dict.fromkeys(queries))}


def moved_and_more(answers: Sequence[Rows]) -> tuple[int, bool]:
    """What ActingSession.batch returns, of the answers to a sealed batch."""
    ((moved, more),) = answers[confinement.MADE]
    return int(str(moved)), bool(more)


async def _rows(cursor: Cursor) -> Rows:
    result = cursor.pgresult  # `description` would describe every column
    return await cursor.fetchall() if result is not None and result.nfields else []
