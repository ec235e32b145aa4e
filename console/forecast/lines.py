"""A forecast as lines of text, for a terminal of any width, and as a document."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from console.format import age, count, counted, milliseconds, one_line, rate, size
from console.model.forecast import ExpectedLock, ExpectedWork, Forecast, LockHolder
from console.model.locks import LockMode

LISTED = 12  # relations that are listed, or as many as are in use
MOST = 40  # of these
SELDOM = 0.05  # requests a second below which a step does not mention them, and no number is given
NAMED = 3  # relations that a sentence names
_MODE = 22  # cells of the longest mode
_RATE = 8


def lines(forecast: Forecast, width: int) -> tuple[str, ...]:
    """Everything, in lines of at most `width` cells: what it locks, who is in the way, and what would queue."""
    return tuple(_lines(forecast, max(60, width)))


def verdict(forecast: Forecast) -> str:
    """Whether it would get its locks now, in one sentence."""
    if not forecast.locks:
        return f"No table is locked by {forecast.kind}."
    held = forecast.held
    if not held:
        return f"{forecast.kind} would get all its locks now."
    tables = counted(len(held), "relation")
    return f"{forecast.kind} would have to wait now: conflicting locks are held or requested on {tables}."


def queue_sentence(forecast: Forecast) -> str:
    """What would queue behind it, while it waits or while it holds its locks; empty: nothing."""
    if not forecast.blocks:
        return ""
    arrivals = forecast.arrivals
    what = forecast.blocks if arrivals is None else _arriving(arrivals, forecast.blocks)
    if not forecast.held:
        bound = f" of at most {_bound(forecast)}" if forecast.lock_timeout else ""
        return f"While it holds them, {what} would wait for it: lock_timeout bounds only its own wait{bound}."
    if not forecast.lock_timeout:
        unbounded = " No lock_timeout bounds that." if forecast.lock_timeout is not None else ""
        return f"While it waits, {what} would queue behind it.{unbounded}"
    most = forecast.queue
    together = "" if most is None else f": up to {count(_up(most))} at the same time"
    return f"While it waits, for at most {_bound(forecast)}, {what} would queue behind it{together}."


def _arriving(arrivals: float, blocks: str) -> str:
    return f"hardly any {blocks}" if arrivals < SELDOM else f"about {_number(arrivals)} {blocks} a second"


def work_sentence(work: ExpectedWork) -> str:
    """What it does to whole tables, which decides how long it holds its locks."""
    if not work.sure:
        return f"It may have to {_work(work)}: the catalogs do not say."
    return f"It has to {_work(work)}, while it holds its locks."


def step_work(forecast: Forecast) -> str:
    """What a step does to whole tables; empty: nothing."""
    return " · ".join(f"{'' if work.sure else 'may have to '}{_work(work)}" for work in forecast.work)


def _work(work: ExpectedWork) -> str:
    tables = one_line(work.relation)
    if work.relations > 1:
        tables = f"{counted(work.relations, 'table')} of {tables}"
    if not work.unknown:
        return f"{work.task.value} {tables}, about {size(work.size)}"
    if work.unknown == work.relations:
        return f"{work.task.value} {tables}, of unknown size (never analyzed)"
    return f"{work.task.value} {tables}, more than {size(work.size)} ({work.unknown} never analyzed)"


def step_sentence(forecast: Forecast, declared: str) -> str:
    """What a step's forecast adds to the locks that it declares; empty: nothing."""
    parts = []
    further = [lock for lock in forecast.locks if lock.relation not in declared and lock.mode.strength > 0]
    if further:
        parts.append(f"also {lock_list(further)}")
    arrivals = forecast.arrivals
    if forecast.blocks and arrivals is not None and arrivals >= SELDOM:
        bound = f", at most {_bound(forecast)}" if forecast.lock_timeout else ""
        parts.append(f"≈ {_number(arrivals)}/s would queue{bound}")
    return " · ".join(parts)


def lock_list(locks: Sequence[ExpectedLock]) -> str:
    """Modes with their relations: "ACCESS EXCLUSIVE on public.t and 12 more"."""
    by_mode: dict[LockMode, list[str]] = {}
    for lock in locks:
        by_mode.setdefault(lock.mode, []).append(one_line(lock.relation))
    return ", ".join(f"{mode.value} on {_names(names)}" for mode, names in by_mode.items())


