"""What one evaluation of the rules leaves for the next: a file of this user for each target, mode 0600.

It holds the readings that rules compare with later ones, what statements usually cost, which indexes there were, when
clients of pools waited, and when each finding was seen first. A missing or unreadable file only means that rules over
time cannot tell yet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field, fields, replace
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

from console.digest import sha256
from console.files import private
from console.model import (
    Finding,
    GoneIndex,
    IndexHistory,
    KnownIndex,
    Level,
    PoolHistory,
    PoolMinute,
    Snapshot,
    StatementHistory,
    StatementKey,
    StatementPast,
)
from console.records import dataclass
from console.rules.judging import Identity, Memory, Sighting

FORM = 1  # of the file; another one is not read
# All values of one of thousands; `astuple` would copy each of them.
_COUNTS = attrgetter(*(part.name for part in fields(StatementPast) if part.name != "slow_since"))
_INDEX = attrgetter(*(part.name for part in fields(KnownIndex)))
_MINUTE = attrgetter(*(part.name for part in fields(PoolMinute)))


@dataclass(frozen=True, slots=True)
class State:
    """Readings by query, oldest first, the memory of findings, and the history of statements, indexes and pools."""

    readings: Mapping[str, tuple[Snapshot, ...]] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    statements: StatementHistory = field(default_factory=StatementHistory)
    indexes: IndexHistory = field(default_factory=IndexHistory)
    pools: PoolHistory = field(default_factory=PoolHistory)


def state_file(folder: Path, target: str) -> Path:
    """Where in `folder` the state of the target with this connection string is kept; its name reveals nothing of it."""
    return folder / "rules" / f"{sha256(target)[:16]}.json"


def load(path: Path) -> State:
    """The state kept in `path`; an empty one where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return _state(found) if found["form"] == FORM else State()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return State()


def save(path: Path, state: State) -> None:
    """Keep a state for the next evaluation. Raises Trouble if it cannot be written."""
    document = {
        "form": FORM,
        "readings": {query: [_reading(snapshot) for snapshot in kept] for query, kept in state.readings.items()},
        "statements": _statements(state.statements),
        "indexes": _indexes(state.indexes),
        "pools": _pools(state.pools),
        "sightings": [_sighting(sighting) for sighting in state.memory.sightings.values()],
    }
    with private.troubles(path):
        private.make_folder(path.parent)
        private.write(path, json.dumps(document))


def _statements(history: StatementHistory) -> dict[str, object]:
    moments = {"at": history.at and history.at.isoformat()}
    marks = {"seconds": history.seconds, "counted_from": history.counted_from, "evictions": history.evictions}
    return {**moments, **marks, "statements": [_past(*each) for each in history.statements.items()]}


def _past(key: StatementKey, past: StatementPast) -> list[object]:
    return [*key, *_COUNTS(past), past.slow_since and past.slow_since.isoformat()]


def _history(found: Mapping[str, Any]) -> StatementHistory:
    if not found.get("at"):
        return StatementHistory()
    statements = {
        (queryid, userid, dbid, toplevel): _statement_past(counts, since)
        for queryid, userid, dbid, toplevel, *counts, since in found["statements"]
    }
    at = datetime.fromisoformat(found["at"])
    return StatementHistory(at, found["seconds"], found["counted_from"], found["evictions"], statements)


def _statement_past(counts: Sequence[Any], since: str | None) -> StatementPast:
    past = StatementPast(*counts)
    return replace(past, slow_since=datetime.fromisoformat(since)) if since else past  # few were ever slow


def _indexes(history: IndexHistory) -> dict[str, object]:
    return {
        "at": history.at and history.at.isoformat(),
        "known": [[oid, *_INDEX(index)] for oid, index in history.known.items()],
        "gone": [[each.seen.isoformat(), each.missed.isoformat(), *_INDEX(each.index)] for each in history.gone],
        "new": [[oid, since.isoformat()] for oid, since in history.new.items()],
    }


def _index_history(found: Mapping[str, Any]) -> IndexHistory:
    if not found.get("at"):
        return IndexHistory()
    known = {int(oid): KnownIndex(*parts) for oid, *parts in found["known"]}
    gone = tuple(
        GoneIndex(KnownIndex(*parts), datetime.fromisoformat(seen), datetime.fromisoformat(missed))
        for seen, missed, *parts in found["gone"]
    )
    new = {int(oid): datetime.fromisoformat(since) for oid, since in found.get("new", ())}
    return IndexHistory(datetime.fromisoformat(found["at"]), known, gone, new)


def _pools(history: PoolHistory) -> dict[str, object]:
    return {
        "at": history.at and history.at.isoformat(),
        "readings": list(history.readings.items()),
        "pools": [[*key, [_MINUTE(each) for each in minutes]] for key, minutes in history.pools.items()],
    }


def _pool_history(found: Mapping[str, Any]) -> PoolHistory:
    if not found.get("at"):
        return PoolHistory()
    pools = {
        (pooler, database, user): tuple(PoolMinute(*each) for each in minutes)
        for pooler, database, user, minutes in found["pools"]
    }
    return PoolHistory(datetime.fromisoformat(found["at"]), dict(found["readings"]), pools)


def _reading(snapshot: Snapshot) -> dict[str, object]:
    rows = [[value if isinstance(value, int | float | str) else None for value in row] for row in snapshot.rows]
    taken_at = snapshot.taken_at.isoformat()
    return {"columns": snapshot.columns, "rows": rows, "taken_at": taken_at, "origin": snapshot.origin}


def _sighting(sighting: Sighting) -> dict[str, object]:
    finding = sighting.finding
    return {
        "rule": finding.rule,
        "subject": finding.subject,
        "level": int(finding.level),
        "sentence": finding.sentence,
        "first": sighting.first.isoformat(),
        "last": sighting.last.isoformat(),
        "raised": sighting.raised,
    }


def _state(found: Mapping[str, Any]) -> State:
    readings = {
        str(query): tuple(
            Snapshot(
                str(query),
                tuple(reading["columns"]),
                tuple(map(tuple, reading["rows"])),
                datetime.fromisoformat(reading["taken_at"]),
                origin=reading.get("origin", ""),
            )
            for reading in kept
        )
        for query, kept in found["readings"].items()
    }
    return State(
        readings,
        Memory(_sightings(found["sightings"])),
        _history(found.get("statements") or {}),
        _index_history(found.get("indexes") or {}),
        _pool_history(found.get("pools") or {}),
    )


def _sightings(found: Sequence[Mapping[str, Any]]) -> dict[Identity, Sighting]:
    return {
        (seen["rule"], seen["subject"]): Sighting(
            Finding(seen["rule"], seen["subject"], Level(seen["level"]), seen["sentence"]),
            datetime.fromisoformat(seen["first"]),
            datetime.fromisoformat(seen["last"]),
            bool(seen["raised"]),
        )
        for seen in found
    }
