"""The sessions at a moment, from the metrics and the queues of locks: no pane need have shown them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from console.model import Record, Snapshot, Trouble
from console.past.readings import PastReadings
from console.sources.registry import PRIMARY
from console.watching.lock_rows import locks_then
from console.watching.waits_then import last_vitals

QUERY, TEXTS = "connections", "statement_texts"
COLUMNS = (
    *("pid", "state", "age", "xact_age", "wait", "lock_id", "place", "wanted_mode", "holders", "held_modes"),
    *("user", "application", "client", "database", "query", "backend_start", "xmin_age", "query_id", "leader_pid"),
    *("client_port", "since"),
)
NOTE = "From the metrics and the queues of locks: sessions that were idle are not among them."


def sessions_then(readings: PastReadings, moment: float) -> Snapshot | None:
    """The rows of the query connections at a moment, without idle sessions; None: the metrics were not read."""
    vitals = last_vitals(readings, moment)
    if vitals is None:
        return None
    found = dict(_sampled(vitals, _texts(readings, moment)))
    for pid, row in _queued(readings, moment).items():
        # Who waits or is waited for is known better: since when, and the statement as it was sent.
        found[pid] = {**found.get(pid, {}), **{name: value for name, value in row.items() if value is not None}}
    rows = tuple(tuple(row.get(name) for name in COLUMNS) for row in found.values())
    return replace(vitals, name=QUERY, columns=COLUMNS, rows=rows, notes=(NOTE,), hidden=())


def _sampled(vitals: Snapshot, texts: Mapping[object, object]) -> Iterator[tuple[object, Record]]:
    """The sessions in the sample that is part of the metrics, by their pids."""
    sampled = json.loads(str(vitals.values("sampled")[0] or "[]"))
    for pids, backend, state, class_, event, query_id, application, user in sampled:
        row = {
            "state": state if backend == "client backend" else backend or "hidden",
            "wait": f"{class_}:{event}" if class_ and state in {"active", None} else None,
            "query_id": query_id, "query": texts.get(query_id), "application": application, "user": user,
        }  # fmt: skip
        for pid in pids:
            yield pid, {"pid": pid, **row}


def _queued(readings: PastReadings, moment: float) -> Mapping[object, Record]:
    """The sessions that waited for locks, or held them, by their pids."""
    queues = locks_then(readings, moment)
    return {row["pid"]: row for row in queues.records() if row["pid"]} if queues else {}


def _texts(readings: PastReadings, moment: float) -> Mapping[object, object]:
    """The normalized texts of statements that were read until then, by their identifiers."""
    return dict(_known(readings, moment))


def _known(readings: PastReadings, moment: float) -> Iterator[tuple[object, object]]:
    for _, found in readings.looked_up(PRIMARY, TEXTS, moment):
        if not isinstance(found.answer, Trouble) and {"queryid", "query"} <= set(found.answer.columns):
            yield from ((row["queryid"], row["query"]) for row in found.answer.records())
