"""Incident files: what was read in some minutes, and what was done meanwhile; they open without a server."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from console.files import private
from console.format import counted, safe, size
from console.model import Kind, Snapshot, Trouble
from console.past import framing
from console.past.readings import PastReadings
from console.past.redacting import Redaction
from console.past.segment import (
    PastAnswer,
    ReadingSegment,
    SegmentWriter,
    Stream,
    answers,
    document_payload,
    facts_payload,
    parsed,
    reading_payload,
)
from console.records import dataclass

SUFFIX = ".incident"
LARGEST = 64 * 2**20  # bytes of a file that is opened
EARLIER = 20  # answers to one query before the time of a file that it holds


@dataclass(frozen=True, slots=True)
class Incident:
    """A file that was opened: its readings, and what was done meanwhile."""

    segment: ReadingSegment
    first: float  # seconds since 1970
    last: float

    def readings(self, moment: float) -> PastReadings:
        """All readings of the file."""
        del moment
        return PastReadings([self.segment], is_foreign=True)

    def nearest(self, moment: float, back: bool) -> float | None:
        """Nothing: all readings of the file are known."""
        del moment, back
        return None

    @property
    def head(self) -> Mapping[str, Any]:
        """What the file says of itself."""
        return next((document for document in self.segment.documents if "incident" in document), {})

    @property
    def trail(self) -> list[Mapping[str, Any]]:
        """The entries of the audit trail."""
        return [document["audit"] for document in self.segment.documents if isinstance(document.get("audit"), dict)]


def write_incident(
    path: Path,
    readings: PastReadings,
    since: float,
    trail: Iterable[Mapping[str, Any]],
    *,
    plain: bool = False,
) -> str:
    """Write a new private file of what was read since then; what was written, in one sentence. Raises Trouble.

    `plain` keeps literals and addresses; passwords are taken out in any case.
    """
    content = bytearray(framing.MAGIC)
    known = {source: found for segment in readings.segments for source, found in segment.facts.items()}
    redaction = Redaction(known.values(), plain)
    head = {"incident": 1, "redacted": not plain, "from": since}
    content += framing.framed(document_payload(head))
    for source, facts in known.items():
        content += framing.framed(facts_payload(source, redaction.facts(facts)))
    for entry in trail:
        content += framing.framed(document_payload({"audit": redaction.document(entry)}))
    count, writer = 0, SegmentWriter()
    for at, stream, answer in sorted(_since(readings, since), key=lambda each: each[0]):
        kept, named = redaction.answer(answer), _redacted(stream, redaction)
        content += framing.framed(reading_payload(named, writer.record(named, kept, at)))
        count += 1
    with private.troubles(path):
        try:
            with private.replacing(path, new=True) as file:
                file.write(bytes(content))
        except FileExistsError:
            raise Trouble(Kind.USAGE, f"{safe(path)} exists already.", "Choose another name.") from None
    privacy = "Literals and addresses are kept." if plain else "Literals and addresses are redacted."
    return f"{counted(count, 'reading')} written to {safe(path)} ({size(len(content))}). {privacy}"


def open_incident(path: Path) -> Incident:
    """What a file holds, up to its last whole record. It may be a stranger's: nothing in it is run.

    Raises Trouble(USAGE) if it cannot be read, is too large or is no file of readings.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
                raise Trouble(Kind.USAGE, f"{safe(path)} is no file, or larger than 64 MB.")
            segment = parsed(file.read(LARGEST))
    except OSError as error:
        raise Trouble(Kind.USAGE, f"{safe(path)} cannot be read ({safe(error.strerror)}).") from None
    except (ValueError, RecursionError):
        raise Trouble(Kind.USAGE, f"{safe(path)} is no file of readings.") from None
    first, last = PastReadings([segment]).span
    if first > last:
        raise Trouble(Kind.USAGE, f"{safe(path)} holds no reading.")
    since = Incident(segment, first, last).head.get("from")
    return Incident(segment, since if isinstance(since, int | float) and first <= since <= last else first, last)


def _since(readings: PastReadings, since: float) -> Iterator[tuple[float, Stream, PastAnswer]]:
    """Every reading since then, of each query the last one before it, and what was looked up."""
    for segment in readings.segments:
        for stream, chain in tuple(segment.chains.items()):
            yield from ((at, stream, answer) for at, answer in answers(chain, since))
    earlier: dict[tuple[str, str], list[tuple[float, Stream, PastAnswer]]] = {}
    for stream in readings.streams:
        found = readings.at(stream, since)
        if found is not None and isinstance(found.answer, Snapshot):
            earlier.setdefault((stream.source, stream.query), []).append((found.at, stream, found.answer))
    for each in earlier.values():
        yield from sorted(each, key=lambda pair: -pair[0])[:EARLIER]


def _redacted(stream: Stream, redaction: Redaction) -> Stream:
    if not stream.parameters:
        return stream
    parameters = redaction.document(json.loads(stream.parameters))
    return Stream(stream.source, stream.query, json.dumps(parameters, sort_keys=True))
