"""Who blocked whom, from what the rules read: the Locks pane need not have been on the screen when it happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from console.model import Record, Row, Snapshot, number
from console.panes.blocking import CONFLICTS
from console.past.readings import PastReadings
from console.past.segment import Stream
from console.rules.lock_queues import BITS, Node, node
from console.sources.registry import PRIMARY

QUEUES, VITALS = Stream(PRIMARY, "lock_queues"), Stream(PRIMARY, "vitals")
FRESH = 15.0  # seconds; the rules read the queues every five while somebody waits
COLUMNS = (
    *("pid", "gid", "holder_id", "lock_id", "place", "wanted_mode", "holders", "held_modes", "leader_pid"),
    *("wait_age", "xact_age", "state", "wanted_row", "wants", "holds", "user", "application", "client", "database"),
    *("query", "backend_start", "statement_start", "transaction_start", "idle_since", "client_port", "since", "age"),
)
_SAME = (
    *("xact_age", "state", "user", "application", "client", "database", "query", "client_port", "since"),
    *("statement_start", "transaction_start", "idle_since"),
)
NOTE = "From the locks that the rules read; how long the statements ran is not known."


def locks_then(readings: PastReadings, moment: float) -> Snapshot | None:
    """The rows of the query locks at a moment; None: neither the queues nor the metrics were read."""
    queues, vitals = readings.at(QUEUES, moment), readings.at(VITALS, moment)
    if vitals is not None and moment - vitals.at <= FRESH and (queues is None or queues.at <= vitals.at):
        counted = vitals.answer
        if isinstance(counted, Snapshot) and not any(map(number, counted.values("waiting"))):
            return replace(counted, name="locks", columns=COLUMNS, rows=(), hidden=(), notes=())
    if queues is None or moment - queues.at > FRESH or not isinstance(queues.answer, Snapshot):
        return None
    return locks_of(queues.answer)


def locks_of(queues: Snapshot) -> Snapshot:
    """What the query locks would have returned with these rows of lock_queues, but for the age of statements."""
    rows = _rows(list(queues.records()))
    return replace(queues, name="locks", columns=COLUMNS, rows=rows, notes=(*queues.notes, NOTE))


def _rows(records: Sequence[Record]) -> tuple[Row, ...]:
    """A row for each session and prepared transaction that waits, or holds what another one waits for."""
    queues: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record["granted"] is not True:
            queues[str(record["tag"])].append(record)
    ids = _ids(records)
    wanted: dict[Node, Mapping[str, object]] = {}
    held: dict[Node, dict[str, None]] = defaultdict(dict)
    for number_, (tag, queue) in enumerate(queues.items(), 1):
        queue.sort(key=lambda record: (-number(record["wait_age"]), number(record["pid"])))
        blocked = _or(CONFLICTS.get(_bit(record), 0) for record in queue)
        holding = [each for each in records if each["tag"] == tag and each["granted"] is True and _bit(each) & blocked]
        for record in holding:
            held[node(record)].setdefault(_what(record))
        holders = {"holders": [ids[node(each)] for each in holding], "held_modes": [_bit(each) for each in holding]}
        for place, record in enumerate(queue, 1):
            lock = {"lock_id": number_, "place": place, "wanted_mode": _bit(record), "wants": _what(record)}
            wanted[node(record)] = {
                **lock,
                "wait_age": record["wait_age"],
                **(holders if place == 1 and holding else {}),
            }
    rows_of = {node(each): _row(each) for each in records if each["kind"] == "tuple" and each["granted"] is True}
    sessions = {node(record): record for record in records}
    return tuple(
        _session(sessions[each], ids[each], wanted.get(each), list(held.get(each, ())), rows_of.get(each))
        for each in sessions
        if each in wanted or each in held
    )


def _session(
    record: Record, holder: int, wanted: Mapping[str, object] | None, holds: Sequence[str], row: str | None
) -> Row:
    gid = record["gid"]
    values: dict[str, object] = {name: record.get(name) for name in _SAME}
    values |= {"pid": record["pid"] or 0, "gid": gid, "holder_id": holder, "backend_start": _moment(record)}
    values |= {"holds": ", ".join(sorted(holds)) or None, **(wanted or {})}
    values |= {"wanted_row": row if wanted else None}
    return tuple(values.get(name) for name in COLUMNS)


def _ids(records: Iterable[Record]) -> Mapping[Node, int]:
    """A number for each: its pid, or a negative one of a prepared transaction."""
    nodes = dict.fromkeys(map(node, records))
    prepared = sorted(each for each in nodes if isinstance(each, str))
    return {each: each if isinstance(each, int) else -1 - prepared.index(each) for each in nodes}


def _bit(record: Record) -> int:
    return BITS.get(str(record["mode"]), 0)


def _what(record: Record) -> str:
    """What is locked, and the mode where that is not always the same."""
    locked = _row(record) if record["kind"] == "tuple" else str(record["object"])
    if record["kind"] in {"extend", "page"}:
        locked = f"{locked} {record['kind']}"
    return locked if record["kind"] == "transactionid" else f"{locked} {record['mode']}"


def _row(record: Record) -> str:
    return f"{record['object']} row {record['row']}"


def _moment(record: Record) -> datetime | None:
    try:
        return datetime.fromisoformat(str(record["backend_start"]))
    except ValueError:
        return None


def _or(bits: Iterable[int]) -> int:
    found = 0
    for each in bits:
        found |= each
    return found
