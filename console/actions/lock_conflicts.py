"""Who is in the way of a plan: sessions that hold locks which conflict with those of its steps, now."""

from __future__ import annotations

from collections.abc import Sequence

from console.forecast.lines import holder_text
from console.format import counted, one_line
from console.model import Step
from console.model.forecast import ExpectedLock

MOST = 8  # locks that are named


def conflicts(steps: Sequence[Step]) -> tuple[str, ...]:
    """A note for each relation whose lock `steps` would have to wait for now: for whom, and what queues meanwhile."""
    found: dict[str, tuple[ExpectedLock, Step]] = {}
    for step in steps:
        for lock in step.forecast.held if step.forecast is not None else ():
            before = found.get(lock.relation)
            if lock.holder is not None and (before is None or before[0].mode.strength < lock.mode.strength):
                found[lock.relation] = (lock, step)
    notes = [_note(lock, step) for lock, step in found.values()]
    more = len(notes) - MOST
    return (*notes[:MOST], *((f"The same is true of {counted(more, 'further lock')}.",) if more > 0 else ()))


def _note(lock: ExpectedLock, step: Step) -> str:
    assert lock.holder is not None  # noqa: S101  those without are left out
    queue = f" {counted(lock.waiting, 'session waits', 'sessions wait')} there already." if lock.waiting else ""
    seconds = step.execution.queue
    if not lock.mode.blocks:
        behind = ""
    elif seconds is None:
        behind = f"; {lock.mode.blocks} that arrive in the meantime queue behind it"
    else:
        behind = f"; {lock.mode.blocks} that arrive in the meantime queue behind it, {seconds:.1f} s at a time"
    return (
        f"{holder_text(lock.holder, one_line(lock.relation))}: {lock.mode.value} waits until that ends{behind}.{queue}"
    )
