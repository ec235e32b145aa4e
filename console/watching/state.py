"""What one evaluation of the rules leaves for the next: a file of this user for each target, mode 0600.

It holds the readings that rules compare with later ones, and when each finding was seen first. A missing or unreadable
file only means that rules over time cannot tell yet.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from console.files import private
from console.model import Finding, Level, Snapshot
from console.rules.judging import Identity, Memory, Sighting

FORM = 1  # of the file; another one is not read


@dataclass(frozen=True, slots=True)
class State:
    """Readings by query, oldest first, and the memory of findings."""

    readings: Mapping[str, tuple[Snapshot, ...]] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)


def state_file(folder: Path, target: str) -> Path:
    """Where in `folder` the state of the target with this connection string is kept; its name reveals nothing of it."""
    return folder / "rules" / f"{hashlib.sha256(target.encode()).hexdigest()[:16]}.json"


def load(path: Path) -> State:
    """The state kept in `path`; an empty one where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return _state(found) if found["form"] == FORM else State()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return State()


def save(path: Path, readings: Mapping[str, Iterable[Snapshot]], memory: Memory) -> None:
    """Keep a state for the next evaluation. Raises Trouble if it cannot be written."""
    document = {
        "form": FORM,
        "readings": {query: [_reading(one) for one in kept] for query, kept in readings.items()},
        "sightings": [_sighting(sighting) for sighting in memory.sightings.values()],
    }
    with private.troubles(path):
        private.make_folder(path.parent)
        private.write(path, json.dumps(document))


def _reading(snapshot: Snapshot) -> dict[str, object]:
    rows = [[value if isinstance(value, int | float | str) else None for value in row] for row in snapshot.rows]
    return {"columns": snapshot.columns, "rows": rows, "taken_at": snapshot.taken_at.isoformat()}


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
                tuple(one["columns"]),
                tuple(map(tuple, one["rows"])),
                datetime.fromisoformat(one["taken_at"]),
            )
            for one in kept
        )
        for query, kept in found["readings"].items()
    }
    return State(readings, Memory(_sightings(found["sightings"])))


def _sightings(found: Sequence[Mapping[str, Any]]) -> dict[Identity, Sighting]:
    return {
        (one["rule"], one["subject"]): Sighting(
            Finding(one["rule"], one["subject"], Level(one["level"]), one["sentence"]),
            datetime.fromisoformat(one["first"]),
            datetime.fromisoformat(one["last"]),
            bool(one["raised"]),
        )
        for one in found
    }
