"""What is sent to the terminal for a change: parts of lines, equal to what Textual would send."""

from __future__ import annotations

import itertools

import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from console.tui.updates import part

BOLD, RED = Style(bold=True), Style(color="red")
LINES = {
    "one style": [Segment("select 1", RED)],
    "several styles": [Segment("pid", BOLD), Segment(" ", None), Segment("age", RED), Segment("q", BOLD)],
    "wide characters": [Segment("a数据库b", RED), Segment("ü…", BOLD), Segment("終", None)],
}


@pytest.mark.parametrize("name", LINES)
def test_any_part_of_a_line_is_what_cropping_it_gives(name: str) -> None:
    console, strip = Console(force_terminal=True, color_system="truecolor"), Strip(LINES[name])
    for left, right in itertools.combinations(range(strip.cell_length + 1), 2):
        cropped = Strip(LINES[name]).crop(left, right)
        assert part(strip, left, right, console) == cropped.render(console), (left, right)
