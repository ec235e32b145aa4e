"""What was read, asked by moment: the last reading until then, those before it, the nearest one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping

from console.format import json_default
from console.model import Facts, Snapshot, Trouble
from console.past.segment import Chain, PastAnswer, ReadingSegment, Stream, moments_until
from console.records import dataclass

MOST_BYTES = 256 * 2**20  # of the readings before one that are held at a time


@dataclass(frozen=True, slots=True)
class FoundReading:
    """A reading and when it was taken, in seconds since 1970."""

    at: float
    answer: PastAnswer
    weight: int  # bytes


class PastReadings:
    """The segments of one target."""

    def __init__(self, segments: Iterable[ReadingSegment], *, is_foreign: bool = False) -> None:
        """`is_foreign`: they may be a stranger's, so that any value can be of any kind."""
        self.segments = list(segments)
        self.is_foreign = is_foreign

    @property
    def span(self) -> tuple[float, float]:
        """When the first and the last reading were taken; infinite without readings."""
        times = [chain.times for chain in self._all]
        return min((each[0] for each in times), default=math.inf), max((each[-1] for each in times), default=-math.inf)

    @property
    def streams(self) -> set[Stream]:
        """Whatever was read."""
        return {stream for segment in self.segments for stream in tuple(segment.chains)}

    def facts(self, source: str) -> Facts | None:
        """The facts about a source as known last."""
        return next((each.facts[source] for each in reversed(self.segments) if source in each.facts), None)

    def at(self, stream: Stream, moment: float) -> FoundReading | None:
        """The last reading until a moment; None: there is none."""
        return next(self._back(stream, moment), None)

    def before(self, stream: Stream, moment: float, seconds: float) -> list[Snapshot]:
        """The readings before the last one until a moment: those of the last `seconds`, at least one. Oldest first.

        Fewer where they take more than MOST_BYTES.
        """
        found: list[Snapshot] = []
        room = MOST_BYTES
        back = self._back(stream, moment)
        last = next(back, None)
        for each in back:
            room -= each.weight
            is_enough = found and (room < 0 or (last is not None and each.at < last.at - seconds))
            if last is None or isinstance(each.answer, Trouble) or is_enough:
                break
            found.append(each.answer)
        return found[::-1]

    def nearest(self, stream: Stream, moment: float) -> float | None:
        """When the reading nearest to a moment was taken."""
        times = (time for chain in self._chains(stream) for time in self._around(chain, moment))
        return min(times, key=lambda time: abs(time - moment), default=None)

    def looked_up(self, source: str, query: str, moment: float) -> Iterator[tuple[Mapping[str, object], FoundReading]]:
        """The answers to a query with parameters until a moment, newest first, with what it was asked.

        Not the oldest ones where all together take more than MOST_BYTES.
        """
        streams = [stream for stream in self.streams if (stream.source, stream.query) == (source, query)]
        last = {stream: self._last(stream, moment) for stream in streams if stream.parameters}
        room = MOST_BYTES
        for stream in sorted(last, key=lambda stream: -last[stream]):
            if room > 0 and (found := self.at(stream, moment)):
                room -= found.weight
                yield json.loads(stream.parameters), found

    def last(self, moment: float) -> float | None:
        """When the last reading of any query until a moment was taken; None: there is none."""
        places = ((chain, moments_until(chain, moment)) for chain in self._all)
        return max((chain.times[place - 1] for chain, place in places if place), default=None)

    def next(self, moment: float) -> float | None:
        """When the first reading of any query after a moment was taken; None: there is none."""
        places = ((chain, moments_until(chain, moment)) for chain in self._all)
        return min((chain.times[place] for chain, place in places if place < len(chain.times)), default=None)

    @property
    def _all(self) -> list[Chain]:
        """The chains of what was read, without what was looked up: that is written again in later files."""
        return [
            chain
            for segment in self.segments
            for stream, chain in tuple(segment.chains.items())
            if not stream.parameters
        ]

    def _back(self, stream: Stream, moment: float) -> Iterator[FoundReading]:
        """The readings until a moment, newest first."""
        left = {chain: moments_until(chain, moment) for chain in self._chains(stream)}
        while left := {chain: place for chain, place in left.items() if place}:
            chain = max(left, key=lambda each: each.times[left[each] - 1])
            left[chain] -= 1
            answer = chain.answer(left[chain])
            if answer is not None:
                yield FoundReading(chain.times[left[chain]], answer, chain.weight(left[chain]))

    def _last(self, stream: Stream, moment: float) -> float:
        """When the last reading until a moment was taken; -inf: there is none."""
        places = ((chain, moments_until(chain, moment)) for chain in self._chains(stream))
        return max((chain.times[place - 1] for chain, place in places if place), default=-math.inf)

    def _chains(self, stream: Stream) -> list[Chain]:
        return [segment.chains[stream] for segment in self.segments if stream in segment.chains]

    @staticmethod
    def _around(chain: Chain, moment: float) -> list[float]:
        place = moments_until(chain, moment)
        return chain.times[max(0, place - 1) : place + 1]


def as_text(parameters: Mapping[str, object] | None) -> str:
    """The parameters of a query as the name of a stream has them."""
    return json.dumps(parameters, sort_keys=True, default=json_default) if parameters else ""
