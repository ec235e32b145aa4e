"""How much of each finding is on the screen: four lines, one, or all of it."""

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
FULL, CUT = "abcdefghijklmnopqrstuvwxy", "abcdefghijklmnopqrstuvwxy…"


@pytest.mark.parametrize(
    ("height", "cursor", "expected"),
    [
        (16, 0, [4 + 4, 4, 4]),  # with what is left out, after an empty line
        (15, 0, [4 + 1, 4, 4]),  # with how to see it
        (12, 1, [4, 4, 4]),
        (11, 2, [1, 1, 4 + 4]),
        (9, 1, [1, 4 + 1, 1]),
        (6, 1, [1, 4, 1]),
        (3, 0, [4, 1, 1]),
        (0, 0, [4, 1, 1]),
    ],
)
def test_a_block_has_four_lines_at_most_and_one_where_not_all_fit(
    height: int, cursor: int, expected: list[int]
) -> None:
    lines = finding_lines([SEVEN] * 3, [FIX] * 3, cursor, WIDTH, height)
    assert heights(lines, 3) == expected


@pytest.mark.parametrize(("height", "expected"), [(15, [7, 4, 4]), (14, [7, 1, 1]), (0, [7, 1, 1])])
def test_a_block_that_is_unfolded_leaves_nothing_out(height: int, expected: list[int]) -> None:
    lines = finding_lines([SEVEN] * 3, [FIX] * 3, 0, WIDTH, height, unfolded=True)
    assert heights(lines, 3) == expected


@pytest.mark.parametrize(
    ("parts", "fixed", "expected"),
    [
        ({}, False, ["! s"]),
        ({"sentence": LINE * 5}, False, [f"! {FULL}", FULL, FULL, CUT]),
        ({"sentence": LINE * 5}, True, [f"! {FULL}", FULL, CUT, "f  end it"]),
        ({"sentence": LINE * 2, "detail": LINE * 2}, True, [f"! {FULL}", FULL, CUT, "f  end it"]),
        (
            {"sentence": LINE * 2, "detail": LINE, "explains": ("a",)},
            True,
            [f"! {FULL}", FULL, "also explains: a", "f  end it"],
        ),
        ({"detail": LINE * 2, "explains": ("a", "b")}, True, ["! s", CUT, "also explains: a · b", "f  end it"]),
        (
            {"detail": LINE, "explains": ("a",), "muted": "acknowledged"},
            True,
            [" zs", "also explains: a", "acknowledged", "f  end it"],
        ),
    ],
)
def test_four_lines_hold_the_sentence_and_the_fix_first(
    parts: dict[str, Any], fixed: bool, expected: list[str]
) -> None:
    row = finding(**parts, fixes=(FIX,) if fixed else ())
    lines = finding_lines([SEVEN, row], [FIX, FIX if fixed else None], 0, WIDTH, 8)
    first, *others = (line.text for line in lines if line.finding == 1)
    shown = [first, *(text.removeprefix("    ") for text in others)]
    assert [text[: len(want)] for text, want in zip(shown, expected, strict=True)] == expected


def test_that_there_are_other_fixes_is_never_cut() -> None:
    fixes = ({"effect": LINE * 3}, FIX)
    lines = finding_lines([finding(sentence=LINE * 3, fixes=fixes)], [fixes[0]], 0, WIDTH, 4)
    assert (len(lines[-1].text), lines[-1].text[-13:]) == (WIDTH, "…  (→ 1 more)")


def test_what_a_block_leaves_out_is_below_all_blocks() -> None:
    row = finding(sentence="s", detail=LINE * 3, explains=("symptom",), fixes=(FIX,))
    lines = finding_lines([row, SEVEN], [FIX, FIX], 0, WIDTH, 20)
    assert [line.text.strip() for line in lines[8:]] == ["", *([FULL] * 3)]
    assert not any(line.head for line in lines[8:])


def test_no_line_is_wider_than_the_screen() -> None:
    lines = finding_lines([SEVEN, SEVEN], [FIX, FIX], 0, WIDTH, 11)
    assert max(len(line.text) for line in lines) <= WIDTH


def test_without_findings_there_are_no_lines() -> None:
    assert finding_lines([], [], 0, WIDTH, 10) == []
