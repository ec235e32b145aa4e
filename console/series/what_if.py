"""Rows of the view What if: what the pipeline's tables would take at another volume. Pure.

From bytes a row and index bytes a row as they are measured, and from how many rows a table has for each request here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from console.format import count
from console.model import Record, Row, Snapshot, number
from console.series.growth import bytes_a_row

MONTHS = 24
VOLUMES: Mapping[str, int] = {"content_requests": 100_000, "generated_assets": 500_000}  # rows a month
FOLLOWING: Mapping[str, str] = {  # tables whose rows come with those of another table
    "content_approvals": "content_requests",
    "request_comments": "content_requests",
    "generation_jobs": "content_requests",
    "api_usage": "content_requests",
    "user_activity_logs": "content_requests",
    "asset_versions": "generated_assets",
    "compliance_checks": "generated_assets",
    "scheduled_posts": "generated_assets",
    "content_analytics": "generated_assets",
}
COLUMNS = ("table", "month_rows", "row_bytes", "index_bytes", "month_size", "size", "basis", "rows", "now")


def rows(tables: Snapshot, volumes: Mapping[str, int] = VOLUMES) -> Snapshot:
    """What each table would take after two years of these volumes, and all of them together."""
    known = {str(record["table"]).removeprefix("public."): record for record in tables.records()}
    found = [_row(name, known, volumes) for name in (*volumes, *FOLLOWING) if name in known]
    sizes = [(row[COLUMNS.index("month_size")], row[COLUMNS.index("size")]) for row in found]
    if found:
        month, total = (sum(number(pair[at]) for pair in sizes) for at in (0, 1))
        missing = sum(pair[1] is None for pair in sizes)
        basis = f"without {missing} of {len(found)}: too few rows" if missing else "of these tables"
        found.append(("(all)", None, None, None, month, total, basis, None, None))
    return replace(tables, name="capacity_what_if", columns=COLUMNS, rows=tuple(found))


def _row(name: str, known: Mapping[str, Record], volumes: Mapping[str, int]) -> Row:
    record = known[name]
    leader = FOLLOWING.get(name)
    month, basis = _month(name, leader, known, volumes)
    row_bytes, index_bytes = bytes_a_row(record)
    month_size = None if month is None or row_bytes is None else month * (row_bytes + number(index_bytes))
    size = None if month_size is None else month_size * MONTHS
    if row_bytes is None:
        basis = "too few rows to measure"
    return (record["table"], month, row_bytes, index_bytes, month_size, size, basis, record["rows"], record["size"])


def _month(
    name: str, leader: str | None, known: Mapping[str, Record], volumes: Mapping[str, int]
) -> tuple[float | None, str]:
    """Rows a month, and how they are known."""
    if leader is None:
        return volumes[name], f"{count(volumes[name])} a month"
    held = number(known[leader]["rows"]) if leader in known else 0.0
    if held <= 0:
        return None, f"rows of {leader} are not known"
    ratio = number(known[name]["rows"]) / held
    return volumes[leader] * ratio, f"{ratio:.2g} for each of {leader}"
