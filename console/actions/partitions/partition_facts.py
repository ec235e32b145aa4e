"""What partition-table knows about a table, and which of its two ways it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from console.actions.foreign_code import refuse_foreign_code
from console.actions.partitions.create_partitions import MONTHS_AHEAD
from console.actions.planning import Request, refuse
from console.actions.relations import Relation
from console.format import one_line, safe, size
from console.model import Kind, Snapshot, Trouble
from console.records import dataclass

ATTACH, COPY, HASH = "attach", "copy", "hash"
MARGIN = timedelta(days=14)  # in which rows beyond now may be written, and the run may last
TOO_LARGE = 50 * 1024**3  # bytes from which rows are copied only on request
MOST_MONTHS = 400
PATIENCE = 60  # milliseconds that one transaction may wait for its locks in all, while others stand behind it


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A table to be partitioned, and what an interrupted run left."""

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
        """The tables whose rows are read: this one, and those whose foreign keys are validated."""
        return (self.name, *self.linked)

    @property
    def from_start(self) -> TableFacts:
        """The same, as if no earlier run had left anything."""
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
        """The bound in the comment of the new parent."""
        return "-" if self.name == COPY else self.bound


@dataclass(frozen=True, slots=True)
class Leaf:
    """A partition to create."""

    name: str  # schema-qualified and quoted
    lower: str  # by hash: the modulus
    upper: str  # by hash: the remainder
    made: bool


async def facts(request: Request, table: Relation, hashed: str = "") -> TableFacts:
    """Facts about `table`, by its policy's key or `hashed`. Raises Trouble(REFUSED) if it cannot be partitioned."""
    asked = {"oid": table.oid, "key": hashed or _key(request, table), "hashed": bool(hashed)}
    (row,) = (await request.server.fetch("actions/partition_table", asked)).records()
    refuse(row)
    plain: Mapping[str, Any] = {name: row[name] for name in TableFacts.__slots__ if name in row}
    lists = {name: tuple(plain[name] or ()) for name in ("handle", "linked", "views", "invalid")}
    texts = {name: str(plain[name] or "") for name in ("no_copy", "way", "bound")}
    return TableFacts(**{**plain, **lists, **texts})


def _key(request: Request, table: Relation) -> str:
    policies = {policy.table: policy.key for policy in request.settings.partitions}
    key = request.parameters["key"] or policies.get(table.name, "")
    if not key:
        raise Trouble(
            Kind.USAGE,
            f"{one_line(table.name)} has no partition policy, so its partition key is unknown.",
            "Name the key with --set key=…, or in the configuration, under partitions.",
        )
    return key


async def choose_way(request: Request, known: TableFacts) -> Way:
    """The way requested, already begun, or better suited. Raises Trouble(REFUSED) if it is impossible."""
    wanted = request.parameters["way"]
    if wanted not in {"auto", ATTACH, COPY}:
        raise Trouble(Kind.USAGE, f"way must be auto, attach or copy, not {safe(wanted, 40)}.")
    await refuse_foreign_code(request.server, known.read)
    first, last, now = await _range(request, known)
    name, why = _name(request, known, wanted, last > now + timedelta(days=1))
    if name == COPY and known.no_copy:
        raise Trouble(
            Kind.REFUSED,
            f"{one_line(known.name)} cannot be copied: {one_line(known.no_copy)}.",
            "Use --set way=attach, which copies nothing.",
        )
    bound = _month_after(max(now, last) + MARGIN)
    left = date.fromisoformat(known.bound) if name == ATTACH and known.bound not in {"", "-"} else bound
    stale = left <= (max(now, last) + timedelta(days=1)).date()
    ahead = _months_on(now.date(), _ahead(request, known))
    again = known.made is not None and (known.differs or known.way != name or stale)
    bound = bound if again else left
    notes = (why, *(_attach_notes(bound) if name == ATTACH else _copy_notes(known, first, last)), *carried_over(known))
    end = max(ahead, bound) if name == ATTACH else max(ahead, last.date())
    if name == COPY and (end.year - first.year) * 12 + end.month - first.month > MOST_MONTHS:
        raise Trouble(
            Kind.REFUSED,
            f"The rows of {one_line(known.name)} range from {first:%Y-%m} to {last:%Y-%m}: too many months.",
            "Use --set way=attach, which keeps all old rows in one partition.",
        )
    return Way(name, str(first.date()), str(end), str(bound), notes, again)


