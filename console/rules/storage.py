"""Rules over tables, indexes, partitions and materialized views."""

from __future__ import annotations

from console.model import Level, Rule, StateRule, above, below

DAY = 86_400.0

DEAD_TUPLE_PERCENT = Rule(
    name="dead_tuple_percent",
    title="Dead tuples of a table, where they take at least bloat_bytes",
    unit="%",
    limit=above(10, 20),
    queries=("bloat_tables",),
)
BLOAT_PERCENT = Rule(
    name="bloat_percent",
    title="Estimated bloat of a table, its TOAST or an index, where it takes at least bloat_bytes",
    unit="%",
    limit=above(15, 40),
    queries=("bloat_tables", "bloat_indexes", "bloat_estimates"),
)
BLOAT_BYTES = Rule(
    name="bloat_bytes",
    title="Space from which dead tuples and bloat are judged: below it, no percentage is a verdict",
    unit="bytes",
    limit=above(10 << 20),
    queries=("bloat_tables", "bloat_indexes", "bloat_estimates"),
)
VACUUM_DUE_PERCENT = Rule(
    name="vacuum_due_percent",
    title="Dead tuples, of the number that triggers autovacuum",
    unit="%",
    limit=above(150, 1000),
    queries=("bloat_tables", "vacuum_due"),
)
FREEZE_AGE_PERCENT = Rule(
    name="freeze_age_percent",
    title="Age of unfrozen ids, of the age that forces an autovacuum",
    unit="%",
    limit=above(100, 150),
    queries=("vacuum_wraparound",),
)
WRAPAROUND_PERCENT = Rule(
    name="wraparound_percent",
    title="Age of unfrozen ids, of the age at which the server refuses writes",
    unit="%",
    limit=above(25, 50),
    queries=("vacuum_wraparound", "database_list"),
)
VACUUM_INDEX_PASSES = Rule(
    name="vacuum_index_passes",
    title="Completed passes of a running VACUUM over the indexes",
    unit="count",
    limit=above(1),
    queries=("vacuum_progress",),
)
INDEX_COUNTED_DAYS = Rule(
    name="index_counted_days",
    title="How long the scans of an index were counted: below it, no index is called unused",
    unit="days",
    limit=below(7),
    queries=("indexes", "index_facts"),
)
UNINDEXED_BYTES = Rule(
    name="unindexed_bytes",
    title="Size of a table that a foreign key without an index scans",
    unit="bytes",
    limit=above(100 << 20, 10 << 30),
    queries=("foreign_keys",),
)
SCANS_PER_DAY = Rule(
    name="scans_per_day",
    title="Sequential scans of a whole table a day, where it takes at least unindexed_bytes",
    unit="count",
    limit=above(100),
    queries=("sequential_scans",),
)
PARTITION_RUNWAY_DAYS = Rule(
    name="partition_runway_days",
    title="Time until the partitions run out",
    unit="days",
    limit=below(31, 7),
    queries=("partition_parents", "partition_bounds"),
)
PARTITION_GAPS = Rule(
    name="partition_gaps",
    title="Gaps between the bounds of the partitions of a table",
    unit="count",
    limit=above(1),
    queries=("partition_parents", "partition_bounds"),
)
DEFAULT_PARTITION_ROWS = Rule(
    name="default_partition_rows",
    title="Rows in a default partition",
    unit="count",
    limit=above(1),
    queries=("partition_parents",),
)
VIEW_AGE_SECONDS = Rule(
    name="view_age_seconds",
    title="Age of the data of a materialized view",
    unit="s",
    limit=above(2 * DAY, 7 * DAY),
    queries=("matviews", "matview_refreshes"),
)
HASH_TABLE_GB = Rule(
    name="hash_table_gb",
    title="Size from which a table may be worth hash partitions by tenant",
    unit="GB",
    limit=above(100, 500),
    queries=("tenant_tables",),
)
TENANT_SHARE_PERCENT = Rule(
    name="tenant_share_percent",
    title="Rows of a table that belong to one tenant",
    unit="%",
    limit=above(25, 50),
    queries=("tenant_tables", "tenants", "cluster_tenants"),
)
SEQUENCE_USED_PERCENT = Rule(
    name="sequence_used_percent",
    title="Values that a sequence has given, of those that it or the integer type of its column can hold",
    unit="%",
    limit=above(75, 90),
    queries=("sequence_ranges",),
)

BLOAT_VERDICT = StateRule(
    name="bloat_verdict",
    title="Verdict on the dead tuples and the bloat of a table or index",
    levels={
        "dead tuples": Level.WARNING,
        "many dead tuples": Level.CRITICAL,
        "bloat": Level.WARNING,
        "heavy bloat": Level.CRITICAL,
        "unknown": Level.NOTICE,
        "autovacuum off": Level.NOTICE,
    },
    queries=("bloat_tables", "bloat_indexes", "bloat_estimates"),
)
FREEZE_VERDICT = StateRule(
    name="freeze_verdict",
    title="Verdict on the age of unfrozen ids",
    levels={"wraparound near": Level.CRITICAL, "freeze overdue": Level.CRITICAL, "freeze due": Level.WARNING},
    queries=("vacuum_wraparound",),
)
INDEX_VERDICT = StateRule(
    name="index_verdict",
    title="Verdict on the use of an index",
    levels={
        "invalid": Level.CRITICAL,
        "redundant": Level.WARNING,
        "unused": Level.WARNING,
        "building": Level.NOTICE,
    },
    queries=("indexes", "index_facts"),
)
PARTITION_VERDICT = StateRule(
    name="partition_verdict",
    title="Verdict on the bounds of a partitioned table",
    levels={
        "now not covered": Level.CRITICAL,
        "runway critical": Level.CRITICAL,
        "runway short": Level.WARNING,
        "detach pending": Level.CRITICAL,
        "month detached": Level.CRITICAL,
        "incomplete": Level.CRITICAL,
        "no partitions": Level.NOTICE,
        "ended": Level.NOTICE,
        "rows in default": Level.WARNING,
        "gap": Level.WARNING,
        "unknown": Level.NOTICE,
    },
    queries=("partition_parents", "partition_bounds"),
)
DETACH_PENDING = StateRule(
    name="detach_pending",
    title="Whether DETACH PARTITION CONCURRENTLY was interrupted",
    levels={True: Level.CRITICAL},
    queries=("partitions",),
)
HASH_VERDICT = StateRule(
    name="hash_verdict",
    title="Verdict on partitioning a table by hash of the tenant",
    levels={
        "worth it": Level.WARNING,
        "near": Level.NOTICE,
        "too skewed": Level.WARNING,
        "unknown": Level.NOTICE,
    },
    queries=("tenant_tables",),
)
VIEW_VERDICT = StateRule(
    name="view_verdict",
    title="Verdict on a materialized view",
    levels={
        "not populated": Level.CRITICAL,
        "refresh failed": Level.CRITICAL,
        "blocks reads": Level.WARNING,
        "refreshing": Level.NOTICE,
    },
    queries=("matviews", "matview_refreshes"),
)
