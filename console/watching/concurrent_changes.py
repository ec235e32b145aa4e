"""What else changed when a statement became slower: indexes, settings, options, statistics, applications. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.format import counted, one_line, relation
from console.model import Snapshot, number
from console.past.readings import PastReadings
from console.past.segment import Stream
from console.sources.registry import PRIMARY

EARLIER = 300.0  # seconds before the last reading that was as usual, in which a cause may lie
SETTLED = 90.0  # seconds after the first one that was not, until which what changed was read
SEEN_LATE = 150.0  # the same for options, which are read less often
NAMED = 3  # of each kind
UNSET = "(not set)"
INDEXES, SETTINGS, STATEMENTS = (Stream(PRIMARY, name) for name in ("table_indexes", "settings", "statements"))
OPTIONS = Stream(PRIMARY, "set_options")
SESSIONS = tuple(Stream(PRIMARY, name) for name in ("connections", "connections_summary", "transaction_ages"))
TABLES = tuple(Stream(PRIMARY, name) for name in ("vacuum_due", "bloat_tables"))


def changes_between(readings: PastReadings, seen: float, at: float) -> tuple[str, ...]:
    """What differs between the readings around the moment of a step, which was between `seen` and `at`.

    Of what was not read on both sides nothing is known, and nothing is said.
    """
    begin, end = seen - EARLIER, at + SETTLED
    return tuple(
        each
        for each in (
            *_indexes(readings, seen, end),
            *_settings(readings, begin, end),
            *_options(readings, begin, at + SEEN_LATE),
            *_analyzed(readings, begin, at),
            *_applications(readings, seen, end),
            *_statements(readings, seen, at),
        )
        if each
    )


def _indexes(readings: PastReadings, seen: float, end: float) -> Iterator[str]:
    before, after = _around(readings, INDEXES, seen, end)
    if before is None or after is None:
        return
    former, present = _named(before, "oid", "name"), _named(after, "oid", "name")
    yield _listed("index", "indexes", [former[oid] for oid in former if oid not in present], "gone")
    yield _listed("index", "indexes", [present[oid] for oid in present if oid not in former], "new")


def _settings(readings: PastReadings, begin: float, end: float) -> Iterator[str]:
    before, after = _around(readings, SETTINGS, begin, end)
    if before is None or after is None or "value" not in before.columns or "value" not in after.columns:
        return
    former, present = _named(before, "name", "value"), _named(after, "name", "value")
    changed = [
        f"{name} {former[name]} → {value}" for name, value in present.items() if former.get(name, value) != value
    ]
    yield _listed("setting", "settings", changed, "changed")


def _options(readings: PastReadings, begin: float, end: float) -> Iterator[str]:
    """What ALTER ROLE, ALTER DATABASE and ALTER TABLE … SET changed."""
    before, after = _around(readings, OPTIONS, begin, end)
    if before is None or after is None:
        return
    former, present = _option_values(before), _option_values(after)
    for kind in ("setting", "option"):
        changed = [
            f"{name} of {of} {former.get(key, UNSET)} → {present.get(key, UNSET)}"
            for key in sorted({*former, *present})
            for which, of, name in (key,)
            if which == kind and former.get(key) != present.get(key)
        ]
        yield _listed(kind, f"{kind}s", changed, "changed")


def _option_values(snapshot: Snapshot) -> dict[tuple[str, str, str], str]:
    return {
        (str(row["kind"]), relation(row["object"]), str(row["name"])): str(row["value"]) for row in snapshot.records()
    }


def _analyzed(readings: PastReadings, begin: float, at: float) -> Iterator[str]:
    """Tables whose statistics became others then, by how long ago that was in the first reading after it."""
    for stream in TABLES:
        found = readings.at(stream, at + SETTLED)
        if found is None or not isinstance(found.answer, Snapshot) or "analyze_age" not in found.answer.columns:
            continue
        ages = _named(found.answer, "table", "analyze_age")
        tables = [name for name, age in ages.items() if age != "None" and begin <= found.at - number(float(age)) <= at]
        yield _listed("table", "tables", tables, "analyzed")
        return


def _applications(readings: PastReadings, seen: float, end: float) -> Iterator[str]:
    for stream in SESSIONS:
        before, after = _around(readings, stream, seen, end)
        if before is None or after is None or "application" not in before.columns:
            continue
        former = {str(value) for value in before.values("application") if value}
        new = {str(value) for value in after.values("application") if value} - former
        yield _listed("application", "applications", sorted(new), "new")
        return


def _statements(readings: PastReadings, seen: float, at: float) -> Iterator[str]:
    before, after = _around(readings, STATEMENTS, seen, at)
    if before is None or after is None:
        return
    new = len({*after.values("queryid")} - {*before.values("queryid")})
    yield f"{counted(new, 'new statement')}" if new else ""


def _around(
    readings: PastReadings, stream: Stream, before: float, after: float
) -> tuple[Snapshot | None, Snapshot | None]:
    """The last readings until two moments; None where there is none, or where it is the same."""
    first, last = readings.at(stream, before), readings.at(stream, after)
    if first is None or last is None or first.at == last.at:
        return None, None
    found = first.answer, last.answer
    return (found[0], found[1]) if isinstance(found[0], Snapshot) and isinstance(found[1], Snapshot) else (None, None)


def _named(snapshot: Snapshot, key: str, value: str) -> dict[str, str]:
    pairs = zip(snapshot.values(key), snapshot.values(value), strict=True)
    return {str(name): str(text) for name, text in pairs}


def _listed(noun: str, plural: str, names: Sequence[str], what: str) -> str:
    """ "index orders_idx gone", "4 indexes new: a, b, c and 1 more"; empty: there are none."""
    if not names:
        return ""
    if len(names) == 1:
        return f"{noun} {one_line(names[0])} {what}"
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} {plural} {what}: {', '.join(map(one_line, names[:NAMED]))}{more}"
