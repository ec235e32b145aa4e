"""The positions of the columns of a view on a screen of a given width. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from console.format import FORMATS
from console.model import Column, Level, Snapshot
from console.records import dataclass

MARKS = {Level.OK: "  ", Level.NOTICE: "· ", Level.WARNING: "! ", Level.CRITICAL: "!!"}
GUTTER = 2  # cells on the left that carry the severity of a row
SHORTEST_MIDDLE = 5  # cells from which on both ends of a name are readable
NARROWEST, WIDEST_GROWTH = 10, 400  # bounds of a growing column
ROOM_TO_READ = 40  # a growing column gives up cells to further columns down to this width
ENOUGH = 24  # from this width on a growing column shares what is left with the other wanted texts
# Formats whose texts are often longer than their column.
SHARED = frozenset({"name", "relation", "setting", "names", "query"})
MOST_SHARED = 24  # cells that a column can get in addition


@dataclass(frozen=True, slots=True)
class Placed:
    """A column with its place: `x` cells from the left of the table, `width` cells wide."""

    column: Column
    x: int
    width: int


def width_of(column: Column) -> int:
    """The width a column asks for: its own, else its format's, never less than its title's."""
    return max(column.width or FORMATS[column.format].width, 1 if column.width else len(column.title))


def place(columns: Sequence[Column], width: int) -> tuple[Placed, ...]:
    """All columns in order of place. Wanted ones and as many extras as fit fill `width`, others follow beyond."""
    base = [column for column in columns if not column.extra]
    extras = [column for column in columns if column.extra]
    growing = next((column for column in base if column.grow), None)
    room = width - GUTTER - sum(width_of(column) + 1 for column in base) + 1
    spare = room - (max(0, ROOM_TO_READ - width_of(growing)) if growing else 0)
    fitting: list[Column] = []
    while extras and width_of(extras[0]) + 1 <= spare:
        spare -= width_of(extras[0]) + 1
        room -= width_of(extras[0]) + 1
        fitting.append(extras.pop(0))
    if growing and base[-1] is growing:
        base = [*base[:-1], *fitting, growing]
    else:
        base += fitting
    texts = [column for column in base if not (column is growing or column.extra) and column.format in SHARED]
    share = _share(room, growing, len(texts))
    placed: list[Placed] = []
    x = GUTTER
    for column in [*base, *extras]:
        cells = width_of(column)
        if column is growing:
            cells = min(max(cells + room - share * len(texts), NARROWEST), WIDEST_GROWTH)
        elif column in texts:
            cells += share
        placed.append(Placed(column, x, cells))
        x += cells + 1
    return tuple(placed)


def _share(room: int, growing: Column | None, texts: int) -> int:
    """Cells that each text column gets of the `room` that is left; nothing before the growing column has ENOUGH."""
    if growing is None or not texts:
        return 0
    spare = width_of(growing) + room - ENOUGH
    return min(max(0, spare) // (texts + 1), MOST_SHARED)


def present(columns: Sequence[Column], snapshot: Snapshot) -> tuple[Column, ...]:
    """`columns` without those that wait for a value and have none in any row."""
    return tuple(
        column
        for column in columns
        if not column.present
        or any(row[at] is not None for at in (snapshot.index(column.name),) for row in snapshot.rows)
    )


def cells_of_end(width: int, share: float) -> int:
    """How many of the cells of a text that is cut to `width` show its end; 0: it is cut there."""
    return int(width * share) if width >= SHORTEST_MIDDLE else 0


def column_at(placed: Sequence[Placed], x: int) -> Column | None:
    """The column that takes the cell `x`."""
    return next((each.column for each in placed if each.x <= x < each.x + each.width + 1), None)


def total_width(placed: Sequence[Placed]) -> int:
    """Cells from the left edge to the end of the last column."""
    return placed[-1].x + placed[-1].width if placed else GUTTER
