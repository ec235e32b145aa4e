"""Reads the drift of a database, for the schema pane, the notice at start-up and adopt-schema."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from console.drift.differences import compare
from console.drift.schema_entries import SchemaEntry, entries, expected
from console.drift.sides import Difference, Remedy
from console.model import Row, Snapshot, Source
from console.records import dataclass

QUERY = "drift_catalog"
COLUMNS = ("object", "problem", "expected", "found", "remedy", "why")
NO_SCHEMA = "There is no pipeline schema in this database."


@dataclass(frozen=True, slots=True)
class Drift:
    """How a database differs from the pipeline schema."""

    present: bool  # it has pipeline tables
    found: tuple[SchemaEntry, ...]
    differences: tuple[Difference, ...]

    def of(self, remedy: Remedy) -> tuple[Difference, ...]:
        """The differences that `remedy` fixes."""
        return tuple(difference for difference in self.differences if difference.remedy is remedy)

    @property
    def sentence(self) -> str:
        """The drift in one sentence; empty if there is none."""
        if not self.differences:
            return ""
        number = len(self.differences)
        return f"The pipeline schema differs in {number} place{'' if number == 1 else 's'}."


async def drift(server: Source) -> Drift:
    """The drift of the connected database now. Raises Trouble."""
    read = (await server.fetch(QUERY)).in_full()
    return await asyncio.to_thread(judged, read)  # hundreds of entries: the screen goes on meanwhile


def judged(snapshot: Snapshot) -> Drift:
    """The drift of a catalog that was read."""
    found = entries(snapshot)
    return Drift(bool(found), found, compare(expected(), found) if found else ())


def rows(snapshot: Snapshot) -> Snapshot:
    """The differences as rows of the drift view; none where the catalog lacks what is compared."""
    if snapshot.unknown or snapshot.is_partial:
        return replace(snapshot, columns=COLUMNS, rows=(), unknown=(), is_partial=True)
    seen = judged(snapshot)
    if not seen.present:
        return replace(snapshot, columns=COLUMNS, rows=(), notes=(*snapshot.notes, NO_SCHEMA))
    return replace(snapshot, columns=COLUMNS, rows=tuple(_row(difference) for difference in seen.differences))


def _row(difference: Difference) -> Row:
    wanted = difference.wanted
    meant = {
        "column": f"{wanted.definition}{' NOT NULL' if wanted.required else ''}"
        f"{f' DEFAULT {wanted.detail}' if wanted.detail else ''}",
        "function": "as in the migrations",
        "relation": " ".join(
            part for part in (wanted.definition, f"({wanted.detail})" if _has_shown_detail(wanted) else "") if part
        ),
    }.get(wanted.kind, wanted.definition)
    return (
        difference.name,
        str(difference.problem),
        meant,
        difference.found or None,
        difference.remedy.value,
        difference.why or None,
    )


def _has_shown_detail(wanted: SchemaEntry) -> bool:
    return bool(wanted.detail) and wanted.definition == "table"
