"""Which moment the panes show: the present, or one of the past to which all of them turn together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING

from console.format import in_words
from console.model import Finding, Kind, Pane, Snapshot, Source, Trouble, View
from console.panes.metrics import VITALS
from console.panes.overview import OVERVIEW
from console.reading.reader import Reader, Readers
from console.sources.registry import OPTIONAL, POOLER, PRIMARY, RULES
from console.tui.vitals import POOLS, Vitals
from console.workspace import Workspace

if TYPE_CHECKING:
    from console.past.moment import PastMoment, PastReaders
    from console.past.segment import Stream
    from console.watching.past import KeptReadings

COURSE = 240.0  # seconds of the metrics' course that are shown
PRESENT = 3.0  # seconds that are as good as the present


class PaneTimes:
    """Hands panes their readers and sources: the live ones, or those of the moment that is shown."""

    def __init__(
        self, workspace: Workspace, live: Readers, live_vitals: Vitals, kept: KeptReadings | None = None
    ) -> None:
        """`kept` are readings that have no present, as those of a file; None: those of this console."""
        self._workspace = workspace
        self._kept = kept
        self._live = live
        self._live_vitals = live_vitals
        self._turns = 0  # how often another moment was asked for
        self._window: float | None = None  # seconds of the waits that are shown of a moment; None: as it was then
        self.goal: float | None = None  # the moment that was asked for last, in seconds since 1970; None: the present
        self.then: PastMoment | None = None  # what is shown; None: the present
        self._vitals: Vitals | None = None  # those of a moment of the past
        self.findings: Sequence[Finding] = ()
        self._readers: PastReaders | None = None

    @property
    def is_file(self) -> bool:
        """Whether there is no present, as in a file."""
        return self._kept is not None

    async def turn_to(self, moment: float) -> None:
        """Show a moment of the file."""
        if self._kept is not None:
            from console.watching.past import past_at  # noqa: PLC0415

            self.goal = moment
            await self._show(past_at(self._kept.readings(moment), moment, self._window))

    @property
    def is_past(self) -> bool:
        """Whether what is shown is the past."""
        return self.then is not None

    def of(self, source: str, view: View) -> Reader:
        """The reader of a view at the moment that is shown."""
        return self._readers.of(source, view) if self._readers else self._live.of(source, view)

    def guarded(self) -> AbstractContextManager[None]:
        """What surrounds whatever is done with the values that are shown: those of a stranger's file can be wrong."""
        if self.then is None or not self.then.readings.is_foreign:
            return nullcontext()
        from console.past.foreign import foreign_values  # noqa: PLC0415

        return foreign_values()

    def source(self, pane: Pane, view: View) -> Source:
        """The source of a view at that moment. Raises Trouble(MISSING) if it is not configured."""
        name, sources = pane.source_of(view), self._workspace.sources
        if self.then is None:
            return sources.of(pane, view)
        if name in OPTIONAL and not self.then.has_read(name):
            sources.named(name)  # raises how to get one
        return self.then.named(name)

    def details_source(self, pane: Pane, view: View) -> Source:
        """The source of the details of a row at that moment. Raises Trouble(MISSING) if it is not configured."""
        return self.source(pane, view) if self.then else self._workspace.sources.of_details(pane, view)

    @property
    def vitals(self) -> Vitals:
        """The metrics of the header at that moment, and their course until then."""
        return self._vitals or self._live_vitals

    @property
    def text(self) -> str:
        """The moment as the header names it; empty: the present."""
        if self.then is None:
            return ""
        from console.past.moment import clock  # noqa: PLC0415  loaded with the first turn to the past

        return f"{in_words(time.time() - self.then.moment)} ago, {clock(self.then.moment)}"

    @property
    def remark(self) -> str:
        """What an answer of the present says while the past is shown; empty: the present is shown."""
        if self.then is None:
            return ""
        ago = in_words(time.time() - self.then.moment)
        return f"The screen shows the state of {ago} ago; this is made from the present state."

    @property
    def refusal(self) -> str:
        """Why what acts on the present is not possible now; empty: the present is shown."""
        if self.is_file:
            return "This is an incident file: there is no server to act on."
        return "The screen shows the past, and this would act on the present; ] turns back to it." if self.then else ""

    async def turn(self, seconds: float) -> str:
        """Show another moment, so many seconds later or, if negative, earlier; why that is not possible, or empty."""
        now = time.time()
        before = now if self.goal is None else self.goal
        self.goal = before + seconds
        if self.goal >= now - PRESENT and self._kept is None:
            self.show_present()
            return ""
        self._turns += 1
        turn, goal = self._turns, self.goal
        if self._kept is None:
            await self._workspace.recorder.flush()
        found = await asyncio.to_thread(self._moment_near, goal, seconds)
        if turn != self._turns:
            return ""  # a later key asks for another one
        if found is None and seconds > 0 and self._kept is None:
            self.show_present()
            return ""
        if found is None or (found.moment >= before and seconds < 0):
            self.goal = self.then.moment if self.then else None
            return "Nothing earlier was kept." if seconds < 0 else "Nothing later was kept."
        self.goal = found.moment
        await self._show(found)
        return ""

    @property
    def window(self) -> float:
        """Seconds of the waits that are shown."""
        from console.watching.waits_then import WINDOW  # noqa: PLC0415  loaded with the first turn to the past

        return (self._window or WINDOW) if self.is_past else self._workspace.waits.seconds

    async def show_window(self, seconds: float) -> None:
        """Show the waits of so many seconds until the moment that is shown."""
        from console.watching.past import past_at  # noqa: PLC0415  loaded with the first turn to the past

        if self.then is None:
            self._workspace.waits.show_window(seconds)
        else:
            self._window = seconds
            await self._show(past_at(self.then.readings, self.then.moment, seconds))

    def show_present(self) -> None:
        """Show the present again."""
        self._turns += 1
        self.goal = self.then = self._vitals = self._readers = self._window = None
        self.findings = ()

    def _moment_near(self, goal: float, seconds: float) -> PastMoment | None:
        """The moment `goal`, or the next one in that direction at which something was read."""
        from console.watching.past import past_near  # noqa: PLC0415  loaded with the first turn to the past

        return past_near(self._kept or self._workspace.recorder, goal, back=seconds < 0, window=self._window)

    async def _show(self, then: PastMoment) -> None:
        from console.past.moment import PastReaders  # noqa: PLC0415
        from console.watching.findings import findings_of  # noqa: PLC0415

        vitals = await self._vitals_of(then)
        try:
            findings = findings_of(await then.named(RULES).fetch(OVERVIEW.views[0].query))
        except (Trouble, ValueError):
            findings = []  # the rules were not evaluated then
        self.then, self._readers = then, PastReaders(then)
        self._vitals, self.findings = vitals, findings

    async def _vitals_of(self, then: PastMoment) -> Vitals:
        """The metrics of a moment and their course until then."""
        from console.past.foreign import foreign_values  # noqa: PLC0415
        from console.past.segment import Stream  # noqa: PLC0415
        from console.sources.replay import Replay  # noqa: PLC0415

        vitals = Vitals(Readers(), self._workspace.settings.thresholds)
        stream = Stream(PRIMARY, VITALS.query)
        try:
            last = await then.named(PRIMARY).fetch(stream.query)
        except Trouble as why:
            vitals.trouble = why if why.kind is Kind.UNREACHABLE else None
            return vitals
        reads = [*then.readings.before(stream, then.moment, COURSE), last]
        past = Replay(then.named(PRIMARY).facts, {stream.query: reads}, PRIMARY)
        pools = await _past_course(then, Stream(POOLER, POOLS))
        with suppress(Trouble), foreign_values() if then.readings.is_foreign else nullcontext():
            await vitals.recall(past, len(reads), pools)
        return vitals


async def _past_course(then: PastMoment, stream: Stream) -> list[Snapshot]:
    """What was read of a query in the time until a moment for which the metrics' course is shown, oldest first."""
    try:
        last = await then.named(stream.source).fetch(stream.query)
    except Trouble:
        return []
    return [*then.readings.before(stream, then.moment, COURSE), last]
