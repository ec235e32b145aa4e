"""What sessions waited for at a moment, from the metrics: the pane Waits need not have been on the screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from console.model import Row, Snapshot
from console.past.moment import MakeAnswer
from console.past.readings import PastReadings
from console.past.segment import Stream
from console.series import wait_rows
from console.series.wait_rows import Known, who
from console.series.waits import HOUR, Ring, SampledSession
from console.sources.registry import PRIMARY
from console.watching import wait_texts
from console.watching.waits import VIEWS, sampled_in

VITALS = Stream(PRIMARY, "vitals")
FRESH = 15.0  # seconds; the metrics are read every two
WINDOW = 300  # seconds
NOTE = "From the samples that are read with the metrics."
PRESENT = ("class", "event", "sessions", "longest", "pid", "who", "query")  # columns of the query waits
UNKNOWN = "From the metrics; how long they had waited is not known."


def waits_then(query: str, seconds: float = WINDOW) -> MakeAnswer:
    """The rows of a view of the pane Waits, of so many seconds until a moment."""

    def make(readings: PastReadings, moment: float) -> Snapshot | None:
        last = last_vitals(readings, moment)
        if last is None:
            return None
        ring = Ring()
        for taken in (*readings.before(VITALS, moment, HOUR), last):
            at = taken.taken_at.timestamp()
            ring.add(at, at, list(_sessions(taken)))
        known = Known(texts=wait_texts.folded())
        measured = wait_rows.measured(ring, seconds)
        measured = replace(measured, course=wait_rows.course(ring, seconds, None))
        columns, rows = VIEWS[query](measured, known)
        notes = (*wait_rows.notes(measured, known), NOTE)
        return replace(last, name=query, columns=columns, rows=tuple(rows), notes=notes, hidden=())

    return make


def present_waits_then(readings: PastReadings, moment: float) -> Snapshot | None:
    """The rows of the query waits at a moment: for what how many sessions waited."""
    last = last_vitals(readings, moment)
    if last is None:
        return None
    sessions = list(_sessions(last))
    examples = {(each.wait_class, each.event): each for each in reversed(sessions)}
    rows: list[Row] = []
    for (class_, event), many in Counter((each.wait_class, each.event) for each in sessions).most_common():
        example = examples[class_, event]
        rows.append((class_, event or None, many, None, example.pid, who(example), None))
    return replace(last, name="waits", columns=PRESENT, rows=tuple(rows), notes=(UNKNOWN,), hidden=())


def last_vitals(readings: PastReadings, moment: float) -> Snapshot | None:
    """The last reading of the metrics until a moment, if it is recent and has a sample of the sessions."""
    found = readings.at(VITALS, moment)
    if found is None or moment - found.at > FRESH or not isinstance(found.answer, Snapshot):
        return None
    return found.answer if found.answer.rows and "sampled" in found.answer.columns else None


def _sessions(taken: Snapshot) -> Iterator[SampledSession]:
    if taken.rows and "sampled" in taken.columns:
        for alike in sampled_in(taken).values():
            yield from alike.values()
