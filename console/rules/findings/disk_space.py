"""The room for data, WAL and tablespaces: when it ends, and which slot or archiver keeps the WAL that takes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from console.format import in_words, one_line, size
from console.model import Ask, CannotTell, Diagnosis, Evidence, Finding, Frame, Record, Snapshot, Urgency
from console.rules.findings.host import HOST, MINUTE, earlier_reading
from console.rules.findings.wording import listed, number
from console.rules.host import HOST_DISK_HOURS, HOST_DISK_PERCENT

TREND, LEAST_TREND = 3600.0, 600.0  # seconds over which a file system is seen to fill up, and that must have passed
FILLED = 256 * 2**20  # bytes by which it must have filled up meanwhile, and half of them in each half of that time
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
        yield from _filling(frame, same)


def _filling(frame: Frame, places: list[Record]) -> Iterator[Finding]:
    row, names = places[0], listed(one_line(each["what"]) for each in places)
    hours, elapsed = _hours_left(frame, row)
    full, soon = frame.level(HOST_DISK_PERCENT, row["used_percent"]), frame.level(HOST_DISK_HOURS, hours)
    level = max(full, soon)
    if not level:
        return
    left, (held, blames) = f"{size(row['free'])} are free", wal_causes(frame, places)
    trend = f", used up in {in_words(hours * 3600)} at the rate of the last {in_words(elapsed)}" if hours else ""
    yield Finding(
        "disk-space",
        f"disk {one_line(row['mount'])}",
        level,
        f"{number(row['used_percent']):.0f} % of the file system of {names} are in use: {left}{trend}",
        "when it is full, writes fail, and without room for WAL the server stops; the pane Capacity shows what grows",
        (
            Evidence("free", size(row["free"]), HOST, "space", {"what": row["what"]}),
            *((Evidence("WAL", size(held), HOST, "space", {"what": WAL}),) if held is not None else ()),
        ),
        harm=1e6 / hours if hours else number(row["used_percent"]),
        symptom=f"{number(row['used_percent']):.0f} % of the file system of {names} in use, {left}{trend}",
        blames=blames,
    )


def _is_filling(frame: Frame) -> bool:
    """Whether it is worth looking how much room WAL takes."""
    try:
        return any(frame.level(HOST_DISK_PERCENT, row["used_percent"]) for row in frame.rows("host_disks"))
    except CannotTell:
        return False


def _hours_left(frame: Frame, row: Record) -> tuple[float | None, float]:
    """Hours until the file system is full, and over how many seconds that is seen; None: it does not fill up steadily.

    The slower half of the time counts: a file that was written at once, such as a copy of a database, is no trend.
    """
    try:
        earlier, elapsed = earlier_reading(frame, "host_disks", TREND, LEAST_TREND)
        middle, later = frame.earlier("host_disks", elapsed / 2)
    except CannotTell:
        return None, 0.0
    free = [_free(reading, row) for reading in (earlier, middle)]
    if None in free:
        return None, elapsed
    first, second, now = number(free[0]), number(free[1]), number(row["free"])
    filled = (first - second, second - now)
    if min(filled) < FILLED / 2:
        return None, elapsed
    slower = min(filled[0] / (elapsed - later), filled[1] / later)  # bytes per second
    return now / slower / 3600, elapsed


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
        Ask("host_disks", HOST, MINUTE, TREND),
        Ask("slot_retention", every=MINUTE),
        Ask("archiver", every=MINUTE),
        Ask("wal_directory", every=MINUTE, only_if=_is_filling),
    ),
    space,
    (HOST_DISK_PERCENT, HOST_DISK_HOURS),
    misses="How fast a disk fills up is known after 10 minutes; what is written at once is no trend.",
)
