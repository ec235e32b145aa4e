"""Overview: the vital signs of the server, each with what it means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from console.format import show
from console.model import Column, Level, Limit, Pane, Rate, Record, Rule, Snapshot, Trouble, View, above, among, below
from console.panes.connections import seen

USAGE = Limit(80.0, 95.0)  # percent of the usable connections
LEVELS = among({"notice": Level.NOTICE, "warning": Level.WARNING, "critical": Level.CRITICAL})

VITALS = View(
    name="vitals",
    title="Vital signs",
    query="vitals",
    columns=(),
    key=("standby",),
    rates=(
        Rate("tps", "transactions"),
        Rate("rollback_rate", "rollbacks"),
        Rate("hit_percent", "blocks_hit", per="blocks", scale=100.0),
        Rate("read_rate", "rows_read"),
        Rate("write_rate", "rows_written"),
        Rate("read_ms_rate", "read_ms"),
        Rate("temp_rate", "temp_bytes"),
        Rate("wal_rate", "wal_bytes"),
        Rate("deadlock_rate", "deadlocks"),
        Rate("conflict_rate", "conflicts"),
    ),
)


@dataclass(frozen=True, slots=True)
class Sign:
    """One vital sign: where its value comes from, how it is written, from when on it is a worry."""

    name: str
    of: str  # column of the vital signs
    unit: str  # a key of format.FORMATS
    means: str
    rule: Rule = lambda _: Level.OK
    limit: str = ""  # the first limit of the rule, as text
    judge: Callable[[Record], object] | None = None  # what the rule is given instead of the value


def signs(snapshot: Snapshot, connection_usage_percent: Limit = USAGE) -> Snapshot:
    """The one row of vital signs as a row for each sign, with its level and what it means."""
    full = replace(SIGNS[0], rule=above(connection_usage_percent.warning, connection_usage_percent.critical))
    known = (full, *SIGNS[1:])
    rows = tuple(_row(sign, record) for record in snapshot.records() for sign in known if sign.of in record)
    columns = ("sign", "now", "limit", "level", "means", "value", "unit")
    shown = replace(snapshot, columns=columns, rows=rows)
    for record in snapshot.records():
        shown = shown.hiding(visibility(record))
    return shown


def visibility(record: Record) -> Trouble | None:
    """What this role cannot see of the sessions; None when it sees all."""
    used, visible = record.get("used"), record.get("visible")
    if not isinstance(used, int) or not isinstance(visible, int):
        return None
    return seen(visible, used)


def _row(sign: Sign, record: Record) -> tuple[object, ...]:
    value = record[sign.of]
    level = sign.rule(sign.judge(record) if sign.judge else value)
    limit = f"{_count(record['usable'])}" if sign.of == "used" else sign.limit
    word = "–" if value is None else level.name.lower()
    return (sign.name, show(value, sign.unit), limit, word, sign.means, value, sign.unit)


def _used_percent(record: Record) -> object:
    used, usable = record["used"], record["usable"]
    return 100.0 * used / usable if isinstance(used, int) and isinstance(usable, int) and usable > 0 else None


def _count(value: object) -> str:
    return show(value, "count")


SIGNS: tuple[Sign, ...] = (
    Sign(
        "connections used",
        "used",
        "count",
        "Client sessions; the limit is what is left for ordinary roles. When full, new logins are refused.",
        above(USAGE.warning, USAGE.critical),
        judge=_used_percent,
    ),
    Sign("active", "active", "count", "Sessions that run a statement now. Far more than cores means queueing."),
    Sign(
        "waiting for locks",
        "waiting",
        "count",
        "Sessions that wait for another one's lock: the locks pane shows whose.",
        above(1, 10),
        "1",
    ),
    Sign(
        "idle in transaction",
        "idle_in_transaction",
        "count",
        "Transactions left open by their client: they keep locks and hold back vacuum.",
        above(5, 20),
        "5",
    ),
    Sign(
        "oldest idle in tx",
        "oldest_idle_in_transaction",
        "age",
        "How long the worst of them has done nothing.",
        above(60, 300),
        "60s",
    ),
    Sign(
        "oldest transaction",
        "oldest_transaction",
        "age",
        "While it is open, dead rows newer than it cannot be removed anywhere.",
        above(60, 300),
        "60s",
    ),
    Sign(
        "oldest prepared tx",
        "oldest_prepared",
        "age",
        "A prepared transaction that nobody finishes keeps its locks even over a restart.",
        above(60, 300),
        "60s",
    ),
    Sign(
        "xmin age",
        "xmin_age",
        "count",
        "Transactions begun since the oldest snapshot still in use: what vacuum must leave behind.",
        above(1_000_000, 50_000_000),
        "1M",
    ),
    Sign(
        "transactions/s",
        "tps",
        "rate",
        "Commits and rollbacks of all databases, the console's own reads included.",
    ),
    Sign("rollbacks/s", "rollback_rate", "rate", "Transactions that failed or were given up."),
    Sign(
        "cache hit",
        "hit_percent",
        "percent",
        "Blocks found in shared buffers since the last reading; a low value matters when reads are slow.",
        below(95, 80),
        "95%",
    ),
    Sign("rows read/s", "read_rate", "rate", "Rows returned by scans, in all databases."),
    Sign("rows written/s", "write_rate", "rate", "Rows inserted, updated and deleted."),
    Sign(
        "read time",
        "read_ms_rate",
        "rate",
        "Milliseconds per second spent waiting for blocks, over all sessions; needs track_io_timing.",
    ),
    Sign(
        "temporary files",
        "temp_rate",
        "size_rate",
        "Sorts and hashes that did not fit into work_mem.",
        above(50 * 2**20),
        "50 MB/s",
    ),
    Sign("WAL written", "wal_rate", "size_rate", "What replicas must fetch and archives must keep."),
    Sign(
        "deadlocks/s",
        "deadlock_rate",
        "rate",
        "Transactions that the server ended because they waited for each other.",
        above(0.000001),
        "0",
    ),
    Sign("replicas", "replicas", "count", "Connected standbys and other receivers of WAL."),
    Sign(
        "replication lag",
        "lag_seconds",
        "age",
        "How far the worst standby is behind; 0 when it has replayed all it received.",
        above(10, 60),
        "10s",
    ),
    Sign(
        "replication lag, bytes",
        "lag_bytes",
        "size",
        "WAL that the worst standby has not replayed yet.",
        above(256 * 2**20, 2**31),
        "256 MB",
    ),
    Sign(
        "conflicts/s",
        "conflict_rate",
        "rate",
        "Queries on this standby that replay had to cancel.",
        above(0.000001),
        "0",
    ),
    Sign(
        "wraparound",
        "frozen_age",
        "count",
        "Oldest unfrozen transaction of any database; the server stops writing near 2.1 billion.",
        above(500_000_000, 1_500_000_000),
        "500M",
    ),
)

OVERVIEW = Pane(
    name="overview",
    key="1",
    title="Overview",
    help=(
        "The server's vital signs. Rates are taken between two readings, so they appear with the second. "
        "A level of warning or critical says that the value passed its limit; the text says what it means."
    ),
    views=(
        replace(
            VITALS,
            columns=(
                Column("sign", "sign", "name", width=22),
                Column("now", "now", "text", width=9, help="The value as read, or its rate since the last reading."),
                Column(
                    "limit",
                    "limit",
                    "text",
                    width=8,
                    help="Where the worry begins; of connections, how many are usable.",
                ),
                Column("level", "level", "text", width=8, rule=LEVELS),
                Column(
                    "means", "what it means", "query", grow=True, help="The value in words: what is used of how much."
                ),
                Column("value", "value", "rate", extra=True, help="The raw value, in the unit named beside it."),
                Column("unit", "unit", "text", width=9, extra=True),
            ),
            key=("sign",),
            derive=signs,
            limits=("connection_usage_percent",),
        ),
    ),
)
