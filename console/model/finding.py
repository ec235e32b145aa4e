"""What is wrong: findings with their evidence and fixes, and the rules that find them, as data. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from itertools import compress
from typing import TypeVar

from console.model.history import IndexHistory, StatementHistory
from console.model.judge import Level, Rule
from console.model.look import Lookup, Record, Snapshot, View
from console.model.source import Facts
from console.model.trouble import NOTHING, Kind, Lacks, Trouble
from console.records import dataclass, replace

Made = TypeVar("Made")
# By query: the last reading, why there is none, and whether it was skipped.
Seen = dict[str, tuple[Snapshot | None, Trouble | None, bool]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact behind a finding, and the row of a pane that shows it."""

    label: str
    value: str
    pane: str = ""  # empty: no pane shows it
    view: str = ""
    row: Mapping[str, object] = field(default_factory=dict)  # columns by which the row is found; empty: any


@dataclass(frozen=True, slots=True)
class Fix:
    """An action that cures a finding, with its parameters filled in."""

    action: str  # its name in ACTIONS
    parameters: Mapping[str, str]
    effect: str  # what it changes and what is lost by it, in one line


@dataclass(frozen=True, slots=True)
class Finding:
    """One root cause. `rule` and `subject` identify it from one read to the next."""

    rule: str
    subject: str  # the root cause by its name: "session 21541", "slot standby1", "table public.events"
    level: Level
    sentence: str  # names who or what, and what is wrong
    detail: str = ""  # what else helps to decide, in one line
    evidence: tuple[Evidence, ...] = ()
    fixes: tuple[Fix, ...] = ()  # the best one first
    harm: float = 0.0  # ranks findings of one level: sessions that are stuck now
    symptom: str = ""  # how a finding that explains this one mentions it; empty: its sentence
    blames: tuple[str, ...] = ()  # subjects that explain this finding where they have one of their own
    explains: tuple[str, ...] = ()  # symptoms that were folded into it
    since: datetime | None = None  # when the condition began, as far as known


@dataclass(frozen=True, slots=True)
class Unknown:
    """A rule that could not be evaluated: why, and what would change it."""

    rule: str
    why: str
    remedy: str = ""
    lacks: Lacks = NOTHING


class CannotTell(Exception):  # noqa: N818  a result, not a programming error
    """Raised by a judge that lacks something: no earlier reading yet, counters that were reset, a hidden column."""

    def __init__(self, why: str, remedy: str = "", lacks: Lacks = NOTHING) -> None:
        super().__init__(why)
        self.why = why
        self.remedy = remedy
        self.lacks = lacks


@dataclass(frozen=True, slots=True)
class Signal:
    """A column of the query CHANGES that shows when an expensive query is worth reading early."""

    column: str
    by: float = 0.0  # how much it must have risen or fallen since the query was read; 0: any change counts

    def is_given(self, before: object, now: object) -> bool:
        """Whether the column has changed enough between two readings."""
        if not self.by or not isinstance(before, int | float) or not isinstance(now, int | float):
            return before != now
        return abs(now - before) >= self.by


@dataclass(frozen=True, slots=True)
class Steady:
    """How long a reading holds but for its ages, while the metrics show the same of what it is about."""

    shown: Callable[[Frame], object]  # what the metrics show of it; None: nothing, so it is read
    ages: tuple[str, ...]  # its columns in seconds that rise with time
    seconds: float  # for which it holds at most
    by: str = "vitals"  # the query of the metrics


@dataclass(frozen=True, slots=True)
class Ask:
    """A query that a rule needs, and how often it is asked while a console watches."""

    query: str
    source: str = "postgres"
    every: float = 5.0  # seconds
    window: float = 0.0  # seconds for which earlier readings are kept; 0: only the last one counts
    only_if: Callable[[Frame], bool] | None = None  # judged on the metrics: an expensive query is not always needed
    view: View | None = None  # of a pane: the query is read as there, with its lookups and derived columns
    on_change: tuple[Signal, ...] = ()  # when one of them is given, it is asked at once
    optional: bool = False  # the rule is evaluated without it too, with less evidence
    unchanged: float = 0.0  # seconds for which an answer holds while no signal is given: the signals show all it is of
    steady: Steady | None = None

    @property
    def queries(self) -> tuple[str, ...]:
        """The query and the lookups that are read with it from the same source."""
        return (
            (self.query, *(lookup.query for lookup in self.view.lookups if _always(lookup)))
            if self.view
            else (self.query,)
        )


def _always(lookup: Lookup) -> bool:
    """Whether it is read with the query of its view on every server."""
    return bool(lookup.first) and not lookup.source and not lookup.extension


