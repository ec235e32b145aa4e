"""What sessions wait for, as a source: samples what runs, keeps an hour of it in memory, and makes rows of a window."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime

from console.format import decoded, one_line
from console.model import Database, Kind, Record, Row, Snapshot, Source, Trouble, number
from console.panes.connections import seen as visible
from console.records import dataclass
from console.series import wait_rows
from console.series.wait_rows import WINDOWS, Known, MeasuredWaits
from console.series.waits import GAP, HOUR, POOL, Looks, Ring, SampledSession, sampled_session
from console.sources.derived import Derived, made_of
from console.sources.registry import WAITS, Sources
from console.watching import wait_texts
from console.watching.finer_waits import PROFILE, FinerWaits
from console.watching.kept_waits import KEPT, SLOT, KeptWaits

SAMPLE, EVENTS, TEXTS = "wait_sample", "wait_events", "wait_statement_texts"
SESSIONS, BLOCKERS = "wait_sessions", "wait_blockers"  # who blocks whom is asked for where it is shown
POOLS = "pooler_pools"
POOL_PERIOD = 2.0  # seconds for which the number of waiting clients is used again
BLOCKED_PERIOD = 5.0  # seconds for which it holds who blocks sessions, while the same ones wait
SPARE = 0.5  # seconds after a sample in which that of the header adds nothing
MOST_TEXTS = 2_000  # of statements that are remembered
MACHINE = "actions/tuning_facts"
NO_IDS = "statements have no ids here; compute_query_id = on gives them"
Offered = dict[tuple[object, ...], dict[int, SampledSession]]  # by what they do, by pid
Rows = Callable[[MeasuredWaits, Known], tuple[tuple[str, ...], list[Row]]]
VIEWS: Mapping[str, Rows] = {
    "wait_classes": wait_rows.by_class,
    "wait_events_seen": wait_rows.by_event,
    "wait_statements": wait_rows.by_statement,
    "wait_applications": wait_rows.by_application,
    SESSIONS: wait_rows.by_session,
}
READS: Mapping[str, tuple[str, ...]] = {  # what each is made of
    **dict.fromkeys(VIEWS, (SAMPLE, PROFILE, *KEPT.values())),
    SESSIONS: (SAMPLE, BLOCKERS, PROFILE, *KEPT.values()),
    TEXTS: (TEXTS,),
}
_OFFERED = ("pid", "backend", "state", "class", "event", "query_id", "application", "user")  # of the vital signs


@dataclass(slots=True)
class _Pool:
    """The clients of the poolers that wait for a connection, as last read."""

    clients: tuple[SampledSession, ...] = ()
    clock: float = 0.0  # monotonic


@dataclass(frozen=True, slots=True)
class _Blocked:
    """Who blocked the sessions that waited for locks, as last read."""

    pids: Sequence[object] = ()  # of those that waited
    by: Mapping[int, str] = field(default_factory=dict)
    clock: float = 0.0  # monotonic


def waits_source(waits: Waits, server: Database) -> Source:
    """What answers the queries of the pane waits."""
    return Derived(WAITS, server, waits.fetch, made_of(READS, "about waits"))


class Waits:
    """Samples what sessions wait for. Each read of the pane waits is a sample; the header offers its own ones."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._postgres = sources.postgres
        self.ring = Ring()
        self.seconds: float = WINDOWS[1]  # the window that is shown
        self._texts: Mapping[tuple[str, str], str] | None = None
        self._statements: dict[int, str] = {}
        self._cores: int | None = None
        self._pool = _Pool()
        self._blocked = _Blocked()
        self._finer = FinerWaits(self._postgres)
        self._kept = KeptWaits(self._postgres)
        self._taken: Snapshot | None = None  # the sessions as read last
        self._is_filled = False  # what was kept before the first sample was read
        # Of the last sample that was offered: by what they do, by pid.
        self._offered: dict[tuple[object, ...], dict[int, SampledSession]] = {}
        self._course: tuple[object, str] = (None, "")  # that of a window

    def show_window(self, seconds: float) -> None:
        """Show the last so many seconds, up to an hour."""
        self.seconds = seconds

    def offer(self, vitals: Snapshot, pool_waiting: object = None) -> None:
        """Take the sample that is part of the vital signs, unless the pane has just taken one itself."""
        last = self.ring.last
        if "sampled" not in vitals.columns or not vitals.rows or self._finer.is_read:
            return
        if last is not None and vitals.clock - last < SPARE:
            return
        self._offered = sampled_in(vitals, self._offered)
        sessions = [session for those in self._offered.values() for session in those.values()]
        clients = [SampledSession(POOL, "client waiting")] * int(number(pool_waiting))
        self.ring.add(vitals.clock, vitals.taken_at.timestamp(), [*sessions, *clients])

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """Take a sample; the rows of one view of the window, or the texts of statements. Raises Trouble."""
        if query == TEXTS:
            return await self._postgres.fetch(TEXTS, parameters)
        if self._texts is None:
            await self._learn_once()
        if self._taken is None or self._finer.is_due or not self._finer.is_read:
            taken = self._taken = await self._postgres.fetch(SAMPLE)
            await self._keep(taken)
        else:  # another window may be wanted of the same samples
            taken = replace(self._taken, taken_at=datetime.now(UTC), clock=time.monotonic())
        blocked = await self._who_blocks(taken) if query == SESSIONS else {}
        known = Known(self._cores, self._texts or {}, self._statements, blocked)
        measured = self._measured()
        columns, rows = VIEWS[query](measured, known)
        hidden = sum(row["backend"] is None for row in taken.records())
        notes = (*taken.notes, *wait_rows.notes(measured, known), *self._troubles())
        if query == "wait_statements" and rows and not self.ring.query_ids:
            notes = (*notes, NO_IDS)
        sampler = next(iter(measured.chosen.looks), "")  # that of the last samples; the notes name all
        shown = replace(taken, name=query, columns=columns, rows=tuple(rows), notes=notes, sampler=sampler)
        return shown.hiding(visible(len(taken.rows) - hidden, len(taken.rows)))

    async def _who_blocks(self, taken: Snapshot) -> Mapping[int, str]:
        """Who blocks the sessions of a sample that wait for a lock, by their pids. Raises Trouble."""
        pids = [row["pid"] for row in taken.records() if row["class"] == "Lock"]
        known, now = self._blocked, time.monotonic()
        if pids != known.pids or now - known.clock > BLOCKED_PERIOD:
            found = await self._postgres.fetch(BLOCKERS, {"pids": pids}) if pids else None
            self._blocked = _Blocked(pids, dict(_blockers(found.records())) if found else {}, now)
        return self._blocked.by

    def _troubles(self) -> Iterator[str]:
        troubles = (("pg_wait_sampling", self._finer.trouble), (self._kept.source, self._kept.trouble))
        return (f"{name} cannot be read: {one_line(why.sentence)}" for name, why in troubles if why is not None)

    def _measured(self) -> MeasuredWaits:
        measured = wait_rows.measured(self.ring, self.seconds)
        if self._course[0] is not measured.chosen:
            self._course = measured.chosen, wait_rows.course(self.ring, self.seconds, self._cores)
        return replace(measured, course=self._course[1])

    async def _keep(self, taken: Snapshot) -> None:
        """Add a sample to the ring, and what the server kept of the time before in which none was taken."""
        records = list(taken.records())
        at, moment, clients = taken.clock, taken.taken_at.timestamp(), await self._waiting_clients()
        finer = await self._finer.read()
        await self._fill(taken)
        if finer is None:
            self.ring.add(at, moment, [*_sessions(records), *clients])
        else:
            many = finer.counted.looks
            times = {**finer.counted.times, **{each: number * many for each, number in Counter(clients).items()}}
            self.ring.add_looks(Looks("pg_wait_sampling", at, moment, finer.seconds, many, times))
        for row in records:
            if isinstance(row["query_id"], int) and row["query"]:
                self._statements.setdefault(row["query_id"], str(decoded(row["query"])))
        if len(self._statements) > MOST_TEXTS:
            wanted = self.ring.query_ids
            self._statements = {query_id: text for query_id, text in self._statements.items() if query_id in wanted}

    async def _fill(self, taken: Snapshot) -> None:
        """Read what was kept of the hour before the first sample, and since the last one if that is long ago."""
        first, last = self.ring.first, self.ring.last
        if not self._is_filled:
            self._is_filled = True
            self.ring.fill(await self._kept.read(HOUR, 1.0 if first is None else taken.clock - first, taken))
        if last is not None and taken.clock - last > GAP + SLOT and not self._finer.is_read:
            self.ring.fill(await self._kept.read(min(HOUR, taken.clock - last), 1.0, taken))

    async def _waiting_clients(self) -> tuple[SampledSession, ...]:
        """The clients of the poolers that wait for a connection; none where there is no pooler."""
        pooler, now = self._sources.pooler, time.monotonic()
        if pooler is None or now - self._pool.clock < POOL_PERIOD:
            return self._pool.clients
        try:
            pools = await pooler.fetch(POOLS)
        except Trouble:
            self._pool = _Pool((), now)
        else:
            clients = (
                SampledSession(POOL, "client waiting") for pool in pools.records() for _ in range(_waiting(pool))
            )
            self._pool = _Pool(tuple(clients), now)
        return self._pool.clients

    async def _learn_once(self) -> None:
        """Read what does not change: the texts of the events, and the cores of the machine. Raises Trouble."""
        await self._postgres.connect()
        texts = wait_texts.folded()
        if self._postgres.obstacle(EVENTS) is None:
            texts = wait_texts.of_server(await self._postgres.fetch(EVENTS))
        self._cores = await self._measured_cores()
        self._texts = texts

    async def _measured_cores(self) -> int | None:
        """The cores of the server's machine; None where they cannot be measured."""
        from console.actions.tuning.tuning_reading import read_machine  # noqa: PLC0415  only the pane needs it

        try:
            (row,) = (await self._postgres.fetch(MACHINE)).records()
            return (await read_machine(self._postgres, row)).cores
        except Trouble as why:
            if why.kind is Kind.UNREACHABLE:
                raise
            return None


