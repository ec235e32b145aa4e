"""`show --at`: a pane as a console of this user, or `watch`, read it at a moment. No server is asked."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from datetime import UTC, datetime

from console.cli.interrupting import run_interruptible
from console.cli.show import options_of, print_once
from console.model import Kind, Source, Trouble
from console.past.moment import PastReaders, clock
from console.past.readings import PastReadings
from console.past.store import ReadingLibrary, store_of
from console.past.times import moment_meant
from console.running.trail.audit import default_trail
from console.settings.config import Settings, Wanted
from console.watching.past import past_at

Say = Callable[[str], None]


def show_past(options: Namespace, settings: Settings, wanted: Wanted, say: Say) -> int:
    """Print a pane as it was; returns 0. Raises Trouble if nothing was read then."""
    if options.watch is not None:
        raise Trouble(Kind.USAGE, "--watch and --at exclude each other.", "What was read does not change.")
    moment = moment_meant(options.at, datetime.now(UTC).astimezone()).timestamp()
    library = ReadingLibrary(store_of(default_trail().path.parent, wanted.target))
    span = library.span()
    if span is None:
        remedy = "The console and `watch` keep what they read; -t must name the target as it did there."
        raise Trouble(Kind.MISSING, "Nothing of this target was kept.", remedy)
    asked = options_of(options, settings)
    past = past_at(PastReadings(library.segments(moment)), moment)
    name = asked.pane.source_of(asked.view)
    source: Source = past.named(name)
    say(f"as it was at {clock(moment)}")
    return run_interruptible(print_once(asked, PastReaders(past).of(name, asked.view), source, say))
