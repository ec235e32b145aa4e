"""What partition-table knows of a table, and which of its two ways it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from console.actions.others import refuse_code_of_others
from console.actions.partitions.create_partitions import MONTHS_AHEAD
from console.actions.planning import Request
from console.actions.relations import Relation
from console.format import one_line, safe, size
from console.model import Kind, Snapshot, Trouble

ATTACH, COPY, HASH = "attach", "copy", "hash"
MARGIN = timedelta(days=14)  # in which rows beyond now may be written, and the run may last
TOO_LARGE = 50 * 1024**3  # bytes from which rows are not copied unless that is asked for
MOST_MONTHS = 400


@dataclass(frozen=True, slots=True)
class Facts:
    """A table that is to be partitioned, and what an interrupted run left beside it."""

    oid: int
    name: str  # schema-qualified and quoted
    key: str
    key_type: str  # date, timestamp or timestamptz
    has_no_null: bool  # its key is NOT NULL
    rows: int  # as estimated
    bytes: int  # with indexes
    heap: int
    trusted: bool  # this role is no superuser among other people's tables
    widened: bool  # its primary key lacks the partition key
    handle: tuple[str, ...]  # the columns that find a row again, the key among them
    keys_out: int  # foreign keys of its own
    keys_in: int  # and of other tables to it
    triggers: int
    linked: tuple[str, ...]  # the other tables of these keys
    views: tuple[str, ...]
    invalid: tuple[str, ...]  # indexes
    no_copy: str  # why it cannot be copied
    made: int | None  # the new parent of an interrupted run
    way: str  # and what it says of that run
    bound: str
    differs: bool  # the table has changed since
    promised: bool
    kept: bool  # the promise is proven
    dropped: int | None = None  # a new parent that is dropped before anything is made

    @property
    def read(self) -> tuple[str, ...]:
        """The tables of which rows are read: its own, and those that foreign keys are proven on."""
        return (self.name, *self.linked)

    @property
    def anew(self) -> Facts:
        """The same without what is left of an earlier run."""
        return replace(self, dropped=self.made, made=None, way="", bound="", differs=False, promised=False, kept=False)


@dataclass(frozen=True, slots=True)
class Way:
    """How the table is to be partitioned."""

    name: str  # ATTACH or COPY
    first: str  # days in the first and last month that get a partition of their own
    last: str
    bound: str  # the day until which the old table reaches as a partition; by hash: how many partitions there are
    notes: tuple[str, ...]
    again: bool  # what an earlier run left is of no use

    @property
    def mark(self) -> str:
        """What the new parent's comment says of the bound."""
        return "-" if self.name == COPY else self.bound


@dataclass(frozen=True, slots=True)
class Leaf:
    """A partition that there is to be."""

    name: str  # schema-qualified and quoted
    lower: str  # by hash: the modulus
    upper: str  # by hash: the remainder
    made: bool


async def facts(request: Request, table: Relation, hashed: str = "") -> Facts:
    """What `table` is, by its policy's key or `hashed`. Trouble (REFUSED) with what keeps it from being partitioned."""
    asked = {"oid": table.oid, "key": hashed or _key(request, table), "hashed": bool(hashed)}
    (row,) = (await request.server.fetch("actions/partition_table", asked)).records()
    if row["refused"]:
        raise Trouble(Kind.REFUSED, safe(row["refused"]), safe(row["remedy"] or ""))
    plain: Mapping[str, Any] = {name: row[name] for name in Facts.__slots__ if name in row}
    lists = {name: tuple(plain[name] or ()) for name in ("handle", "linked", "views", "invalid")}
    texts = {name: str(plain[name] or "") for name in ("no_copy", "way", "bound")}
    return Facts(**{**plain, **lists, **texts})


def _key(request: Request, table: Relation) -> str:
    policies = {policy.table: policy.key for policy in request.settings.partitions}
    key = request.given["key"] or policies.get(table.name, "")
    if not key:
        raise Trouble(
            Kind.USAGE,
            f"{one_line(table.name)} has no partition policy, so the column to partition it by is not known.",
            "Name it with --set key=…, or in the configuration, under partitions.",
        )
    return key


async def choose(request: Request, known: Facts) -> Way:
    """The way that was asked for, begun before, or better. Trouble (REFUSED) where it cannot be gone."""
    wanted = request.given["way"]
    if wanted not in {"auto", ATTACH, COPY}:
        raise Trouble(Kind.USAGE, f"way must be auto, attach or copy, not {safe(wanted, 40)}.")
    await refuse_code_of_others(request.server, known.read)
    first, last, now = await _range(request, known)
    name, why = _name(request, known, wanted, last > now + timedelta(days=1))
    if name == COPY and known.no_copy:
        raise Trouble(
            Kind.REFUSED,
            f"{one_line(known.name)} cannot be copied: {one_line(known.no_copy)}.",
            "--set way=attach copies nothing.",
        )
    bound = _month_after(max(now, last) + MARGIN)
    left = date.fromisoformat(known.bound) if name == ATTACH and known.bound not in {"", "-"} else bound
    stale = left <= (max(now, last) + timedelta(days=1)).date()
    ahead = _months_on(now.date(), _ahead(request, known))
    again = known.made is not None and (known.differs or known.way != name or stale)
    bound = bound if again else left
    notes = (why, *(_attach_notes(bound) if name == ATTACH else _copy_notes(known, first, last)), *carried(known))
    end = max(ahead, bound) if name == ATTACH else max(ahead, last.date())
    if name == COPY and (end.year - first.year) * 12 + end.month - first.month > MOST_MONTHS:
        raise Trouble(
            Kind.REFUSED,
            f"The rows of {one_line(known.name)} reach from {first:%Y-%m} to {last:%Y-%m}: too many months.",
            "--set way=attach keeps all old ones in one partition.",
        )
    return Way(name, str(first.date()), str(end), str(bound), notes, again)


