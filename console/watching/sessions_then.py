"""The sessions at a moment, from the metrics and the queues of locks: no pane need have shown them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from console.format import age
from console.model import Record, Snapshot, Trouble, number
from console.past.readings import PastReadings
from console.past.segment import Stream
from console.sources.registry import PRIMARY
from console.watching.lock_rows import locks_then
from console.watching.waits_then import last_vitals

QUERY, TEXTS = "connections", "statement_texts"
ALL_SESSIONS = Stream(PRIMARY, QUERY)
ENDED_STATES = frozenset(
    {"active", "idle in transaction", "idle in transaction (aborted)", "fastpath function call", "disabled"}
)  # of clients: who is in none of them any more is idle, or has ended
OF_WAITS = ("wait", "lock_id", "place", "wanted_mode", "holders", "held_modes", "since")
COLUMNS = (
    *("pid", "state", "age", "xact_age", "wait", "lock_id", "place", "wanted_mode", "holders", "held_modes"),
    *("user", "application", "client", "database", "query", "backend_start", "xmin_age", "query_id", "leader_pid"),
    *("client_port", "statement_start", "transaction_start", "idle_since", "since"),
)
NOTE = "From the metrics and the queues of locks"
NO_IDLE = f"{NOTE}: sessions that were idle are not among them."
IDLE_FOR = 360.0  # seconds for which a reading of all sessions says who is idle: a busy server gets few
AGES = ("age", "xact_age")


def sessions_then(readings: PastReadings, moment: float) -> Snapshot | None:
    """The rows of the query connections at a moment; None: the metrics were not read.

    Who was idle is known from the last reading of all sessions; without one, idle sessions are left out.
    """
    vitals = last_vitals(readings, moment)
    if vitals is None:
        return None
    found = dict(_sampled(vitals, _texts(readings, moment)))
    for pid, row in _queued(readings, moment).items():
        # Who waits or is waited for is known better: since when, and the statement as it was sent.
        found[pid] = {**found.get(pid, {}), **{name: value for name, value in row.items() if value is not None}}
    before = readings.at(ALL_SESSIONS, moment)
    note, is_partial = NO_IDLE, True
    if before is not None and isinstance(before.answer, Snapshot) and moment - before.at <= IDLE_FOR:
        found |= {row["pid"]: row for row in _idle(before.answer, moment - before.at) if row["pid"] not in found}
        is_partial = False
        note = f"{NOTE}; idle sessions: read {age(moment - before.at)} before, and may have ended since."
    rows = tuple(tuple(row.get(name) for name in COLUMNS) for row in found.values())
    return replace(vitals, name=QUERY, columns=COLUMNS, rows=rows, notes=(note,), hidden=(), is_partial=is_partial)


def _idle(sessions: Snapshot, ago: float) -> Iterator[Record]:
    """The sessions of a reading that was made so many seconds before, if none of them does anything by now."""
    for row in sessions.records():
        aged = {name: number(row.get(name)) + ago for name in AGES if row.get(name) is not None}
        if row.get("state") == "idle":
            yield {**row, **aged}
        elif row.get("state") in ENDED_STATES:  # since when, is not known
            yield {**row, **dict.fromkeys((*AGES, *OF_WAITS)), "state": "idle"}


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
