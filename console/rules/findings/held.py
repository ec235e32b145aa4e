"""Who holds VACUUM back or a transaction open: sessions, prepared transactions, slots, standbys."""

from __future__ import annotations

import math
from collections.abc import Iterable

from console.format import age, count, in_words, one_line
from console.model import (
    OFTEN,
    SELDOM,
    Ask,
    CannotTell,
    Diagnosis,
    Evidence,
    Finding,
    Fix,
    Frame,
    Level,
    Record,
    Rule,
    Urgency,
)
from console.panes.pooled import ask_with_clients
from console.rules.findings.blocking import IDLE, subject
from console.rules.findings.wording import (
    cancel,
    cancel_transaction,
    drop_slot,
    listed,
    number,
    roll_back,
    session,
    since,
    statement,
    terminate,
)
from console.rules.sessions import IDLE_IN_TRANSACTION_SECONDS, PREPARED_TRANSACTION_SECONDS, XMIN_AGE_TRANSACTIONS

LIMITS: tuple[tuple[Rule, str], ...] = (  # each with the metric that it judges
    (XMIN_AGE_TRANSACTIONS, "xmin_age"),
    (XMIN_AGE_TRANSACTIONS, "catalog_xmin_age"),
    (PREPARED_TRANSACTION_SECONDS, "oldest_prepared"),
    (IDLE_IN_TRANSACTION_SECONDS, "oldest_idle_in_transaction"),
)
CLIENT_STATES = (*IDLE, "active", "fastpath function call")


def held_for_long(frame: Frame) -> bool:
    """Whether the metrics show an old transaction or snapshot."""
    vitals = frame.row("vitals")
    return any(frame.level(rule, vitals.get(metric)) for rule, metric in LIMITS)


def vacuum_is_pinned(frame: Frame) -> bool:
    """Whether the metrics show an old snapshot."""
    vitals = frame.row("vitals")
    return bool(frame.level(XMIN_AGE_TRANSACTIONS, vitals.get("xmin_age")))


def held_subject(record: Record) -> str:
    """The subject of findings about a row of held_transactions."""
    if record["kind"] == "session":
        return subject(record)
    return f"{record['kind']} {record['name']}"


def pins(frame: Frame) -> Iterable[Finding]:
    """A finding for everyone whose own snapshot keeps VACUUM from removing dead rows."""
    dead = _dead(frame)
    for record in frame.rows("held_transactions"):
        level = frame.level(XMIN_AGE_TRANSACTIONS, _oldest(record))
        if level:
            yield _pin(record, level, dead)


def _pin(record: Record, level: Level, dead: str) -> Finding:
    old = f"{count(_oldest(record))} transactions old"
    return Finding(
        rule="vacuum-pinned",
        subject=held_subject(record),
        level=level,
        sentence=f"{_holder(record)} keeps VACUUM from removing dead rows {_scope(record)}: {_what(record)} is {old}",
        detail="; ".join(filter(None, (_about(record), dead if _rows_stay(record) else ""))),
        evidence=(Evidence("age", old, *_where(record)),),
        fixes=_fixes(record, "VACUUM can remove the rows it holds back"),
        harm=_oldest(record) / 2**31,
        symptom=f"VACUUM cannot remove dead rows {_scope(record)} ({_what(record)} is {old})",
    )


def _oldest(record: Record) -> float:
    return max(number(record["xmin_age"]), number(record["catalog_xmin_age"]))


def _rows_stay(record: Record) -> bool:
    """Whether it holds back rows of the tables of this database."""
    return record["xmin_age"] is not None and record["here"] is not False


def _holder(record: Record) -> str:
    if record["kind"] == "session":
        return f"{session(record)}, {one_line(record['state'])}, transaction open {since(record['xact_age'])},"
    if record["kind"] == "prepared":
        return f"prepared transaction {one_line(record['name'])}, open {since(record['xact_age'])},"
    if record["kind"] == "standby":
        return f"feedback of standby {session(record)}"
    return f"{'slot' if record['active'] else 'inactive slot'} {one_line(record['name'])}"


def _scope(record: Record) -> str:
    where = "in all databases" if record["kind"] in {"slot", "standby"} else f"in {one_line(record['database'])}"
    return where if record["xmin_age"] is not None else f"of system catalogs {where}"


def _what(record: Record) -> str:
    if record["kind"] == "slot":
        return "its xmin" if number(record["xmin_age"]) >= number(record["catalog_xmin_age"]) else "its catalog_xmin"
    return "its transaction" if record["wrote"] else "its snapshot"


def _about(record: Record) -> str:
    if record["kind"] == "session":
        return _doing(record)
    if record["kind"] == "prepared":
        return _prepared(record)
    if record["kind"] == "standby":
        return "hot_standby_feedback is on there: look for its oldest query"
    consumer = "its consumer lags behind" if record["active"] else "its consumer is not connected"
    return consumer if record["database"] is None else f"{consumer}; slot of database {one_line(record['database'])}"


def _doing(record: Record) -> str:
    wrote = "it has written; " if record["wrote"] else ""
    said = "last" if record["state"] in IDLE else "runs"
    return f"pid {record['pid']}; {wrote}{said}: {statement(record)}"


def _prepared(record: Record) -> str:
    owned = f"prepared by {one_line(record['user'])} in {one_line(record['database'])}"
    return owned if record["here"] else f"{owned}: to roll it back, give that database as target"


