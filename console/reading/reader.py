"""Reads the query of a view again and again: rates between reads, looked-up columns, the last good snapshot."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from types import MappingProxyType
from typing import Protocol

from console.model import HEAVY, UNCOMPUTED, Kind, Lookup, Rate, Rise, Row, Snapshot, Source, Trouble, View
from console.reading.apart import RepeatedWork
from console.records import replace

Key = tuple[object, ...]
Named = Callable[[str], Source]  # the source of that name; raises Trouble if it is not configured
Guarded = Callable[[], contextlib.AbstractContextManager[None]]

REFUSED_PAUSE = 60.0  # seconds until a lookup that the server refused is tried again
AWAY_PAUSE = 10.0  # the same of a lookup in another source
MOST_KEPT, SPARE_KEPT = 4, 1000  # what is known of rows that are gone is kept up to so many a row, and so many more


class Reader:
    """What is known of one view. `read` asks the server; `fill` looks up what the shown rows still lack.

    Views of a pane with the same query and lookups share a Reader, so they declare the same key, rates and reshaping.
    """

    def __init__(self, view: View, named: Named | None = None, guarded: Guarded = contextlib.nullcontext) -> None:
        """`named` finds the other sources of lookups; None: nothing is looked up in others.

        `guarded` surrounds whatever is done with values.
        """
        self._view = view
        self._guarded = guarded
        self._previous: Snapshot | None = None
        windows = dict.fromkeys(rate.window for rate in view.rates if rate.window)
        self._windows = {window: [rate for rate in view.rates if rate.window == window] for window in windows}
        self.window = max(self._windows, default=0.0)  # seconds
        self._past: deque[Snapshot] = deque()  # the reads of the longest window of a rate, oldest first
        self._risen: dict[str, dict[Key, float]] = {}  # by the name of a rise: when that of each row was
        self.base: Snapshot | None = None  # the last read with its rates, before lookups and reshaping
        self._known: tuple[_Known, ...] = tuple(_Known(*each) for each in _possible(view.lookups, named))
        self._last: Snapshot | None = None  # the last good snapshot, complete
        self._is_behind = False  # what was read last is not in it yet
        self.is_compared = False  # whether the last read followed another one, so that there are rates
        self._rating, self._deriving = RepeatedWork(is_heavy=False), RepeatedWork(is_heavy=view.derive is not None)
        self._computing = asyncio.Lock()  # one read after the other

    def recall(self, before: Sequence[Snapshot]) -> None:
        """Go on from earlier reads, oldest first: rates are since the last of them."""
        if before:
            self._previous = before[-1]
            self._past.extend(before)

    async def read(self, server: Source) -> Snapshot:
        """The view's rows now, with rates since the last read and the answers of lookups so far. Raises Trouble."""
        with self._guarded():
            return await self._read(server)

    async def read_plain(self, server: Source) -> None:
        """As `read`, but reshape nothing before somebody asks for `last`. Raises Trouble."""
        with self._guarded():
            await self._read_base(server)
            self._is_behind = True

    @property
    def plain(self) -> Snapshot | None:
        """The last read with its rates and lookups, before reshaping; None: there is none."""
        return None if self.base is None else self._plain(self.base)

    @property
    def last(self) -> Snapshot | None:
        """The last good snapshot, complete; None: there is none."""
        if self._is_behind and self.base is not None:
            self._last, self._is_behind = self._derived(self.base), False
        return self._last

    @property
    def looks_up_shown(self) -> bool:
        """Whether `fill` may look something up for the rows that are shown."""
        return any(not known.lookup.first for known in self._known)

    def unanswered(self) -> Mapping[str, frozenset[Key]]:
        """Which rows of the last read lack the answer of each look-up, by what that is asked by."""
        base = self.base
        return {} if base is None else {known.lookup.query: known.missing(base) for known in self._known}

    def without(self, rows: Mapping[str, Collection[Key]]) -> Snapshot | None:
        """The last good snapshot as it were if these look-ups had not been answered for these rows; None: none."""
        if self.base is None:
            return None
        with self._guarded():
            return self._derived(self.base, rows)

    async def fill(self, server: Source, shown: Sequence[Key]) -> Snapshot | None:
        """The snapshot with the lookups for the rows in `shown`; None if nothing changed. Raises Trouble."""
        with self._guarded():
            return await self._filled(server, shown)

    async def _read(self, server: Source) -> Snapshot:
        before = self.base
        base = await self._read_base(server)
        if base is before and not self._is_behind and self._last is not None:
            return self._last
        return await self._complete(base)

    async def _read_base(self, server: Source) -> Snapshot:
        view = self._view
        taken = await server.fetch(view.query)
        async with self._computing:
            base = self.base
            is_again = self._previous is not None and taken.clock == self._previous.clock  # as of a moment of the past
            if base is None or not is_again:
                base = await self._rating.done(len(taken.rows), lambda: self._rated(taken, _present(taken, view.key)))
                self.is_compared = self._previous is not None
                self._previous, self.base = taken, base
            elif self._is_behind or self._last is not None:
                return base
        for known in self._known:
            if known.lookup.first:
                await known.learn(server, base, base.rows[: known.lookup.first])
        return base

    async def _filled(self, server: Source, shown: Sequence[Key]) -> Snapshot | None:
        base = self.base
        if base is None or not self.looks_up_shown:
            return None
        present = _present(base, self._view.key)
        at = [self._view.key.index(column) for column in present]
        wanted = {tuple(key[i] for i in at) if len(key) > len(at) else key for key in shown}
        rows = [row for row, key in zip(base.rows, keys(base, present), strict=True) if key in wanted]
        learned = False
        for known in self._known:
            if not known.lookup.first:
                learned |= await known.learn(server, base, rows)
        return await self._complete(base) if learned and base is self.base else None

    def _rated(self, taken: Snapshot, key: Sequence[str]) -> Snapshot:
        rates = self._view.rates
        base = with_rates(taken, self._previous, key, [rate for rate in rates if not rate.window])
        if self.window:
            base = self._with_windows(taken, base, key)
        for rise in self._view.rises:
            base = self._with_rise(rise, base, key)
        return base

    def _with_windows(self, taken: Snapshot, base: Snapshot, key: Sequence[str]) -> Snapshot:
        while self._past and taken.clock - self._past[0].clock > self.window:
            self._past.popleft()
        for window, rates in self._windows.items():
            before = next((past for past in self._past if taken.clock - past.clock <= window), None)
            rated = with_rates(taken, before, key, rates)
            base = base.with_columns([rate.name for rate in rates], [row[-len(rates) :] for row in rated.rows])
        self._past.append(taken)
        return base

    def _with_rise(self, rise: Rise, base: Snapshot, key: Sequence[str]) -> Snapshot:
        risen, present = self._risen.setdefault(rise.name, {}), keys(base, key)
        for row, rate in zip(present, base.values(rise.of), strict=True):
            if isinstance(rate, int | float) and rate > 0:
                risen[row] = base.clock
        if len(risen) > MOST_KEPT * len(present) + SPARE_KEPT:
            self._risen[rise.name] = risen = {row: risen[row] for row in present if row in risen}
        return base.with_columns((rise.name,), [(risen.get(row),) for row in present])

    async def _complete(self, base: Snapshot) -> Snapshot:
        async with self._computing:
            self._is_behind = False
            self._last = last = await self._deriving.done(len(base.rows), lambda: self._derived(base))
        return last

    def _derived(self, base: Snapshot, without: Mapping[str, Collection[Key]] = MappingProxyType({})) -> Snapshot:
        base = self._plain(base, without)
        try:
            return self._view.derive(base) if self._view.derive else base
        except UNCOMPUTED:
            base.in_full()  # else the reason is what the server's catalogs lack
            raise

    def _plain(self, base: Snapshot, without: Mapping[str, Collection[Key]] = MappingProxyType({})) -> Snapshot:
        for known in self._known:
            base = known.complete(base, without.get(known.lookup.query, ()))
        return base


