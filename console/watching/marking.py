"""Marks the present: reads every pane once, so that each can be compared with this moment later."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Iterator, Mapping

from console.model import Lookup, Source, Trouble, View
from console.panes import PANES
from console.past.mark import Mark
from console.past.moment import PastMoment, Usual
from console.past.readings import PastReadings, as_text
from console.past.segment import PastAnswer, ReadingSegment, SegmentWriter, Stream
from console.reading.reader import Reader
from console.sources.heard import heard
from console.sources.registry import ADVICE, Sources
from console.watching.past import MADE

UNREAD = frozenset({ADVICE})  # sources whose answer is a search of minutes and no state of the server
FOREVER = Usual(math.inf, math.inf)


async def mark_present(sources: Sources, known: PastReadings) -> Mark:
    """A mark at which every view of every pane was read; `known` has what was looked up before.

    What cannot be read now is not known at the mark either. The readings stay in memory, compressed, as long as the
    mark does.
    """
    kept = _Kept()

    def named(name: str) -> Source:
        return heard(sources.named(name), kept.hear)

    done: set[tuple[str, str, tuple[Lookup, ...]]] = set()
    for source, view in _views(sources):
        if (read := (source.name, view.query, view.lookups)) not in done:
            done.add(read)
            await kept.read(Reader(view, named), heard(source, kept.hear))
    readings = PastReadings([*known.segments, kept.segment])
    return Mark(PastMoment(readings, time.time(), lambda _: FOREVER, MADE))


class _Kept:
    """What the sources answered, encoded after each read: keys go on meanwhile."""

    def __init__(self) -> None:
        self.segment = ReadingSegment()
        self._writer = SegmentWriter()
        self._heard: list[tuple[Stream, PastAnswer, float]] = []

    def hear(self, source: Source, query: str, parameters: Mapping[str, object] | None, answer: PastAnswer) -> None:
        """Take an answer."""
        self._heard.append((Stream(source.name, query, as_text(parameters)), answer, time.time()))

    async def read(self, reader: Reader, source: Source) -> None:
        """Read a view with the look-ups that make its rows, and keep the answers, or why there are none."""
        with contextlib.suppress(Trouble):  # it was heard, too
            await reader.read(source)
            self.segment.facts[source.name] = source.facts
        answers, self._heard = self._heard, []
        await asyncio.to_thread(self._keep, answers)

    def _keep(self, answers: list[tuple[Stream, PastAnswer, float]]) -> None:
        for stream, answer, at in answers:
            self.segment.add(stream, self._writer.record(stream, answer, at))


def _views(sources: Sources) -> Iterator[tuple[Source, View]]:
    """All views whose source is configured and can answer, with it."""
    for pane in PANES:
        for view in pane.views:
            if pane.source_of(view) in UNREAD:
                continue
            try:
                source = sources.of(pane, view)
            except Trouble:
                continue
            if source.obstacle(view.query) is None:
                yield source, view
