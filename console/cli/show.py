"""`show`: one read of a pane, or one after the other, as table, JSON or CSV."""

from __future__ import annotations

import asyncio
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from console.cli.interrupting import run_interruptible
from console.cli.output import OUTPUTS, Output, Taken
from console.format import safe
from console.model import Kind, Pane, Snapshot, Source, Trouble, View
from console.panes import pane as pane_called
from console.reading.arrange import arrange
from console.reading.filtering import NO_MATCH, column_called
from console.reading.reader import Key, Reader, keys
from console.reading.thresholds import configured
from console.records import dataclass
from console.settings.config import Settings, Wanted
from console.sources.registry import RULES
from console.workspace import Workspace

if TYPE_CHECKING:
    from console.cli.markdown_chart import RowCourse
    from console.past.mark import Mark

PASSING = (Kind.UNREACHABLE, Kind.BUSY)  # what a watch outlives
ROUNDS = 1000  # look-ups of one read; each learns up to a batch of rows

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ShowOptions:
    """Which rows of a pane to print."""

    pane: Pane
    view: View
    limit: int | None
    sort: str
    filter: str
    sample: float  # seconds between two reads of a view with rates; 0: one read
    watch: float | None  # seconds
    output: Output
    mark: Mark | None = None  # what the rows are compared with

    @property
    def shown(self) -> View:
        """The view as it is printed."""
        if self.mark is None:
            return self.view
        from console.reading.difference import differing  # noqa: PLC0415  seldom used

        return differing(self.view)

    async def compared(self, taken: Snapshot, reader: Reader) -> Snapshot:
        """The rows that `reader` has taken, or what differs in them from the mark.

        Raises Trouble if the view was not read at the mark.
        """
        if self.mark is None:
            return taken
        source = self.pane.source_of(self.view)
        await self.mark.learn(source, self.view)
        return self.mark.compare(source, self.view, reader) or taken


def show(options: Namespace, settings: Settings, wanted: Wanted, say: Say) -> int:
    """Print the pane as `options` ask; returns 0. Raises Trouble."""
    asked, workspace = options_of(options, settings), Workspace(settings, wanted)
    if options.since:
        from console.cli.kept_past import mark_of  # noqa: PLC0415  what was read is seldom asked for

        asked = replace(asked, mark=mark_of(options.since, wanted))
    return run_interruptible(_show(asked, workspace, say))


def options_of(options: Namespace, settings: Settings) -> ShowOptions:
    """What the options of a command ask for. Raises Trouble(USAGE) for an unknown view."""
    pane = configured(pane_called(options.pane), settings.thresholds)
    view = _view(pane, options.view)
    output, sort = OUTPUTS[options.format](options.watch is not None), options.sort or view.sort
    return ShowOptions(pane, view, options.limit, sort, options.filter, options.sample, options.watch, output)


async def print_once(asked: ShowOptions, reader: Reader, server: Source, say: Say) -> int:
    """Read and print a view once; returns 0. Raises Trouble."""
    await _print(asked, await _take(asked, reader, server), server, say)
    return 0


async def _show(asked: ShowOptions, workspace: Workspace, say: Say) -> int:
    async with workspace:
        server = workspace.sources.of(asked.pane, asked.view)
        # What rules have read is known only to a console that evaluates them all the time.
        reader = Reader(asked.view.without_lookups_in(RULES), workspace.sources.named)
        if (asked.view.rates or asked.view.compared) and asked.sample:
            await reader.read(server)
            await asyncio.sleep(asked.sample)
        await print_once(asked, reader, server, say)
        if asked.watch is not None:
            await _watch(asked, reader, server, say)
    return 0


async def _watch(asked: ShowOptions, reader: Reader, server: Source, say: Say) -> None:
    """Read and print until interrupted; outlives a server that goes away and comes back."""
    period = asked.watch or 0.0
    due = time.monotonic() + period
    lost = ""
    while True:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        due = max(due + period, time.monotonic())
        try:
            taken = await _take(asked, reader, server)
        except Trouble as trouble:
            if trouble.kind not in PASSING:
                raise
            if str(trouble) != lost:
                say(f"{trouble} Trying again.")
            lost = str(trouble)
            continue
        if lost:
            say(f"{safe(server.facts.place)} answers again.")
            lost = ""
        await _print(asked, taken, server, say)


async def _take(asked: ShowOptions, reader: Reader, server: Source) -> Snapshot:
    """One read, arranged and cut, with everything looked up for the rows that are printed.

    A filter needs the look-ups of all rows: a value that is missing matches nothing.
    """
    whole = await reader.read(server)
    taken = _arranged(asked, await asked.compared(whole, reader))
    for _ in range(ROUNDS):
        filled = await reader.fill(server, _keys(whole if asked.filter else taken, asked.view))
        if filled is None:
            break
        whole, taken = filled, _arranged(asked, await asked.compared(filled, reader))
    return taken


def _arranged(asked: ShowOptions, taken: Snapshot) -> Snapshot:
    view, sort = asked.shown, asked.sort
    if name := sort.removeprefix("-"):
        sort = ("-" if sort.startswith("-") else "") + column_called(taken, view, name)
    found = arrange(taken, view, sort, asked.filter)
    if asked.filter and not found.rows:
        found = replace(found, notes=(*found.notes, NO_MATCH))
    return found if asked.limit is None else replace(found, rows=found.rows[: asked.limit])


def _keys(taken: Snapshot, view: View) -> list[Key]:
    return keys(taken, [column for column in view.key if column in taken.columns])


async def _print(asked: ShowOptions, taken: Snapshot, server: Source, say: Say) -> None:
    # What the options leave out says nothing about the server.
    view = replace(asked.shown, empty="") if asked.filter or asked.limit == 0 else asked.shown
    asked.output(Taken(asked.pane.name, view, taken, server.facts, await _courses(asked, taken, server)))
    for note in taken.notes if asked.output.prints_notes else ():
        say(safe(note))


async def _courses(asked: ShowOptions, taken: Snapshot, server: Source) -> list[RowCourse]:
    """What the first rows were before, with their forecasts, where the view and the output draw that."""
    view = asked.view
    if not view.chart_query or not asked.output.draws or asked.mark is not None:
        return []
    from console.cli.markdown_chart import MOST_CHARTS, RowCourse  # noqa: PLC0415  few views have courses
    from console.format import show as show_value  # noqa: PLC0415  its name is that of this command
    from console.series.sampling import BYTES  # noqa: PLC0415

    title, found = view.columns[0], list[RowCourse]()
    for record in list(taken.records())[:MOST_CHARTS]:
        key = {column: record[column] for column in view.key}
        course = await server.fetch(view.chart_query, key)
        found.append(RowCourse(show_value(record[title.name], title.format), record["kind"] in BYTES, course))
    return found


def _view(pane: Pane, name: str) -> View:
    if not name:
        return pane.view(pane.printed) if pane.printed else pane.views[0]
    try:
        return pane.view(name)
    except KeyError:
        known = ", ".join(view.name for view in pane.views)
        from console.panes import PANES  # noqa: PLC0415  a misspelt view alone needs all of them

        others = [other.name for other in PANES if any(view.name == name for view in other.views)]
        hint = f" The view {name} is in: {', '.join(others)}." if others else ""
        raise Trouble(Kind.USAGE, f"{pane.name} has no view {safe(name, 80)}.", f"Views: {known}.{hint}") from None