def keys(snapshot: Snapshot, columns: Sequence[str]) -> list[Key]:
    """The values of `columns` of every row: what identifies it between two reads."""
    at = _at(snapshot, columns)
    if len(at) < 2:
        return [tuple(row[i] for i in at) for row in snapshot.rows]
    pick = itemgetter(*at)
    return [pick(row) for row in snapshot.rows]


def with_rates(now: Snapshot, before: Snapshot | None, key: Sequence[str], rates: Sequence[Rate]) -> Snapshot:
    """`now` with a column for each rate; None where there is nothing to compare with."""
    if not rates:
        return now
    names = [rate.name for rate in rates]
    seconds = now.since(before) if before is not None and before.columns == now.columns else None
    if before is None or seconds is None:
        return now.with_columns(names, [(None,) * len(rates)] * len(now.rows))
    counters = tuple(dict.fromkeys(name for rate in rates for name in (rate.of, rate.per) if name))
    plan = [(counters.index(rate.of), counters.index(rate.per) if rate.per else -1, rate.scale) for rate in rates]
    former = dict(zip(keys(before, key), keys(before, counters), strict=True))
    still = tuple(0.0 if per < 0 else None for _, per, _ in plan)
    pairs = zip(keys(now, counters), keys(now, key), strict=True)
    rows = (_rates(counts, former.get(k), plan, seconds, still) for counts, k in pairs)
    return now.with_columns(names, rows)


