"""Faults injected into real servers, one for each rule: `FAULTS` lists them, tests/test_rules.py injects each.

A fault is a context manager that takes a Stage and yields what the sentence of the finding must name; at its end it
takes back what the fix has not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from console.model import Limit
from console.settings import config
from tests.faults import blocking, held, indexes
from tests.faults.stage import Stage, sooner

Configured = Callable[[config.Settings], config.Settings]
Fault = Callable[[Stage], AbstractContextManager[str]]

FAULTS: Mapping[str, tuple[Fault, ...]] = {
    "blocking-session": (
        blocking.row_locked_by_an_idle_session,
        blocking.queue_behind_an_alter,
        blocking.advisory_lock_of_an_idle_session,
    ),
    "vacuum-pinned": (
        held.old_snapshot_of_a_session,
        held.old_transaction_that_wrote,
        held.old_prepared_transaction,
        held.slot_left_behind,
        held.feedback_of_a_standby,
    ),
    "idle-in-transaction": (held.session_left_in_transaction,),
    "prepared-transaction": (held.transaction_left_prepared,),
    "invalid-index": (indexes.build_that_failed,),
    "redundant-index": (indexes.index_that_another_covers,),
    "unused-index": (indexes.index_without_scans,),
}
# What the configuration must say so that a fault of the rule needs neither days nor gigabytes.
SETTINGS: Mapping[str, Configured] = {
    "vacuum-pinned": lambda settings: sooner(settings, xmin_age_transactions=Limit(100)),
    "idle-in-transaction": lambda settings: sooner(settings, idle_in_transaction_seconds=Limit(0.2)),
    "prepared-transaction": lambda settings: sooner(settings, prepared_transaction_seconds=Limit(0.2)),
    "unused-index": lambda settings: sooner(settings, index_counted_days=Limit(0, below=True)),
}

__all__ = ["FAULTS", "SETTINGS", "Fault", "Stage"]
