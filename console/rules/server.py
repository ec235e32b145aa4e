"""Rules over the server as a whole: cache, temporary files, replication, wraparound, settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from console.model import Level, Rule, StateRule, Window, above, below

# The last day of support of each major version: https://www.postgresql.org/support/versioning/
END_OF_LIFE: Mapping[int, date] = {
    13: date(2025, 11, 13),
    14: date(2026, 11, 12),
    15: date(2027, 11, 11),
    16: date(2028, 11, 9),
    17: date(2029, 11, 8),
    18: date(2030, 11, 14),
}
TESTED = range(14, 20)  # the major versions that the console is tested with

CACHE_HIT_PERCENT = Rule(
    name="cache_hit_percent",
    title="Blocks found in shared buffers, of all blocks read, where at least 2,000 a second are",
    unit="%",
    limit=below(95),
    queries=("vitals",),
    window=Window.RECENT,
)
TEMP_BYTES_PER_SECOND = Rule(
    name="temp_bytes_per_second",
    title="Data written to temporary files",
    unit="bytes per second",
    limit=above(50 * 2**20),
    queries=("vitals",),
    window=Window.RECENT,
)
IO_WAIT_MS_PER_SECOND = Rule(
    name="io_wait_ms_per_second",
    title="Time that processes of one type together wait for I/O",
    unit="ms per second",
    limit=above(1000, 4000),
    queries=("io",),
    window=Window.INTERVAL,
)
BACKEND_FSYNCS_PER_SECOND = Rule(
    name="backend_fsyncs_per_second",
    title="fsync calls per second that client backends make themselves, because the checkpointer does not keep up",
    unit="count",
    limit=above(1, 100),
    queries=("io",),
    window=Window.INTERVAL,
)
REPLICATION_LAG_SECONDS = Rule(
    name="replication_lag_seconds",
    title="Time by which the slowest standby is behind",
    unit="s",
    limit=above(10, 60),
    queries=("vitals", "replication_senders", "replication_receiver", "replica_states"),
)
REPLICATION_LAG_BYTES = Rule(
    name="replication_lag_bytes",
    title="WAL that the slowest standby has not replayed",
    unit="bytes",
    limit=above(256 * 2**20, 2**31),
    queries=("vitals", "replication_senders", "replication_receiver", "replica_states"),
)
REQUESTED_CHECKPOINTS = Rule(
    name="requested_checkpoints",
    title="Checkpoints within 15 minutes because the WAL reached max_wal_size, not the time",
    unit="count",
    limit=above(3),
    queries=("checkpoint_counters",),
)
RETAINED_WAL_BYTES = Rule(
    name="retained_wal_bytes",
    title="WAL that a replication slot retains",
    unit="bytes",
    limit=above(10 * 2**30, 100 * 2**30),
    queries=("slot_retention",),
)
ARCHIVE_FAILING_SECONDS = Rule(
    name="archive_failing_seconds",
    title="How long nothing has been archived while the archiver fails",
    unit="s",
    limit=above(60, 900),
    queries=("archiver", "wal_counters"),
)
CONFLICTS_PER_SECOND = Rule(
    name="conflicts_per_second",
    title="Queries per second on a standby that were cancelled because they conflicted with replay",
    unit="count",
    limit=above(0.000001),
    queries=("vitals", "replication_conflicts", "replica_states"),
    window=Window.RECENT,
)
UNFROZEN_TRANSACTIONS = Rule(
    name="unfrozen_transactions",
    title="Age of the oldest unfrozen transaction id of any database",
    unit="transactions",
    limit=above(500_000_000, 1_500_000_000),
    queries=("vitals",),
)
CLOCK_BEHIND_SECONDS = Rule(
    name="clock_behind_seconds",
    title="How far in the future the activity of a session began, by the clock of the server",
    unit="s",
    limit=above(10),
    queries=("vitals",),
)

LOG_SEVERITY = StateRule(
    name="log_severity",
    title="Severity of an entry of the log",
    levels={"WARNING": Level.NOTICE, "ERROR": Level.WARNING, "FATAL": Level.WARNING, "PANIC": Level.CRITICAL},
    queries=("log_entries", "log_everywhere", "log_errors"),
)
FAILED_LOGINS = Rule(
    name="failed_logins",
    title="Logins that failed in the last minute",
    unit="count",
    limit=above(10, 200),
    queries=("log_logins",),
)
METRIC_LEVEL = StateRule(
    name="metric_level",
    title="Level of a metric, from the rule of that metric",
    levels={"notice": Level.NOTICE, "warning": Level.WARNING, "critical": Level.CRITICAL},
    queries=("vitals", "wal_counters", "host_overview", "buffer_summary"),
)
UPGRADE_EFFECT = StateRule(
    name="upgrade_effect",
    title="What stands in the way of an upgrade",
    levels={"stops": Level.WARNING, "lost": Level.WARNING, "breaks": Level.WARNING, "reindex": Level.WARNING},
    queries=("upgrade_obstacles",),
)
FINDING_LEVEL = StateRule(
    name="finding_level",
    title="Level of a finding, from the rule that found it",
    levels={"notice": Level.NOTICE, "warning": Level.WARNING, "critical": Level.CRITICAL},
    queries=("findings", "finding_history", "pool_doctor"),
)
RESTART_PENDING = StateRule(
    name="restart_pending",
    title="Whether a new value of a setting takes effect only after a restart",
    levels={True: Level.WARNING},
    queries=("settings",),
)
SETTING_LINE = StateRule(
    name="setting_line",
    title="Status of a line in the configuration files",
    levels={"error": Level.CRITICAL, "needs restart": Level.WARNING},
    queries=("settings_files",),
)
