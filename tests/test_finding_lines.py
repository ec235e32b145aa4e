"""How much of each finding is on the screen: whole, in four lines or in one."""

from __future__ import annotations

from typing import Any

import pytest

from console.tui.finding_lines import FindingLine, finding_lines

WIDTH = 30
LINE = "abcdefghijklmnopqrstuvwxy "  # a word that fills a line


def finding(**parts: Any) -> dict[str, Any]:
    """A finding of one line, where `parts` says no more."""
    nothing = {"sentence": "s", "level": "warning", "detail": "", "explains": (), "muted": "", "fixes": ()}
    return nothing | parts


def heights(lines: list[FindingLine], findings: int) -> list[int]:
    return [sum(line.finding == at for line in lines) for at in range(findings)]


FIX = {"effect": "end it"}
SEVEN = finding(sentence=LINE * 2, detail=LINE * 3, explains=("symptom",), fixes=(FIX,))


@pytest.mark.parametrize(
    ("height", "cursor", "expected"),
    [
        (21, 0, [7, 7, 7]),
        (20, 0, [7, 4, 4]),
        (20, 2, [4, 4, 7]),
        (15, 1, [4, 7, 4]),
        (14, 1, [1, 7, 1]),
        (3, 0, [7, 1, 1]),
        (0, 0, [7, 1, 1]),
    ],
)
def test_blocks_are_whole_or_in_four_lines_or_in_one(height: int, cursor: int, expected: list[int]) -> None:
    lines = finding_lines([SEVEN] * 3, [FIX] * 3, cursor, WIDTH, height)
    assert heights(lines, 3) == expected


FULL, CUT = "abcdefghijklmnopqrstuvwxy", "abcdefghijklmnopqrstuvwxy…"


@pytest.mark.parametrize(
    ("parts", "fixed", "expected"),
    [
        ({}, False, ["! s"]),
        ({"sentence": LINE * 5}, False, [f"! {FULL}", FULL, FULL, CUT]),
        ({"sentence": LINE * 5}, True, [f"! {FULL}", FULL, CUT, "f  end it"]),
        ({"sentence": LINE * 2, "detail": LINE * 2}, True, [f"! {FULL}", FULL, CUT, "f  end it"]),
        ({"detail": LINE * 2, "explains": ("a", "b")}, True, ["! s", CUT, "also explains: a · b", "f  end it"]),
        (
            {"detail": LINE, "explains": ("a",), "muted": "acknowledged"},
            True,
            [" zs", "also explains: a", "acknowledged", "f  end it"],
        ),
    ],
)
def test_four_lines_hold_the_sentence_first_and_a_line_of_all_else(
    parts: dict[str, Any], fixed: bool, expected: list[str]
) -> None:
    row = finding(**parts, fixes=(FIX,) if fixed else ())
    lines = finding_lines([SEVEN, row], [FIX, FIX if fixed else None], 0, WIDTH, 11)
    first, *others = (line.text for line in lines if line.finding == 1)
    shown = [first, *(text.removeprefix("    ") for text in others)]
    assert [text[: len(want)] for text, want in zip(shown, expected, strict=True)] == expected


def test_no_line_is_wider_than_the_screen() -> None:
    lines = finding_lines([SEVEN, SEVEN], [FIX, FIX], 0, WIDTH, 11)
    assert max(len(line.text) for line in lines) <= WIDTH


def test_without_findings_there_are_no_lines() -> None:
    assert finding_lines([], [], 0, WIDTH, 10) == []
