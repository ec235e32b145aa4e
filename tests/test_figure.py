"""Curves over two axes, as text."""

from __future__ import annotations

import pytest

from console.tui.figure import Axis, Curve, Point, curves

X = Axis(0, 7, [(0, "a"), (7, "b")])
Y = Axis(0, 7, [(0, "0"), (7, "7")])


def drawn(*some: Curve, x: Axis = X, y: Axis = Y, width: int = 7, height: int = 3, framed: bool = False) -> list[str]:
    return curves(some, x, y, width, height, framed=framed).plain.split("\n")


@pytest.mark.parametrize(
    ("points", "is_line", "lines"),
    [
        ([(0, 0), (7, 7)], True, [" 7   ⡠⠊", " 0 ⡠⠊  "]),
        ([(0, 0), (7, 7)], False, [" 7    ⠈", " 0 ⡀   "]),
        ([(0, 7), (7, 7)], True, [" 7 ⠉⠉⠉⠉", " 0     "]),
        ([(0, 0), (0, 7)], True, [" 7 ⡇   ", " 0 ⡇   "]),
        ([(3, 3)], True, [" 7     ", " 0  ⠈  "]),
        ([], True, [" 7     ", " 0     "]),
        ([(-1e12, 1e12), (3, -1e12), (9, 9)], False, [" 7     ", " 0     "]),
    ],
    ids=["line", "points", "level", "upright", "one point", "nothing", "beyond the axes"],
)
def test_a_curve_has_two_by_four_dots_in_a_cell(points: list[Point], is_line: bool, lines: list[str]) -> None:
    assert drawn(Curve(points, "", is_line)) == [*lines, "   a  b"]


def test_a_frame_has_ticks_at_its_marks() -> None:
    line = Curve([(0, 0), (7, 7)], "")
    assert drawn(line, width=8, height=5, framed=True) == [
        "  ┌────┐",
        " 7┤  ⡠⠊│",
        " 0┤⡠⠊  │",
        "  └┬──┬┘",
        "   a  b",
    ]


def test_a_text_that_would_touch_another_is_left_out() -> None:
    axis = Axis(0, 7, [(0, "first"), (3, "second"), (7, "last")])
    assert drawn(x=axis, width=14)[-1].split() == ["first", "last"]


def test_later_curves_are_in_front() -> None:
    level = [(0.0, 7.0), (7.0, 7.0)]
    content = curves([Curve(level, "red"), Curve(level, "green")], X, Y, 7, 3)
    assert [str(span.style) for span in content.spans if "⠉" in content.plain[span.start : span.end]] == ["green"]


def test_an_axis_of_one_value_is_drawn() -> None:
    assert drawn(Curve([(5, 5)], ""), x=Axis(5, 5, []), y=Axis(5, 5, []))[-2].strip() == "⡀"
