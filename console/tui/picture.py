"""What the terminal shows, cell by cell, and the shortest text that turns it into something else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from operator import ne, or_
from typing import NamedTuple

from rich.cells import cell_len, get_character_cell_size
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from textual.strip import Strip

from console.records import dataclass

_DIFFERENT = re.compile(rb"\x01+")
GAP = 4  # unchanged cells of one style that are written again: a move of the cursor is as long
SHORTEST_COLUMN = 3  # runs from which on their order is looked at
RESET = "\x1b[m"  # no style
SINGLE = 3  # steps down, or to the left, that are shorter as control characters than as a sequence
# What ends an attribute; bold and faint end together.
ENDS = {"1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "7": "27", "8": "28", "9": "29"}

Look = tuple[frozenset[str], str, str]  # of a style: its attributes, its colour, that of its background


@dataclass(frozen=True, slots=True)
class LinePart:
    """The cells from `left` to before `right` of a line, which begin at the cell `x` of the screen's line `y`."""

    y: int
    x: int
    strip: Strip
    left: int
    right: int


class Picture:
    """Knows what was written to the terminal; a cell that shows already what it is to show is not written again."""

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}  # by line
        self._style: str | None = ""  # that is set, which the next text begins with; None: not known

    def forget(self) -> None:
        """Nothing is known of the terminal: something else has written to it, or it has another size."""
        self._rows.clear()
        self._style = None

    def drawn(self, parts: Iterable[LinePart], console: Console) -> str:
        """What makes the terminal show `parts`, given in the order of the screen; empty: it does.

        The last style stays set, which is often the first one of the next text: see rest().
        """
        pen = _Pen(self._style or "")
        runs: list[_Run] = []
        for part in parts:
            self._draw(part, runs, pen, console)
        pen.write_all(runs)
        text = pen.text
        if text:
            text = text if self._style is not None else f"{RESET}{text}"
            self._style = pen.style
        return text

    def rest(self) -> str:
        """What leaves no style set; something else writes to the terminal after it."""
        style, self._style = self._style, ""
        return change(style, "") if style is not None else RESET

    def _draw(self, part: LinePart, runs: list[_Run], pen: _Pen, console: Console) -> None:
        row = self._rows.get(part.y)
        if row is None:
            row = self._rows[part.y] = _Row()
        elif row.has(part):
            return
        texts, styles = _cells(part, console)
        end = part.x + len(texts)
        row.reach(end)
        here = slice(part.x, end)
        before, before_styles = row.texts[here], row.styles[here]
        if texts == before and styles == before_styles:
            row.keep(part)
            return
        # How wide a terminal draws an unusual character is never sure: such a part is written whole.
        is_plain = "" not in texts and "" not in before
        row.texts[here], row.styles[here] = texts, styles
        row.keep(part)
        y, x, width = part.y, part.x, len(row.texts)
        if is_plain:
            for first, last in _runs(texts, styles, before, before_styles):
                runs.append(_Run(y, x + first, texts[first:last], styles[first:last], width))
            return
        pen.write_all(runs)  # what is next to it is written in order
        runs.clear()
        pen.write(_Run(y, x, texts, styles, width))
        pen.lose()
        row.parts.clear()
        _break(row.texts, x, end)


class _Run(NamedTuple):
    """Cells of a line that are written one after the other; so many of the line are known."""

    y: int
    x: int
    texts: Sequence[str]
    styles: Sequence[str]
    width: int


