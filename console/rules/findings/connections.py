"""Connections that are used up, by which application, and databases whose sessions last too short to be worth one."""

from __future__ import annotations

from collections.abc import Iterable

from console.format import age, count, one_line, rate
from console.model import OFTEN, Ask, Diagnosis, Evidence, Finding, Fix, Frame, Level, Record, Urgency
from console.rules.findings.activity import WINDOW, risen
from console.rules.findings.blocking import LOCK_QUEUES, blockers
from console.rules.findings.wording import (
    application,
    counted,
    database_place,
    listed,
    longest_idle,
    number,
    terminate_idle,
)
from console.rules.sessions import CONNECTION_USAGE_PERCENT, NEW_SESSIONS_PER_SECOND

MANY_SESSIONS = 300  # that ended within the window: fewer are no churn


def _usage(frame: Frame, without: float = 0.0) -> float:
    """Connections in use without so many of them, in percent of those that there can be."""
    vitals = frame.row("vitals")
    usable = number(vitals.get("usable"))
    return 100 * (number(vitals.get("used")) - without) / usable if usable else 0.0


def nearly_full(frame: Frame) -> bool:
    """Whether the metrics count nearly as many connections as there can be."""
    return bool(frame.level(CONNECTION_USAGE_PERCENT, _usage(frame)))


def full(frame: Frame) -> Iterable[Finding]:
    """One finding that names the application with the most sessions.

    Who blocks so many of them that without these there would be enough connections is blamed.
    """
    level, holders = frame.level(CONNECTION_USAGE_PERCENT, _usage(frame)), frame.rows("connection_holders")
    if level and holders:
        yield _full(frame, level, holders)


def _full(frame: Frame, level: Level, holders: tuple[Record, ...]) -> Finding:
    vitals, most = frame.row("vitals"), holders[0]
    used = _used(number(vitals["used"]), number(vitals["usable"]))
    waiting = sum(number(row["waiting"]) for row in holders)
    roots = blockers(frame) if waiting else ()
    blamed = [root.subject for root in roots if frame.level(CONNECTION_USAGE_PERCENT, _usage(frame, root.harm)) < level]
    others = [f"{_name(row)} {row['sessions']}" for row in holders[1:]]
    return Finding(
        rule="connections-full",
        subject="connections",
        level=level,
        sentence=f"{used} are used, {most['sessions']} by {_name(most)}: {_states(most)}",
        detail=f"others: {listed(others)}" if others else "",
        evidence=(Evidence("connections", used, "connections", "summary", {"application": most["application"]}),),
        fixes=_fixes(holders),
        harm=waiting,
        symptom=used,
        blames=tuple(blamed),
    )


def _used(used: float, usable: float) -> str:
    """How many connections are in use; superusers get some that are reserved for them."""
    if used <= usable:
        return f"{used:.0f} of {usable:.0f} connections"
    return f"all {usable:.0f} connections and {used - usable:.0f} reserved for superusers"


def _name(row: Record) -> str:
    return application(row["application"]) or one_line(row["user"] or "sessions without a name")


def _states(row: Record) -> str:
    states = [
        f"{row['active']} active" if row["active"] else "",
        f"{row['waiting']} of them waiting for a lock" if row["waiting"] else "",
        f"{row['idle_in_transaction']} idle in transaction" if row["idle_in_transaction"] else "",
        f"{row['idle']} idle, half of them for {age(int(number(row['median_idle'])))} or longer" if row["idle"] else "",
    ]
    return ", ".join(filter(None, states)) or "their states are hidden from this role"


def _fixes(holders: tuple[Record, ...]) -> tuple[Fix, ...]:
    """Ends the longest idle half of the idle sessions of an application and role, of those with the most of them.

    Without the name of an application it would end all idle sessions of the role: only where there are no others.
    """
    idle = max(holders, key=lambda row: number(row["idle"]))
    same = [row for row in holders if row["user"] == idle["user"]]
    if not idle["user"] or not idle.get("half_idle_since") or (not idle["application"] and len(same) > 1):
        return ()
    return (terminate_idle(idle, f"{longest_idle(idle)} of {_name(idle)}"),)


def churn(frame: Frame) -> Iterable[Finding]:
    """A finding for each database whose sessions begin and end all the time.

    Sessions that only began are not counted: an application that starts opens many at once, and keeps them.
    """
    former = {row["oid"]: row for row in frame.earlier("database_counters", WINDOW)[0].records()}
    for row, begun, elapsed in risen(frame, "sessions"):
        before = former[row["oid"]]
        ended = begun - max(0.0, number(row["backends"]) - number(before.get("backends")))
        level = frame.level(NEW_SESSIONS_PER_SECOND, ended / elapsed)
        if not level or ended < MANY_SESSIONS:
            continue
        database = one_line(row["database"])
        lasted = max(0.0, number(row["session_seconds"]) - number(before.get("session_seconds"))) / begun
        yield Finding(
            rule="connection-churn",
            subject=f"connection churn {row['database']}",
            level=level,
            sentence=f"database {database}: {rate(begun / elapsed)} new sessions a second in the last {age(elapsed)}, "
            f"which last at most {age(lasted)} on average",
            detail="each costs a process and a login: keep connections in the application's pool or in PgBouncer",
            evidence=(Evidence("sessions since the reset", count(row["sessions"]), *database_place(row)),),
        )


CONNECTION_CHURN = Diagnosis(
    name="connection-churn",
    title="Sessions begin and end all the time",
    urgency=Urgency.NOW,
    asks=(Ask("database_counters", every=2 * OFTEN, window=WINDOW),),
    judge=churn,
    rules=(NEW_SESSIONS_PER_SECOND,),
    misses=f"It is judged over 5 minutes, from {counted(MANY_SESSIONS, 'ended session')} on.",
)
CONNECTIONS_FULL = Diagnosis(
    name="connections-full",
    title="Nearly all connections are used",
    urgency=Urgency.NOW,
    asks=(
        Ask("vitals", every=OFTEN),
        Ask("connection_holders", every=OFTEN, only_if=nearly_full),
        LOCK_QUEUES,
    ),
    judge=full,
    rules=(CONNECTION_USAGE_PERCENT,),
)
