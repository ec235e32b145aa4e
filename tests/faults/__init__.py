"""Faults injected into real servers, one for each rule: `FAULTS` lists them, tests/test_rules.py injects each.

A fault is a context manager that takes a Stage and yields what the sentence of the finding must name; at its end it
takes back what the fix has not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from tests.faults import blocking
from tests.faults.stage import Stage

Fault = Callable[[Stage], AbstractContextManager[str]]

FAULTS: Mapping[str, tuple[Fault, ...]] = {
    "blocking-session": (blocking.row_locked_by_an_idle_session, blocking.queue_behind_an_alter),
}

__all__ = ["FAULTS", "Fault", "Stage"]