def _rates(counts: Row, former: Row | None, plan: Sequence[tuple[int, int, float]], seconds: float, still: Row) -> Row:
    if former is None:
        return (None,) * len(plan)
    if counts == former and None not in counts:  # most of thousands of counters do not change between two reads
        return still
    return tuple(
        _quotient(_delta(counts[of], former[of]), seconds if per < 0 else _delta(counts[per], former[per]), scale)
        for of, per, scale in plan
    )


def _delta(now: object, before: object) -> float | None:
    if not isinstance(now, int | float) or not isinstance(before, int | float) or now < before:
        return None
    return now - before


def _quotient(change: float | None, per: float | None, scale: float) -> float | None:
    return None if change is None or not per else change / per * scale


class ViewReaders(Protocol):
    """Hands out the Readers of views."""

    def of(self, source: str, view: View) -> Reader:
        """The Reader of the view's query on the source of that name."""
        ...


class Readers:
    """One Reader for each query of each source and what is looked up for it, shared by the views that read both."""

    def __init__(self, named: Named | None = None) -> None:
        """`named` finds the other sources of lookups; None: nothing is looked up in others."""
        self._named = named
        self._readers: dict[tuple[str, str, tuple[Lookup, ...]], Reader] = {}

    def of(self, source: str, view: View) -> Reader:
        """The Reader of the view's query on the source of that name."""
        key = source, view.query, view.lookups
        if (known := self._readers.get(key)) is None:
            known = self._readers[key] = Reader(view, self._named)
        return known


