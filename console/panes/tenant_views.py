"""Tenants: their shares of the tables, and whether a table is worth partitioning by hash of the tenant."""

from __future__ import annotations

from console.format import size
from console.model import Column, Level, Record, Rule, Snapshot, View, Whole, number
from console.panes import cluster_sums
from console.panes.derived import add
from console.rules.storage import HASH_TABLE_GB, HASH_VERDICT, TENANT_SHARE_PERCENT

MONTH = 30.44 * 86400
ENOUGH = 86400.0  # seconds of counting; growth is unknown before that
GIGABYTE = 1 << 30


def advise(
    snapshot: Snapshot, hash_table_gb: Rule = HASH_TABLE_GB, tenant_share_percent: Rule = TENANT_SHARE_PERCENT
) -> Snapshot:
    """Each table with its growth in bytes a month, a verdict on hash partitioning, and the reason."""

    def judge(row: Record) -> tuple[object, ...]:
        if row.get("cluster_kind"):
            return None, "distributed", f"Citus keeps it on its nodes ({row['cluster_kind']}): see the cluster pane"
        growth = _growth(row)
        return (growth, *_verdict(row, growth, hash_table_gb, tenant_share_percent))

    return add(cluster_sums.summed(snapshot, _sizes), ("growth", "verdict", "reason"), judge)


def _sizes(row: Record) -> dict[str, object]:
    return {"size": row["cluster_heap"], "rows": row["cluster_rows"], "grown": None}


def _growth(row: Record) -> float | None:
    rows, seconds = number(row["rows"]), number(row["counted_for"])
    if rows <= 0 or seconds < ENOUGH or row["grown"] is None:
        return None
    return max(0.0, number(row["grown"])) * number(row["size"]) / rows / seconds * MONTH


def _verdict(row: Record, growth: float | None, hash_table_gb: Rule, tenant_share_percent: Rule) -> tuple[str, str]:
    """By size first: below the limit, partitions cost more in keys and planning than they save."""
    bytes_now, share = number(row["size"]), row["largest_share"]
    warning = hash_table_gb.limit.warning * GIGABYTE
    if row["partitioned"]:
        how = "by the tenant" if row["by_tenant"] else f"by {row['partitioned']} of another column"
        return "partitioned", f"is already partitioned {how}"
    if row["unseen"]:
        return "unknown", "was never analyzed, so its size and skew are unknown: run analyze-table"
    if bytes_now < warning:
        months = (warning - bytes_now) / growth if growth else None
        soon = months is not None and months < 12
        when = "" if months is None else f"; at its present growth it reaches that in {_months(months)}"
        return "near" if soon else "not needed", f"worth it from {size(warning)} on, has {size(bytes_now)}{when}"
    if not row["known"]:
        return "unknown", "the statistics cannot be read: GRANT pg_read_all_data, or run analyze-table"
    if isinstance(share, int | float) and tenant_share_percent.level(share) is Level.CRITICAL:
        return (
            "too skewed",
            f"one tenant holds {share:.0f} % of the rows, and so would one partition: archive or split it first",
        )
    largest = f"the largest tenant holds {number(share):.0f} %" if share is not None else "no tenant stands out"
    or_else = ", or distribute-table to spread it over the cluster" if "cluster_kind" in row else ""
    return "worth it", f"{largest} in {size(bytes_now)}: run partition-by-hash{or_else}"


def _months(months: float) -> str:
    return f"{months:.0f} months" if months < 48 else f"{months / 12:.0f} years"


ADVICE = View(
    name="hash",
    title="By tenant",
    query="tenant_tables",
    kept=900.0,
    key=("oid",),
    columns=(
        Column("table", "table", "relation", width=24),
        Column("size", "size", "size", help="On disk without indexes and TOAST, as of the last VACUUM or ANALYZE."),
        Column("tenants", "tenants", "count", width=7, help="Number of tenants, as estimated by ANALYZE."),
        Column(
            "largest_share",
            "top %",
            "percent",
            bar=Whole.HUNDRED,
            width=5,
            rule=TENANT_SHARE_PERCENT,
            help="Share of the rows that belong to the largest tenant.",
        ),
        Column(
            "verdict",
            "hash?",
            width=11,
            rule=HASH_VERDICT,
            help="Whether partitioning by hash of the tenant is worth it. near: within a year at its present growth.",
        ),
        Column("reason", "reason", grow=True, help="The reason for the verdict."),
        Column(
            "growth",
            "a month",
            "size",
            extra=True,
            help="Rows inserted less rows deleted since the last reset, at the present row size; – in the first day.",
        ),
        Column("rows", "rows", "count", extra=True, help="As of the last VACUUM or ANALYZE."),
        Column(
            "tenant_column",
            "column",
            "name",
            extra=True,
            help="The column by which most tables refer to one table, that of the tenants.",
        ),
        Column("tenant_table", "tenants in", "name", extra=True, help="The table of the tenants."),
        Column("partitioned", "strategy", width=8, extra=True, help="How it is partitioned now."),
    ),
    derive=advise,
    lookups=(cluster_sums.RELATIONS,),
    rules=(HASH_TABLE_GB, TENANT_SHARE_PERCENT),
    empty="No tenants: no two tables refer to a common table by the same column.",
)

TENANTS = View(
    name="tenants",
    title="Tenants",
    query="tenants",
    kept=900.0,
    heavy=True,
    key=("tenant",),
    columns=(
        Column("tenant", "tenant", width=36, help="The value of the tenant column."),
        Column(
            "share",
            "%",
            "percent",
            bar=Whole.HUNDRED,
            rule=TENANT_SHARE_PERCENT,
            help="Share of the rows of all these tables.",
        ),
        Column("rows", "rows", "count", help="In all tables that hold tenants' rows, estimated from the statistics."),
        Column(
            "tables", "tables", "count", width=6, help="Number of tables in which it is among the most common values."
        ),
        Column("mostly", "mostly in", "relation", grow=True, help="The table in which it has most rows."),
    ),
    empty="The statistics list no tenants: never analyzed, evenly spread, or not readable by this role.",
)
