"""Recorded snapshots as a source: a file answers in place of the server it was taken from.

A recording is one JSON object: `facts`, and `reads` with the snapshots of each query in the order they were taken.
What JSON cannot write is an object with one key: `json_values.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from console.format import safe
from console.model import Extension, Facts, Haste, Kind, Snapshot, Trouble
from console.sources.json_values import revived, tagged

MOST_ROWS = 2_000  # of one snapshot that are kept

Reads = Mapping[str, Sequence[Snapshot]]


class Replay:
    """Answers each query with the recorded reads in order, then with the last one again."""

    retry_in = 0.0
    busy = 0.0

    def __init__(self, facts: Facts, reads: Reads, name: str) -> None:
        """`name` is that of the source which was recorded."""
        self.name = name
        self.facts = facts
        self.reads = reads
        self._asked: dict[str, int] = {}

    @property
    def known(self) -> Facts:
        """The recorded facts."""
        return self.facts

    @property
    def label(self) -> str:
        """As it was recorded."""
        return self.facts.label

    async def connect(self) -> Facts:
        """The recorded facts."""
        return self.facts

    async def learn(self) -> Facts:
        """The recorded facts."""
        return self.facts

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """The next recorded snapshot; with parameters, the rows whose columns have these values."""
        reads = self._of(query)
        at = self._asked.get(query, 0)
        self._asked[query] = at + 1
        snapshot = reads[min(at, len(reads) - 1)]
        return _matching(snapshot, parameters) if parameters else snapshot

    def text(self, query: str) -> str:
        """The statement that was recorded."""
        return self._of(query)[0].sql

    def obstacle(self, query: str) -> Trouble | None:
        """That it was not recorded."""
        return None if query in self.reads else _not_recorded(query)

    async def until_due(self, query: str, period: float) -> None:
        """Wait for the period."""
        del query
        await asyncio.sleep(period)

    async def pulse(self, seconds: float) -> None:
        """A recording always answers."""

    def sharing(self) -> AbstractContextManager[None]:
        """A recording costs nobody anything."""
        return nullcontext()

    def hurry(self, haste: Haste | None) -> None:
        """A recording always has time."""

    def cut(self) -> None:
        """There is nothing to end."""

    async def ask(self, name: str, text: str) -> Snapshot:
        """Raises Trouble(UNSUPPORTED): a recording runs no statement."""
        del text
        raise Trouble(Kind.UNSUPPORTED, f"A recording cannot run {safe(name, 80)}.")

    async def fetch_as(self, role: str, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """As `fetch`: a recording runs no code."""
        del role
        return await self.fetch(query, parameters)

    async def ask_as(self, role: str, name: str, text: str) -> Snapshot:
        """As `ask`."""
        del role
        return await self.ask(name, text)

    async def attempt(self, statement: str) -> str:
        """Raises Trouble(UNSUPPORTED): a recording runs no statement."""
        raise Trouble(Kind.UNSUPPORTED, f"A recording cannot run {safe(statement, 80)}.")

    async def close(self) -> None:
        """There is nothing to close."""

    def _of(self, query: str) -> Sequence[Snapshot]:
        if query not in self.reads:
            raise _not_recorded(query)
        return self.reads[query]


def load(path: Path, name: str) -> Replay:
    """The recording in a file. Raises Trouble(USAGE) if it cannot be read or is not a recording."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"), object_hook=revived)
        known = document["facts"]
        extensions = {
            extension: Extension(tuple(found["version"]), found["schema"])
            for extension, found in known.pop("extensions").items()
        }
        recorded = {query: found for query, found in document["reads"].items() if found}
        reads = {query: [_snapshot(query, read) for read in found] for query, found in recorded.items()}
        return Replay(Facts(**known, extensions=extensions), reads, name)
    except OSError as error:
        raise Trouble(Kind.USAGE, f"{safe(path)} cannot be read ({error.strerror}).") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Trouble(Kind.USAGE, f"{safe(path)} is not a recording.") from None


def save(path: Path, facts: Facts, reads: Reads) -> None:
    """Write a recording."""
    document = {
        "facts": asdict(replace(facts, extensions=dict(facts.extensions))),
        "reads": {query: [_plain(snapshot) for snapshot in found] for query, found in reads.items()},
    }
    text = json.dumps(document, default=tagged, separators=(",", ":")).replace('],["', '],\n["')
    path.write_text(text + "\n", encoding="utf-8")


def _matching(snapshot: Snapshot, parameters: Mapping[str, object]) -> Snapshot:
    wanted = [value if isinstance(value, list) else [value] for value in parameters.values()]
    asked = set(zip(*wanted, strict=True))
    if not set(parameters) <= set(snapshot.columns):
        return replace(snapshot, rows=())  # the recording does not hold to which row these details belong
    at = [snapshot.index(column) for column in parameters]
    return replace(snapshot, rows=tuple(row for row in snapshot.rows if tuple(row[i] for i in at) in asked))


def _not_recorded(query: str) -> Trouble:
    return Trouble(Kind.MISSING, f"{safe(query, 80)} was not recorded.")


def _plain(snapshot: Snapshot) -> dict[str, object]:
    return {
        "columns": snapshot.columns,
        "rows": snapshot.rows[:MOST_ROWS],
        "taken_at": snapshot.taken_at,
        "clock": snapshot.clock,
        "sql": snapshot.sql,
        "notes": snapshot.notes,
    }


def _snapshot(query: str, read: Mapping[str, Any]) -> Snapshot:
    columns, rows = tuple(map(str, read["columns"])), tuple(tuple(row) for row in read["rows"])
    if not isinstance(read["taken_at"], datetime) or any(len(row) != len(columns) for row in rows):
        raise ValueError(query)
    notes = tuple(map(str, read["notes"]))
    return Snapshot(query, columns, rows, read["taken_at"], 0.001, float(read["clock"]), str(read["sql"]), notes)