def of_view(
    view: View,
    every: float,
    source: str = "postgres",
    only_if: Callable[[Frame], bool] | None = None,
    on_change: tuple[Signal, ...] = (),
) -> Ask:
    """What a view of a pane reads, judged as the pane does."""
    return Ask(view.query, source, every, only_if=only_if, view=view, on_change=on_change)


@dataclass(frozen=True, slots=True)
class Frame:
    """All that rules judge at one moment: the last reading of each query, earlier ones, and what could not be read."""

    readings: Mapping[str, tuple[Snapshot, ...]]  # by query: oldest first, the last one is the present
    at: datetime
    troubles: Mapping[str, Trouble] = field(default_factory=dict)  # by query: why there is no reading
    rules: Mapping[str, Rule] = field(default_factory=dict)  # limits under the configuration, by name
    facts: Facts | None = None  # of the PostgreSQL server
    skipped: frozenset[str] = frozenset()  # queries that the metrics made needless
    refreshes: Mapping[str, float] = field(default_factory=dict)  # materialized views with a policy: seconds between
    extended: frozenset[str] = frozenset()  # tables with a partition policy
    statements: StatementHistory = field(default_factory=StatementHistory)
    indexes: IndexHistory = field(default_factory=IndexHistory)
    records: dict[str, tuple[Record, ...]] = field(default_factory=dict, compare=False)  # made so far, by query
    made: dict[object, object] = field(default_factory=dict, compare=False)  # so far, by what makes it

    def of(self, diagnosis: Diagnosis) -> Frame:
        """What a rule has declared that it reads, and nothing else; rows that several rules read are made once."""
        queries = {ask.query for ask in diagnosis.asks}
        readings = {query: self.readings[query] for query in queries if query in self.readings}
        troubles = {query: self.troubles[query] for query in queries if query in self.troubles}
        return replace(self, readings=readings, troubles=troubles, skipped=self.skipped & queries)

    def bare(self) -> Frame:
        """The frame without its readings."""
        return replace(self, readings={}, troubles={}, skipped=frozenset(), records={}, made={})

    def is_like(self, other: Frame) -> bool:
        """Whether both are the same but for their readings: in the same minute, of the same server."""
        return (
            self.at.timestamp() // 60 == other.at.timestamp() // 60
            and (self.facts is other.facts or self.facts == other.facts)
            and self.statements is other.statements
            and self.indexes is other.indexes
        )

    def seen(self, queries: Iterable[str]) -> Seen:
        """What whoever reads these queries finds."""
        found: Seen = {}
        for query in queries:
            kept = self.readings.get(query)
            found[query] = (kept[-1] if kept else None, self.troubles.get(query), query in self.skipped)
        return found

    def still_shows(self, seen: Seen) -> bool:
        """Whether the same is found in this frame: the same readings."""
        readings, troubles, skipped = self.readings, self.troubles, self.skipped
        for query, (last, trouble, was_skipped) in seen.items():
            kept, why = readings.get(query), troubles.get(query)
            if (
                (kept[-1] if kept else None) is not last
                or (query in skipped) is not was_skipped
                or not (why is trouble or why == trouble)
            ):
                return False
        return True

    def rows(self, query: str) -> tuple[Record, ...]:
        """The rows of the last reading; none if it was not needed. Raises CannotTell if it could not be read."""
        if query in self.skipped:
            return ()
        last = self._last(query)
        if query not in self.records:
            self.records[query] = _records(last)
        return self.records[query]

    def rows_with(self, query: str, column: str, holds: Callable[[object], bool]) -> tuple[Record, ...]:
        """Those rows of the last reading for whose value in a column `holds` is true: of thousands no others are made.

        None if it was not needed. Raises CannotTell if it could not be read.
        """
        if query in self.skipped:
            return ()
        last = self._last(query)
        if query in self.records or last.unknown or last.is_partial:
            return tuple(row for row in self.rows(query) if holds(row[column]))
        found = compress(last.rows, map(holds, last.values(column)))
        return tuple(dict(zip(last.columns, row, strict=True)) for row in found)

    def once(self, make: Callable[[Frame], Made]) -> Made:
        """What `make` makes of this frame; what several rules need of the same readings is made once."""
        if make not in self.made:
            self.made[make] = make(self)
        return self.made[make]  # type: ignore[return-value]

    def hidden(self, query: str) -> tuple[Trouble, ...]:
        """Why the last reading shows less than it could. Raises CannotTell if there is none."""
        return () if query in self.skipped else self._last(query).hidden

    def silent(self, query: str) -> Trouble | None:
        """Why what a query asks does not answer; None: it does. Raises CannotTell if it could not be read otherwise."""
        why = self.troubles.get(query)
        if why is None or why.kind is not Kind.UNREACHABLE:
            self.rows(query)
            return None
        return why

    def row(self, query: str) -> Record:
        """The only row of a query. Raises CannotTell if there is none."""
        found = self.rows(query)
        if not found:
            raise CannotTell(f"{query} returned no row.")
        return found[0]

    def earlier(self, query: str, seconds: float) -> tuple[Snapshot, float]:
        """The oldest reading of the last `seconds` and how many seconds before the last one it was taken.

        Raises CannotTell if there is no earlier one.
        """
        last = self._last(query)
        for reading in self.readings[query][:-1]:
            elapsed = last.since(reading)
            if elapsed is not None and elapsed <= seconds:
                return reading, elapsed
        raise CannotTell("Needs a second reading to compare with.")

    def change(self, query: str, column: str, seconds: float) -> tuple[float, float]:
        """By how much a counter of a one-row query rose in the last `seconds`, and in how many seconds.

        Raises CannotTell if there is no earlier reading or the counter was reset meanwhile.
        """
        before, elapsed = self.earlier(query, seconds)
        old, new = next(iter(before.records()), {}).get(column), self.row(query).get(column)
        if not isinstance(old, int | float) or not isinstance(new, int | float):
            raise CannotTell(f"{column} is not known on this server.")
        if new < old:
            raise CannotTell("The server's counters were reset since the reading before.")
        return new - old, elapsed

    def level(self, rule: Rule, value: object) -> Level:
        """The severity of `value` under the limits of the configuration."""
        return self.limits(rule).level(value)

    def limits(self, rule: Rule) -> Rule:
        """`rule` under the limits of the configuration."""
        return self.rules.get(rule.name, rule)

    def _last(self, query: str) -> Snapshot:
        if query in self.troubles:
            why = self.troubles[query]
            raise CannotTell(why.sentence, why.remedy, why.lacks)
        found = self.readings.get(query)
        if not found:
            raise CannotTell("It was not read yet.")
        return found[-1]


