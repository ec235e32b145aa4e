"""PastReadings of some minutes in the order they were taken, each query a chain of differences: what one file holds."""

from __future__ import annotations

import json
import threading
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, NamedTuple

from console.format import LATEST
from console.model import Extension, Facts, Snapshot, Trouble
from console.past import encoding, framing
from console.records import dataclass

SHORTEST_CHAIN, LONGEST_CHAIN = 20, 120  # differences after which a reading is kept whole again
KEPT_BYTES = 48 * 2**20  # of the readings of a segment that are kept decoded: their text, and a bit for each cell
MOST_RECORDS = 500_000  # of one file that are read
MOST_UNPACKED = 3 * encoding.MOST_BYTES  # of the differences that lead to one reading, and the whole one before them
MOST_DOCUMENTS = 32 * 2**20  # bytes of the facts and documents of one file, uncompressed
WORTH_PACKING = 100  # rows of a reading
CELL = 8  # bytes of a cell that is the same as in the reading before

_HEAD = json.JSONEncoder(separators=(",", ":"))

PastAnswer = Snapshot | Trouble


class Stream(NamedTuple):
    """The readings of one query; those with parameters, such as look-ups, are streams of their own."""

    source: str
    query: str
    parameters: str = ""  # as JSON, their names sorted; empty: none


@dataclass(frozen=True, slots=True)
class ReadingRecord:
    """One reading as bytes, or why there was none."""

    at: float  # seconds since 1970
    whole: bool  # it needs no reading before it
    body: bytes


