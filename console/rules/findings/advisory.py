"""Advisory locks that clients of PgBouncer leave in the sessions of a pool that others use after them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from console.format import one_line
from console.model import (
    OFTEN,
    SELDOM,
    CannotTell,
    Diagnosis,
    Evidence,
    Finding,
    Frame,
    Record,
    Snapshot,
    Urgency,
    of_view,
)
from console.panes.pooled import ask_with_clients
from console.panes.pooler import POOLS
from console.panes.pooler_rows import pooled
from console.rules.findings.blocking import subject
from console.rules.findings.wording import counted, listed, since, statement, terminate
from console.rules.sessions import ADVISORY_LOCK_SECONDS

QUERY = "session_advisory_locks"
POOLER = "pgbouncer"
SHARED = frozenset({"transaction", "statement"})  # modes of a pool in which the next client gets the same session
BUSY = "the client that uses it now must repeat its transaction"
KEPT = 3_600.0  # seconds for which readings are kept
Held = tuple[object, object, str]  # pid and start of a session, key


def shared_pools(frame: Frame) -> bool:
    """Whether a PgBouncer has a pool whose clients share sessions."""
    return any(pooled(row) and str(row["pool_mode"]) in SHARED for row in frame.rows("pooler_pools"))


def leaked(frame: Frame) -> Iterable[Finding]:
    """A finding for each session of a shared pool that has held an advisory lock for too long.

    Raises CannotTell before the second reading.
    """
    modes, records = _modes(frame), frame.rows(QUERY)
    suspects = [row for row in records if modes.get((row.get("pooler"), row["user"]), set()) & SHARED]
    if not suspects:
        return
    seen = _seen(frame)
    for row in suspects:
        if modes[row["pooler"], row["user"]] <= SHARED:
            yield from _leaked(frame, row, seen)


def _modes(frame: Frame) -> Mapping[tuple[object, object], set[str]]:
    """How the pools of each user of each PgBouncer share sessions: a session does not tell of which pool it is."""
    found: dict[tuple[object, object], set[str]] = {}
    for pool in frame.rows("pooler_pools"):
        if pooled(pool):
            found.setdefault((pool["pooler"], pool["user"]), set()).add(str(pool["pool_mode"]))
    return found


def _seen(frame: Frame) -> Mapping[Held, float]:
    """For how many seconds each lock is known to be held for its session: since the earliest reading that shows it.

    Idle it holds it for the session; later it may be busy with another client, but must hold it at every reading.
    Raises CannotTell if there is one reading only.
    """
    *earlier, last = frame.readings[QUERY]
    if not earlier:
        raise CannotTell("Needs a second reading.")
    found: dict[Held, float] = {}
    still = set(_held(last))
    for taken in reversed(earlier):
        then = _held(taken)
        still &= then.keys()
        seconds = last.since(taken) or 0.0
        found.update({lock: seconds for lock in still if then[lock]})
    return found


def _held(taken: Snapshot) -> Mapping[Held, bool]:
    """The locks of a reading, and whether the session was idle."""
    return {(row["pid"], row["backend_start"], key): bool(row["idle"]) for row in taken.records() for key in _keys(row)}


def _keys(row: Record) -> tuple[str, ...]:
    return tuple(map(str, row["keys"])) if isinstance(row["keys"], list) else ()


def _leaked(frame: Frame, row: Record, seen: Mapping[Held, float]) -> Iterable[Finding]:
    ages = {key: seen.get((row["pid"], row["backend_start"], key), 0.0) for key in _keys(row)}
    kept = [key for key, seconds in ages.items() if frame.level(ADVISORY_LOCK_SECONDS, seconds)]
    if not kept:
        return
    longest, many = max(ages[key] for key in kept), len(kept)
    held = f"{counted(many, 'advisory lock')}: {listed(kept)}"
    them = "it" if many == 1 else "them"
    yield Finding(
        rule="advisory-lock-leaked",
        subject=subject(row),
        level=frame.level(ADVISORY_LOCK_SECONDS, longest),
        sentence=f"session {row['pid']} of {one_line(row['user'])}, in a pool of PgBouncer, holds {held};"
        f" it has held {them} at each reading {since(longest)}",
        detail=f"in {one_line(row['database'])}; clients of this pool share sessions: pg_advisory_unlock of the client"
        f" that took {them} reaches another session; use pg_advisory_xact_lock; last: {statement(row)}",
        evidence=(Evidence("advisory locks", str(many), "connections", "all", {"pid": row["pid"]}),),
        fixes=(terminate(row, f"releases its advisory locks; {'PgBouncer connects again' if row['idle'] else BUSY}"),),
        symptom=f"holds {held}",
    )


ADVISORY_LOCK_LEAKED = Diagnosis(
    name="advisory-lock-leaked",
    title="A session of a PgBouncer pool keeps an advisory lock that its client left",
    urgency=Urgency.NOW,
    asks=(
        of_view(POOLS, OFTEN, POOLER),
        replace(ask_with_clients(QUERY, SELDOM, shared_pools), window=KEPT),
    ),
    judge=leaked,
    rules=(ADVISORY_LOCK_SECONDS,),
    misses="Sessions are read once a minute, and a lock is found that a session holds at several readings, idle at the"
    " first. Not found: locks of sessions without a PgBouncer, where they may elect a leader, unless others wait for"
    " them; those of a user of whom a PgBouncer also has session pools.",
)
