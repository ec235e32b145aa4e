"""What is sent to the terminal for a change: the cells that differ, and of their styles what differs."""

from __future__ import annotations

import random
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pyte
import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual._compositor import LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from console.tui import picture
from console.tui.picture import LinePart, Picture, change
from console.tui.updates import TightUpdate, WrittenUpdate, written

WIDTH, HEIGHT = 24, 5
STYLES = (
    None,
    Style(color="red"),
    Style(bold=True, color="#d8dee4", bgcolor="#1d2731"),
    Style(color="#8b99a7", bgcolor="#1d2731"),
    Style(reverse=True, underline=True, bgcolor="blue"),
    Style(italic=True, bold=True, color="bright_green"),
)
TEXTS = ("select 1", "          ", "▇███▁▂ …", "pid  age", "99%", "a")
WIDE = ("数据库", "a終b")
CONSOLE = Console(force_terminal=True, color_system="truecolor")


def shown(screen: pyte.Screen) -> list[list[pyte.screens.Char]]:
    return [[screen.buffer[y][x] for x in range(WIDTH)] for y in range(HEIGHT)]


def line(chance: random.Random, texts: Iterable[str]) -> Strip:
    """A whole line of texts in styles."""
    segments = [Segment(text, chance.choice(STYLES)) for text in texts]
    return Strip(segments).adjust_cell_length(WIDTH)


@pytest.mark.parametrize("texts", [TEXTS, (*TEXTS, *WIDE)], ids=["plain", "wide characters"])
def test_a_terminal_shows_the_same_whether_all_or_only_what_differs_is_sent(texts: tuple[str, ...]) -> None:
    chance, terminal = random.Random(7), Picture()
    tight, whole = pyte.Screen(WIDTH, HEIGHT), pyte.Screen(WIDTH, HEIGHT)
    streams = pyte.Stream(tight), pyte.Stream(whole)
    lines = [line(chance, chance.choices(texts, k=4)) for _ in range(6)]
    sent = [0, 0]
    for _ in range(400):
        parts = [
            LinePart(y, left, chance.choice(lines), left, right)
            for y in sorted(chance.sample(range(HEIGHT), 3))
            for left, right in [sorted(chance.sample(range(WIDTH + 1), 2)) if texts is TEXTS else (0, WIDTH)]
        ]
        for at, each in enumerate((terminal.drawn(parts, CONSOLE), TightUpdate(parts).render_segments(CONSOLE))):
            streams[at].feed(each)
            sent[at] += len(each)
        assert shown(tight) == shown(whole)
    assert sent[0] < sent[1]


def parts(*texts: str, style: Style | None = None) -> list[LinePart]:
    strips = [Strip([Segment(text, style)]) for text in texts]
    return [LinePart(y, 0, strip, 0, strip.cell_length) for y, strip in enumerate(strips)]


@pytest.mark.parametrize(
    ("before", "now", "sent"),
    [
        (("idle  3", "age 1s"), ("idle  3", "age 1s"), ""),
        (("idle  3",), ("idle  4",), "\x1b[1;7H4"),
        (("abcdef", "abcdef"), ("xbcdey", "abcdez"), "\x1b[1;1Hxbcdey\x1b[2;6Hz"),
        (("a" * 9,), ("x" + "a" * 7 + "y",), "\x1b[1;1Hx\x1b[7Cy"),
        (("ab",), ("ab ", "c"), "\x1b[1;3H \x1b[2;1Hc"),
        (("abc ", "abc "), ("xbc ", "xbc "), "\x1b[1;1Hx\v\bx"),
        (("abc ", "abc "), ("xbc ", "axc "), "\x1b[1;1Hx\vx"),
        (("a" * 9, "a" * 9), ("x" + "a" * 8, "a" * 7 + "xa"), "\x1b[1;1Hx\v\x1b[6Cx"),
        (("a" * 9, "a" * 9), ("a" * 7 + "xa", "x" + "a" * 8), "\x1b[1;8Hx\v\rx"),
        (("a" * 99, "a" * 99), ("a" * 90 + "x" + "a" * 8, "a" * 20 + "x" + "a" * 78), "\x1b[1;91Hx\v\x1b[71Dx"),
        (("a" * 120, "a" * 120), ("a" * 110 + "x" + "a" * 9, "aax" + "a" * 117), "\x1b[1;111Hx\v\r\x1b[2Cx"),
        (("abc ",) * 5, ("xbc ", *["abc "] * 3, "xbc "), "\x1b[1;1Hx\x1b[4B\bx"),
        (("abc", "abc"), ("abx", "axc"), "\x1b[1;3Hx\x1b[2;2Hx"),  # behind its last cell a line may go on or not
        (("数据",), ("数库",), "\x1b[1;1H数库"),  # where a wide character ends is the terminal's affair
    ],
)
def test_only_cells_that_differ_are_sent(before: tuple[str, ...], now: tuple[str, ...], sent: str) -> None:
    terminal = Picture()
    terminal.drawn(parts(*before), CONSOLE)
    assert terminal.drawn(parts(*now), CONSOLE) == sent
    assert not terminal.drawn(parts(*now), CONSOLE)


