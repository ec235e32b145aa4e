"""Faults injected into real servers, one for each rule: `FAULTS` lists them, tests/test_rules.py injects each.

A fault is a context manager that takes a Stage and yields what the sentence of the finding must name; at its end it
takes back what the fix has not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from console.model import Limit
from console.settings import config
from tests.faults import blocking, indexes
from tests.faults.stage import Stage, sooner

Configured = Callable[[config.Settings], config.Settings]
Fault = Callable[[Stage], AbstractContextManager[str]]

FAULTS: Mapping[str, tuple[Fault, ...]] = {
    "blocking-session": (blocking.row_locked_by_an_idle_session, blocking.queue_behind_an_alter),
    "invalid-index": (indexes.build_that_failed,),
    "redundant-index": (indexes.index_that_another_covers,),
    "unused-index": (indexes.index_without_scans,),
}
# What the configuration must say so that a fault of the rule needs neither days nor gigabytes.
SETTINGS: Mapping[str, Configured] = {
    "unused-index": lambda settings: sooner(settings, index_counted_days=Limit(0, below=True)),
}

__all__ = ["FAULTS", "SETTINGS", "Fault", "Stage"]
