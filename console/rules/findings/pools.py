"""Clients of PgBouncer that wait for a server connection or are refused, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from console.format import age, one_line
from console.model import (
    OFTEN,
    Ask,
    Diagnosis,
    Evidence,
    Finding,
    Fix,
    Frame,
    Level,
    Record,
    Urgency,
    of_view,
)
from console.panes.pooled import ask_with_clients
from console.panes.pooler import DATABASES, POOLS
from console.panes.pooler_rows import pooled
from console.panes.pooler_sessions import CLIENTS, SERVERS
from console.records import dataclass
from console.rules.findings.blocking import LOCK_QUEUES
from console.rules.findings.connections import nearly_full
from console.rules.findings.pool_holders import Hold, held, in_use, rows
from console.rules.findings.wording import counted, listed, number
from console.rules.pooler import POOL_CLIENTS_PERCENT, POOL_WAIT_SECONDS

POOLER = "pgbouncer"
LINKS = ("sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login")  # server connections of a pool, by their state
CLIENT_COUNTS = ("cl_active", "cl_waiting", "cl_active_cancel_req", "cl_waiting_cancel_req")


@dataclass(frozen=True, slots=True)
class Cause:
    """Why clients of a pool wait; pools with the same subject wait for the same reason."""

    subject: str
    scope: str  # what is at its limit or stopped, as the sentence begins
    hold: Hold


def clients_wait(frame: Frame) -> bool:
    """Whether PgBouncer reports clients that have waited for too long."""
    return any(frame.level(POOL_WAIT_SECONDS, row["maxwait"]) for row in rows(frame, "pooler_pools"))


def clients_nearly_full(frame: Frame) -> bool:
    """Whether a PgBouncer has nearly as many clients as it admits."""
    return any(frame.level(POOL_CLIENTS_PERCENT, percent) for _, _, percent in _client_slots(frame))


def exhausted(frame: Frame) -> Iterable[Finding]:
    """A finding for each reason why clients wait for a server connection or cannot connect to PgBouncer.

    Raises CannotTell if there is none, and what shows that clients are refused could not be read.
    """
    found = [*_waiting(frame), *_disabled(frame), *_slots(frame)]
    yield from found
    for query in ("pooler_databases", "pooler_config"):
        if not found and query in frame.troubles:
            frame.rows(query)


def _waiting(frame: Frame) -> Iterable[Finding]:
    pools = [row for row in frame.rows("pooler_pools") if pooled(row)]
    waiting = [pool for pool in pools if pool["cl_waiting"] and frame.level(POOL_WAIT_SECONDS, pool["maxwait"])]
    groups: dict[str, list[tuple[Record, Cause]]] = {}
    for pool in sorted(waiting, key=lambda pool: -number(pool["maxwait"])):
        cause = _cause(frame, pool, pools)
        groups.setdefault(_at(pool, pools, cause.subject), []).append((pool, cause))
    for subject, members in groups.items():
        yield _finding(frame, subject, [pool for pool, _ in members], members[0][1])


def _at(row: Record, others: Iterable[Record], subject: str) -> str:
    """A subject, with the name of the pooler where there are several."""
    return f"{subject} at {row['pooler']}" if len({other["pooler"] for other in others}) > 1 else subject


def _finding(frame: Frame, subject: str, pools: Sequence[Record], cause: Cause) -> Finding:
    longest = pools[0]
    clients = int(sum(number(pool["cl_waiting"]) for pool in pools))
    waits = f"{counted(clients, 'client has', 'clients have')} waited for {age(longest['maxwait'])}"
    others = f"waiting pools: {listed([_name(pool) for pool in pools])}" if len(pools) > 1 else ""
    place = {"database": longest["database"], "user": longest["user"]}
    return Finding(
        rule="pool-exhausted",
        subject=subject,
        level=frame.level(POOL_WAIT_SECONDS, longest["maxwait"]),
        sentence=f"{cause.scope}: {waits}, {cause.hold.why}",
        detail="; ".join(filter(None, (cause.hold.detail, others))),
        evidence=(
            Evidence("cause", cause.hold.kind, "pooler", "doctor", {"subject": cause.hold.kind}),
            Evidence("longest wait", age(longest["maxwait"]), "pooler", "pools", place),
            *cause.hold.evidence,
        ),
        fixes=cause.hold.fixes,
        harm=float(clients),
        symptom=f"{cause.scope}: {waits}",
        blames=cause.hold.blames,
        since=frame.at - timedelta(seconds=number(longest["maxwait"])),
    )


def _name(pool: Record) -> str:
    return f"{one_line(pool['database'])}/{one_line(pool['user'])}"


def _cause(frame: Frame, pool: Record, pools: Sequence[Record]) -> Cause:
    """Why the clients of `pool` wait: paused, a limit that is reached, or a server that does not answer."""
    database, user = pool["database"], pool["user"]
    same = [other for other in pools if other["pooler"] == pool["pooler"]]
    if pool["paused"]:
        ends = f'RESUME "{one_line(database)}" on the admin console ends the pause'
        fix = _fix("pooler-resume", pool, f"ends the pause of {one_line(database)}", database)
        why = Hold("paused", "because it is paused", ends, fixes=(fix,))
        return Cause(f"paused {database}", f"database {one_line(database)} of PgBouncer", why)
    if stopped := _stopped(frame, pool["pooler"], same):
        fix = _fix("pooler-resume", pool, "ends all pauses of this PgBouncer")
        why = Hold("paused", *stopped, fixes=(fix,))
        return Cause("paused pooler", f"PgBouncer {one_line(pool['pooler'])}", why)
    size, limit = number(pool["pool_size"]), number(pool["max_connections"])
    if _links(pool) >= size > 0:
        setting = f"pool_size = {size:.0f}, in the entry of the database or as default_pool_size"
        return Cause(f"pool {database}/{user}", f"pool {_name(pool)}", _limited(frame, [pool], setting))
    if number(pool["current_connections"]) >= limit > 0:
        members = [other for other in same if other["database"] == database]
        why = _limited(frame, members, f"max_db_connections = {limit:.0f}")
        return Cause(f"pool database {database}", f"database {one_line(database)} of PgBouncer", why)
    limit, members = _user_limit(frame, pool), [other for other in same if other["user"] == user]
    if sum(_links(other) for other in members) >= limit > 0:
        why = _limited(frame, members, f"max_user_connections = {limit:.0f}")
        return Cause(f"pool user {user}", f"user {one_line(user)} of PgBouncer", why)
    return Cause(f"pool servers {database}", f"database {one_line(database)} of PgBouncer", _unopened(frame, pool))


def _limited(frame: Frame, pools: Sequence[Record], setting: str) -> Hold:
    """Who holds all server connections that a limit admits."""
    mode = any(str(pool["pool_mode"]) == "session" for pool in pools)
    hold = held(frame, in_use(frame, pools), mode)
    return replace(hold, detail="; ".join(filter(None, (hold.detail, setting))))


def _unopened(frame: Frame, pool: Record) -> Hold:
    """PgBouncer may open more server connections, and cannot."""
    entry: Mapping[str, object] = next(
        (
            row
            for row in rows(frame, "pooler_databases")
            if (row["pooler"], row["name"]) == (pool["pooler"], pool["database"])
        ),
        {},
    )
    host = entry.get("host") or "its Unix socket"
    server = f"{one_line(host)}:{one_line(entry['port'])}" if entry else "the server"
    opened = int(_links(pool) - number(pool["sv_login"]))
    unknown = (
        "" if rows(frame, "pooler_state") else "; or PgBouncer is paused as a whole, which it reports from 1.19 on"
    )
    return Hold(
        "server cannot be logged in to",
        f"because {counted(opened, 'server connection is', 'server connections are') if opened else 'no connection is'}"
        f" open to {server} and logging in fails or hangs{_or_a_limit(frame)}",
        f"PgBouncer's log has the server's answer to user {one_line(pool['user'])}{'' if opened else unknown}",
        blames=("connections",) if _server_full(frame) else (),
    )


def _or_a_limit(frame: Frame) -> str:
    """What a sentence adds where the limits of users could not be read."""
    return (
        ", or max_user_connections is reached (SHOW CONFIG cannot be read)" if "pooler_config" in frame.troubles else ""
    )


def _server_full(frame: Frame) -> bool:
    return bool(rows(frame, "vitals")) and nearly_full(frame)


def _links(pool: Record) -> float:
    return sum(number(pool[name]) for name in LINKS)


def _stopped(frame: Frame, pooler: object, pools: Iterable[Record]) -> tuple[str, str] | None:
    """That PAUSE without a database was given, and what ends it; None: it was not.

    PgBouncer reports it from 1.19 on. Before, it shows in that clients wait and no pool has a server connection or
    opens one. It is the same for some seconds (server_login_retry) after a login to the server failed.
    """
    state = {(row["pooler"], row["key"]): row["value"] for row in rows(frame, "pooler_state")}
    known = state.get((pooler, "paused"))
    if known == "yes":
        return "because it is paused as a whole", "RESUME on its admin console ends the pause"
    if known or any(map(_links, pools)):
        return None
    return (
        "because it is paused as a whole, or its last login to a server failed: it opens no server connection",
        "RESUME on its admin console ends a pause and answers an error without one; its log has failed logins",
    )


def _user_limit(frame: Frame, pool: Record) -> float:
    """max_user_connections of a pool's PgBouncer; 0: no limit."""
    return _setting(frame, pool["pooler"], "max_user_connections")


