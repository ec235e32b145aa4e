"""`show --at` and `--since`: a pane as a console of this user, or `watch`, read it at a moment, and what differs."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace

from console.cli.interrupting import run_interruptible
from console.cli.kept_past import mark_of, past_of
from console.cli.show import options_of, print_once
from console.model import Kind, Source, Trouble
from console.past.moment import PastReaders, clock
from console.settings.config import Settings, Wanted

Say = Callable[[str], None]


def show_past(options: Namespace, settings: Settings, wanted: Wanted, say: Say) -> int:
    """Print a pane as it was; returns 0. Raises Trouble if nothing was read then."""
    if options.watch is not None:
        raise Trouble(Kind.USAGE, "--watch and --at exclude each other.", "What was read does not change.")
    past = past_of(options.at, wanted)
    asked = options_of(options, settings)
    if options.since:
        asked = replace(asked, mark=mark_of(options.since, wanted))
    name = asked.pane.source_of(asked.view)
    source: Source = past.named(name)
    say(f"as it was at {clock(past.moment)}")
    return run_interruptible(print_once(asked, PastReaders(past).of(name, asked.view), source, say))