def _dead(frame: Frame) -> str:
    """How many dead tuples there are, which is not known on every server."""
    try:
        row = frame.row("dead_tuples")
    except CannotTell:
        return ""
    if not row["dead_tuples"]:
        return ""
    return f"{count(row['dead_tuples'])} dead tuples in this database, most in {one_line(row['most_in'])}"


def _where(record: Record) -> tuple[str, str, dict[str, object]]:
    """The pane, view and row that show it."""
    if record["kind"] == "session":
        return "connections", "all", {"pid": record["pid"]}
    return "vacuum", "pins", {"kind": record["kind"], "name": record["name"]}


def _fixes(record: Record, effect: str) -> tuple[Fix, ...]:
    if record["kind"] == "prepared" and record["here"]:
        name = one_line(record["name"])
        lost = f"roll back {name}: {effect}; its changes are lost"
        return (roll_back(record["name"], record, lost),)
    if record["kind"] == "slot" and not record["active"]:
        lost = f"{effect}; who still needs it must start over"
        return (drop_slot(record["name"], record.get("restart_lsn"), lost),)
    if record["kind"] != "session" or record["state"] not in CLIENT_STATES:
        return ()
    lost = f"{effect}; its changes are rolled back" if record["wrote"] else effect
    if record["state"] in IDLE:
        return (terminate(record, lost),)
    # A snapshot may be that of a statement: the next one takes a new one.
    return (cancel_transaction(record, lost) if record["wrote"] else cancel(record, lost),)


def left_open(frame: Frame) -> Iterable[Finding]:
    """A finding for each session that has been idle in its transaction for too long."""
    for record in frame.rows("held_transactions"):
        level = frame.level(IDLE_IN_TRANSACTION_SECONDS, record["state_age"])
        if level and record["kind"] == "session" and record["state"] in IDLE:
            yield _left_open(frame, record, level)


def _left_open(frame: Frame, record: Record, level: Level) -> Finding:
    state = f"{record['state']} {since(record['state_age'])}"
    names = [one_line(name) for name in _names(record["relations"])]
    holds = f"holds locks on {listed(names)}" if names else "holds no lock on a table of this database"
    wrote = "has written and " if record["wrote"] else ""
    return Finding(
        rule="idle-in-transaction",
        subject=held_subject(record),
        level=level,
        sentence=f"{session(record)}: {state} in {one_line(record['database'])}, {wrote}{holds}",
        detail=f"pid {record['pid']}; last: {statement(record)}",
        evidence=(Evidence("idle", age(record["state_age"]), *_where(record)),),
        fixes=(*_fixes(record, "releases its locks"), *_limit(frame, record)),
        symptom=state,
    )


def _limit(frame: Frame, record: Record) -> tuple[Fix, ...]:
    """The limit of this rule as a setting of the role, where that is another one than the console's."""
    facts, user = frame.facts, str(record["user"] or "")
    if not user or facts is None or facts.standby or user in {facts.user, facts.assumed_by}:
        return ()
    limit = frame.limits(IDLE_IN_TRANSACTION_SECONDS).limit
    seconds = max(1, math.ceil(limit.warning if limit.critical is None else limit.critical))
    name = f"{one_line(user)}, the user of the pool," if record.get("pooler") else one_line(user)
    effect = f"limit {name} to {in_words(seconds)} idle in a transaction: the server ends later sessions that exceed it"
    return (Fix("limit-idle-transactions", {"role": user, "seconds": str(seconds)}, effect),)


def _names(value: object) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else []


def left_prepared(frame: Frame) -> Iterable[Finding]:
    """A finding for each abandoned prepared transaction."""
    for record in frame.rows("held_transactions"):
        level = frame.level(PREPARED_TRANSACTION_SECONDS, record["xact_age"])
        if level and record["kind"] == "prepared":
            opened = f"open {since(record['xact_age'])} in {one_line(record['database'])}"
            yield Finding(
                rule="prepared-transaction",
                subject=held_subject(record),
                level=level,
                sentence=f"prepared transaction {one_line(record['name'])}: {opened}, not committed or rolled back",
                detail=_prepared(record),
                evidence=(Evidence("open", age(record["xact_age"]), *_where(record)),),
                fixes=_fixes(record, "releases its locks"),
                symptom=f"prepared transaction {opened}",
            )


_HELD = (Ask("vitals", every=OFTEN), ask_with_clients("held_transactions", OFTEN, held_for_long))

VACUUM_PINNED = Diagnosis(
    name="vacuum-pinned",
    title="An old snapshot keeps VACUUM from removing dead rows",
    urgency=Urgency.NOW,
    asks=(*_HELD, Ask("dead_tuples", every=SELDOM, only_if=vacuum_is_pinned)),
    judge=pins,
    rules=(XMIN_AGE_TRANSACTIONS,),
)
IDLE_IN_TRANSACTION = Diagnosis(
    name="idle-in-transaction",
    title="A session is idle in a transaction",
    urgency=Urgency.NOW,
    asks=_HELD,
    judge=left_open,
    rules=(IDLE_IN_TRANSACTION_SECONDS,),
)
PREPARED_TRANSACTION = Diagnosis(
    name="prepared-transaction",
    title="A prepared transaction was abandoned",
    urgency=Urgency.NOW,
    asks=_HELD,
    judge=left_prepared,
    rules=(PREPARED_TRANSACTION_SECONDS,),
)
