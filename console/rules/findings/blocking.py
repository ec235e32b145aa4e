"""Sessions that block others, with what ending each would free."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import timedelta

from console.format import age, one_line
from console.model import OFTEN, Ask, Diagnosis, Evidence, Finding, Fix, Frame, Level, Record, Steady, Urgency
from console.panes.pooled import ask_with_clients
from console.rules.findings.wording import (
    cancel,
    cancel_transaction,
    counted,
    number,
    roll_back,
    session,
    since,
    statement,
    terminate,
)
from console.rules.lock_queues import TRANSACTION, Freed, Node, Queues, node, queues_of
from console.rules.sessions import BLOCKING_SESSIONS, LOCK_WAIT_SECONDS

IDLE = ("idle in transaction", "idle in transaction (aborted)", "idle")  # a cancel would have no effect
ROLLBACK = "rollback-prepared"
MOST_NAMED = 20  # blocked sessions that are named
MOST_HEADS = 20  # sessions at the head of a queue for which it is computed what cancelling them would free

Sessions = Mapping[Node, Record]


def somebody_waits(frame: Frame) -> bool:
    """Whether the metrics count a session that waits for a lock."""
    return number(frame.row("vitals").get("waiting")) > 0


def waiters(frame: Frame) -> object:
    """Who waits for a lock or is idle in a transaction, as far as the metrics show; None: they show nobody of them."""
    vitals = frame.row("vitals")
    sampled = vitals.get("sampled")
    if not isinstance(sampled, str):
        return None
    found = {
        (tuple(pids), state)
        for pids, _, state, wait, *_ in json.loads(sampled)
        if wait == "Lock" or str(state).startswith("idle in transaction")
    }
    return vitals.get("waiting"), vitals.get("prepared"), frozenset(found)


def blockers(frame: Frame) -> Sequence[Finding]:
    """A finding for each session or prepared transaction that blocks others without waiting itself."""
    return frame.once(_blockers)


def _blockers(frame: Frame) -> Sequence[Finding]:
    return tuple(_blocking(frame))


def _blocking(frame: Frame) -> Iterable[Finding]:
    records = frame.rows("lock_queues")
    found = queues_of(frame)
    sessions = {node(record): record for record in sorted(records, key=_clarity)}
    for root in found.roots:
        waiting = found.behind(root)
        waited = frame.level(LOCK_WAIT_SECONDS, found.longest_wait(waiting))
        if waited:  # many that wait for a moment are no emergency
            level = max(waited, frame.level(BLOCKING_SESSIONS, len(waiting)))
            began = frame.at - timedelta(seconds=found.longest_wait(waiting))
            finding = _finding(root, level, waiting, found, sessions)
            yield replace(_elsewhere(frame, sessions[root], finding), since=began)


def _finding(root: Node, level: Level, waiting: Set[Node], queues: Queues, sessions: Sessions) -> Finding:
    record = sessions[root]
    return Finding(
        rule="blocking-session",
        subject=subject(record),
        level=level,
        sentence=f"{_who(record)}: {_state(record)}, blocks {counted(len(waiting), 'session')}",
        detail=_detail(record, _wanted(waiting, sessions)),
        evidence=(
            Evidence("blocked sessions", str(len(waiting)), "locks", "blocking", {"root": str(root), "depth": 0}),
            Evidence("longest wait", age(queues.longest_wait(waiting)), "locks", "blocking", {"root": str(root)}),
            *(Evidence("blocked", text) for text in _blocked(waiting, sessions)),
        ),
        fixes=_fixes(root, waiting, queues, sessions),
        harm=float(len(waiting)),
        symptom=f"{counted(len(waiting), 'session')} blocked by {_who(record)}",
    )


def _elsewhere(frame: Frame, record: Record, finding: Finding) -> Finding:
    """Without the fix that only a console of another database can run, that of a prepared transaction there."""
    if not record["gid"] or frame.facts is None or record["database"] == frame.facts.database:
        return finding
    fixes = tuple(fix for fix in finding.fixes if fix.action != ROLLBACK)
    return replace(finding, fixes=fixes, detail=f"{finding.detail}; to roll it back, give that database as target")


def _clarity(record: Record) -> int:
    """How well a record says what its session waits for: who waits for the holder of a row has the row's own lock."""
    if record["kind"] == "tuple" or (not record["granted"] and record["kind"] not in TRANSACTION):
        return 2
    return 0 if record["granted"] else 1