class _Row:
    """A line of the terminal: the texts and styles of its cells, and the parts that they were taken from last."""

    __slots__ = ("parts", "styles", "texts")

    def __init__(self) -> None:
        self.texts: list[str | None] = []  # None: not known
        self.styles: list[str] = []
        self.parts: dict[int, LinePart] = {}  # by their first cell; nothing else was written over any of them

    def reach(self, width: int) -> None:
        """Have at least so many cells."""
        if (lacking := width - len(self.texts)) > 0:
            self.texts.extend([None] * lacking)
            self.styles.extend([""] * lacking)

    def has(self, part: LinePart) -> bool:
        """Whether it is known, without a look at each cell, that the line shows `part`: most do not change."""
        known = self.parts.get(part.x)
        return (
            known is not None
            and (known.left, known.right) == (part.left, part.right)
            and (known.strip is part.strip or list(known.strip) == list(part.strip))
        )

    def keep(self, part: LinePart) -> None:
        """Remember that it shows `part`, and no longer all of those that it was written over."""
        end = part.x + part.right - part.left
        covered = [x for x, each in self.parts.items() if x < end and x + each.right - each.left > part.x]
        for x in covered:
            del self.parts[x]
        self.parts[part.x] = part


class _Pen:
    """Where the terminal's cursor is and which style is set, while text is made."""

    def __init__(self, style: str) -> None:
        """`style` is set at first."""
        self.style = style
        self._texts: list[str] = []
        self._at: tuple[int, int] | None = None
        self._is_in_line = False  # not behind the last cell of the line, where terminals differ

    def write_all(self, runs: Sequence[_Run]) -> None:
        """Write runs that are given in the order of the screen, and need not be written in it."""
        for each in runs if len(runs) < SHORTEST_COLUMN else _down_columns(runs):
            self.write(each)

    def write(self, run: _Run) -> None:
        self._move(run.y, run.x)
        texts, styles = run.texts, run.styles
        at = 0
        while at < len(texts):
            style = styles[at]
            same = styles[at:].count(style)  # often all of them
            end = at + same if styles[at : at + same] == [style] * same else _end_of(styles, at)
            self._texts += (change(self.style, style), *texts[at:end])
            self.style, at = style, end
        self._at = run.y, run.x + at
        self._is_in_line = self._at[1] < run.width

    def _move(self, y: int, x: int) -> None:
        if self._at == (y, x):
            return
        place = f"\x1b[{y + 1};{x + 1}H"
        if self._at is not None and self._is_in_line:
            place = min(_steps(y - self._at[0], self._at[1], x) or place, place, key=len)
        self._texts.append(place)

    def lose(self) -> None:
        """Where the cursor is depends on the terminal."""
        self._at = None

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self._texts)


def _down_columns(runs: Sequence[_Run]) -> Iterator[_Run]:
    """Runs in the order in which the cursor moves least: what changes in most lines is a column of numbers."""
    columns: list[list[_Run]] = []
    ends: dict[int, list[_Run]] = {}  # by the cell behind their last run
    for run in runs:
        for end in (run.x, *range(run.x + 1, run.x + SINGLE + 1)):
            column = ends.get(end)
            if column is not None and 0 < run.y - column[-1].y <= SINGLE and column[-1].styles[-1] == run.styles[0]:
                del ends[end]
                column.append(run)
                break
        else:
            columns.append(column := [run])
        ends[run.x + len(run.texts)] = column
    return chain.from_iterable(columns)


def _steps(down: int, before: int, x: int) -> str:
    """What moves the cursor so far down, and from the cell `before` of its line to `x`; empty: it cannot go up.

    A line feed would become a return too; for a vertical tab every terminal goes down a line.
    """
    if down < 0:
        return ""
    vertical = "\v" * down if down <= SINGLE else f"\x1b[{down}B"
    if x >= before:
        return vertical + _ahead(x - before)
    left = before - x
    return vertical + min("\b" * left if left <= SINGLE else f"\x1b[{left}D", f"\r{_ahead(x)}", key=len)


def _ahead(cells: int) -> str:
    return f"\x1b[{cells}C" if cells > 1 else "\x1b[C" * cells