def holder_text(holder: LockHolder, relation: str = "") -> str:
    """Who has held which lock, and for how long: "pid 12 (shop, app, active) has held ROW EXCLUSIVE for 3m"."""
    who = one_line(holder.who)
    name = who if holder.pid is None else f"pid {holder.pid} ({who})"
    since = "" if holder.seconds is None else f" for {age(holder.seconds)}"
    others = f", as {counted(holder.others, 'other session does', 'other sessions do')}" if holder.others else ""
    where = f" on {relation}" if relation else ""
    return f"{name} has held {holder.mode.value}{where}{since}{others}"


def document(forecast: Forecast) -> dict[str, object]:
    """A forecast as raw values."""
    return {
        "statement": forecast.kind,
        "waits": bool(forecast.held),
        "locks": [_lock_document(lock) for lock in forecast.locks],
        "blocks": forecast.blocks,
        "arrivals_per_second": forecast.arrivals,
        "lock_timeout_seconds": forecast.lock_timeout,
        "queue_at_most": forecast.queue,
        "work": [
            {
                "does": each.task.name.lower(),
                "relation": each.relation,
                "bytes": None if each.unknown == each.relations else each.size,
                "sure": each.sure,
            }
            for each in forecast.work
        ],
        "notes": list(forecast.notes),
    }


def _lock_document(lock: ExpectedLock) -> dict[str, object]:
    holder = lock.holder
    return {
        "mode": lock.mode.value,
        "relation": lock.relation,
        "kind": lock.kind,
        "arrivals_per_second": lock.arrivals,
        "waiting": lock.waiting,
        "holder": None
        if holder is None
        else {
            "pid": holder.pid,
            "who": holder.who,
            "mode": holder.mode.value,
            "seconds": holder.seconds,
            "others": holder.others,
        },
    }


def _lines(forecast: Forecast, width: int) -> Iterator[str]:
    yield from textwrap.wrap(verdict(forecast), width)
    yield from textwrap.wrap(queue_sentence(forecast), width)
    for work in forecast.work:
        yield from textwrap.wrap(work_sentence(work), width)
    if forecast.locks:
        yield ""
        yield f"{'lock':<{_MODE}}{'queue/s':>{_RATE}}  relation"
    shown, quiet = _apart(forecast.locks)
    for lock in shown:
        yield _lock_line(lock.mode, one_line(lock.relation), lock.arrivals)
        if lock.holder is not None:
            yield from textwrap.wrap(f"{holder_text(lock.holder)}.", width, initial_indent="  ", subsequent_indent="  ")
        if lock.waiting:
            yield f"  {counted(lock.waiting, 'session waits', 'sessions wait')} there already."
    for mode, number in quiet.items():
        yield _lock_line(mode, f"and {counted(number, 'further relation')} ")
    if forecast.notes or any(lock.arrivals is not None for lock in forecast.locks):
        yield ""
    for note in forecast.notes:
        yield from textwrap.wrap(note, width)
    if any(lock.arrivals is not None for lock in forecast.locks):
        how = "queue/s: estimated from scans and written rows a second, no more than transactions a second in all."
        yield from textwrap.wrap(how, width)


def _apart(locks: Sequence[ExpectedLock]) -> tuple[list[ExpectedLock], Counter[LockMode]]:
    """The locks to list, those that are in use first, and how many of each mode are too many to list."""
    ordered = sorted(locks, key=lambda lock: (lock.holder is None and not lock.waiting, -(lock.arrivals or 0.0)))
    used = sum(bool(lock.holder or lock.waiting or lock.arrivals) for lock in ordered)
    most = min(MOST, max(LISTED, used))
    return ordered[:most], Counter(lock.mode for lock in ordered[most:])


def _lock_line(mode: LockMode, what: str, arrivals: float | None = None) -> str:
    shown = "" if arrivals is None else _number(arrivals)
    return f"{mode.value:<{_MODE}}{shown:>{_RATE}}  {what}"


def _names(names: Sequence[str]) -> str:
    if len(names) <= NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"


def _bound(forecast: Forecast) -> str:
    return milliseconds(1000 * (forecast.lock_timeout or 0))


def _number(value: float) -> str:
    """A rate without decimals that its error does not allow."""
    return rate(round(value)) if value >= 10 else f"{value:.1f}"


def _up(value: float) -> int:
    return int(value) + (value > int(value))