class _Known:
    """The answers of one lookup so far."""

    def __init__(self, lookup: Lookup, source: Source | None) -> None:
        """`source` is asked; None: the one that is read."""
        self.lookup = lookup
        self._source = source
        self._answers: dict[Key, tuple[Key, float, Row]] = {}
        self._refused: Trouble | None = None
        self._notes: tuple[str, ...] = ()  # on where heavy reads were answered, and how old that is
        self._not_before = 0.0

    async def learn(self, server: Source, base: Snapshot, rows: Sequence[Row]) -> bool:
        """Read at most one batch of what is missing or changed; returns whether anything was read."""
        lookup = self.lookup
        if base.clock < self._not_before or not self._fits(base):
            return False
        if lookup.extension and lookup.extension not in (self._source or server).facts.extensions:
            return False
        wanted = self._wanted(base, rows)
        if not wanted:
            return False
        if lookup.together:
            wanted = self._wanted(base, (*rows, *base.rows))
        asked = {name: [key[i] for key in wanted] for i, name in enumerate(lookup.by)}
        try:
            answer = await (self._source or server).fetch(lookup.query, asked)
        except Trouble as why:
            if why.kind in (Kind.UNREACHABLE, Kind.BUSY) and self._source is None:
                raise
            # The rows are shown without these columns; asking again at every read would be wasted.
            pause = REFUSED_PAUSE if self._source is None else AWAY_PAUSE
            self._refused, self._not_before = why, base.clock + pause
            return True
        self._refused = None
        self._remember(wanted, answer, base.clock)
        return True

    def _wanted(self, base: Snapshot, rows: Iterable[Row]) -> dict[Key, Key]:
        """The keys of at most one batch of rows that are missing or changed, with their fingerprints."""
        by, mark = _at(base, self.lookup.by), _at(base, self.lookup.fingerprint)
        found: dict[Key, Key] = {}
        for row in rows:
            key, fingerprint = tuple(row[i] for i in by), tuple(row[i] for i in mark)
            if None not in key and not self._fresh(key, fingerprint, base.clock):
                found[key] = fingerprint
                if len(found) == self.lookup.batch:
                    break
        return found

    def _remember(self, wanted: Mapping[Key, Key], answer: Snapshot, clock: float) -> None:
        """Keep what was answered; what a replica has not is asked again: it may not have been replayed there yet."""
        lookup = self.lookup
        elsewhere = lookup.heavy and self._source is not None
        self._notes = answer.notes if elsewhere else ()
        unknown: Row = (None,) * len(lookup.adds)
        added = dict(zip(keys(answer, lookup.by), keys(answer, lookup.adds), strict=True))
        for key, fingerprint in wanted.items():
            if key in added or not elsewhere:
                self._answers[key] = (fingerprint, clock, added.get(key, unknown))

    def missing(self, base: Snapshot) -> frozenset[Key]:
        """What is asked by in the rows of `base` that have no answer yet."""
        if not self._fits(base):
            return frozenset()
        return frozenset(key for key in keys(base, self.lookup.by) if key not in self._answers and None not in key)

    def complete(self, base: Snapshot, without: Collection[Key] = ()) -> Snapshot:
        """`base` with the looked-up columns; None where not known yet, and for the keys in `without`."""
        if not self._fits(base):
            return base
        unknown: Row = (None,) * len(self.lookup.adds)
        present = keys(base, self.lookup.by)
        if len(self._answers) > MOST_KEPT * len(present) + SPARE_KEPT:
            self._answers = {key: self._answers[key] for key in present if key in self._answers}
        answers = self._answers
        added = (answers[key][2] if key in answers and key not in without else unknown for key in present)
        found = base.with_columns(self.lookup.adds, added).hiding(self._refused)
        return replace(found, notes=tuple(dict.fromkeys((*found.notes, *self._notes)))) if self._notes else found

    def _fits(self, base: Snapshot) -> bool:
        """Whether the rows have what another source is asked by, and not the answers as an older recording may."""
        columns = set(base.columns)
        return columns.isdisjoint(self.lookup.adds) and (self._source is None or columns >= set(self.lookup.by))

    def _fresh(self, key: Key, fingerprint: Key, clock: float) -> bool:
        answer = self._answers.get(key)
        return answer is not None and answer[0] == fingerprint and clock - answer[1] < self.lookup.keep


def _possible(lookups: Iterable[Lookup], named: Named | None) -> Iterator[tuple[Lookup, Source | None]]:
    """The lookups that can be asked, each with its source where that is another one."""
    for lookup in lookups:
        if lookup.heavy and named is not None:
            yield lookup, _source_of_heavy_reads(named)
        elif not lookup.source:
            yield lookup, None
        elif named is not None:
            with contextlib.suppress(Trouble):
                source = named(lookup.source)
                if source.obstacle(lookup.query) is None:  # a recording may not have it
                    yield lookup, source


def _source_of_heavy_reads(named: Named) -> Source | None:
    """Where heavy reads go; None: to the source of the view."""
    with contextlib.suppress(Trouble):
        return named(HEAVY)
    return None


def _present(snapshot: Snapshot, columns: Sequence[str]) -> list[str]:
    # A derived view may be keyed by columns that the query itself does not return.
    return [column for column in columns if column in snapshot.columns]


def _at(snapshot: Snapshot, columns: Sequence[str]) -> list[int]:
    return [snapshot.index(column) for column in columns]


def only(snapshot: Snapshot, view: View) -> Snapshot:
    """The rows of `snapshot` that belong to `view`."""
    if view.where is None:
        return snapshot
    where = view.where
    kept = (row for row, record in zip(snapshot.rows, snapshot.records(), strict=True) if where(record))
    return replace(snapshot, rows=tuple(kept))
