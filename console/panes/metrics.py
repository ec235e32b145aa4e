"""The metrics of a server, as data: how each is read, shown and judged, and which pane shows its cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from console.model import Level, Limit, Lookup, Rate, Record, Rule, View
from console.records import dataclass
from console.rules import host, pooler, server, sessions

WINDOW = 300.0  # seconds in which events that the server counts one by one, and ratios, are judged
HOST = ("host_cpu", "host_memory", "host_swap", "host_read_ms", "host_disk")
ENOUGH_BLOCKS = 2000.0  # a second; of fewer, the share found in shared buffers says nothing

VITALS = View(
    name="vitals",
    title="Metrics",
    query="vitals",
    columns=(),
    key=("standby",),
    lookups=(Lookup("host_metrics", by=("standby",), adds=HOST, first=1, keep=1.0, source="rules"),),
    rates=(
        Rate("tps", "transactions"),
        Rate("rollback_rate", "rollbacks"),
        Rate("hit_percent", "blocks_hit", per="blocks", scale=100.0),
        Rate("read_rate", "rows_read"),
        Rate("write_rate", "rows_written"),
        Rate("read_ms_rate", "read_ms"),
        Rate("temp_rate", "temp_bytes"),
        Rate("wal_rate", "wal_bytes"),
        Rate("hit_recent", "blocks_hit", per="blocks", scale=100.0, window=WINDOW),
        Rate("block_rate_recent", "blocks", window=WINDOW),
        Rate("temp_recent", "temp_bytes", window=WINDOW),
        Rate("deadlock_rate", "deadlocks", window=WINDOW),
        Rate("conflict_rate", "conflicts", window=WINDOW),
    ),
)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of the server: its column, its name and form on the screen, and the rule that judges it."""

    column: str  # of the query
    name: str
    format: str  # a key of format.FORMATS
    means: str = ""  # for the overview; empty: not shown there
    rule: Rule | None = None
    limit: str = ""  # column with the value that is 100 %; the rule then judges the percentage
    always: bool = False  # whether the header shows it even while its value is unknown
    spark: bool = False  # whether the header draws its recent values
    cause: str = ""  # column with the name of what the value is due to
    judged: str = ""  # column whose value is judged where the query has it; empty: `column`
    volume: str = ""  # column that must reach `least`, where it is known, for the value to be judged
    least: float = 0.0
    if_known: bool = False  # whether it is left out while its value is unknown
    cause_in: tuple[str, str] = ("", "")  # the pane and its view that show the cause; empty: none does

    def level(self, record: Record) -> Level:
        """The severity of the metric in a row of the query."""
        value = record.get(self.judged, record.get(self.column))
        volume = record.get(self.volume)
        if isinstance(volume, int | float) and volume < self.least:
            return Level.OK
        if self.limit:
            value = _percentage(value, record.get(self.limit))
        return self.rule.level(value) if self.rule else Level.OK


def header_metrics(limits: Mapping[str, Limit]) -> dict[str, Metric]:
    """The metrics of the header by their short names, under the limits of the configuration."""
    known = {metric.column: metric for metric in METRICS}
    chosen = ((label, known[column]) for label, column in (HEADER | ALARMS).items())
    return {
        label: replace(metric, rule=metric.rule.under(limits)) if metric.rule else metric for label, metric in chosen
    }


def view_in_alarm(known: Iterable[Metric], record: Record, pane: str) -> str:
    """The view of `pane` that shows the cause of the worst alarm in a row of the query; empty: no alarm is its."""
    levels = [(metric.level(record), metric.cause_in[1]) for metric in known if metric.cause_in[0] == pane]
    level, view = max(levels, key=lambda each: each[0], default=(Level.OK, ""))
    return view if level >= Level.WARNING else ""


def _percentage(value: object, whole: object) -> float | None:
    return 100.0 * value / whole if isinstance(value, int) and isinstance(whole, int) and whole > 0 else None