async def _range(request: Request, known: Facts) -> tuple[datetime, datetime, datetime]:
    asked = {"key": known.key, "name": known.name, "has_no_null": known.has_no_null}
    try:
        (row,) = (await request.server.fetch("actions/partition_table_range", asked)).records()
    except Trouble as why:
        if why.sqlstate != "57014":
            raise
        raise Trouble(
            Kind.REFUSED,
            f"The oldest and newest rows of {one_line(known.name)} could not be found in time.",
            f"An index that begins with {one_line(known.key)} would tell.",
        ) from None
    if row["nulls"]:
        raise Trouble(
            Kind.REFUSED,
            f"Some rows of {one_line(known.name)} have no {one_line(known.key)}: no partition could take them.",
            "Give it to them, or choose another key.",
        )
    now = datetime.fromisoformat(str(row["now"]))
    try:
        first, last = (
            datetime.fromisoformat(str(row[name])).replace(tzinfo=None) if row[name] else now
            for name in ("first", "last")
        )
        _month_after(last + MARGIN)
    except (ValueError, OverflowError):
        raise Trouble(
            Kind.REFUSED,
            f"The rows of {one_line(known.name)} reach from {safe(row['first'], 40)} to {safe(row['last'], 40)}.",
            "No months cover that: give these rows a real time.",
        ) from None
    return first, last, now


def _name(request: Request, known: Facts, wanted: str, future: bool) -> tuple[str, str]:
    archived = {policy.table for policy in request.settings.archives}
    if known.made is not None and wanted in {"auto", known.way} and not known.differs:
        return known.way, f"It goes on where an earlier run ended, by {known.way}."
    if wanted != "auto":
        return wanted, f"By {wanted}, as asked."
    if known.no_copy:
        return ATTACH, f"By attach: it cannot be copied, because {one_line(known.no_copy)}."
    if known.bytes > TOO_LARGE:
        return ATTACH, f"By attach: {size(known.bytes)} are not copied unless that is asked for."
    reasons = (
        "it has rows of the future, which the bound of an attached table would keep out" if future else "",
        "its old months are archived, and a month is detached as a whole where it is a partition"
        if known.name in archived
        else "",
    )
    because = next(filter(None, reasons), "")
    return (COPY, f"By copy: {because}.") if because else (ATTACH, "By attach: no row need be copied.")


def _attach_notes(bound: date) -> tuple[str, ...]:
    return (
        f"The table as it is becomes the partition of all that is before {bound} (UTC); later months get their own.",
        f"From the promise to the swap, a row of {bound} or later is refused; afterwards it finds its partition.",
    )


def _copy_notes(known: Facts, first: datetime, last: datetime) -> tuple[str, ...]:
    return (
        f"Months from {first:%Y-%m} to {last:%Y-%m} and those ahead become partitions; others would have none.",
        f"Copying needs about {size(known.bytes)} more room; how much is free cannot be seen from SQL.",
        "The old table is kept, without foreign keys, until a later run with --set drop-old=yes drops it.",
    )


def to_be(snapshot: Snapshot) -> tuple[Leaf, ...]:
    """The partitions that a query tells. Trouble (REFUSED) when something else has the name of one."""
    records = tuple(snapshot.records())
    taken = [str(record["name"]) for record in records if record["occupied"]]
    if taken:
        raise Trouble(
            Kind.REFUSED,
            f"Partitions cannot get their names: {one_line(', '.join(taken))} exist.",
            "Rename what has them.",
        )
    return tuple(Leaf(*(record[name] for name in Leaf.__slots__)) for record in records)  # type: ignore[arg-type]


def carried(known: Facts) -> tuple[str, ...]:
    """What becomes of the key, the views, the triggers and the indexes of a table that is partitioned."""
    said = ["Until the swap, --set abort=yes takes everything back."]
    if known.widened:
        key = ", ".join(map(one_line, known.handle))
        said.append(f"The primary key becomes ({key}): the server no longer keeps the rest of it unique by itself.")
    if known.views:
        said.append(f"Carried over: {', '.join(map(one_line, known.views))}.")
    if known.triggers:
        said.append(f"{known.triggers} triggers are carried over, and fire for rows of each partition.")
    if known.invalid:
        said.append(f"Invalid indexes are left behind: {', '.join(map(one_line, known.invalid))}.")
    return tuple(said)


def _ahead(request: Request, known: Facts) -> int:
    return next((one.months_ahead for one in request.settings.partitions if one.table == known.name), MONTHS_AHEAD)


def _month_after(moment: datetime) -> date:
    return _months_on(moment.date(), 1)


def _months_on(day: date, months: int) -> date:
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)