class Decoded:
    """Readings as they were, those that were asked for last: as many as there is room for."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Stream, int], tuple[PastAnswer, int]] = {}
        self._weight = 0
        self._lock = threading.Lock()  # more than one thread may be reading

    def get(self, stream: Stream, place: int) -> PastAnswer | None:
        """The reading at a place of a stream; None: it is not kept."""
        found = self._kept.get((stream, place))
        return found[0] if found else None

    def weight(self, stream: Stream, place: int) -> int:
        """The bytes of the reading at a place; 0: it is not kept."""
        return self._kept.get((stream, place), (None, 0))[1]

    def keep(self, stream: Stream, place: int, answer: PastAnswer, weight: int) -> None:
        """Keep a reading of so many bytes, and forget the first ones where there is no room."""
        with self._lock:
            _, former = self._kept.pop((stream, place), (None, 0))
            self._kept[stream, place] = answer, weight
            self._weight += weight - former
            while self._weight > KEPT_BYTES and len(self._kept) > 1:
                self._weight -= self._kept.pop(next(iter(self._kept)))[1]


class Chain:
    """The readings of one stream, oldest first."""

    def __init__(self, stream: Stream, decoded: Decoded) -> None:
        self.stream = stream
        self.times: list[float] = []
        self._records: list[ReadingRecord] = []
        self._decoded = decoded

    def add(self, record: ReadingRecord) -> None:
        """Add the newest reading."""
        self._records.append(record)  # first: another thread may be reading, and goes by the times
        self.times.append(max(record.at, self.times[-1]) if self.times else record.at)

    def answer(self, place: int) -> PastAnswer | None:
        """The reading at a place; None: it cannot be read, as nobody but a stranger writes."""
        try:
            return self._answer(place)
        except ValueError:
            return None

    def weight(self, place: int) -> int:
        """How many bytes the reading takes that was asked for just now."""
        return self._decoded.weight(self.stream, place)

    def _answer(self, place: int) -> PastAnswer:
        first, found = place, self._decoded.get(self.stream, place)
        while found is None and not self._records[first].whole:
            first -= 1
            if first < 0 or place - first > LONGEST_CHAIN:
                raise ValueError("no reading before it is whole")
            found = self._decoded.get(self.stream, first)
        room = MOST_UNPACKED
        for at in range(first + (found is not None), place + 1):
            found, size = self._decode(at, None if at == first else found)
            room -= size
            if room < 0:
                raise ValueError("too much for one reading")
        if found is None:
            raise ValueError("no reading")
        return found

    def _decode(self, at: int, before: PastAnswer | None) -> tuple[PastAnswer, int]:
        """The reading at a place, and the bytes that it was unpacked to."""
        text = encoding.inflated(self._records[at].body)
        document = encoding.document_in(text)
        if isinstance(document, dict) and "trouble" in document:
            return encoding.trouble_of(document["trouble"]), len(text)
        if isinstance(before, Trouble):
            raise ValueError("a difference to nothing")  # noqa: TRY004  of a file, not of a programmer
        found = encoding.snapshot_of(document, before, self.stream.query)
        self._decoded.keep(self.stream, at, found, len(text) + CELL * len(found.rows) * len(found.columns))
        return found, len(text)


class ReadingSegment:
    """What one console read in some minutes."""

    def __init__(self) -> None:
        self.facts: dict[str, Facts] = {}  # by source
        self.chains: dict[Stream, Chain] = {}
        self.documents: list[Mapping[str, Any]] = []  # other records, in the order of the file
        self.size = len(framing.MAGIC)
        self.count = 0
        self._decoded = Decoded()
        self._room = MOST_DOCUMENTS

    def take(self, payload: bytes) -> None:
        """Add one record of a file. Raises ValueError if no console wrote it."""
        head, _, body = payload.partition(b"\n")
        self.size += len(payload) + len(framing.framed(b""))
        match json.loads(head):
            case ["reading", float() | int() as at, str(source), str(query), str(parameters), bool(whole)] if (
                0 <= at < LATEST  # not NaN either
            ):
                self.add(Stream(source, query, parameters), ReadingRecord(at, whole, body))
            case ["facts", str(source)]:
                self.facts[source] = facts_of(self._document(body))
            case ["note"] if isinstance(found := self._document(body), dict):
                self.documents.append(found)
            case _:
                raise ValueError("no record of readings")

    def _document(self, body: bytes) -> Any:
        text = encoding.inflated(body, self._room)
        self._room -= len(text)
        return encoding.document_in(text)

    def add(self, stream: Stream, record: ReadingRecord) -> None:
        """Add the newest reading of a stream."""
        if stream not in self.chains:
            self.chains[stream] = Chain(stream, self._decoded)
        self.chains[stream].add(record)
        self.count += 1


def reading_payload(stream: Stream, record: ReadingRecord) -> bytes:
    """A reading as a record of a file."""
    head = ["reading", record.at, stream.source, stream.query, stream.parameters, record.whole]
    return _HEAD.encode(head).encode("ascii") + b"\n" + record.body


def facts_payload(source: str, facts: Facts) -> bytes:
    """The facts about a source as a record of a file."""
    body = encoding.packed(asdict(replace(facts, extensions=dict(facts.extensions))))
    return json.dumps(["facts", source]).encode("ascii") + b"\n" + body


def document_payload(document: Mapping[str, object]) -> bytes:
    """Anything else that a file says of itself."""
    return b'["note"]\n' + encoding.packed(document)


def parsed(content: bytes) -> ReadingSegment:
    """The records of a file, up to the last whole one. Raises ValueError if it is no file of readings."""
    segment = ReadingSegment()
    for count, payload in enumerate(framing.payloads(content)):
        if count >= MOST_RECORDS:
            break
        segment.take(payload)
    return segment


def facts_of(found: Any) -> Facts:
    """Facts from a file. Raises ValueError if they are none."""
    try:
        known = dict(found)
        extensions = {
            str(name): Extension(tuple(map(int, each["version"])), str(each["schema"]), bool(each["usable"]))
            for name, each in known.pop("extensions").items()
        }
        empty = Facts("", 0, "")
        usual = {name: bool | None if name == "standby" else type(getattr(empty, name)) for name in known}
        facts = Facts(**known, extensions=extensions)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from None
    if not all(isinstance(known[name], kind) for name, kind in usual.items()):
        raise ValueError("facts")
    return facts


class SegmentWriter:
    """Makes the records of one segment: decides what is a difference, and to what."""

    def __init__(self) -> None:
        self._last: dict[Stream, _Former] = {}
        self._weights: dict[Stream, tuple[int, int, int]] = {}  # bytes of the whole one, of differences, their number

    def record(self, stream: Stream, answer: PastAnswer, at: float) -> ReadingRecord:
        """The record of the next reading of a stream."""
        if isinstance(answer, Trouble):
            self._last.pop(stream, None)
            return ReadingRecord(at, True, encoding.packed({"trouble": encoding.trouble_document(answer)}))
        heavy, light, length = self._weights.get(stream, (0, 0, 0))
        former = self._last.get(stream)
        if former is None or stream.parameters or length >= (SHORTEST_CHAIN if light > heavy else LONGEST_CHAIN):
            before = None
        else:
            before = former.snapshot(stream)
        whole = before is None or before.columns != answer.columns
        body = encoding.packed(encoding.document_of(answer, before, stream.query))
        self._weights[stream] = (len(body), 0, 0) if whole else (heavy, light + len(body), length + 1)
        if not stream.parameters:
            self._last[stream] = _Former(answer, at, body if whole else b"")
        return ReadingRecord(at, whole, body)

    def pack(self, until: float) -> None:
        """Keep what was read before `until` in few bytes: what is read seldom is held by nobody else meanwhile."""
        for stream, former in self._last.items():
            if former.at < until and isinstance(former.answer, Snapshot) and len(former.answer.rows) >= WORTH_PACKING:
                body = former.body or encoding.packed(encoding.document_of(former.answer, None, stream.query))
                self._last[stream] = _Former(None, former.at, body)


@dataclass(frozen=True, slots=True)
class _Former:
    """The last reading of a stream, to which the next one is a difference."""

    answer: Snapshot | None  # None: it is packed
    at: float  # seconds since 1970
    body: bytes  # the whole of it packed; empty: it was not yet

    def snapshot(self, stream: Stream) -> Snapshot | None:
        """The reading as it is read back; None: it is larger than what is read back."""
        if self.answer is not None:
            return self.answer
        try:
            return encoding.snapshot_of(encoding.unpacked(self.body), None, stream.query)
        except ValueError:
            return None


def moments_until(chain: Chain, moment: float) -> int:
    """How many readings of a chain were taken until a moment."""
    return bisect_right(chain.times, moment)


def answers(chain: Chain, since: float = 0.0) -> Iterator[tuple[float, PastAnswer]]:
    """Every reading of a chain after a moment that can be read, oldest first."""
    for place in range(moments_until(chain, since), len(chain.times)):
        answer = chain.answer(place)
        if answer is not None:
            yield chain.times[place], answer


def seconds_of(moment: datetime) -> float:
    """A moment as readings are dated."""
    return moment.timestamp()
