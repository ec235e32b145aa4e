"""The room for data, WAL and tablespaces: when it ends, and which slot or archiver keeps the WAL that takes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from console.format import in_words, one_line, size
from console.model import Ask, CannotTell, Diagnosis, Evidence, Finding, Frame, Record, Snapshot, Urgency
from console.rules.findings.host import EVERY, HOST, MINUTE
from console.rules.findings.wording import listed, number
from console.rules.host import HOST_DISK_HOURS, HOST_DISK_PERCENT
from console.series.filling import AHEAD, HELD, SPANS, Filling, FreeSpace, filling

TREND = 60.0 * (max(SPANS) + HELD)  # seconds over which a file system is seen to fill up
WAL = "pg_wal"  # as a reading of the host calls it
SHARE = 0.1  # of the file system: less WAL than that is not why it is full


def space(frame: Frame) -> Iterable[Finding]:
    """A finding for each file system of the server that is nearly full, or will be within hours."""
    rows = [row for row in frame.rows("host_disks") if row["free"] is not None]
    if not rows:
        why = next(iter(frame.hidden("host_disks")), None)
        raise CannotTell(why.sentence, why.remedy, why.lacks) if why else CannotTell("No free space is known.")
    for mount in dict.fromkeys((row["mount"], row["size"]) for row in rows):
        same = [row for row in rows if (row["mount"], row["size"]) == mount]
        yield from _file_system(frame, same)


def _file_system(frame: Frame, places: list[Record]) -> Iterator[Finding]:
    row, names = places[0], listed(one_line(each["what"]) for each in places)
    fills = _filling(frame, row)
    full = frame.level(HOST_DISK_PERCENT, row["used_percent"])
    soon = frame.level(HOST_DISK_HOURS, fills.left / 3600 if fills else None)
    level = max(full, soon)
    if not level:
        return
    held, blames = wal_causes(frame, places)
    used, free = f"{number(row['used_percent']):.0f} % of the file system of {names}", size(row["free"])
    trend = f", for {in_words(fills.left)} at the rate of the last {in_words(fills.seen)}" if fills else ""
    yield Finding(
        "disk-space",
        f"disk {one_line(row['mount'])}",
        level,
        f"{used} is in use: {free} left{trend}",
        "when it is full, writes fail, and without room for WAL the server stops; the pane Capacity shows what grows",
        (
            Evidence("free", free, HOST, "space", {"what": row["what"]}),
            *((Evidence("WAL", size(held), HOST, "space", {"what": WAL}),) if held is not None else ()),
        ),
        harm=3.6e9 / max(fills.left, 1.0) if fills else number(row["used_percent"]),
        symptom=f"{used} in use, {free} left{trend}",
        blames=blames,
    )


def _is_filling(frame: Frame) -> bool:
    """Whether it is worth looking how much room WAL takes."""
    try:
        return any(frame.level(HOST_DISK_PERCENT, row["used_percent"]) for row in frame.rows("host_disks"))
    except CannotTell:
        return False


def _filling(frame: Frame, row: Record) -> Filling | None:
    """How soon the file system is full; None: it does not fill up steadily."""
    *earlier, last = frame.readings["host_disks"]
    past = [(last.since(reading), _free(reading, row)) for reading in earlier]
    known = (FreeSpace(ago, number(free)) for ago, free in past if ago is not None and free is not None)
    return filling((*known, FreeSpace(0.0, number(row["free"]))))


def _free(reading: Snapshot, row: Record) -> object:
    return next((each["free"] for each in reading.records() if each["what"] == row["what"]), None)


def wal_causes(frame: Frame, places: Sequence[Record]) -> tuple[int | None, tuple[str, ...]]:
    """The bytes in pg_wal, None if they are not known or are elsewhere, and the subjects of findings that explain them.

    A slot is blamed for the WAL that it retains, the archiver only for WAL that is known to be there.
    """
    if not any(place["what"] == WAL for place in places):
        return None, ()
    room, held = SHARE * number(places[0]["size"]), _held(frame)
    slots = [row for row in _rows(frame, "slot_retention") if number(row["retained"]) >= room > 0]
    slots.sort(key=lambda row: -number(row["retained"]))
    blames = [f"slot {row['slot_name']}" for row in slots]
    if held is not None and held >= room > 0 and any(row["failing"] for row in _rows(frame, "archiver")):
        blames.append("archiver")
    return held, tuple(blames)


def _held(frame: Frame) -> int | None:
    return next((int(number(row["held"])) for row in _rows(frame, "wal_directory")), None)


def _rows(frame: Frame, query: str) -> list[Record]:
    try:
        return list(frame.rows(query))
    except CannotTell:
        return []


DISK_SPACE = Diagnosis(
    "disk-space",
    "A disk of the server is nearly full, or soon will be",
    Urgency.SOON,
    (
        Ask("host_disks", HOST, EVERY, TREND),
        Ask("slot_retention", every=MINUTE),
        Ask("archiver", every=MINUTE),
        Ask("wal_directory", every=MINUTE, only_if=_is_filling),
    ),
    space,
    (HOST_DISK_PERCENT, HOST_DISK_HOURS),
    misses=f"That a disk fills up is seen over at least {SPANS[0]} minutes, and its end {AHEAD} times as far ahead: "
    "a day ahead after two hours. What is written at once, such as a copy, is no trend.",
)
