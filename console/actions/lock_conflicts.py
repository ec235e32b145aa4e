"""Who is in the way of a plan: sessions that hold locks which conflict with those of its steps, now."""

from __future__ import annotations

from collections.abc import Sequence

from console.forecast.lines import holder_text
from console.format import counted, one_line
from console.model import Step
from console.model.forecast import ExpectedLock

MOST = 8  # locks that are named


def conflicts(steps: Sequence[Step]) -> tuple[str, ...]:
    """A note for each lock of `steps` that it would have to wait for now: for whom, and what queues meanwhile."""
    found = {
        (lock.mode, lock.relation): (lock, step)
        for step in reversed(steps)
        if step.forecast is not None
        for lock in reversed(step.forecast.locks)
        if lock.holder is not None
    }
    notes = [_note(lock, step) for lock, step in reversed(found.values())]
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