def _setting(frame: Frame, pooler: object, name: str) -> float:
    for row in rows(frame, "pooler_config"):
        if (row["pooler"], row["key"]) == (pooler, name):
            text = str(row["value"])
            return float(text) if text.isdigit() else 0.0
    return 0.0


def _disabled(frame: Frame) -> Iterable[Finding]:
    found = rows(frame, "pooler_databases")
    for row in found:
        if row["disabled"] and pooled(row):
            name = one_line(row["name"])
            yield Finding(
                rule="pool-exhausted",
                subject=_at(row, found, f"disabled {row['name']}"),
                level=Level.WARNING,
                sentence=f"database {name} of PgBouncer is disabled: new clients are refused",
                detail=f'ENABLE "{name}" on the admin console admits them',
                evidence=(Evidence("disabled", "yes", "pooler", "databases", {"name": row["name"]}),),
                fixes=(_fix("pooler-enable", row, f"admits new clients of {name}", row["name"]),),
            )


def _fix(action: str, row: Record, effect: str, database: object = None) -> Fix:
    """An action on the PgBouncer of a row, and on a database of it."""
    named = {} if database is None else {"database": str(database)}
    return Fix(action, {**named, "pooler": str(row["pooler"])}, effect)


def _client_slots(frame: Frame) -> Iterable[tuple[str, float, float]]:
    """Each PgBouncer with the number of its clients, and in percent of max_client_conn."""
    counts: Counter[str] = Counter()
    for pool in rows(frame, "pooler_pools"):
        counts[str(pool["pooler"])] += int(sum(number(pool.get(name)) for name in CLIENT_COUNTS))
    for pooler, clients in counts.items():
        limit = _setting(frame, pooler, "max_client_conn")
        if limit:
            yield pooler, clients, 100 * clients / limit


