"""Keeps every reading that a console makes: the last hour in memory, and in files for as long as there is room."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from console.model import Facts, Snapshot, Source, Trouble
from console.past import framing
from console.past.allowance import Allowance
from console.past.readings import PastReadings, as_text
from console.past.segment import (
    PastAnswer,
    ReadingRecord,
    ReadingSegment,
    SegmentWriter,
    Stream,
    facts_payload,
    reading_payload,
)
from console.past.store import HOUR, ReadingLibrary, ReadingStore, append
from console.records import dataclass

MINUTES_EACH = 600.0  # seconds after which another file is begun
# Seconds in which what is heard is encoded together, as each time wakes two threads: shorter than the shortest period
# of a pane by more than encoding takes, so that a console that is killed loses one reading.
TOGETHER = 0.2
REPEATED = 30.0  # seconds after which the same trouble is kept again
CARRIED = 2 * 2**20  # bytes of looked-up answers that go on into the next file
PRUNED = 60.0  # seconds between two looks at how much there is
PACKED = 30.0  # seconds after which the reading that the next one is compared with is kept packed
WAITING = 1000  # readings that may wait to be encoded


@dataclass(frozen=True, slots=True)
class HeardAnswer:
    """What a source answered, as it is kept."""

    stream: Stream
    answer: PastAnswer
    at: float  # seconds since 1970
    facts: Facts | None
    clock: float  # seconds on the monotonic clock


@dataclass(slots=True)
class _Open:
    """The segment that is being written."""

    began: float  # seconds since 1970
    clock: float  # seconds on the monotonic clock
    segment: ReadingSegment = field(default_factory=ReadingSegment)
    writer: SegmentWriter = field(default_factory=SegmentWriter)
    path: Path | None = None
    descriptor: int = -1


class ReadingRecorder:
    """Hears what the sources of a console answer. Nothing is encoded before `keep` runs, and then in a thread."""

    def __init__(self, store: ReadingStore | None = None) -> None:
        """Without a store the readings end with this process."""
        self.trouble: Trouble | None = None  # why the store could not be written last
        self._store = store
        self._library = ReadingLibrary(store) if store else None
        self._allowance = Allowance()
        self._waiting: deque[HeardAnswer] = deque(maxlen=WAITING)
        self._wake = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._open: _Open | None = None
        self._ended: list[_Open] = []  # of the last hour
        self._troubles: dict[Stream, tuple[str, float]] = {}
        self._carried: dict[Stream, HeardAnswer] = {}
        self._first: tuple[float, float] | None = None  # when the first was heard, by both clocks
        self._pruned: float | None = None  # on the monotonic clock

    def hear(self, source: Source, query: str, parameters: Mapping[str, object] | None, answer: PastAnswer) -> None:
        """Take what a source answered; it is encoded later."""
        stream = Stream(source.name, query, as_text(parameters))
        try:
            facts: Facts | None = source.facts
        except Trouble:
            facts = None  # it was never reached
        self._waiting.append(HeardAnswer(stream, answer, time.time(), facts, time.monotonic()))
        self._wake.set()

    async def keep(self) -> None:
        """Keep what is heard, until this task is cancelled."""
        try:
            while True:
                await self._wake.wait()
                await asyncio.sleep(TOGETHER)
                self._wake.clear()
                await self.flush()
        finally:
            self.write(list(self._waiting))
            self.close()

    async def flush(self) -> None:
        """Keep what was heard by now."""
        async with self._flushing:
            heard = [self._waiting.popleft() for _ in range(len(self._waiting))]
            await asyncio.shield(asyncio.ensure_future(asyncio.to_thread(self.write, heard)))

    def write(self, heard: list[HeardAnswer]) -> None:
        """Encode readings and add them to the segment and its file."""
        if not heard:
            return
        for each in heard:
            self._write(each)
        last, self._first = heard[-1], self._first or (heard[0].at, heard[0].clock)
        if self._open is not None:
            self._open.writer.pack(last.at - PACKED)
        if self._store and (self._pruned is None or last.clock - self._pruned > PRUNED):
            self._pruned = last.clock
            # A clock that was set forward makes nothing older.
            began, clock = self._first
            self._store.prune(min(last.at, began + last.clock - clock))

    def close(self) -> None:
        """Close the file."""
        if self._open is not None:
            self._end(self._open)
            self._open = None

    def readings(self, moment: float) -> PastReadings:
        """What this console, and others on the same target, read around a moment."""
        own = [each for each in (*self._ended, self._open) if each is not None]
        segments = [each.segment for each in own]
        if self._library is not None:
            paths = frozenset(each.path for each in own if each.path is not None)
            segments = [*self._library.segments(moment, paths), *segments]
        return PastReadings(segments)

    def nearest(self, moment: float, back: bool) -> float | None:
        """When files further away end (with `back`, before the moment) or begin; None: there are none."""
        files = self._store.files() if self._store else []
        if back:
            return max((each.written for each in files if each.written <= moment), default=None)
        return min((each.began for each in files if each.began > moment), default=None)

    def _write(self, heard: HeardAnswer) -> None:
        if self._is_known(heard) or not self._allowance.allows(heard.stream, heard.clock):
            return
        began = time.thread_time()
        opened = self._current(heard.at, heard.clock)
        if heard.facts is not None and opened.segment.facts.get(heard.stream.source) != heard.facts:
            opened.segment.facts[heard.stream.source] = heard.facts
            self._append(opened, facts_payload(heard.stream.source, heard.facts))
        size = self._add(opened, heard)
        self._allowance.spend(heard.stream, heard.clock, size, time.thread_time() - began)
        if heard.stream.parameters:
            self._carried.pop(heard.stream, None)
            self._carried[heard.stream] = heard

    def _add(self, opened: _Open, heard: HeardAnswer) -> int:
        record: ReadingRecord = opened.writer.record(heard.stream, heard.answer, heard.at)
        opened.segment.add(heard.stream, record)
        return self._append(opened, reading_payload(heard.stream, record))

    def _is_known(self, heard: HeardAnswer) -> bool:
        """Whether it is the same trouble as a moment ago, or looked up with the same answer as before."""
        if isinstance(heard.answer, Snapshot):
            self._troubles.pop(heard.stream, None)
            before = self._carried.get(heard.stream)
            return before is not None and _is_same(before.answer, heard.answer)
        text, at = self._troubles.get(heard.stream, ("", 0.0))
        if text == str(heard.answer) and heard.clock - at < REPEATED:
            return True
        self._troubles[heard.stream] = str(heard.answer), heard.clock
        return False

    def _current(self, now: float, clock: float) -> _Open:
        """The segment for a reading at `now`: another one every ten minutes, or when the clock was set."""
        if self._open is not None and 0 <= now - self._open.began + 1.0 <= MINUTES_EACH + 1.0:
            return self._open
        if self._open is not None:
            self._end(self._open)
            self._ended = [each for each in (*self._ended, self._open) if clock - each.clock <= HOUR + MINUTES_EACH]
        self._open = _Open(now, clock)
        if self._store is not None:
            try:
                self._open.path, self._open.descriptor = self._store.create(now)
                self.trouble = None
            except Trouble as why:
                self.trouble = why
        self._carry(self._open)
        return self._open

    def _carry(self, opened: _Open) -> None:
        """Write again what was looked up before: the console does not ask for it again."""
        kept: dict[Stream, HeardAnswer] = {}
        room = CARRIED
        for stream, heard in reversed(self._carried.items()):
            room -= self._add(opened, heard)
            if room < 0:
                break
            kept[stream] = heard
        self._carried = dict(reversed(kept.items()))

    def _append(self, opened: _Open, payload: bytes) -> int:
        content = framing.framed(payload)
        if opened.descriptor >= 0 and opened.path is not None:
            try:
                append(opened.descriptor, opened.path, content)
            except Trouble as why:
                self.trouble = why
        return len(content)

    @staticmethod
    def _end(opened: _Open) -> None:
        if opened.descriptor >= 0:
            os.close(opened.descriptor)
            opened.descriptor = -1


def _is_same(before: PastAnswer, now: Snapshot) -> bool:
    if isinstance(before, Trouble):
        return False
    return (before.columns, before.rows, before.notes) == (now.columns, now.rows, now.notes)
