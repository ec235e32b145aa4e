"""The capacity of one target as a source: reads sizes and limits, keeps samples of them, and makes rows of both."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace

from console.model import Database, Kind, Snapshot, Source, Trouble
from console.panes.partitions import PARENTS
from console.reading.reader import Reader
from console.records import dataclass
from console.series import course, growth, limits, parts, sampling, what_if
from console.series.days import DAY, Sample, SeriesName
from console.series.sampled import Sampled, Trends
from console.series.sampling import DISKS, LIMITS, PARTS, SEQUENCES, TABLES, WAL
from console.sources.derived import Derived, made_of
from console.sources.registry import CAPACITY, HOST, Sources
from console.watching import samples
from console.watching.store import Store, target_key
from console.watching.stored_samples import SAMPLES, STATE, StoredSamples

COURSE = "capacity_course"
READS: Mapping[str, tuple[str, ...]] = {  # what each answer is made of
    "capacity_growth": (TABLES, LIMITS, STATE, SAMPLES),
    "capacity_part_growth": (PARTS, STATE, SAMPLES),
    "capacity_limits_ahead": (LIMITS, SEQUENCES, PARENTS.query, WAL, STATE, SAMPLES),
    "capacity_what_if": (TABLES,),
    COURSE: (STATE, SAMPLES),
}
FRESH = 20.0  # seconds for which a reading serves all views
PAUSE = 60.0  # seconds between two looks whether a sample is due


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the server answered, or why it did not, by query."""

    answers: Mapping[str, Snapshot]
    troubles: Mapping[str, Trouble]
    clock: float  # monotonic


def capacity_source(capacity: Capacity, server: Database) -> Source:
    """What answers the queries of the pane capacity."""
    return Derived(CAPACITY, server, capacity.fetch, made_of(READS, "about capacity"))


class Capacity:
    """Reads the sizes and limits of one target, and keeps a sample at most once an hour."""

    def __init__(self, sources: Sources, store: Store) -> None:
        self._postgres = sources.postgres
        self._sources = sources
        self._store = store
        self._stored = StoredSamples(sources.postgres)
        self._parents = Reader(PARENTS)
        self._trends = Trends()
        self._reading: _Reading | None = None
        self._lock = asyncio.Lock()
        self.trouble: Trouble | None = None  # why samples could not be kept or read last

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """The rows of one view, or the course of a series, by `kind` and `series`, with its forecast.

        Raises Trouble if what it is about cannot be read.
        """
        first, *others = READS[query]
        began = time.monotonic()
        if query == COURSE:
            return await self._course(parameters or {})
        async with self._lock:
            reading = await self._recent()
        if first in reading.troubles:
            raise reading.troubles[first]
        taken = await asyncio.to_thread(self._rows, query, reading, await self._history(reading))
        for other in others:
            taken = taken.hiding(reading.troubles.get(other))
        sizes = reading.answers[first].notes if first in {TABLES, PARTS} else ()  # where they were read, if not here
        taken = replace(taken, notes=(*taken.notes, *sizes))
        now = time.monotonic()
        return replace(taken.hiding(self.trouble).hiding(self._stored.trouble), seconds=now - began, clock=now)

    async def follow(self) -> None:
        """Keep a sample whenever one is due, until this task is cancelled. Troubles are notes of the pane."""
        while True:
            try:
                await self.sample()
            except Trouble as why:
                self.trouble = why
            await asyncio.sleep(PAUSE)

    async def sample(self) -> None:
        """Read and keep a sample if one is due. Raises Trouble if the server or the store cannot be used."""
        target = target_key(await self._postgres.connect())
        if not target:
            return  # a recording
        is_due = await asyncio.to_thread(samples.is_due, self._store, target, time.time())
        if is_due:
            async with self._lock:
                await self._recent()

    async def _recent(self) -> _Reading:
        """The last reading if it is recent, else a new one, which is kept if a sample is due."""
        if self._reading is None or time.monotonic() - self._reading.clock > FRESH:
            self._reading = await self._read()
            await self._keep(self._reading)
        return self._reading

    async def _read(self) -> _Reading:
        answers: dict[str, Snapshot] = {}
        troubles: dict[str, Trouble] = {}
        for query in (*sampling.QUERIES, PARENTS.query):
            try:
                is_parents = query == PARENTS.query
                answers[query] = await (self._parents.read(self._postgres) if is_parents else self._ask(query))
            except Trouble as why:
                if why.kind is Kind.UNREACHABLE:
                    raise
                troubles[query] = why
        with contextlib.suppress(Trouble):  # the view says that the disks are not known
            answers[DISKS] = await self._sources.named(HOST).fetch(DISKS)
        return _Reading(answers, troubles, time.monotonic())

    async def _ask(self, query: str) -> Snapshot:
        source = self._sources.heavy if query in {TABLES, PARTS} else None
        return await (source or self._postgres).fetch(query)

    async def _keep(self, reading: _Reading) -> None:
        target, values = target_key(self._postgres.facts), _values(reading)
        if not target or not values:
            return  # a recording, or nothing could be read
        try:
            await asyncio.to_thread(samples.keep, self._store, target, values, _moment(reading))
        except Trouble as why:
            self.trouble = why
        else:
            self.trouble = None

    async def _history(self, reading: _Reading) -> Sampled:
        """The samples that were kept, in the database and on this machine, and what was read now as the newest one."""
        now = _moment(reading)
        kept = {name: list(each) for name, each in (await self._stored.load()).items()}
        if target := target_key(self._postgres.facts):
            try:
                found = await asyncio.to_thread(samples.load, self._store, target, now - samples.MOST_SAMPLES * DAY)
            except Trouble as why:
                self.trouble = why
            else:
                for name, each in found.items():
                    kept.setdefault(name, []).extend(each)
        for name, value in _values(reading).items():
            known = kept.setdefault(name, [])
            known.append(Sample(now, value))
        return Sampled(kept, self._trends, now)

    async def _course(self, parameters: Mapping[str, object]) -> Snapshot:
        """From the last reading, whatever its age: a cursor that moves sends nothing to the server."""
        async with self._lock:
            reading = self._reading or await self._recent()
        kind, series = str(parameters.get("kind")), str(parameters.get("series"))
        read = max(reading.answers.values(), key=lambda answer: answer.taken_at)
        return await asyncio.to_thread(course.rows, kind, series, await self._history(reading), read)

    def _rows(self, query: str, reading: _Reading, history: Sampled) -> Snapshot:
        answers = reading.answers
        if query == "capacity_growth":
            return growth.rows(answers[TABLES], answers.get(LIMITS), history)
        if query == "capacity_part_growth":
            return parts.rows(answers[PARTS], history)
        if query == "capacity_limits_ahead":
            known = (answers.get(SEQUENCES), answers.get(PARENTS.query))
            return limits.rows(answers[LIMITS], *known, history, disks=answers.get(DISKS), wal=answers.get(WAL))
        return what_if.rows(answers[TABLES])


def _values(reading: _Reading) -> dict[SeriesName, float]:
    """What is kept of a reading."""
    found: dict[SeriesName, float] = {}
    sampled = (*sampling.QUERIES, DISKS)
    for entry in sampling.entries(reading.answers[query] for query in sampled if query in reading.answers):
        found |= sampling.values(entry)
    return found


def _moment(reading: _Reading) -> float:
    """When it was taken, by the clock of this machine: seconds since 1970."""
    return max(answer.taken_at.timestamp() for answer in reading.answers.values())