def subject(record: Record) -> str:
    """What findings about a session or prepared transaction have in common."""
    return f"prepared {record['gid']}" if record.get("gid") else f"session {record['pid']} {record['backend_start']}"


def _who(record: Record) -> str:
    return f"prepared transaction {one_line(record['gid'])}" if record["gid"] else session(record)


def _state(record: Record) -> str:
    if record["gid"]:
        return f"open {since(record['xact_age'])}"
    if record["state"] in IDLE:
        return f"{record['state']} {since(record['state_age'])}"
    return f"{one_line(record['state'] or 'active')}, transaction open {since(record['xact_age'])}"


def _detail(record: Record, wanted: str) -> str:
    if record["gid"]:
        return f"owned by {one_line(record['user'])} in {one_line(record['database'])}; waited for: {wanted}"
    wrote = "it has written; " if record["wrote"] else ""
    said = "last" if record["state"] in IDLE else "runs"
    return f"pid {record['pid']}; waited for: {wanted}; {wrote}{said}: {statement(record)}"


def _blocked(waiting: Set[Node], sessions: Sessions) -> list[str]:
    """Who waits, and for what: the first few."""
    named = [sessions[waiter] for waiter in sorted(waiting, key=str)[:MOST_NAMED]]
    return [f"{session(record)}, for {_object(record)}" for record in named]


def _wanted(waiting: Set[Node], sessions: Sessions) -> str:
    """The relations, or other objects, that the waiting sessions want; those of a row's transaction by the row."""
    named = {(record["object"], record["row"]): record for record in map(sessions.__getitem__, waiting)}
    objects = sorted({_object(record) for record in named.values()})
    relations = [name for name in objects if not name.startswith(("transaction ", "virtual transaction "))]
    return ", ".join((relations or objects)[:2])


def _object(record: Record) -> str:
    row = f" row {record['row']}" if record["row"] else ""
    return f"{one_line(record['object'])}{row}"


def _fixes(root: Node, waiting: Set[Node], queues: Queues, sessions: Sessions) -> tuple[Fix, ...]:
    """Ending the root, and cancelling whoever waits at the head of a queue where that frees more at once."""
    record = sessions[root]
    freed = queues.freed(root).among(waiting)
    fixes = [(len(freed.at_once), _end(record, freed, len(waiting)))]
    for head in [head for head in queues.heads if head in waiting][:MOST_HEADS]:
        frees = queues.freed(head).among(waiting - {head})
        if len(frees.at_once) > len(freed.at_once) and isinstance(head, int):
            again = f"{session(sessions[head])} must run it again: {statement(sessions[head])}"
            fixes.append((len(frees.at_once), cancel(sessions[head], f"frees {_now(frees)}; {again}")))
    return tuple(fix for _, fix in sorted(fixes, key=lambda pair: -pair[0]))


def _end(record: Record, freed: Freed, behind: int) -> Fix:
    later = behind - len(freed.at_once) - len(freed.perhaps)
    turn = f", {later} in turn" if later > 0 else ""
    lost = "; its changes are rolled back" if record["wrote"] else ""
    effect = f"frees {_now(freed)}{turn}{lost}"
    if record["gid"]:
        return roll_back(record["gid"], record, f"roll back {one_line(record['gid'])}: {effect}")
    return terminate(record, effect) if record["state"] in IDLE else cancel_transaction(record, effect)


def _now(freed: Freed) -> str:
    """How many go on at once, as in "2 now"."""
    least = len(freed.at_once)
    return f"{least} to {least + len(freed.perhaps)} now" if freed.perhaps else f"{least} now"


# Ages apart a queue is the same while the same sessions wait: who ends, goes on or joins them changes who waits.
LOCK_QUEUES = replace(
    ask_with_clients("lock_queues", OFTEN, somebody_waits),
    steady=Steady(waiters, ("wait_age", "xact_age", "state_age"), 2 * OFTEN),
)
BLOCKING_SESSION = Diagnosis(
    name="blocking-session",
    title="A session or prepared transaction blocks others",
    urgency=Urgency.NOW,
    asks=(Ask("vitals", every=OFTEN), LOCK_QUEUES),
    judge=blockers,
    rules=(LOCK_WAIT_SECONDS, BLOCKING_SESSIONS),
)