def test_of_a_part_that_is_as_it_was_no_cell_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    cells = picture._cells

    def counted(part: LinePart, console: Console) -> tuple[list[str], list[str]]:
        looked.append(part.y)
        return cells(part, console)

    monkeypatch.setattr(picture, "_cells", counted)
    shown, left = Picture(), LinePart(0, 0, Strip([Segment("id")]), 0, 2)
    shown.drawn(parts("idle", "active"), CONSOLE)
    shown.drawn(parts("idle", "waits "), CONSOLE)
    assert looked == [0, 1, 1]
    shown.drawn([left], CONSOLE)
    assert shown.drawn(parts("idle"), CONSOLE) == ""
    assert looked[3:] == [0, 0], "something else was written there"


def test_a_picture_that_is_forgotten_is_sent_again_in_full() -> None:
    terminal = Picture()
    all_of_it = terminal.drawn(parts("idle"), CONSOLE)
    terminal.forget()
    assert terminal.drawn(parts("idle"), CONSOLE) == f"\x1b[m{all_of_it}" == "\x1b[m\x1b[1;1Hidle"


def test_a_cell_in_another_style_differs() -> None:
    terminal = Picture()
    terminal.drawn(parts("idle"), CONSOLE)
    assert terminal.drawn(parts("idle", style=Style(bold=True)), CONSOLE) == "\x1b[1;1H\x1b[1midle"


def test_the_last_style_stays_set_until_something_else_writes() -> None:
    terminal, bold = Picture(), Style(bold=True)
    assert terminal.drawn(parts("idle", style=bold), CONSOLE) == "\x1b[1;1H\x1b[1midle"
    assert terminal.drawn(parts("busy", style=bold), CONSOLE) == "\x1b[1;1Hbusy"
    assert terminal.drawn(parts("busy", style=bold), CONSOLE) == ""
    assert (terminal.rest(), terminal.rest()) == ("\x1b[m", "")
    assert terminal.drawn(parts("idle", style=bold), CONSOLE) == "\x1b[1;1H\x1b[1midle"
    terminal.forget()
    assert terminal.drawn([], CONSOLE) == ""
    assert terminal.rest() == "\x1b[m", "whatever is set"


def test_columns_of_numbers_are_written_downwards() -> None:
    terminal = Picture()
    lines = [f"  {n}s {'postgres':30} {n}m active" for n in range(1, 7)]
    terminal.drawn(parts(*lines), CONSOLE)
    now = [f"  {n + 1}s {'postgres':30} {n + 1}m active" for n in range(1, 7)]
    first, second = ("2\v\b3\v\b4\v\b5\v\b6\v\b7",) * 2
    assert terminal.drawn(parts(*now), CONSOLE) == f"\x1b[1;3H{first}\x1b[1;37H{second}"


@pytest.mark.parametrize(
    ("before", "now", "sent"),
    [
        ("1;31", "1;31", ""),
        ("1;31", "", "\x1b[m"),
        ("1;38;2;1;2;3;48;2;4;5;6", "38;2;1;2;3;48;2;4;5;6", "\x1b[22m"),
        ("38;2;1;2;3;48;2;4;5;6", "38;2;9;9;9;48;2;4;5;6", "\x1b[38;2;9;9;9m"),
        ("38;2;1;2;3;48;2;4;5;6", "7;38;2;1;2;3;48;2;4;5;6", "\x1b[7m"),
        ("1;2;38;5;7", "1;38;5;7", "\x1b[22;1m"),  # bold and faint end together
        ("53;38;5;7", "38;5;7", "\x1b[0;38;5;7m"),  # what has no end of its own
        ("38;5;100;44", "38;5;100", "\x1b[49m"),
        ("90", "100", "\x1b[0;100m"),
    ],
)
def test_of_a_style_only_what_differs_is_set(before: str, now: str, sent: str) -> None:
    assert change(before, now) == sent


def test_a_screen_that_is_laid_out_as_it_was_is_not_sent_again() -> None:
    app: Any = SimpleNamespace(console=CONSOLE)
    terminal, top = Picture(), (Strip([Segment("pid ")]), Strip([Segment("age", STYLES[1])]))
    lines: list[Iterable[Strip]] = [top, (Strip([Segment("4711")]),)]
    region = Region(0, 0, 7, 2)
    first = written(LayoutUpdate(lines, region), terminal, app)
    assert isinstance(first, WrittenUpdate)
    assert first.text == "\x1b[1;1Hpid \x1b[31mage\x1b[2;1H\x1b[m4711"
    assert written(LayoutUpdate(lines, region), terminal, app) is None
    assert written(None, terminal, app) is None
    other = Text("anything")
    assert written(other, terminal, app) is other
    assert written(LayoutUpdate(lines, region), terminal, app) is not None, "anything may have been written"