def sampled_in(vitals: Snapshot, before: Offered | None = None) -> Offered:
    """The sessions in the sample that is part of the vital signs, of which most are as in the sample `before`."""
    alike = json.loads(str(vitals.values("sampled")[0] or "[]"))  # each with the pids of all that do the same
    found = {tuple(like): pids for pids, *like in alike}
    return {like: _offered(pids, like, (before or {}).get(like, {})) for like, pids in found.items()}


def _offered(
    pids: Sequence[int], like: tuple[object, ...], before: Mapping[int, SampledSession]
) -> dict[int, SampledSession]:
    """The sessions that do the same, by pid; none if what they do is not counted."""
    first = sampled_session(dict(zip(_OFFERED, (None, *like), strict=True)))
    return {} if first is None else {pid: before.get(pid) or first._replace(pid=pid) for pid in pids}


def _sessions(records: Iterable[Record]) -> list[SampledSession]:
    return [session for row in records if (session := sampled_session(row)) is not None]


def _blockers(records: Iterable[Record]) -> Iterable[tuple[int, str]]:
    for row in records:
        if isinstance(row["pid"], int) and isinstance(row["blocked_by"], list) and row["blocked_by"]:
            yield row["pid"], ", ".join(map(str, dict.fromkeys(row["blocked_by"])))


def _waiting(pool: Record) -> int:
    return int(number(pool["cl_waiting"]))
