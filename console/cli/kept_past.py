"""What consoles of this user, or `watch`, read of a target until a moment."""

from __future__ import annotations

from datetime import UTC, datetime

from console.model import Kind, Trouble
from console.past.mark import Mark
from console.past.moment import PastMoment
from console.past.readings import PastReadings
from console.past.store import ReadingLibrary, store_of
from console.past.times import window_meant
from console.running.trail.audit import default_trail
from console.settings.config import Wanted
from console.watching.past import past_at


def mark_of(text: str, wanted: Wanted) -> Mark:
    """The moment that `text` names, to compare with. Raises Trouble if nothing of the target was kept."""
    return Mark(past_of(text, wanted))


def past_of(text: str, wanted: Wanted) -> PastMoment:
    """What was known at the moment that `text` names, or at the end of that window of the waits.

    Raises Trouble if nothing of the target was kept.
    """
    moment, window = window_meant(text, datetime.now(UTC))
    library = ReadingLibrary(store_of(default_trail().path.parent, wanted.target))
    if library.span() is None:
        remedy = "The console and `watch` keep what they read; -t must name the target as it did there."
        raise Trouble(Kind.MISSING, "Nothing of this target was kept.", remedy)
    return past_at(PastReadings(library.segments(moment)), moment, window)