class _PartialRow(dict[str, object]):
    """A row in which some columns are not known: a rule that looks at one of them cannot tell."""

    def __init__(self, row: Record, unknown: Snapshot) -> None:
        super().__init__((name, value) for name, value in row.items() if name not in unknown.unknown)
        self._of = unknown

    def __missing__(self, name: str) -> object:
        if name in self._of.unknown:
            why = self._of.hidden[0]
            raise CannotTell(why.sentence, why.remedy)
        raise KeyError(name)

    def get(self, name: str, default: object = None) -> object:
        return self[name] if name in self or name in self._of.unknown else default


def _records(taken: Snapshot) -> tuple[Record, ...]:
    """The rows of a reading. Raises CannotTell if rows may be missing."""
    if not taken.unknown and not taken.is_partial:
        return tuple(taken.records())
    if taken.is_partial:
        why = taken.hidden[0]
        raise CannotTell(why.sentence, why.remedy)
    return tuple(_PartialRow(row, taken) for row in taken.records())


class Urgency(StrEnum):
    """How soon somebody should look at what a rule finds."""

    NOW = "now"
    SOON = "soon"
    CARE = "care"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A rule that finds root causes: what it reads, under which limits, and a pure function over a frame."""

    name: str
    title: str  # what is wrong when it finds something, as a noun phrase
    urgency: Urgency
    asks: tuple[Ask, ...]
    judge: Callable[[Frame], Iterable[Finding]]  # may raise CannotTell
    rules: tuple[Rule, ...] = ()  # limits it judges by
    hold: float = 0.0  # seconds for which the condition must hold; it clears when gone for twice as long
    misses: str = ""  # what it cannot find, or not within seconds: one sentence


OFTEN, SELDOM, RARELY = 5.0, 60.0, 600.0  # seconds between two readings of a query
CHANGES = "changes"  # a cheap query whose columns show that something was changed
RELATIONS = (Signal("relations"),)  # tables, indexes, partitions, columns, constraints
DEFINITIONS = (*RELATIONS, Signal("definitions"))  # also functions, triggers, defaults
EXTENSIONS, ROLES = (Signal("extensions"),), (Signal("roles"),)
SETTINGS = (Signal("settings"),)  # the configuration was reloaded
JOBS = (Signal("jobs", by=1),)  # rows of the queue were written
OUTDATED = (Signal("outdated", by=100_000),)  # rows of this database were updated or deleted
DEFAULTED = (Signal("defaulted", by=1),)  # rows of default partitions were written
IDS = (Signal("xids", by=100_000), Signal("mxids", by=100_000))  # transaction and multixact IDs were assigned
