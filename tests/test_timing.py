"""The list of slow tests."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tests.timing import SLOW, slow_functions

REPORT = """
============================= slowest durations ==============================
2.00s call     tests/test_a.py::test_long[pg15-one two]
0.60s setup    tests/test_a.py::test_long[pg15-one two]
2.45s call     tests/test_a.py::test_long[pg18-one two]
2.40s call     tests/test_b.py::test_short
0.05s teardown tests/test_b.py::test_short
9.00s call     tests/test_b.py::test_mixed[1]
0.01s call     tests/test_b.py::test_mixed[2]
0.01s call     tests/test_b.py::test_mixed[3]
0.01s call     tests/test_b.py::test_mixed[4]
=========================== 7 passed in 16.53s ===============================
"""


def test_a_function_is_slow_by_the_average_of_its_cases() -> None:
    assert slow_functions(REPORT.splitlines()) == ["tests/test_a.py::test_long"]


def test_every_slow_test_exists() -> None:
    root = Path(__file__).parent.parent
    missing = [
        test
        for test in SLOW.read_text(encoding="utf-8").split()
        if test.partition("::")[2] not in _functions(root / test.partition("::")[0])
    ]
    assert missing == []


@cache
def _functions(module: Path) -> set[str]:
    tree = ast.parse(module.read_text(encoding="utf-8")) if module.exists() else ast.Module(body=[], type_ignores=[])
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
