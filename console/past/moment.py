"""One moment of the past: sources that answer with what was read until then, and the readers of panes on them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import field, replace
from datetime import UTC, datetime

from console.format import age, in_words
from console.model import HEAVY, Facts, Kind, Lookup, Snapshot, Trouble, View
from console.past.foreign import foreign_values
from console.past.readings import FoundReading, PastReadings, as_text
from console.past.segment import Stream
from console.reading.reader import Reader, keys
from console.records import dataclass
from console.sources.registry import PRIMARY, statement

# Answers to look-ups that are true at any time: the text of a statement does not change.
TIMELESS = frozenset({"statement_texts", "wait_statement_texts"})

ALL = 10**9  # rows

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Usual:
    """How old a reading may be: after `noted` seconds its age is a note, after `lost` it says nothing any more."""

    noted: float = 15.0
    lost: float = 15.0
    every: float = 0.0  # seconds between two reads of a console though no pane shows it; 0: it does not read it then
    costly: bool = False  # on a large server the time between two such reads is longer


Usually = Callable[[str], Usual]  # by query
MakeAnswer = Callable[
    [PastReadings, float], Snapshot | None
]  # the answer to a query from what others returned until a moment
Remake = Callable[[Snapshot], Snapshot]  # an answer of lists and names, as this version of the console makes it


@dataclass(frozen=True, slots=True)
class PartOf:
    """The answer to a query where another one was read that has all of it."""

    source: str
    query: str
    part: Callable[[Snapshot, Facts], Snapshot]  # of the other answer, with the facts about the server


@dataclass(frozen=True, slots=True)
class PastMoment:
    """What was known at a moment, in seconds since 1970."""

    readings: PastReadings
    moment: float
    usually: Usually = lambda _: Usual()
    made: Mapping[tuple[str, str], MakeAnswer] = field(default_factory=dict)  # by source and query
    parts: Mapping[tuple[str, str], PartOf] = field(default_factory=dict)  # by the same
    remade: Mapping[tuple[str, str], Remake] = field(default_factory=dict)  # what may lack something, by the same
    anew: Collection[tuple[str, str]] = ()  # what is made even if it was read: another part of it is wanted
    known: dict[tuple[str, str], Snapshot | None] = field(default_factory=dict)  # what was made: panes ask again

    def named(self, name: str) -> PastSource:
        """The source of that name, as it was."""
        return PastSource(name, self)

    def has_read(self, name: str) -> bool:
        """Whether anything of the source of that name was read."""
        return any(stream.source == name for stream in self.readings.streams)

    def looked_in(self, name: str) -> PastSource:
        """The source of that name for look-ups in it. Raises Trouble(MISSING) if nothing of it was read."""
        if name == HEAVY:  # what it answers is kept as that of the primary
            return self.named(PRIMARY)
        if not self.has_read(name):
            raise Trouble(Kind.MISSING, f"Nothing of {name} was read.")
        return self.named(name)


class PastSource:
    """Answers a query with the last reading until its moment."""

    retry_in = 0.0

    def __init__(self, name: str, past: PastMoment) -> None:
        self.name = name
        self._past = past

    @property
    def facts(self) -> Facts:
        """As they were; none if they are not known."""
        return self._past.readings.facts(self.name) or Facts(self.name, 0, "")

    async def learn(self) -> Facts:
        """The facts as they were."""
        return self.facts

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """The last reading until the moment. Raises Trouble: that of then, or that nothing was read."""
        if parameters and any(isinstance(value, list) for value in parameters.values()):
            return self._looked_up(query, parameters)
        past, stream = self._past, Stream(self.name, query, as_text(parameters))
        if (self.name, query) in past.anew and (snapshot := await self._made(query)):
            return snapshot
        found, usual = self._known(stream), past.usually(query)
        if found is None:
            if not parameters and (snapshot := await self._part(query) or await self._made(query)):
                return snapshot
            raise self._unread(stream)
        if past.moment - found.at > usual.noted and not parameters and (snapshot := await self._made(query)):
            return snapshot  # of what was read later
        if isinstance(found.answer, Trouble):
            raise found.answer
        answer, old = self._sound(query, found.answer), past.moment - found.at
        return _noted(answer, f"Read {age(old)} before this moment.") if old > usual.noted else answer

    def _known(self, stream: Stream) -> FoundReading | None:
        """The last reading until the moment; None: there is none, or it says nothing any more."""
        past = self._past
        found = past.readings.at(stream, past.moment)
        return None if found is None or past.moment - found.at > past.usually(stream.query).lost else found

    async def _made(self, query: str) -> Snapshot | None:
        """The answer made from other readings, in a thread: it may be an hour of them. None: there is none."""
        past, key = self._past, (self.name, query)
        if key in past.made and key not in past.known:
            with foreign_values() if past.readings.is_foreign else nullcontext():
                past.known[key] = await asyncio.to_thread(past.made[key], past.readings, past.moment)
        return past.known.get(key)

    async def _part(self, query: str) -> Snapshot | None:
        """The answer as a part of another one; None: it is no part, or the other was not read. Raises its Trouble."""
        past, whole = self._past, self._past.parts.get((self.name, query))
        if whole is None:
            return None
        try:
            found = await past.named(whole.source).fetch(whole.query)
        except Trouble:
            if self._known(Stream(whole.source, whole.query)) is None:
                return None
            raise
        with foreign_values() if past.readings.is_foreign else nullcontext():
            return replace(whole.part(found, past.named(PRIMARY).facts), name=query)

    def _sound(self, query: str, answer: Snapshot) -> Snapshot:
        """An answer with all that this version of the console reads in it."""
        remake = self._past.remade.get((self.name, query))
        if remake is None:
            return answer
        with foreign_values() if self._past.readings.is_foreign else nullcontext():
            return remake(answer)

    def text(self, query: str) -> str:
        """What is sent for the query. Raises Trouble(MISSING) for an unknown one."""
        return statement(query)

    def obstacle(self, query: str) -> Trouble | None:
        """That it was never read, as what an earlier version of the console did not ask."""
        known = {(stream.source, stream.query) for stream in self._past.readings.streams}
        return None if (self.name, query) in known else self._unread(Stream(self.name, query))

    async def close(self) -> None:
        """There is nothing to close."""

    def _looked_up(self, query: str, parameters: Mapping[str, object]) -> Snapshot:
        """The rows with these keys, each from the last answer until the moment that has it."""
        wanted = set(zip(*(value for value in parameters.values() if isinstance(value, list)), strict=False))
        template: Snapshot | None = None
        why: Trouble | None = None
        rows: dict[Key, tuple[object, ...]] = {}
        for answer in self._answers(query):
            if isinstance(answer, Trouble):
                why = why or answer
            elif set(parameters) <= set(answer.columns) and (template is None or template.columns == answer.columns):
                template = template or answer
                at = [answer.index(name) for name in parameters]
                for row in reversed(answer.rows):  # as a reader does, the last of several counts
                    key = tuple(row[place] for place in at)
                    if key in wanted:
                        rows.setdefault(key, row)
        if template is None:
            raise why or self._unread(Stream(self.name, query))
        return replace(template, rows=tuple(rows.values()))

    def _answers(self, query: str) -> Iterator[Snapshot | Trouble]:
        moment = float("inf") if query in TIMELESS else self._past.moment
        for _, found in self._past.readings.looked_up(self.name, query, moment):
            yield found.answer

    def _unread(self, stream: Stream) -> Trouble:
        past, whole = self._past, self._past.parts.get((stream.source, stream.query))
        streams = (stream, Stream(whole.source, whole.query)) if whole and not stream.parameters else (stream,)
        times = [time for each in streams if (time := past.readings.nearest(each, past.moment)) is not None]
        nearest = min(times, key=lambda time: abs(time - past.moment), default=None)
        if nearest is None:
            sentence = f"Not read within an hour of {clock(past.moment)}."
            usual = past.usually(stream.query)
            every = f"{in_words(usual.every)}{', or more seldom where it takes long' if usual.costly else ''}"
            remedy = (
                f"While a console or watch runs, it is read every {every}, and while its pane is open."
                if usual.every
                else "It costs too much to be read all the time: it is kept while its pane is open."
            )
            return Trouble(Kind.MISSING, sentence, remedy)
        side = f"{age(abs(past.moment - nearest))} {'earlier' if nearest <= past.moment else 'later'}"
        sentence = f"Not read at {clock(past.moment)}."
        return Trouble(Kind.MISSING, sentence, f"The nearest reading is from {clock(nearest)}, {side}.")


class PastReaders:
    """Readers of views at one moment."""

    def __init__(self, past: PastMoment) -> None:
        self._past = past
        self._readers: dict[tuple[str, str, tuple[Lookup, ...]], Reader] = {}

    def of(self, source: str, view: View) -> Reader:
        """The Reader of a view on the source of that name, which knows what was read before."""
        key = source, view.query, view.lookups
        if key not in self._readers:
            past, filled = self._past, _filled_at_once(view)
            if past.readings.is_foreign:
                reader = Reader(_identified(filled), past.looked_in, foreign_values)
            else:
                reader = Reader(filled, past.looked_in)
            reader.recall(past.readings.before(Stream(source, view.query), past.moment, reader.window))
            self._readers[key] = reader
        return self._readers[key]


def _filled_at_once(view: View) -> View:
    """`view` with all that was looked up by then for any of its rows: nobody is asked, so that needs no batches."""
    return replace(view, lookups=tuple(replace(lookup, first=ALL, batch=ALL) for lookup in view.lookups))


def clock(moment: float) -> str:
    """A moment as people read it: the time of day in UTC, with the date if that is another one."""
    at = datetime.fromtimestamp(moment, UTC)
    today = at.date() == datetime.now(UTC).date()
    return f"{at:%H:%M:%S} UTC" if today else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _identified(view: View) -> View:
    """`view`, failing where its key is of values that tell no rows apart, such as lists."""

    def derive(snapshot: Snapshot) -> Snapshot:
        made = view.derive(snapshot) if view.derive else snapshot
        set(keys(made, [column for column in view.key if column in made.columns]))
        return made

    return replace(view, derive=derive)


def _noted(snapshot: Snapshot, note: str) -> Snapshot:
    return replace(snapshot, notes=(*snapshot.notes, note))