async def _range(request: Request, known: TableFacts) -> tuple[datetime, datetime, datetime]:
    asked = {"key": known.key, "name": known.name, "has_no_null": known.has_no_null}
    try:
        (row,) = (await request.server.fetch("actions/partition_table_range", asked)).records()
    except Trouble as why:
        if why.sqlstate != "57014":
            raise
        raise Trouble(
            Kind.REFUSED,
            f"The oldest and newest rows of {one_line(known.name)} could not be found in time.",
            f"Create an index with {one_line(known.key)} as its first column.",
        ) from None
    if row["nulls"]:
        raise Trouble(
            Kind.REFUSED,
            f"Some rows of {one_line(known.name)} have a null {one_line(known.key)}, which no partition accepts.",
            "Fill the column, or choose another key.",
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


def _name(request: Request, known: TableFacts, wanted: str, future: bool) -> tuple[str, str]:
    archived = {policy.table for policy in request.settings.archives}
    if known.made is not None and wanted in {"auto", known.way} and not known.differs:
        return known.way, f"Resumes an earlier run, by {known.way}."
    if wanted != "auto":
        return wanted, f"By {wanted}, as requested."
    if known.no_copy:
        return ATTACH, f"By attach: it cannot be copied, because {one_line(known.no_copy)}."
    if known.bytes > TOO_LARGE:
        return ATTACH, f"By attach: {size(known.bytes)} are too large to copy; use --set way=copy to copy anyway."
    reasons = (
        "it has rows in the future, beyond the bound of the attached partition" if future else "",
        "its old months are archived, which is faster with a partition per month" if known.name in archived else "",
    )
    because = next(filter(None, reasons), "")
    return (COPY, f"By copy, because {because}.") if because else (ATTACH, "By attach: no row is copied.")


def _attach_notes(bound: date) -> tuple[str, ...]:
    return (
        f"The existing table becomes the partition for everything before {bound} (UTC); later months get their own.",
        f"Until the swap, the CHECK constraint rejects rows of {bound} or later; afterwards they have a partition.",
    )


def _copy_notes(known: TableFacts, first: datetime, last: datetime) -> tuple[str, ...]:
    return (
        f"Creates partitions for {first:%Y-%m} to {last:%Y-%m} and the months ahead.",
        f"Copying needs about {size(known.bytes)} of free disk space, which cannot be checked from SQL.",
        "The old table is kept, without foreign keys, until you run this action with --set drop-old=yes.",
    )


def new_leaves(snapshot: Snapshot) -> tuple[Leaf, ...]:
    """The partitions to create, as a query returns them. Raises Trouble(REFUSED) if a name is taken."""
    records = tuple(snapshot.records())
    taken = [str(record["name"]) for record in records if record["occupied"]]
    if taken:
        raise Trouble(
            Kind.REFUSED,
            f"The names of the new partitions are taken: {one_line(', '.join(taken))}.",
            "Rename the existing relations.",
        )
    return tuple(Leaf(*(record[name] for name in Leaf.__slots__)) for record in records)  # type: ignore[arg-type]


def carried_over(known: TableFacts) -> tuple[str, ...]:
    """Notes on the key, the views, the triggers and the indexes of the partitioned table."""
    notes = ["Until the swap, --set abort=yes undoes everything."]
    if known.widened:
        key = ", ".join(map(one_line, known.handle))
        notes.append(f"The primary key becomes ({key}): its other columns alone are no longer guaranteed to be unique.")
    if known.views:
        notes.append(f"Views recreated on the new table: {', '.join(map(one_line, known.views))}.")
    if known.triggers:
        notes.append(f"{known.triggers} triggers are recreated, and fire for the rows of every partition.")
    if known.invalid:
        notes.append(f"Invalid indexes are not recreated: {', '.join(map(one_line, known.invalid))}.")
    return tuple(notes)


def _ahead(request: Request, known: TableFacts) -> int:
    return next(
        (policy.months_ahead for policy in request.settings.partitions if policy.table == known.name), MONTHS_AHEAD
    )


def _month_after(moment: datetime) -> date:
    return _months_on(moment.date(), 1)


def _months_on(day: date, months: int) -> date:
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)
