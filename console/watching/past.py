"""The past of a target as the panes show it: how old a reading may be, and what stands for one that was not made."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Protocol

from console.model import Kind, Trouble
from console.panes import PANES
from console.past.moment import MakeAnswer, PartOf, PastMoment, Remake, Usual
from console.past.readings import PastReadings
from console.rules.diagnoses import DIAGNOSES
from console.series.waits import HOUR
from console.sources.registry import ADVICE, CLOCK, LOG, PRIMARY, RULES, WAITS
from console.watching.asks import merged
from console.watching.findings import remade
from console.watching.history_then import history_then
from console.watching.lock_rows import locks_then
from console.watching.parts_then import due_tables, of_log
from console.watching.sessions_then import sessions_then
from console.watching.waits import VIEWS
from console.watching.waits_then import present_waits_then, waits_then

LEAST = 15.0  # seconds for which any reading stands
LEAST_KEPT = 120.0  # seconds for which a reading stands that was made for the past alone: a busy server gets few
PERIODS = 3.0  # of the pane, or of the rules, after which it is another matter
EVERYWHERE = "log_everywhere"
MADE: Mapping[tuple[str, str], MakeAnswer] = {
    (PRIMARY, "locks"): locks_then,
    (PRIMARY, "waits"): present_waits_then,
    (PRIMARY, "connections"): sessions_then,
    (RULES, "finding_history"): history_then,
    **{(WAITS, query): waits_then(query) for query in VIEWS},
}
PARTS: Mapping[tuple[str, str], PartOf] = {
    (PRIMARY, "vacuum_due"): PartOf(CLOCK, "vacuum_clock", due_tables),
    **{(LOG, query): PartOf(LOG, EVERYWHERE, of_log(query)) for query in ("log_entries", "log_kinds", "log_errors")},
}
REMADE: Mapping[tuple[str, str], Remake] = {(RULES, "findings"): remade}


def past_at(readings: PastReadings, moment: float, window: float | None = None) -> PastMoment:
    """What was known at a moment; of the waits so many seconds until then. None: as they were shown, else five minutes.

    Raises Trouble(USAGE) for a window that is empty, or longer than what is known of a moment.
    """
    if window is None:
        return PastMoment(readings, moment, usual, MADE, PARTS, REMADE)
    if not 1.0 <= window <= HOUR:
        raise Trouble(
            Kind.USAGE, "A window of waits is a second to an hour long.", "FROM..TO: 14:05..14:10, -20m..-15m"
        )
    chosen = {(WAITS, query): waits_then(query, window) for query in VIEWS}
    return PastMoment(readings, moment, usual, {**MADE, **chosen}, PARTS, REMADE, tuple(chosen))


class KeptReadings(Protocol):
    """Whatever keeps readings: a console with its files, or one file that was opened."""

    def readings(self, moment: float) -> PastReadings:
        """What was read around a moment."""
        ...

    def nearest(self, moment: float, back: bool) -> float | None:
        """When readings further away end (with `back`, before the moment) or begin; None: there are none."""
        ...


def past_near(kept: KeptReadings, goal: float, *, back: bool, window: float | None = None) -> PastMoment | None:
    """The past at `goal`; if nothing was read shortly before, at the next reading in that direction; None: none.

    `window` is that of the waits, as past_at takes it.
    """
    readings = kept.readings(goal)
    last = readings.last(goal)
    if last is not None and goal - last <= LEAST:
        return past_at(readings, goal, window)
    moment = last if back else readings.next(goal)
    moment = kept.nearest(goal, back) if moment is None else moment
    if moment is None and back:
        moment = readings.next(goal)  # the first of all
    return None if moment is None else past_at(kept.readings(moment), moment, window)


def usual(query: str) -> Usual:
    """How old a reading of a query may be: some periods of the pane that shows it, or of whatever else reads it."""
    return _usual().get(query, Usual(LEAST, LEAST))


@cache
def _usual() -> Mapping[str, Usual]:
    shown: dict[str, float] = {}
    kept: dict[str, float] = {}
    costly: set[str] = set()
    searched: set[str] = set()
    for pane in PANES:
        for view in pane.views:
            shown[view.query] = max(shown.get(view.query, 0.0), pane.refresh)
            if view.kept:
                kept[view.query] = view.kept
            if view.costs:
                costly.add(view.query)
            if pane.source_of(view) == ADVICE:  # it stands until the next one: nobody searches all the time
                searched.add(view.query)
    asks = merged(DIAGNOSES)
    judged = {ask.query: max(ask.every, ask.unchanged) for ask in asks}
    always = {ask.query: judged[ask.query] for ask in asks if ask.only_if is None}
    return {
        query: Usual(
            max(LEAST, PERIODS * shown.get(query, 0.0)),
            max(
                HOUR if query in searched else LEAST_KEPT if query in kept else LEAST,
                *(PERIODS * each.get(query, 0.0) for each in (shown, judged, kept)),
            ),
            min((each[query] for each in (always, kept) if query in each), default=0.0),
            query in costly,
        )
        for query in {*shown, *judged}
    }
