"""The replicas of a server as one source: asked together, each compared with its primary.

A replica that does not answer is a row or a note, never an error, and delays the others by no more than PATIENCE.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from console import sql
from console.format import one_line
from console.model import Database, Facts, Kind, Row, Snapshot, Trouble
from console.sources.derived import no_query
from console.sources.pgbouncer.several import names_of
from console.sources.replicas import comparing, scans
from console.sources.replicas.comparing import Primary, ReplicaReading, WalCourse

NAME = "replicas"
STATES, SCANS = "replica_states", "replica_scans"
OF_PRIMARY = ("replica_state", "replication_senders", "slot_retention")
OF_REPLICA: Mapping[str, str] = {STATES: "replica_state", SCANS: "replica_scans"}
PATIENCE = 3.0  # seconds

Answer = Snapshot | Trouble


def text(query: str) -> str:
    """What is sent to each replica, and for their states to the primary. Raises Trouble(MISSING)."""
    if query not in OF_REPLICA:
        raise no_query(query, "of the replicas")
    if query != STATES:
        return sql.load(OF_REPLICA[query]).statement
    own, *others = (sql.load(name).statement.strip() for name in OF_PRIMARY)
    return "\n\n".join(("-- To each replica and to the primary:", own, "-- To the primary:", *others))


class Replicas:
    """Several standbys as one source. The names are those of the configuration, else host and port."""

    name = NAME

    def __init__(
        self, postgres: Database, replicas: Sequence[Database], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`postgres` is the server that they replicate; those with the same label are numbered."""
        self._postgres = postgres
        self._replicas = dict(zip(names_of([replica.label for replica in replicas]), replicas, strict=True))
        self._clock = clock
        self._course = WalCourse()
        self._seen: dict[str, ReplicaReading] = {}
        self._late: dict[str, asyncio.Task[Snapshot]] = {}  # what was asked and is not answered yet

    @property
    def facts(self) -> Facts:
        """Who they are."""
        return Facts(kind=NAME, version=0, version_text="", label=one_line(", ".join(self._replicas)))

    @property
    def retry_in(self) -> float:
        """Seconds until the next of those that are gone is tried again."""
        return min(replica.retry_in for replica in self._replicas.values())

    def named(self, name: str) -> Database | None:
        """The replica of that name."""
        return self._replicas.get(name)

    async def learn(self) -> Facts:
        """The facts; nothing is asked."""
        return self.facts

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """The rows of all replicas. Raises Trouble(MISSING) for an unknown query."""
        if query not in OF_REPLICA:
            raise no_query(query, "of the replicas")
        began, taken_at = self._clock(), datetime.now(UTC)
        taken = await (self._states() if query == STATES else self._scans(parameters or {}))
        clock = self._clock()
        return replace(taken, name=query, taken_at=taken_at, seconds=clock - began, clock=clock, sql=text(query))

    def text(self, query: str) -> str:
        """What is sent to whom. Raises Trouble(MISSING)."""
        return text(query)

    def obstacle(self, query: str) -> Trouble | None:
        """Trouble(MISSING) for an unknown query."""
        return None if query in OF_REPLICA else no_query(query, "of the replicas")

    async def close(self) -> None:
        """Close every connection, also of replicas that do not answer."""
        for name, task in self._late.items():
            self._replicas[name].cut()
            task.cancel()
        await asyncio.gather(*self._late.values(), return_exceptions=True)
        await asyncio.gather(*(replica.close() for replica in self._replicas.values()))

    async def _states(self) -> Snapshot:
        primary, why = await self._primary()
        answers = await self._answers(OF_REPLICA[STATES])
        clock = self._clock()
        if primary is not None:
            self._course.add(clock, int(str(primary.state["position"])))
        rows = tuple(self._compared(name, answer, primary, clock) for name, answer in answers.items())
        return _snapshot(comparing.COLUMNS, rows).hiding(why)

    async def _primary(self) -> tuple[Primary | None, Trouble | None]:
        """What the primary says, read before its replicas are: what they replay meanwhile is no lag."""
        try:
            state, senders, slots = [await self._postgres.fetch(query) for query in OF_PRIMARY]
        except Trouble as why:
            return None, why
        return Primary(next(iter(state.records())), tuple(senders.records()), tuple(slots.records())), None

    def _compared(self, name: str, answer: Answer, primary: Primary | None, clock: float) -> Row:
        if isinstance(answer, Trouble):
            return comparing.silent(name, answer, self._seen.get(name), clock)
        seen = self._seen[name] = ReplicaReading(next(iter(answer.records())), clock)
        return comparing.answered(name, seen, primary, self._course)

    async def _scans(self, parameters: Mapping[str, object]) -> Snapshot:
        """The scans of indexes on those replicas that replay this server, in its database."""
        primary = await self._postgres.fetch(OF_REPLICA[STATES])
        states = await self._answers(OF_REPLICA[STATES])
        here = Primary(next(iter(primary.records())))
        database = self._postgres.facts.database
        answers = await self._answers(SCANS, parameters)
        for name, state in states.items():
            why = scans.useless(state, self._replicas[name], here, database)
            answers[name] = why or answers[name]
        oids = parameters.get("oid")
        return _snapshot(scans.COLUMNS, scans.summed(oids if isinstance(oids, list) else [], answers))

    async def _answers(self, query: str, parameters: Mapping[str, object] | None = None) -> dict[str, Answer]:
        asked = (self._ask(name, query, parameters) for name in self._replicas)
        return dict(zip(self._replicas, await asyncio.gather(*asked), strict=True))

    async def _ask(self, name: str, query: str, parameters: Mapping[str, object] | None) -> Answer:
        """What a replica answers within PATIENCE; one that has not answered before is not asked again until it has."""
        late = self._late.get(name)
        if late is not None and not late.done():
            return _silent(name)
        task = asyncio.ensure_future(_fetch(self._replicas[name], query, parameters))
        try:
            await asyncio.wait({task}, timeout=PATIENCE)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not task.done():
            self._late[name] = task
            return _silent(name)
        try:
            return task.result()
        except Trouble as why:
            return why


async def _fetch(replica: Database, query: str, parameters: Mapping[str, object] | None) -> Snapshot:
    """What a replica answers; a connection that was lost is made again at once: that alone says nothing."""
    try:
        return await replica.fetch(query, parameters)
    except Trouble as why:
        if why.kind is not Kind.UNREACHABLE or replica.retry_in:
            raise
        return await replica.fetch(query, parameters)


def _silent(name: str) -> Trouble:
    return Trouble(
        Kind.UNREACHABLE,
        f"{one_line(name)} has not answered for {PATIENCE:g} s or longer.",
        "Check the network, and whether the server is running.",
    )


def _snapshot(columns: tuple[str, ...], rows: tuple[Row, ...]) -> Snapshot:
    return Snapshot("", columns, rows, datetime.now(UTC))