def _slots(frame: Frame) -> Iterable[Finding]:
    """A finding for each PgBouncer that has nearly as many clients as it admits."""
    for pooler, clients, percent in _client_slots(frame):
        level = frame.level(POOL_CLIENTS_PERCENT, percent)
        if not level:
            continue
        most = _setting(frame, pooler, "max_client_conn")
        connected = [row for row in rows(frame, "pooler_clients") if row["pooler"] == pooler]
        names = Counter(one_line(row["application_name"] or row["user"]) for row in connected)
        who = listed([f"{name} {count}" for name, count in names.most_common()])
        yield Finding(
            rule="pool-exhausted",
            subject=f"clients of {pooler}",
            level=level,
            sentence=f"PgBouncer {one_line(pooler)} has {clients:.0f} of max_client_conn = {most:.0f} clients: {who}",
            detail="at the limit new clients are refused; a higher max_client_conn needs as many open files",
            evidence=tuple(
                Evidence(name, str(count), "pooler", "clients", {"application_name": name})
                for name, count in names.most_common(1)
            ),
            harm=max(0.0, percent - 95),
        )


def gone(frame: Frame) -> Iterable[Finding]:
    """A finding while no PgBouncer answers."""
    if why := frame.silent("pooler_pools"):
        yield Finding(
            "pooler-gone",
            "pgbouncer",
            Level.CRITICAL,
            "PgBouncer does not answer: no client gets through it",
            " ".join(filter(None, (why.sentence, why.remedy))),
            (Evidence("PgBouncer", "does not answer", "pooler", "pools"),),
        )


POOLER_GONE = Diagnosis(
    name="pooler-gone",
    title="PgBouncer does not answer",
    urgency=Urgency.NOW,
    asks=(of_view(POOLS, OFTEN, POOLER),),
    judge=gone,
    misses="Of several PgBouncers one that does not answer: the pane Pooler names it.",
)
POOL_EXHAUSTED = Diagnosis(
    name="pool-exhausted",
    title="Clients of PgBouncer wait for a server connection or are refused",
    urgency=Urgency.NOW,
    asks=(
        of_view(POOLS, OFTEN, POOLER),
        of_view(DATABASES, 2 * OFTEN, POOLER),
        Ask("pooler_config", POOLER, 2 * OFTEN),
        Ask("vitals", every=OFTEN),
        of_view(SERVERS, OFTEN, POOLER, clients_wait),
        of_view(CLIENTS, OFTEN, POOLER, clients_nearly_full),
        Ask("pooler_state", POOLER, OFTEN, only_if=clients_wait),
        ask_with_clients("held_transactions", OFTEN, clients_wait),
        Ask("connection_holders", every=OFTEN, only_if=clients_wait),
        LOCK_QUEUES,
    ),
    judge=exhausted,
    rules=(POOL_WAIT_SECONDS, POOL_CLIENTS_PERCENT),
    misses="Clients that PgBouncer refuses at once, because its last login to the server failed (server_login_retry), "
    "are found only while another client waits: no SHOW command counts them. They are in its log.",
)
