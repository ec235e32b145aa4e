"""Rows of the view Limits: what has a limit, what is used of it, and when it runs out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from console.format import counted, one_line, relation, size
from console.model import Record, Row, Snapshot, Trouble, denied, number
from console.series import kept_wal
from console.series.days import DAY, SeriesName
from console.series.exhaustion import Outlook, band, exhaustion, shown_date, when
from console.series.sampled import Sampled
from console.series.sampling import DISK, HIDDEN

COLUMNS = (
    "subject",
    "used",
    "limit",
    "percent",
    "when",
    "band",
    "note",
    "kind",
    "outlook",
    "at",
    "earliest",
    "latest",
    "days",
    "series",
)
UNITS = {  # of `used` and `limit`, by kind; the others are bytes
    "connections": "sessions",
    "xid": "IDs",
    "mxid": "IDs",
    "sequence": "values",
    "partitions": "tables",
}
SIZES = frozenset({"database", "wal"})  # kinds that have no limit here
NOTES = {
    "connections": "the highest sample of each day; the limit is without reserved connections",
    "xid": "if VACUUM froze nothing: each freeze sets the age back",
    "mxid": "if VACUUM froze nothing; the space of multixact members is not looked at",
    "sequence": "the limit is that of its range and of the type of its column",
}
NO_DISK: Row = (
    *("disk", None, None, None, "not known here", None),
    *("the free space of a disk cannot be read with SQL", DISK, "unknown here", None, None, None, None, "disk"),
)


def rows(
    limits: Snapshot,
    sequences: Snapshot | None,
    parents: Snapshot | None,
    history: Sampled,
    *,
    disks: Snapshot | None = None,
    wal: Snapshot | None = None,
) -> Snapshot:
    """What runs out, the nearest first.

    `parents` are the rows of the view Parents of the partitions, `disks` those of host_disks, `wal` those of
    capacity_wal; None: not known.
    """
    records = [*limits.records(), *(sequences.records() if sequences else ())]
    found = [_limit(record, history) for record in records if record["kind"] not in {*SIZES, HIDDEN}]
    found += [_partitions(record) for record in parents.records()] if parents else []
    places = tuple(disks.records()) if disks else ()
    found += _disks(places, history) or [NO_DISK]
    found += kept_wal.rows(wal.records(), places, history) if wal else []
    ordered = tuple(sorted(found, key=_nearness))
    kind = COLUMNS.index("kind")
    units = tuple((*row, UNITS.get(str(row[kind]), "bytes")) for row in ordered)
    shown = replace(limits, name="capacity_limits_ahead", columns=(*COLUMNS, "unit"), rows=units)
    hidden = sum(number(record["used"]) for record in records if record["kind"] == HIDDEN)
    return shown.hiding(_unreadable(hidden) if hidden else None)


def _unreadable(hidden: float) -> Trouble:
    return denied(f"{counted(hidden, 'sequence')} cannot be read.", "pg_read_all_data")


def _limit(record: Record, history: Sampled) -> Row:
    kind, subject = str(record["kind"]), str(record["subject"])
    used, limit = number(record["used"]), number(record["limit"])
    name = SeriesName(kind, subject, "used")
    found = exhaustion(history.trend(name), limit, history.now)
    shown = f"sequence {relation(subject)}" if kind == "sequence" else subject
    head = (shown, used, limit, 100 * used / limit if limit > 0 else None, when(found), band(found))
    dates = (found.at, found.earliest, found.latest)
    return (*head, NOTES.get(kind), kind, found.outlook.value, *dates, found.days, subject)


def _disks(records: Iterable[Record], history: Sampled) -> list[Row]:
    """A row for each file system, however many of the server's directories it holds."""
    places: dict[object, list[Record]] = {}
    for record in records:
        if record["free"] is not None:
            places.setdefault((record["device"], record["size"], record["free"]), []).append(record)
    return [_disk(each, history) for each in places.values()]


def _disk(places: Sequence[Record], history: Sampled) -> Row:
    place, total = places[0], number(places[0]["size"])
    used = total - number(place["free"])
    (_, *row) = _limit({"kind": DISK, "subject": place["what"], "used": used, "limit": total}, history)
    row[COLUMNS.index("note") - 1] = f"{size(used)} of {size(total)}; other programs may fill it too"
    return (f"disk of {', '.join(one_line(each['what']) for each in places)}", *row)


def _partitions(record: Record) -> Row:
    """Partitions run out on a date that is known without samples."""
    runway = record["runway"]
    ahead = runway * DAY if isinstance(runway, int | float) else None
    at = None if ahead is None else datetime.fromtimestamp(round(number(record["now"]) + ahead), UTC)
    outlook = Outlook.DATED if at else Outlook.NEVER
    if isinstance(runway, int | float) and runway <= 0:
        outlook = Outlook.REACHED
    text = {Outlook.REACHED: "reached", Outlook.NEVER: "no date"}.get(outlook) or shown_date(at)
    note = f"last bound {record['last']}" if record["last"] else "its bounds do not follow the clock"
    head = (
        f"partitions of {relation(record['parent'])}",
        record["children"],
        None,
        None,
        text,
        None,
    )
    return (*head, note, "partitions", outlook.value, at, at, at, None, str(record["parent"]))


def _nearness(row: Row) -> tuple[int, float]:
    """What is reached first, then by date, then what may come early, then the rest."""
    values = dict(zip(COLUMNS, row, strict=True))
    at, earliest = values["at"], values["earliest"]
    if values["outlook"] == Outlook.REACHED:
        return 0, 0.0
    if isinstance(at, datetime):
        return 1, at.timestamp()
    return (2, earliest.timestamp()) if isinstance(earliest, datetime) else (3, -number(values["percent"]))
