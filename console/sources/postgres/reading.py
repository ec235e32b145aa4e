"""The reading sessions: read-only, with timeouts, and never blocking other sessions.

At most two connections: the fast lane, whose queries cannot wait behind a lock, and the slow lane, opened on demand.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import make_conninfo

from console import sql
from console.model import Facts, Haste, Kind, Snapshot, Trouble
from console.records import replace
from console.sources.postgres import queries
from console.sources.postgres.closing import answering_within
from console.sources.postgres.connecting import (
    Connection,
    address,
    answering_host,
    describe,
    open_session,
    parse_target,
)
from console.sources.postgres.denials import Denials
from console.sources.postgres.facts import facts_of
from console.sources.postgres.lane import DEADLINE_SLACK, SETTINGS, STATEMENT_SECONDS, Lane, Result
from console.sources.postgres.privileges import PrivilegeChecks
from console.sources.postgres.together import Highest, Together
from console.sources.postgres.troubles import trouble

if TYPE_CHECKING:
    from console.sources.postgres.acting import ActingSession
    from console.sources.postgres.explaining import ExplainingSession
    from console.sources.postgres.idle_sessions import IdleSessions
    from console.sources.postgres.mending import Mended, Rows, Run
    from console.sources.postgres.sharing import SharedAnswers
    from console.sources.postgres.steady_locks import SteadyLocks
    from console.sources.postgres.steady_waits import SteadyWaits

# Where a column is missing, its name may be taken for that of an aggregate, such as mode.
MISSED = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.WrongObjectType,
)
NOTHING: Mapping[str, object] = {}
RECENT = "connections_recent"  # what stands for connections_vitals where the idle sessions are known
LOCKS, SAME_LOCKS = "locks", "locks_steady"  # the second says whether the last read of the first still holds
STEADY = "connections_steady"  # the same where who blocks whom is known too


class PostgresServer:
    """A monitored PostgreSQL server. Connects on the first fetch and reconnects, with back-off, after a loss."""

    def __init__(self, target: str, label: str = "", read_only: bool = False, name: str = "postgres") -> None:
        """`target` is a libpq URI or conninfo. Raises Trouble(USAGE), which repeats none of it, if it is neither."""
        self.name = name
        self._target = parse_target(target)
        self._label = label
        self._read_only = read_only
        self._facts: Facts | None = None
        self._lanes = {name: Lane(name) for name in STATEMENT_SECONDS}
        self._address: Mapping[str, str] = {}  # of the host that answered: the slow lane reads the same server
        self._origin = ""  # when that server started
        self._readable: dict[str, sql.Query] = {}  # by name, what these facts allow to be read
        self._mended: dict[str, Mended] = {}  # by text, what is read instead
        self._hopeless: dict[str, str] = {}  # by text, the error against which nothing helped
        self._denials = {name: Denials(self._once) for name in STATEMENT_SECONDS}
        self._privileges = PrivilegeChecks(self._once)
        self.busy = 0.0  # seconds spent waiting for this server, in all
        self._haste: Haste | None = None
        self._shared: SharedAnswers | None = None
        self._together = Together("connections", "vitals", "connections_vitals")
        self._idle: IdleSessions | None = None  # once both were read
        self._waits: SteadyWaits | None = None  # likewise
        self._locks: SteadyLocks | None = None  # once they were read
        self._highest = Highest("statements", "statements_from", "least", "total_ms", 500)

    @property
    def facts(self) -> Facts:
        """What is known of the server. Raises Trouble(UNREACHABLE) before the first connection."""
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
        """Connect if need be and return the facts. Raises Trouble if the server cannot be reached or used."""
        lane = self._lanes["fast"]
        if self._facts is None or lane.connection is None:
            reached = address(await lane.connect(self._target))
            if reached != self._address:
                await self._lanes["slow"].close()
            self._address = reached
            await self._learn()
        return self.facts

    async def learn(self) -> Facts:
        """Read the facts again: extensions, privileges and roles change. Raises Trouble."""
        if self._lanes["fast"].connection is None:
            return await self.connect()
        await self._learn_again()
        return self.facts

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """Run the query in its lane. Raises Trouble."""
        await self.connect()
        if query not in self._readable:
            if not queries.extension_usable(query, self._facts):
                await self._learn_again()  # it may have been created or granted a moment ago
            if (obstacle := self.obstacle(query)) is not None:
                raise obstacle
        together = self._together
        if query == together.carrier and together.begin() and (taken := await self._read_both()) is not None:
            await together.let_go_first()
            return taken
        if query == together.rider and (taken := together.take()) is not None:
            return taken
        if query == self._highest.query:
            return await self._read_highest()
        if query == LOCKS:
            return await self._read_locks()
        read = await self._answer(query, parameters)
        if query == together.rider:
            together.learn(read)
        return read

    async def until_due(self, query: str, period: float) -> None:
        """Return when a query that is read every `period` seconds is due, or has just been read along with another."""
        if query == self._together.rider:
            await self._together.until_due(period)
        else:
            await asyncio.sleep(period)

    def text(self, query: str) -> str:
        """The statement as sent; before the first connection that of the newest version."""
        return queries.chosen(query, self._facts).statement

    def obstacle(self, query: str) -> Trouble | None:
        """Which version or extension the query needs and the server lacks."""
        return queries.obstacle(query, self._facts)

    async def ask(self, name: str, text: str) -> Snapshot:
        """Run one statement from outside the console, called `name`, in the slow lane. Raises Trouble.

        It is sent by the extended protocol, which refuses a second statement that hides in the text.
        """
        await self.connect()
        return await self._read(sql.Query(name, text.replace("%", "%%"), "", lane="slow"), None)

    async def fetch_as(self, role: str, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """`fetch`, confined to the rights of `role`, which no code that the query sets off can exceed."""
        await self.connect()
        if (obstacle := self.obstacle(query)) is not None:
            raise obstacle
        return await self._answer(query, parameters, role)

    async def ask_as(self, role: str, name: str, text: str) -> Snapshot:
        """`ask`, confined to the rights of `role`."""
        await self.connect()
        return await self._read(sql.Query(name, text.replace("%", "%%"), "", lane="slow"), None, role)

    async def _answer(self, query: str, parameters: Mapping[str, object] | None, role: str = "") -> Snapshot:
        chosen = self._chosen(query)
        if self._shared is None:
            return await self._read(chosen, parameters, role)
        return await self._shared.answer((query, parameters, role), lambda: self._read(chosen, parameters, role))

    def _chosen(self, query: str) -> sql.Query:
        """The query for this server; of one that is read again and again it is found once."""
        if (known := self._readable.get(query)) is None:
            known = queries.chosen(query, self._facts)
            # What is read for want of an extension lasts until that has been created.
            if self.obstacle(query) is None and queries.extension_usable(query, self._facts):
                self._readable[query] = known
        return known

    async def _read(
        self, query: sql.Query, parameters: Mapping[str, object] | None, role: str = "", *, at_once: bool = False
    ) -> Snapshot:
        """The answer to a query; with `at_once` it is prepared at its first run, as it will be read again."""
        if self._haste and not self._haste.seconds:
            raise self._haste.miss()
        lane = self._lanes[query.lane]
        if lane.connection is None:
            await lane.connect({**self._target, **self._address})
        started = time.monotonic()
        taken_at = datetime.now(UTC)
        exact = query.name.startswith("actions/")  # names of which statements are made

        async def run(text: str) -> Result:
            return await lane.run(text, parameters or {}, query.resets, role, exact=exact, prepare=at_once or None)

        def explained(error: psycopg.Error) -> Trouble:
            return trouble(error, query.name, query.extension, query.grants)

        what, denials = (query.name, query.text, role, repr(parameters)), self._denials[query.lane]
        try:
            read = denials.read(what, lane.connection, lambda: self._permitted(query, run, role), explained)
            columns, rows, mended = await read
        except psycopg.Error as error:
            raise explained(error) from None
        finally:
            self.busy += time.monotonic() - started
        clock = time.monotonic()
        taken = Snapshot(
            query.name, columns, rows, taken_at, clock - started, clock, query.statement, origin=self._origin
        )
        return taken if mended is None else mended.marked(taken)

    async def _permitted(self, query: sql.Query, run: Run, role: str) -> tuple[tuple[str, ...], Rows, Mended | None]:
        """`_rows`, unless the session's own role is known to lack a privilege: then the server is not asked."""
        if query.rights and not role:
            await self._privileges.ask(query, self._lanes["fast"].connection)
        try:
            return await self._rows(query, run)
        except psycopg.errors.InsufficientPrivilege:
            self._privileges.forget()
            raise

    async def _read_both(self) -> Snapshot | None:
        """What was read of a query, while the one read along is kept; None: both have to be read alone."""
        together = self._together
        carrier, rider, both = (self._chosen(name) for name in (together.carrier, together.rider, together.both))
        try:
            read = await self._read_changed() or await self._read(both, None, at_once=True)
        except Trouble as why:
            if why.kind in (Kind.UNREACHABLE, Kind.BUSY):
                raise
            together.refuse()
            return None
        finally:
            together.end()
        if read.name == both.name and not read.unknown:
            self._learn_all(read)
        return together.parted(read, carrier.statement, rider.statement)

    async def _read_changed(self) -> Snapshot | None:
        """The rows of all sessions, of which those that stay idle were known; None: they have to be read."""
        now, waits = time.monotonic(), self._waits
        if waits is None or self._idle is None or not self._idle.are_known(now):
            return None
        if waits.are_known(now):
            read = await self._read_others(STEADY)
            if read is None or (taken := waits.filled(read)) is not None:
                return None if read is None else taken
        taken = await self._read_others(RECENT)
        if taken is not None:
            waits.learn(taken)
        return taken

    async def _read_others(self, query: str) -> Snapshot | None:
        """What `query` reads of the sessions that do not stay idle, with the rows of those that do."""
        read = await self._read(queries.chosen(query, self._facts), None, at_once=True)
        return None if self._idle is None else self._idle.whole(read)

    def _learn_all(self, read: Snapshot) -> None:
        from console.sources.postgres.idle_sessions import IdleSessions  # noqa: PLC0415  not before rows are read again
        from console.sources.postgres.steady_waits import SteadyWaits  # noqa: PLC0415  likewise

        self._idle, self._waits = self._idle or IdleSessions(), self._waits or SteadyWaits()
        self._idle.learn(read)
        self._waits.learn(read)

    async def _read_locks(self) -> Snapshot:
        """The sessions that wait for locks or hold them: as they were read last, while many do nothing but wait."""
        from console.sources.postgres.steady_locks import SteadyLocks  # noqa: PLC0415  not before locks are read

        locks, seen = self._locks or SteadyLocks(), None
        self._locks = locks
        if (parameters := locks.parameters) is not None:
            try:
                seen = await self._answer(SAME_LOCKS, parameters)
            except Trouble as why:
                if why.kind in (Kind.UNREACHABLE, Kind.BUSY):
                    raise
                locks.refuse()
        if seen is not None and (known := locks.known(seen)) is not None:
            return known
        taken = await self._answer(LOCKS, None)
        locks.learn(taken, seen)
        return taken

    async def _read_highest(self) -> Snapshot:
        """The rows of a query, of all only those that can be among them, where these are known."""
        highest, taken = self._highest, None
        if (parameters := highest.parameters) is not None:
            read = await self._answer(highest.since, parameters)
            taken = replace(read, name=highest.query, sql=self.text(highest.query)) if highest.are_all(read) else None
        if taken is None:
            taken = await self._answer(highest.query, None)
        highest.learn(taken)
        return taken

    async def _rows(self, query: sql.Query, run: Run) -> tuple[tuple[str, ...], Rows, Mended | None]:
        """Columns and rows of a query; if its server lacks a column, without that. Raises the driver's own errors."""
        if known := self._mended.get(query.text):
            with contextlib.suppress(*MISSED):  # the catalog has changed once more
                return *await run(known.text), known
        try:
            return *await run(query.text), None
        except MISSED as error:
            # What actions plan from is read in full or not at all.
            if query.is_whole or query.name not in sql.names() or self._hopeless.get(query.text) == str(error):
                raise
            from console.sources.postgres.mending import mended  # noqa: PLC0415  only where a catalog has changed

            found = await mended(run, query.text, error)
            if found is None:
                self._hopeless[query.text] = str(error)
                raise
            self._mended[query.text] = found[0]
            return *found[1], found[0]

    async def _once(self, text: str, parameters: Mapping[str, object] = NOTHING) -> Rows:
        return (await self._lanes["fast"].run(text, parameters))[1]

    async def attempt(self, statement: str) -> str:
        """The SQLSTATE with which `statement` fails in a separate session, closed afterwards; empty: it succeeds."""
        target = {**self._target, **self._address}
        connection = await open_session(target, SETTINGS | {"statement_timeout": "5s"})
        try:
            with answering_within(5 + DEADLINE_SLACK, connection):
                await connection.execute(statement.encode())
        except psycopg.Error as error:
            return error.sqlstate or "08006"
        finally:
            await connection.close()
        return ""

    async def parse(self, statement: str) -> None:
        """Let the server parse a statement that changes the schema, without running or locking. Raises Trouble."""
        from console.sources.postgres.explaining import parse  # noqa: PLC0415  seldom used

        await parse({**self._target, **self._address}, statement)

    def explaining(self) -> ExplainingSession:
        """A session in which this server explains statements, apart from what the console reads."""
        from console.sources.postgres.explaining import ExplainingSession  # noqa: PLC0415  seldom used

        return ExplainingSession({**self._target, **self._address})

    def acting(self, *, read_only: bool) -> ActingSession:
        """A session for changes on the host that answered."""
        from console.sources.postgres.acting import ActingSession  # noqa: PLC0415  most consoles only read

        return ActingSession(make_conninfo("", **{**self._target, **self._address}), read_only)

    async def pulse(self, seconds: float) -> None:
        """Ask for a sign of life. Raises Trouble(UNREACHABLE) if it takes longer than `seconds`."""
        await self.connect()
        try:
            await self._lanes["fast"].run("SELECT 1", {}, seconds=seconds)
        except psycopg.Error as error:
            raise trouble(error, "a sign of life") from None

    def sharing(self) -> AbstractContextManager[None]:
        """A block in which each query is read once with the same parameters."""
        from console.sources.postgres.sharing import SharedAnswers  # noqa: PLC0415  the doctor alone shares

        self._shared = self._shared or SharedAnswers()
        return self._shared.block()

    def hurry(self, haste: Haste | None) -> None:
        """Refuse with Trouble(BUSY) what is asked for too late, and cancel what takes too long; None: no more."""
        self._haste = haste
        for lane in self._lanes.values():
            lane.haste = haste

    def cut(self) -> None:
        """End what is being read, as if the connections had broken: for when the network is dead."""
        for lane in self._lanes.values():
            lane.cut()

    def spare(self) -> Connection | None:
        """The connection of the fast lane, if it is open: a server without a free slot is still reached over it."""
        return self._lanes["fast"].connection

    async def close(self) -> None:
        """Cancel what still runs on the server, then close both connections."""
        await asyncio.gather(*(lane.close() for lane in self._lanes.values()))

    async def _learn_again(self) -> None:
        await (self._learn() if self._shared is None else self._shared.learn(self._learn))

    async def _learn(self) -> None:
        lane = self._lanes["fast"]
        connection = await lane.connect(self._target)
        query = sql.load("server_facts", (connection.info.server_version // 10000,))

        async def run(text: str) -> Result:
            return await lane.run(text, {})

        try:
            columns, rows, mended = await self._rows(query, run)
        except psycopg.Error as error:
            raise trouble(error, query.name) from None
        known: dict[str, object] = dict(zip(columns, rows[0], strict=True))
        if mended is not None:
            from console.sources.postgres.mending import reported  # noqa: PLC0415  only where a catalog has changed

            known.update(reported(connection, str(known["user"]), mended.unknown))
        if self._origin != str(known["started"]):
            self._together.forget()
            self._idle = self._waits = self._locks = None
            self._mended.clear()  # it may be another server
            self._hopeless.clear()
        self._origin = str(known["started"])
        host = answering_host(self._target, connection)
        found = facts_of(connection, known, str(mended.why) if mended else "")
        self._readable.clear()
        self._facts = replace(
            found, label=self.label, host=host, address=make_conninfo("", **self._address), read_only=self._read_only
        )
