"""Every count in a sentence has the noun in its number: "1 row", never "1 rows"."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import console
from console.format import count, counted

NOUNS = (
    "batch block client connection constraint extension file finding index lock migration partition pool replica"
    " role row rule session slot step table value"
)
PLURAL = re.compile(
    rf" (?:open )?(?:{'|'.join(f'{noun}e?s' for noun in NOUNS.split())}|indices|settings|statements|views)\b(?![=/])"
)
WHOLE = re.compile(r"\b(?:of|of the|all|of [a-z_]+ =) $")  # 1 of 3 tables, 1 of max_client_conn = 100 clients
FILES = sorted(Path(console.__file__).parent.rglob("*.py"))


def plurals(text: str) -> Iterator[str]:
    """What an f-string says after a number, whatever the number: not where a condition or `counted` chooses."""
    tree = ast.parse(text)
    chosen = {
        id(part)
        for node in ast.walk(tree)
        if (isinstance(node, ast.IfExp) and _is_one(node.test))
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "counted")
        for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and id(node) not in chosen:
            yield from _after_numbers(node.values)


def _is_one(test: ast.expr) -> bool:
    """Whether a condition may ask if something is one."""
    return any(isinstance(node, ast.Constant) and node.value in {1, 2} for node in ast.walk(test))


def _after_numbers(parts: list[ast.expr]) -> Iterator[str]:
    before = ""
    for part, following in pairwise(parts):
        if isinstance(part, ast.Constant):
            before = str(part.value)
        elif isinstance(part, ast.FormattedValue) and isinstance(following, ast.Constant):
            found = PLURAL.match(str(following.value))
            if found and not WHOLE.search(before):
                yield ast.unparse(part.value) + found[0]
            before = ""


def test_a_number_is_followed_by_the_noun_in_its_number() -> None:
    assert [(path.name, text) for path in FILES for text in plurals(path.read_text(encoding="utf-8"))] == []


def test_what_the_guard_finds() -> None:
    assert list(plurals('f"{n} rows of {m} tables"')) == ["n rows"]
    assert list(plurals('f"{n} row" if n == 1 else f"{n} rows"')) == []
    assert list(plurals('f"{len(found)} rows" if found is not None else ""')) == ["len(found) rows"]
    assert list(plurals('f"{a}: {b} open files"')) == ["b open files"]
    assert list(plurals("f\"{counted(n, 'row')} moved\"")) == []


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 rows"), (1, "1 row"), (1.0, "1 row"), (2, "2 rows"), (1_234_567, "1234567 rows")],
)
def test_a_count_with_its_noun(number: float, text: str) -> None:
    assert counted(number, "row") == text


def test_a_count_may_be_shown_short() -> None:
    assert counted(1_234_567, "row", shown=count) == "1.23M rows"


def test_an_irregular_plural() -> None:
    assert (counted(1, "index", "indexes"), counted(2, "index", "indexes")) == ("1 index", "2 indexes")
