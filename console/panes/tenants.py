"""Tenants: how they share the tables, and whether a table is worth partitioning by hash of the tenant. Two views."""

from __future__ import annotations

from console.format import size
from console.model import Column, Level, Record, Rule, Snapshot, View
from console.panes.storage import add, number
from console.rules.storage import HASH_TABLE_GB, HASH_VERDICT, TENANT_SHARE_PERCENT

MONTH = 30.44 * 86400
ENOUGH = 86400.0  # seconds of counting below which a growth is not told
GIGABYTE = 1 << 30


def advise(
    snapshot: Snapshot, hash_table_gb: Rule = HASH_TABLE_GB, tenant_share_percent: Rule = TENANT_SHARE_PERCENT
) -> Snapshot:
    """Each table with its growth in bytes a month, a verdict on hash partitioning, and the reason."""

    def judge(row: Record) -> tuple[object, ...]:
        growth = _growth(row)
        return (growth, *_verdict(row, growth, hash_table_gb, tenant_share_percent))

    return add(snapshot, ("growth", "verdict", "reason"), judge)


def _growth(row: Record) -> float | None:
    rows, seconds = number(row["rows"]), number(row["counted_for"])
    if rows <= 0 or seconds < ENOUGH or row["grown"] is None:
        return None
    return max(0.0, number(row["grown"])) * number(row["size"]) / rows / seconds * MONTH


def _verdict(row: Record, growth: float | None, hash_table_gb: Rule, tenant_share_percent: Rule) -> tuple[str, str]:
    """By size first: what a table of moderate size costs in keys and plans is never won back by partitions."""
    bytes_now, share = number(row["size"]), row["largest_share"]
    warning = hash_table_gb.limit.warning * GIGABYTE
    if row["partitioned"]:
        by = "by the tenant" if row["by_tenant"] else f"by {row['partitioned']} of another column"
        return "partitioned", f"is partitioned {by} already"
    if row["unseen"]:
        return "unknown", "was never analysed, so neither size nor skew is known: run analyze-table"
    if bytes_now < warning:
        months = (warning - bytes_now) / growth if growth else None
        soon = months is not None and months < 12
        when = "" if months is None else f"; at its growth it gets there in {_months(months)}"
        return "near" if soon else "not needed", f"{size(bytes_now)} of {size(warning)} from which it pays{when}"
    if not row["known"]:
        return "unknown", "the statistics cannot be read: GRANT pg_read_all_data, or run analyze-table"
    if isinstance(share, int | float) and tenant_share_percent.level(share) is Level.CRITICAL:
        return (
            "too skewed",
            f"one tenant holds {share:.0f} % of the rows, and one hash partition would: archive or split it first",
        )
    largest = f"the largest tenant holds {number(share):.0f} %" if share is not None else "no tenant stands out"
    return "worth it", f"{size(bytes_now)} and {largest}: partition-by-hash plans it"


def _months(months: float) -> str:
    return f"{months:.0f} months" if months < 48 else f"{months / 12:.0f} years"


ADVICE = View(
    name="hash",
    title="By tenant",
    query="tenant_tables",
    key=("oid",),
    columns=(
        Column("table", "table", "relation", width=24),
        Column("size", "size", "size", help="On disk without indexes and TOAST, as VACUUM or ANALYZE last saw it."),
        Column("tenants", "tenants", "count", width=7, help="How many there are, as ANALYZE estimates."),
        Column(
            "largest_share",
            "top %",
            "percent",
            width=5,
            rule=TENANT_SHARE_PERCENT,
            help="Share of the rows that belongs to the largest tenant.",
        ),
        Column(
            "verdict",
            "hash?",
            width=11,
            rule=HASH_VERDICT,
            help="Whether the table is worth partitioning by hash of the tenant. near: within a year at its growth.",
        ),
        Column("reason", "because", grow=True, help="What the verdict stands on."),
        Column(
            "growth",
            "a month",
            "size",
            extra=True,
            help="Inserted less deleted rows since the counters began, at the present size of a row; – before one day.",
        ),
        Column("rows", "rows", "count", extra=True, help="As VACUUM or ANALYZE last saw them."),
        Column("tenant_column", "column", "name", extra=True, help="By which most tables refer to one common table."),
        Column("tenant_table", "refers to", "name", extra=True, help="The table of the tenants themselves."),
        Column("partitioned", "by", width=5, extra=True, help="How it is partitioned now."),
    ),
    derive=advise,
    rules=(HASH_TABLE_GB, TENANT_SHARE_PERCENT),
    empty="no column here by which two tables refer to a common one, so there are no tenants to tell apart",
)

TENANTS = View(
    name="tenants",
    title="Tenants",
    query="tenants",
    key=("tenant",),
    columns=(
        Column("tenant", "tenant", width=36, help="The value of the tenant column."),
        Column(
            "share",
            "%",
            "percent",
            rule=TENANT_SHARE_PERCENT,
            help="Of the rows of all these tables.",
        ),
        Column("rows", "rows", "count", help="In all tables that hold tenants' rows, estimated from the statistics."),
        Column("tables", "tables", "count", width=6, help="In how many of them it is among the most common."),
        Column("mostly", "mostly in", "relation", grow=True, help="The table where it has most rows."),
    ),
    empty="the statistics list no tenants: never analysed, all alike, or not readable by this role",
)