def _cells(part: LinePart, console: Console) -> tuple[list[str], list[str]]:
    """The text and the style of each cell of a part; of what is not one cell wide all is in the first one."""
    colors = console._color_system or ColorSystem.TRUECOLOR  # noqa: SLF001  as Strip.render() does
    texts: list[str] = []
    styles: list[str] = []
    at, left, right = 0, part.left, part.right
    for text, style, _ in part.strip:
        plain = text.isascii() or _one_cell_each(text)
        start, at = at, at + (len(text) if plain else cell_len(text))
        if start >= right:
            break
        if at <= left:
            continue
        first, end = max(start, left), min(at, right)
        texts += text[first - start : end - start] if plain else _wide(text, first - start, end - start)
        if style is None:
            codes = ""
        elif (codes := style._ansi) is None:  # type: ignore[assignment]  # noqa: SLF001  as Strip.render_style() does
            codes = Strip.render_ansi(style, colors)
        styles += [codes] * (end - first)
    lacking = right - left - len(texts)  # a widget drew less than its region
    return (texts + [" "] * lacking, styles + [""] * lacking) if lacking > 0 else (texts, styles)


def _wide(text: str, first: int, end: int) -> list[str]:
    """Some cells of a text with characters that are not one cell wide: all of it in the first one."""
    cut, _ = Segment(text).split_cells(end)
    _, cut = cut.split_cells(first) if first else (cut, cut)
    return [cut.text, *[""] * (end - first - 1)]


def _runs(
    texts: Sequence[str], styles: Sequence[str], before: Sequence[str | None], before_styles: Sequence[str]
) -> Iterator[tuple[int, int]]:
    """The stretches of cells that differ; a short gap in one style is part of a stretch."""
    differs = bytes(map(ne, texts, before))
    if styles != before_styles:
        differs = bytes(map(or_, differs, map(ne, styles, before_styles)))
    first = end = -1
    for found in _DIFFERENT.finditer(differs):
        start = found.start()
        if first < 0:
            first = start
        elif start - end > GAP or any(style != styles[end - 1] for style in styles[end:start]):
            yield first, end
            first = start
        end = found.end()
    if first >= 0:
        yield first, end


def _end_of(styles: Sequence[str], at: int) -> int:
    """The end of the cells from `at` on that have the same style."""
    style = styles[at]
    return next((n for n in range(at + 1, len(styles)) if styles[n] != style), len(styles))


def _break(known: list[str | None], left: int, right: int) -> None:
    """Nothing is known of the rest of a wide character of which a half was written over."""
    if right < len(known) and known[right] == "":
        known[right] = None
    if left and known[left - 1] is not None and cell_len(known[left - 1] or "") > 1:
        known[left - 1] = None


@lru_cache(maxsize=4096)
def _one_cell_each(text: str) -> bool:
    return all(get_character_cell_size(character) == 1 for character in text)


@lru_cache(maxsize=4096)
def change(before: str, now: str) -> str:
    """What sets the style `now`, as codes, where `before` is set: only what differs, unless all is shorter."""
    if before == now:
        return ""
    (had, colour, ground), (has, new_colour, new_ground) = _look(before), _look(now)
    ends = {ENDS.get(each, "0") for each in had - has}
    begun = sorted(each for each in has if each not in had or ENDS.get(each) in ends)
    colours = [new_colour or "39"] if colour != new_colour else []
    grounds = [new_ground or "49"] if ground != new_ground else []
    codes = ";".join((*sorted(ends), *begun, *colours, *grounds))
    whole = f"0;{now}" if now else ""
    return f"\x1b[{whole if '0' in ends or len(whole) <= len(codes) else codes}m"


def _look(codes: str) -> Look:
    attributes: set[str] = set()
    colours = {"3": "", "4": ""}
    found = iter(codes.split(";") if codes else ())
    for code in found:
        if code in {"38", "48"}:
            kind = next(found, "")
            colours[code[0]] = ";".join((code, kind, *(next(found, "") for _ in range(3 if kind == "2" else 1))))
        elif len(code) > 1 and code[:-1] in {"3", "4", "9", "10"}:
            colours["3" if code[:-1] in {"3", "9"} else "4"] = "" if code in {"39", "49"} else code
        else:
            attributes.add(code)
    return frozenset(attributes), colours["3"], colours["4"]
