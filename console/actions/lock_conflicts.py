"""Who is in the way of a plan: sessions that hold locks which conflict with those of its steps, now."""

from __future__ import annotations

from collections.abc import Sequence

from console.format import age, counted, one_line
from console.model import Record, Source, Step, Trouble
from console.model.locks import LockMode, locks

_NAMES = {mode: f"{mode.value.title().replace(' ', '')}Lock" for mode in LockMode}  # as in pg_locks
_MODES = {name: mode for mode, name in _NAMES.items()}


async def conflicts(server: Source, steps: Sequence[Step]) -> tuple[str, ...]:
    """A note for each lock of `steps` that it would have to wait for now: for whom, and what queues meanwhile."""
    wanted = {pair: step for step in reversed(steps) for pair in locks(step.lock)}
    if not wanted:
        return ()
    pairs = tuple(reversed(wanted))
    try:
        found = await server.fetch(
            "actions/lock_conflicts",
            {"relations": [relation for _, relation in pairs], "modes": [_NAMES[mode] for mode, _ in pairs]},
        )
    except Trouble as why:
        return (f"Whether others hold conflicting locks could not be read: {why}",)
    return tuple(_note(row, wanted[_MODES[str(row["wanted"])], str(row["relation"])]) for row in found.records())


def _note(row: Record, step: Step) -> str:
    mode, held = _MODES[str(row["wanted"])], _MODES[str(row["held"])]
    who = one_line(row["who"])
    name = who if row["pid"] is None else f"pid {row['pid']} ({who})"
    others = int(str(row["others"]))
    also = f", as {counted(others, 'other session does', 'other sessions do')}" if others else ""
    waiting = int(str(row["waiting"]))
    queue = f" {counted(waiting, 'session waits', 'sessions wait')} there already." if waiting else ""
    seconds = step.execution.queue
    if not mode.blocks:
        behind = ""
    elif seconds is None:
        behind = f"; {mode.blocks} that arrive in the meantime queue behind it"
    else:
        behind = f"; {mode.blocks} that arrive in the meantime queue behind it, {seconds:.1f} s at a time"
    return (
        f"{name} has held {held.value} on {one_line(row['relation'])} for {age(row['age'])}{also}: "
        f"{mode.value} waits until that ends{behind}.{queue}"
    )
