"""Which tests are slow: `python -m tests.timing REPORT` writes the list that `make test` leaves out.

The report is what `make test-all ARGS="-vv --durations=0"` prints. A test is slow if its case takes longer than SECONDS
on average, with what its fixtures took, next to the other workers of a run.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

SLOW = Path(__file__).parent / "slow.txt"
SECONDS = 2.5
PHASE = re.compile(r"(?P<seconds>[\d.]+)s (?:call|setup|teardown) +(?P<test>tests/.*)")


def function_of(test: str) -> str:
    """The function of a test's name, without the case: test_a.py::test_b for test_a.py::test_b[18]."""
    return test.partition("[")[0]


def slow_functions(report: Iterable[str]) -> list[str]:
    """The functions whose cases take longer than SECONDS on average, by name."""
    cases: dict[str, float] = defaultdict(float)
    for line in report:
        if phase := PHASE.fullmatch(line.strip()):
            cases[phase["test"]] += float(phase["seconds"])
    functions: dict[str, list[float]] = defaultdict(list)
    for case, seconds in cases.items():
        functions[function_of(case)].append(seconds)
    return sorted(function for function, seconds in functions.items() if fmean(seconds) > SECONDS)


if __name__ == "__main__":
    with Path(sys.argv[1]).open(encoding="utf-8") as told:
        SLOW.write_text("".join(f"{function}\n" for function in slow_functions(told)), encoding="utf-8")
