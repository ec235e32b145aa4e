"""What is read and shown: snapshots, and panes as declarations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from itertools import starmap
from operator import add, itemgetter

from console.model.judge import AnyRule, Rule
from console.model.trouble import Trouble
from console.records import dataclass, replace

Row = tuple[object, ...]
Record = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one read returned: the unit that is shown, exported, recorded and compared."""

    name: str  # of the query
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    taken_at: datetime  # aware; the client's clock, for people
    seconds: float = 0.0  # how long the read took, as the client saw it
    clock: float = 0.0  # monotonic seconds; the base of rates
    sql: str = ""  # the statement that was sent
    notes: tuple[str, ...] = ()  # truths about this read, e.g. "you see 3 of 41 sessions"
    hidden: tuple[Trouble, ...] = ()  # why it shows less than it could; each is also one of the notes
    origin: str = ""  # which start of which server answered; counters of two of them are not compared
    unknown: tuple[str, ...] = ()  # columns that are made of what this server's catalogs lack: no value is known
    is_partial: bool = False  # there may be more rows: of what decides that, something is not known
    sampler: str = ""  # what took the samples that the rows are made of, if it was not the console

    def index(self, column: str) -> int:
        """Position of `column` in each row. Raises ValueError if the snapshot has no such column."""
        return self.columns.index(column)

    def values(self, column: str) -> tuple[object, ...]:
        """All values of one column, in row order."""
        at = self.columns.index(column)
        return tuple(map(itemgetter(at), self.rows))

    def records(self) -> Iterable[dict[str, object]]:
        """Each row as column → value."""
        return (dict(zip(self.columns, row, strict=True)) for row in self.rows)

    def since(self, before: Snapshot) -> float | None:
        """Seconds since `before`, whatever was done to the clock; None if its counters cannot be compared with these.

        A reading of an earlier process has no monotonic clock: then the clock of the machine counts.
        """
        if before.origin != self.origin:
            return None
        by_date = (self.taken_at - before.taken_at).total_seconds()
        seconds = self.clock - before.clock if self.clock and before.clock else by_date
        return seconds if seconds > 0 else None

    def is_recent(self, seconds: float, now: float) -> bool:
        """Whether it was read at most `seconds` before `now`, on the monotonic clock.

        That of a recording is of another machine, and may be ahead of the one here.
        """
        return 0 <= now - self.clock < seconds

    def hiding(self, why: Trouble | None) -> Snapshot:
        """This snapshot with `why` as a note: part of it could not be read. None: it is complete."""
        if why is None:
            return self
        return replace(self, notes=(*self.notes, str(why)), hidden=(*self.hidden, why))

    def in_full(self) -> Snapshot:
        """This snapshot, to decide on a change by it. Raises Trouble if the server's catalogs lack a part of it."""
        if self.unknown or self.is_partial:
            raise self.hidden[0]
        return self

    def with_columns(self, names: Sequence[str], values: Iterable[Row]) -> Snapshot:
        """This snapshot with columns added on the right; `values` holds one tuple a row."""
        rows = tuple(starmap(add, zip(self.rows, values, strict=True)))
        return replace(self, columns=(*self.columns, *names), rows=rows)


# What computing with a value that is unknown ends in, where nobody has thought of that.
UNCOMPUTED = (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError)


