"""Indexes that are invalid, redundant or unused, by the verdicts of the indexes pane."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from console.format import age, one_line, size
from console.later import late
from console.model import (
    RARELY,
    RELATIONS,
    CannotTell,
    Diagnosis,
    Evidence,
    Finding,
    Fix,
    Frame,
    Level,
    Record,
    Urgency,
    of_view,
)
from console.panes.indexes import INDEXES
from console.rules.findings.wording import counted, listed, number
from console.rules.storage import DAY, INDEX_COUNTED_DAYS

ALL = INDEXES.view("all")
MOST_DROPPED = 20  # indexes in the parameters of one fix
_LEFTOVER = late(r"_cc(new|old)\d*$")  # of an interrupted REINDEX CONCURRENTLY


def invalid(frame: Frame) -> Iterable[Finding]:
    """A finding for each invalid index that is not being built."""
    for row in _with_verdict(frame, "invalid"):
        index, table = str(row["index"]), _table(row)
        yield Finding(
            rule="invalid-index",
            subject=f"index {index}",
            level=Level.WARNING,
            sentence=f"index {one_line(index)} of {one_line(row['table'])} is invalid: every write maintains it, "
            "no query uses it",
            detail="left by a failed or interrupted CREATE INDEX or REINDEX CONCURRENTLY",
            evidence=(Evidence("size", size(row["size"]), "indexes", "invalid", {"oid": row["oid"]}),),
            fixes=(_rebuild(index, table),),
            harm=number(row["size"]) / 2**40,
        )


def redundant(frame: Frame) -> Iterable[Finding]:
    """One finding for all indexes that another index covers."""
    found = _with_verdict(frame, "redundant")
    if found:
        named = [f"{one_line(row['index'])} ({one_line(row['reason'])})" for row in found]
        yield _droppable("redundant-index", found, f"{_together(found, 'redundant')}: {listed(named)}", "")


def unused(frame: Frame) -> Iterable[Finding]:
    """One finding for all indexes without scans since they were built, or since scans are counted.

    Raises CannotTell while that is not long enough.
    """
    rows = frame.rows("indexes")
    if any(row["is_standby"] for row in rows):
        raise CannotTell("This is a standby: its primary may use an index that is not used here.")
    least = frame.limits(INDEX_COUNTED_DAYS)
    found = [
        row
        for row in _with_verdict(frame, "unused")
        if (built := _built(frame, row)) is None or not least.level(built / DAY)
    ]
    if found:
        since = age(max(number(row["counted_for"]) for row in found))
        names = listed([_with_age(row, _built(frame, row)) for row in found])
        yield _droppable(
            "unused-index",
            found,
            f"{_together(found, 'unused')}, no scans in {since}: {names}",
            _counted_where(rows[0]),
        )
    elif (unread := next((row["replica_unread"] for row in rows if row.get("replica_unread")), None)) is not None:
        raise CannotTell(f"Scans on every replica are needed: {unread}")
    elif any(row["verdict"] in ("not yet known", "unused") for row in rows):
        days = least.limit.warning
        raise CannotTell(f"Scans were counted for less than {days:g} days.", "They are counted as the server runs.")


def _built(frame: Frame, row: Record) -> float | None:
    """Seconds since an index was built, where it is known."""
    since = frame.indexes.new.get(int(number(row["oid"])))
    return (frame.at - since).total_seconds() if since else None


def _with_age(row: Record, built: float | None) -> str:
    return one_line(row["index"]) + (f" (built {age(built)} ago)" if built is not None else "")


def _counted_where(row: Record) -> str:
    """On which standbys scans are counted as well, and on how many they are not."""
    read = int(number(row.get("replicas_read")))
    standbys = int(number(row["standbys"])) - read
    added = f"scans on {row['replica_counted']} are included" if read else ""
    missing = f"scans of {counted(standbys, 'standby', 'standbys')} are not counted here" if standbys > 0 else ""
    return "; ".join(filter(None, (added, missing)))


def _with_verdict(frame: Frame, verdict: str) -> list[Record]:
    """The rows of the indexes pane with that verdict, largest first."""
    found = [row for row in frame.rows("indexes") if row["verdict"] == verdict]
    return sorted(found, key=lambda row: (-number(row["size"]), str(row["index"])))


def _together(found: list[Record], word: str) -> str:
    total = size(sum(number(row["size"]) for row in found))
    return f"{counted(len(found), f'{word} index', f'{word} indexes')} of {total}"


def _droppable(rule: str, found: list[Record], sentence: str, detail: str) -> Finding:
    dropped = ",".join(str(row["index"]) for row in found[:MOST_DROPPED])
    return Finding(
        rule=rule,
        subject=f"indexes {rule}",
        level=Level.NOTICE,
        sentence=sentence,
        detail=detail,
        evidence=tuple(
            Evidence(one_line(row["index"]), size(row["size"]), "indexes", str(row["verdict"]), {"oid": row["oid"]})
            for row in found[:3]
        ),
        fixes=(Fix("drop-index", {"index": dropped}, "drop without blocking reads or writes; can be undone"),),
        harm=sum(number(row["size"]) for row in found) / 2**40,
    )


def _table(row: Record) -> str:
    """The table of an index, which is in the same schema."""
    return f"{str(row['index']).split('.', 1)[0]}.{row['table']}"


def _rebuild(index: str, table: str) -> Fix:
    if _LEFTOVER.search(index):
        return Fix("repair-invalid-indexes", {"table": table}, "drop what the interrupted REINDEX left")
    return Fix("reindex", {"index": index}, "rebuild it without blocking reads or writes")


# Which are invalid or redundant changes with relations alone, and scans are judged over a week.
_ASKS = (replace(of_view(ALL, RARELY, on_change=RELATIONS), unchanged=3 * RARELY),)
INVALID_INDEX = Diagnosis("invalid-index", "An index is invalid and not being built", Urgency.CARE, _ASKS, invalid)
REDUNDANT_INDEX = Diagnosis(
    "redundant-index", "Indexes serve the same queries as another index", Urgency.CARE, _ASKS, redundant
)
UNUSED_INDEX = Diagnosis(
    "unused-index",
    "Indexes without scans that nothing needs",
    Urgency.CARE,
    _ASKS,
    unused,
    (INDEX_COUNTED_DAYS,),
    misses="An index is unused only once scans were counted for a week.",
)