HEADER: dict[str, str] = {  # short name → column, in the order of the header
    "conn": "used",
    "act": "active",
    "wait": "waiting",
    "tps": "tps",
    "hit": "hit_percent",
    "tx": "oldest_transaction",
    "lag": "lag_seconds",
    "pool": "pool_waiting",
}
ALARMS: dict[str, str] = {  # short name → column: in the header only while abnormal
    "idle tx": "idle_in_transaction",
    "oldest idle": "oldest_idle_in_transaction",
    "prepared": "oldest_prepared",
    "xmin": "xmin_age",
    "catalog xmin": "catalog_xmin_age",
    "deadlocks/s": "deadlock_rate",
    "conflicts/s": "conflict_rate",
    "temp": "temp_rate",
    "behind": "lag_bytes",
    "wraparound": "frozen_age",
    "cpu": "host_cpu",
    "mem": "host_memory",
    "swap": "host_swap",
    "read": "host_read_ms",
    "disk": "host_disk",
}
METRICS: tuple[Metric, ...] = (
    Metric(
        "used",
        "connections used",
        "count",
        "Client sessions. The limit is what ordinary roles may use; when all are in use, new logins are refused.",
        sessions.CONNECTION_USAGE_PERCENT,
        limit="usable",
        always=True,
        spark=True,
        cause_in=("connections", "summary"),
    ),
    Metric(
        "active",
        "active",
        "count",
        "Sessions that run a statement now. Far more than CPU cores means that they queue.",
        spark=True,
    ),
    Metric(
        "waiting",
        "waiting for locks",
        "count",
        "Sessions that wait for a lock held by another one; judged after a second. See the locks pane.",
        sessions.WAITING_SESSIONS,
        judged="waiting_long",
        cause_in=("locks", "blocking"),
    ),
    Metric(
        "idle_in_transaction",
        "idle in transaction",
        "count",
        "Transactions left open by their clients: they hold locks and hold back VACUUM.",
        sessions.IDLE_IN_TRANSACTION_SESSIONS,
        cause_in=("connections", "idle-in-tx"),
    ),
    Metric(
        "oldest_idle_in_transaction",
        "oldest idle in tx",
        "age",
        "How long the oldest of them has been idle.",
        sessions.IDLE_IN_TRANSACTION_SECONDS,
        cause_in=("connections", "idle-in-tx"),
    ),
    Metric(
        "oldest_transaction",
        "oldest transaction",
        "age",
        "While it is open, VACUUM cannot remove tuples that died after it began.",
        sessions.TRANSACTION_SECONDS,
        cause_in=("connections", "all"),
    ),
    Metric(
        "oldest_prepared",
        "oldest prepared tx",
        "age",
        "A prepared transaction keeps its locks, even across a restart, until it is committed or rolled back.",
        sessions.PREPARED_TRANSACTION_SECONDS,
    ),
    Metric(
        "xmin_age",
        "xmin age",
        "count",
        "Transactions since the oldest snapshot in use: VACUUM cannot remove tuples that died since.",
        sessions.XMIN_AGE_TRANSACTIONS,
        cause="xmin_holder",
        cause_in=("vacuum", "pins"),
    ),
    Metric(
        "catalog_xmin_age",
        "catalog xmin age",
        "count",
        "The same for system catalogs: a logical slot keeps the versions it needs to decode WAL.",
        sessions.XMIN_AGE_TRANSACTIONS,
        cause="catalog_xmin_holder",
        cause_in=("vacuum", "pins"),
    ),
    Metric(
        "tps",
        "transactions/s",
        "rate",
        "Commits and rollbacks in all databases, those of this console included.",
        always=True,
        spark=True,
    ),
    Metric(
        "rollback_rate",
        "rollbacks/s",
        "rate",
        "Transactions that failed or were rolled back. The server reports them late: when a session commits or ends.",
    ),
    Metric(
        "hit_percent",
        "cache hit",
        "percent",
        "Blocks found in shared buffers since the last read; judged over 5 minutes. It matters when reads are slow.",
        server.CACHE_HIT_PERCENT,
        always=True,
        volume="block_rate_recent",
        least=ENOUGH_BLOCKS,
        cause_in=("slow-queries", "now"),
        judged="hit_recent",
    ),
    Metric("read_rate", "rows read/s", "rate", "Rows returned by scans, in all databases."),
    Metric("write_rate", "rows written/s", "rate", "Rows inserted, updated and deleted."),
    Metric(
        "read_ms_rate",
        "read time",
        "rate",
        "Milliseconds per second that sessions spent reading blocks; needs track_io_timing.",
    ),
    Metric(
        "temp_rate",
        "temporary files",
        "size_rate",
        "Sorts and hashes that did not fit into work_mem; judged over 5 minutes.",
        server.TEMP_BYTES_PER_SECOND,
        cause_in=("slow-queries", "now"),
        judged="temp_recent",
    ),
    Metric("wal_rate", "WAL written", "size_rate", "What standbys must receive and archives must store."),
    Metric(
        "deadlock_rate",
        "deadlocks/s",
        "rate",
        "Over the last 5 minutes, as far as they were read: in each, the server cancelled one of the transactions.",
        sessions.DEADLOCKS_PER_SECOND,
    ),
    Metric("replicas", "replicas", "count", "Connected standbys and other receivers of WAL."),
    Metric(
        "lag_seconds",
        "replication lag",
        "age",
        "How far the slowest standby is behind; 0 when it has replayed all that it received.",
        server.REPLICATION_LAG_SECONDS,
    ),
    Metric(
        "lag_bytes",
        "replication lag, bytes",
        "size",
        "WAL that the slowest standby has not replayed.",
        server.REPLICATION_LAG_BYTES,
    ),
    Metric(
        "conflict_rate",
        "conflicts/s",
        "rate",
        "Over the last 5 minutes: queries on this standby that were cancelled because they conflicted with replay.",
        server.CONFLICTS_PER_SECOND,
    ),
    Metric(
        "frozen_age",
        "wraparound",
        "count",
        "Age of the oldest unfrozen transaction id; near 2.1 billion the server refuses writes.",
        server.UNFROZEN_TRANSACTIONS,
        cause_in=("vacuum", "wraparound"),
    ),
    Metric(
        "host_cpu",
        "host CPU",
        "percent",
        "CPU time in use over 5 minutes, of the host or of the server's container, whichever is nearer its limit.",
        host.HOST_CPU_PERCENT,
        if_known=True,
        cause_in=("host", "overview"),
    ),
    Metric(
        "host_memory",
        "host memory",
        "percent",
        "Memory that is not available to processes, of the host or of the server's container.",
        host.HOST_MEMORY_PERCENT,
        if_known=True,
        cause_in=("host", "overview"),
    ),
    Metric(
        "host_swap",
        "host swapping",
        "size_rate",
        "Swapped in and out over 5 minutes: memory is too small for what runs there.",
        host.HOST_SWAP_BYTES_PER_SECOND,
        if_known=True,
        cause_in=("host", "overview"),
    ),
    Metric(
        "host_read_ms",
        "disk read",
        "ms",
        "Average time of a read over 5 minutes, on the slowest device or as the server measures it.",
        host.HOST_READ_MS,
        if_known=True,
        cause_in=("host", "disks"),
    ),
    Metric(
        "host_disk",
        "disk space used",
        "percent",
        "Of the fullest file system with data, WAL or a tablespace.",
        host.HOST_DISK_PERCENT,
        if_known=True,
        cause_in=("host", "space"),
    ),
    Metric(
        "pool_waiting",
        "clients waiting",
        "count",
        rule=pooler.POOL_WAITING_CLIENTS,
        cause_in=("pooler", "pools"),
        judged="pool_waiting_long",
    ),
)
