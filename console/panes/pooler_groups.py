"""Clients of PgBouncer by application, user and address, with the transactions they make; the state of all poolers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from console.model import Column, Lookup, Record, Snapshot, View, Whole, number
from console.panes.derived import with_notes
from console.panes.pooler_rows import WHICH, pooled
from console.rules.pooler import POOL_WAIT_SECONDS, POOL_WAITING_CLIENTS
from console.rules.server import FINDING_LEVEL

RECENT = 10.0  # seconds
ESTIMATE = "≈xact/s is an estimate: PgBouncer counts transactions by database, here divided among its active clients"
NAMES = ("pooler", "application", "user", "database", "address")
COLUMNS = (*NAMES, "clients", "recent", "linked", "waiting", "waiting_long", "longest", "transactions")


def groups(taken: Snapshot) -> Snapshot:
    """The clients of pooled databases by NAMES: how many there are, work and wait, and the transactions they make.

    PgBouncer counts transactions by database and not by client. Those of the last period are divided among the clients
    that sent a request in the last RECENT seconds of it.
    """
    records = [record for record in taken.records() if pooled(record)]
    now = _latest(taken.records())
    recent = {
        id(record)
        for record in records
        if (sent := _moment(record["request_time"])) and now[record["pooler"]] - sent < timedelta(seconds=RECENT)
    }
    found: dict[tuple[object, ...], list[Record]] = {}
    active: dict[tuple[object, object], int] = {}
    for record in records:
        found.setdefault(_names(record), []).append(record)
        place = (record["pooler"], record["database"])
        active[place] = active.get(place, 0) + (id(record) in recent)
    rows = []
    for names, members in found.items():
        busy = sum(id(member) in recent for member in members)
        rate, total = members[0]["avg_xact_count"], active[names[0], names[3]]
        share = number(rate) * busy / total if rate is not None and total else None
        rows.append((*names, len(members), busy, *_states(members), share))
    return with_notes(replace(taken, columns=COLUMNS, rows=tuple(rows)), ESTIMATE if rows else "")


def _names(record: Record) -> tuple[object, ...]:
    return record["pooler"], record["application_name"] or None, record["user"], record["database"], record["addr"]


def _states(members: Iterable[Record]) -> tuple[object, ...]:
    """How many use a server connection and how many wait for one, those that have for long, the longest wait."""
    linked, waits = 0, []
    for member in members:
        linked += bool(member["link"])
        if str(member["state"]).startswith("waiting"):
            waits.append(number(member["wait"]) + number(member["wait_us"]) / 1e6)
    long_waits = sum(wait >= POOL_WAITING_CLIENTS.held for wait in waits)
    return linked, len(waits), long_waits, max(waits, default=None)


def _latest(records: Iterable[Record]) -> dict[object, datetime]:
    """The time by each PgBouncer's clock: that of the last request, which is the one that was answered."""
    latest: dict[object, datetime] = {}
    for record in records:
        sent = _moment(record["request_time"])
        if sent is not None:
            latest[record["pooler"]] = max(sent, latest.get(record["pooler"], sent))
    return latest


def _moment(text: object) -> datetime | None:
    """A time of PgBouncer without its zone, which is the same in all rows."""
    try:
        return datetime.fromisoformat(str(text).rpartition(" ")[0])
    except ValueError:
        return None


DOCTOR = View(
    name="doctor",
    title="Doctor",
    query="pool_doctor",
    kept=30.0,
    source="rules",
    columns=(
        Column("level", "level", "text", width=8, rule=FINDING_LEVEL),
        Column(
            "topic",
            "topic",
            "text",
            width=9,
            help="Waits now and in the last hour, room, versions, restarts.",
        ),
        Column("subject", "subject", "name", width=22, help="The cause of a wait, a holder, a server, a version."),
        # With ages, which change by themselves: what else differs in it is in `about`.
        Column("text", "what is known", "query", grow=True, explains=True),
        WHICH,
    ),
    key=("topic", "pooler", "subject", "about"),
    chart="pool-waits",
)
GROUPS = View(
    name="groups",
    title="Apps",
    query="pooler_clients",
    kept=30.0,
    key=NAMES,
    sort="-transactions",
    lookups=(
        Lookup(
            "pooler_stats",
            by=("pooler", "database"),
            adds=("avg_xact_count",),
            first=10_000,
            batch=10_000,
            keep=1.0,
        ),
    ),
    derive=groups,
    columns=(
        Column("application", "application", "name", width=14, grow=True, help="application_name of the clients."),
        Column("user", "user", "name", width=12),
        Column("address", "address", "text", width=15, help="Address of the clients, without their ports."),
        Column("clients", "clients", "count", width=7, bar=Whole.TOTAL, help="Connected clients."),
        Column("recent", "active", "count", width=6, help="Clients that sent a request in the last 10 seconds."),
        Column("linked", "linked", "count", width=6, help="Clients that use a server connection now."),
        Column(
            "waiting",
            "waiting",
            "count",
            width=7,
            rule=POOL_WAITING_CLIENTS,
            judged="waiting_long",
            help="Clients that wait for a server connection; judged are those that have for half a second.",
        ),
        Column(
            "transactions",
            "≈xact/s",
            "rate",
            width=7,
            help="Estimate: transactions of the database in the last stats_period, divided among its active clients. "
            "No version up to 1.26 counts them by client.",
        ),
        Column("longest", "wait", "age", extra=True, rule=POOL_WAIT_SECONDS, help="Their longest wait at the moment."),
        Column("database", "database", "name", width=12, extra=True),
        WHICH,
    ),
    empty="No connected clients.",
)
