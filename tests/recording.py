"""A recording of real servers, replayed through the same panes.

    python -m tests.recording POSTGRES_URI PGBOUNCER_ADMIN_URI
    python -m tests.recording --pane NAME POSTGRES_URI PGBOUNCER_ADMIN_URI

reads every view twice, two seconds apart, and writes tests/recordings/; with --pane, only what that pane reads is
replaced. `pipeline-console demo --headless` prints both URIs (`postgres` and `pgbouncer_admin`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from console.local import LocalServer
from console.model import Extension, Facts, Kind, Pane, Snapshot, Source, Trouble, View
from console.panes import PANES
from console.reading.reader import Reader, keys
from console.running.trail.audit import Trail
from console.sources.pgbouncer.admin import PgBouncerServer
from console.sources.pgbouncer.several import PgBouncers
from console.sources.postgres import PostgresServer

FOLDER = Path(__file__).parent / "recordings"
TRAIL = Trail(FOLDER / "audit.jsonl")


@dataclass
class Recording:
    """Answers each query with what was recorded, read after read; at its end with the last read again."""

    facts: Facts
    reads: dict[str, list[Snapshot]]
    asked: dict[str, int] = field(default_factory=dict)
    busy: float = 0.0
    retry_in: float = 0.0

    @property
    def known(self) -> Facts:
        return self.facts

    @property
    def label(self) -> str:
        return self.facts.label

    async def connect(self) -> Facts:
        return self.facts

    async def fetch(self, name: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        at = self.asked.get(name, 0)
        self.asked[name] = at + 1
        if name not in self.reads:
            raise Trouble(Kind.DENIED, f"The role may not read {name}.")
        reads = self.reads[name]
        snapshot = reads[min(at, len(reads) - 1)]
        if parameters is None:
            return snapshot
        asked = set(zip(*(value for value in parameters.values() if isinstance(value, list)), strict=True))
        found = zip(snapshot.rows, keys(snapshot, tuple(parameters)), strict=True)
        return replace(snapshot, rows=tuple(row for row, key in found if key in asked))

    async def close(self) -> None:
        return None


@dataclass
class Recorder:
    """Passes every read on to a real server and keeps the answers."""

    server: Source
    reads: dict[str, list[Snapshot]] = field(default_factory=dict)

    @property
    def facts(self) -> Facts:
        return self.server.facts

    async def fetch(self, name: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        snapshot = await self.server.fetch(name, parameters)
        kept = self.reads.setdefault(name, [])
        if parameters is None:
            kept.append(snapshot)
        elif kept:
            kept[0] = replace(kept[0], rows=(*kept[0].rows, *snapshot.rows))
        else:
            kept.append(snapshot)
        return snapshot

    async def close(self) -> None:
        await self.server.close()


def load(name: str) -> Recording:
    """The recording called `name`."""
    document = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"), object_hook=_revive)
    known = document["facts"]
    extensions = {
        extension: Extension(tuple(one["version"]), one["schema"]) for extension, one in known.pop("extensions").items()
    }
    reads = {query: [_snapshot(query, read) for read in found] for query, found in document["reads"].items()}
    return Recording(Facts(**known, extensions=extensions), reads)


def save(name: str, facts: Facts, reads: Mapping[str, list[Snapshot]]) -> None:
    """Write a recording."""
    plain = asdict(replace(facts, label="pipeline", extensions=dict(facts.extensions)))
    document = {
        "facts": plain,
        "reads": {query: [_plain(snapshot) for snapshot in found] for query, found in reads.items()},
    }
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(document, default=_tag, indent=None, separators=(",", ":")).replace('],["', '],\n["')
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


async def record(postgres: str, pooler: str, panes: Sequence[Pane] = PANES) -> None:
    """Read every view of `panes` twice and save both recordings; what other panes read stays as it was recorded."""
    recorders = {
        "postgres": Recorder(PostgresServer(postgres, "pipeline")),
        "pgbouncer": Recorder(PgBouncers((PgBouncerServer(pooler),))),
    }
    servers: dict[str, Source] = {**recorders, "local": LocalServer(TRAIL, [], recorders["postgres"])}
    views = {view.query: (pane.source, view) for pane in panes for view in pane.views}
    readers = {query: Reader(view) for query, (_, view) in views.items()}
    for _ in range(2):
        for query, (source, view) in views.items():
            try:
                await replay(readers[query], view, servers[source], reads=1)
            except Trouble as why:
                print(query, why)
        await asyncio.sleep(2)
    for name, recorder in recorders.items():
        if recorder.reads and panes == PANES:
            save(name, recorder.facts, recorder.reads)
        elif recorder.reads:
            before = load(name)
            save(name, before.facts, merged(before.reads, recorder.reads, set(views)))
        await recorder.close()


def merged(
    before: Mapping[str, list[Snapshot]], now: Mapping[str, list[Snapshot]], views: Collection[str]
) -> dict[str, list[Snapshot]]:
    """The reads of a recording after some queries were read again.

    A query of `views` is replaced; the rows that a lookup found now are added to those that other panes looked up.
    """
    reads = dict(before)
    for query, (first, *rest) in now.items():
        if query in views or query not in before or first.columns != before[query][0].columns:
            reads[query] = [first, *rest]
        else:
            known, *others = before[query]
            rows = (*known.rows, *(row for row in first.rows if row not in known.rows))
            reads[query] = [replace(known, rows=rows), *others]
    return reads


async def replay(reader: Reader, view: View, server: Source, reads: int) -> None:
    """Read a view that often and look up whatever its rows can have looked up."""
    for _ in range(reads):
        last = await reader.read(server)
    while await reader.fill(server, keys(last, view.key)) is not None:
        pass


def _plain(snapshot: Snapshot) -> dict[str, object]:
    return {
        "columns": snapshot.columns,
        "rows": snapshot.rows[:500],
        "taken_at": snapshot.taken_at,
        "clock": snapshot.clock,
        "sql": snapshot.sql,
        "notes": snapshot.notes,
    }


def _snapshot(query: str, read: dict[str, Any]) -> Snapshot:
    rows = tuple(tuple(row) for row in read["rows"])
    return Snapshot(
        query, tuple(read["columns"]), rows, read["taken_at"], 0.001, read["clock"], read["sql"], tuple(read["notes"])
    )


def _tag(value: object) -> object:
    if isinstance(value, datetime):
        return {"datetime": value.astimezone(UTC).isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    raise TypeError(f"{type(value).__name__} in a recording")


def _revive(value: dict[str, Any]) -> object:
    match value:
        case {"datetime": str(text), **rest} if not rest:
            return datetime.fromisoformat(text)
        case {"date": str(text), **rest} if not rest:
            return date.fromisoformat(text)
        case {"bytes": str(text), **rest} if not rest:
            return bytes.fromhex(text)
    return value


def main() -> None:
    """Record one pane or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.recording", description="Record real servers.")
    parser.add_argument("postgres", help="URI of a pipeline database under load")
    parser.add_argument("pgbouncer", help="URI of the admin console of its PgBouncer")
    parser.add_argument("--pane", choices=[pane.name for pane in PANES], help="record only this pane")
    chosen = parser.parse_args()
    panes = [pane for pane in PANES if chosen.pane in (None, pane.name)]
    asyncio.run(record(chosen.postgres, chosen.pgbouncer, panes if chosen.pane else PANES))


if __name__ == "__main__":
    main()
