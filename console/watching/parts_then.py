"""What is a part of another answer: of a moment of the past, only the whole need have been read. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from console.model import Facts, Snapshot
from console.sources.log import ring
from console.watching.vacuum_clock import ADDED


def due_tables(clock: Snapshot, facts: Facts) -> Snapshot:
    """The tables that VACUUM is or will be due for, of which the clock of autovacuum is made."""
    del facts
    kept = [at for at, name in enumerate(clock.columns) if name not in ADDED]
    rows = tuple(tuple(row[at] for at in kept) for row in clock.rows)
    return replace(clock, columns=tuple(clock.columns[at] for at in kept), rows=rows)


def of_log(query: str) -> Callable[[Snapshot, Facts], Snapshot]:
    """A view of the log, of the entries of all databases; the facts are those of the server."""

    def part(everywhere: Snapshot, facts: Facts) -> Snapshot:
        entries = ring.entries_in(everywhere.records())
        own = [each for each in entries if ring.is_of(each[1], facts.database)]
        rows = ring.view_rows(query, own, entries, everywhere.taken_at)
        return replace(everywhere, columns=ring.VIEWS[query], rows=tuple(rows))

    return part