class Whole(Enum):
    """What the bar in a cell is a share of, where that is not another column of the row."""

    HUNDRED = "100"  # of a percentage
    LARGEST = "the largest value of the column"
    TOTAL = "the sum of the column"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a view: how a value of the snapshot is titled, formatted, sized and judged."""

    name: str  # in the snapshot
    title: str
    format: str = "text"  # a key of format.FORMATS
    width: int = 0  # in cells; 0: the format's own width
    grow: bool = False  # takes what is left of the screen; at most one a view
    present: bool = False  # takes room only while a row has a value
    extra: bool = False  # wanted only where there is room: shown when the terminal is wide, else by scrolling
    rule: AnyRule | None = None  # how serious a value is
    judged: str = ""  # column whose value is judged, where the rows have it; empty: its own
    bar: Whole | str = ""  # a bar behind the number shows its share of this: of a Whole, or of a column of the row
    explains: bool = False  # says in words what other columns do, often with an age: it makes no difference by itself
    made_of: tuple[str, ...] = ()  # columns that decide whether it differs, where other rows have a part in its text
    help: str = ""  # one sentence for the help screen and the details

    def judged_in(self, columns: Sequence[str]) -> str:
        """The column whose value is judged in rows with these columns."""
        return self.judged if self.judged in columns else self.name


@dataclass(frozen=True, slots=True)
class Rate:
    """A column derived from two snapshots: Δ`of` per second, or Δ`of` / Δ`per` × `scale`.

    The earlier one is the previous read or, with `window`, the oldest read of the last `window` seconds.

    Rows are matched by the view's key. The first snapshot, a new row and a counter that fell (a reset) give None.
    """

    name: str
    of: str
    per: str = ""  # empty: per second of the client's monotonic clock
    scale: float = 1.0
    window: float = 0.0  # seconds


@dataclass(frozen=True, slots=True)
class Rise:
    """A column that says when a rate was last above zero, in seconds of the client's monotonic clock.

    Rows are matched by the view's key. None: not since the first read.
    """

    name: str
    of: str  # the rate


HEAVY = "heavy"  # the source of heavy reads: a replica, where the configuration names one for them


@dataclass(frozen=True, slots=True)
class Lookup:
    """Columns fetched by a second query, only for rows that are not yet known, and kept.

    The query gets each column of `by` as an array parameter of that name and returns `by` and `adds`.
    A kept answer is dropped when a `fingerprint` column of its row changes or it is older than `keep` seconds.
    """

    query: str
    by: tuple[str, ...]
    adds: tuple[str, ...]
    fingerprint: tuple[str, ...] = ()
    first: int = 0  # 0: rows that are on the screen; N: the first N rows in the query's own order
    batch: int = 100  # keys asked for in one read
    together: bool = False  # it costs the same for all: where a row lacks it, the others that do are asked for too
    keep: float = float("inf")
    source: str = ""  # the name of another source that is asked; empty: the view's. Without that source: no columns
    extension: str = ""  # asked only where this extension is installed; elsewhere its columns are null
    heavy: bool = False  # it is read from HEAVY where that is configured: what it reads is the same on a replica


@dataclass(frozen=True, slots=True)
class Counterpart:
    """The row of another view that belongs to a row of this one, as a client of a pooler and its session do."""

    pane: str
    view: str
    columns: Mapping[str, str]  # by which of its columns it is found → the column of this view with the value
    missing: str = ""  # what it means that there is no such row, one sentence; empty: nothing worth saying


@dataclass(frozen=True, slots=True)
class Lead:
    """Where Enter leads from a row: to another view of the pane, filtered by values of the row."""

    view: str
    by: tuple[str, ...]  # columns that both views have


@dataclass(frozen=True, slots=True)
class View:
    """One table of a pane, as data."""

    name: str
    title: str
    query: str  # its name at the source: sql/monitoring/<query>.sql, SHOW … of the pooler
    columns: tuple[Column, ...]
    key: tuple[str, ...]  # columns that identify a row between two reads
    sort: str = ""  # column, with a leading "-" for descending; empty: the query's order
    where: Callable[[Record], bool] | None = None
    rates: tuple[Rate, ...] = ()
    rises: tuple[Rise, ...] = ()
    compared: bool = False  # the source itself compares two reads: a first one shows less
    lookups: tuple[Lookup, ...] = ()
    derive: Callable[..., Snapshot] | None = None  # pure reshaping after rates and lookups
    rules: tuple[Rule, ...] = ()  # what `derive` takes as keyword arguments by their names, under configured limits
    counterpart: Counterpart | None = None  # the row of another pane that belongs to a row
    related: Counterpart | None = None  # another one, where the key leads elsewhere than Enter; None: to the same
    detail: str = ""  # query for the details of one row; gets the key columns as parameters
    leads: Lead | None = None  # where Enter leads to; None: to the details of the row
    source: str = ""  # the name of the source that is asked; empty: the pane's
    kept: float = 0.0  # seconds from one read for the past to the next while nobody shows it; 0: it is not read then
    costs: str = ""  # query for the seconds that its own takes: the more, the more seldom it is read for the past
    heavy: bool = False  # its query is read from HEAVY where that is configured
    heavy_detail: bool = False  # so is the query for the details of one row
    blocks: bool = False  # each row is a finding, shown as a block of lines instead of a line of cells
    chart: str = ""  # name of a drawing in tui/charts.py shown above the table
    chart_query: str = ""  # query whose rows it draws; gets the key columns of the row under the cursor as parameters
    empty: str = "nothing to show"  # shown when there are no rows; good news should read as such

    def without_rows(self, taken: Snapshot) -> str:
        """What is said of a reading that has no rows; empty where it has some, or may lack some."""
        return "" if taken.rows or taken.is_partial else self.empty

    def without_lookups_in(self, *sources: str) -> View:
        """The view without what it looks up in these sources."""
        return replace(self, lookups=tuple(lookup for lookup in self.lookups if lookup.source not in sources))


@dataclass(frozen=True, slots=True)
class Pane:
    """A live view, as a declaration. One list of these drives keys, help, palette, command line and smoke tests."""

    name: str
    key: str
    title: str
    help: str  # a short paragraph: what it shows, how to read it
    views: tuple[View, ...]
    group: str = "Now"  # heading under which the tab line lists it
    short: str = ""  # what the tab line calls it where the titles do not fit; empty: the title
    refresh: float = 2.0  # seconds
    source: str = "postgres"  # the name of the source that is asked
    actions: tuple[str, ...] = ()
    extension: str = ""  # it is about what this extension makes: without it there is nothing to look at
    printed: str = ""  # the view that `show` prints where none is named; empty: the first one

    def source_of(self, view: View) -> str:
        """The name of the source that answers `view`."""
        return view.source or self.source

    def view(self, name: str) -> View:
        """The view called `name`. Raises KeyError if there is none."""
        for view in self.views:
            if view.name == name:
                return view
        raise KeyError(name)


def number(value: object) -> float:
    """A number of a row; 0 where there is none, as for null and true."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
