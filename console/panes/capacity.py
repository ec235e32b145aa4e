"""Capacity: how fast tables grow, when limits are reached, and what another volume would take."""

from __future__ import annotations

from console.model import Column, Pane, View, Whole

GROWTH = View(
    name="growth",
    title="Growth",
    query="capacity_growth",
    kept=1800.0,
    key=("kind", "series"),
    columns=(
        Column("table", "table", "relation", grow=True, help="With all its partitions."),
        Column("size", "size", "size", help="On disk now, with indexes and TOAST."),
        Column("month", "a month", "size", help="Growth in a month, without what was added or removed at once."),
        Column("band", "95 % band", width=23, help="Within which the growth of a month is, or why it is not known."),
        Column("rows_month", "rows/month", "count", width=10, help="Rows added in a month."),
        Column(
            "note", "note", width=34, extra=True, help="What was added or removed at once, such as a month archived."
        ),
        Column("day", "a day", "size", extra=True, help="Growth in a day, of which the month is made."),
        Column("row_bytes", "bytes/row", "size", width=9, extra=True, help="Bytes of heap and TOAST for each row."),
        Column("index_bytes", "index/row", "size", width=9, extra=True, help="Bytes of all indexes for each row."),
        Column("heap", "heap", "size", extra=True, help="On disk, without indexes and TOAST."),
        Column("indexes", "indexes", "size", extra=True),
        Column("toast", "TOAST", "size", extra=True, help="With its index, the free space and the visibility map."),
        Column("rows", "rows now", "count", width=8, extra=True, help="As of the last VACUUM or ANALYZE."),
        Column("partitions", "parts", "count", width=5, extra=True, help="Number of partitions."),
        Column("days", "days", "count", width=5, extra=True, help="Days with samples."),
    ),
    sort="-month",
    chart="capacity",
    chart_query="capacity_course",
    empty="No tables in this database.",
)

PARTS = View(
    name="parts",
    title="Parts",
    query="capacity_part_growth",
    kept=1800.0,
    key=("kind", "series"),
    columns=(
        Column("part", "part", "relation", grow=True, help="A partition, an index, or the table of a TOAST table."),
        Column("kind", "kind", width=9, help="partition: with its indexes and TOAST; index; toast: with its index."),
        Column("size", "size", "size", help="On disk now."),
        Column("month", "a month", "size", help="Growth in a month, without what was added or removed at once."),
        Column("band", "95 % band", width=23, help="Within which the growth of a month is, or why it is not known."),
        Column("of", "of", "relation", width=20, extra=True, help="The table that it belongs to."),
        Column("day", "a day", "size", extra=True, help="Growth in a day, of which the month is made."),
        Column("note", "note", width=34, extra=True, help="What was added or removed at once."),
        Column("days", "days", "count", width=5, extra=True, help="Days with samples."),
    ),
    sort="-size",
    chart="capacity",
    chart_query="capacity_course",
    empty="No partitions, indexes or TOAST tables in this database.",
)

LIMITS = View(
    name="limits",
    title="Limits",
    query="capacity_limits_ahead",
    kept=1800.0,
    key=("kind", "series"),
    columns=(
        Column("subject", "what", "name", grow=True),
        Column("used", "used", "count"),
        Column("limit", "limit", "count"),
        Column("unit", "of", width=8, help="What is counted: bytes (1G is 10⁹), transaction IDs, values, sessions."),
        Column("percent", "used %", "percent", bar=Whole.HUNDRED, help="Share of the limit that is used."),
        Column("when", "runs out", width=24, help="On which date it is used up, or why that is not known."),
        Column("band", "95 % band", width=23, extra=True, help="Between which dates."),
        Column("note", "note", width=30, extra=True),
        Column("days", "days", "count", width=5, extra=True, help="Days with samples."),
    ),
    chart="capacity",
    chart_query="capacity_course",
    empty="Nothing has a limit.",
)

WHAT_IF = View(
    name="what-if",
    title="What if",
    query="capacity_what_if",
    kept=1800.0,
    key=("table",),
    columns=(
        Column("table", "table", "relation", grow=True),
        Column("month_rows", "rows/month", "count", width=10, help="Rows added in a month."),
        Column(
            "row_bytes", "bytes/row", "size", width=9, help="Bytes of heap and TOAST for each row, as measured here."
        ),
        Column(
            "index_bytes", "index/row", "size", width=9, help="Bytes of all indexes for each row, as measured here."
        ),
        Column("month_size", "a month", "size"),
        Column("size", "2 years", "size", help="After 24 months, if nothing is archived."),
        Column("basis", "from", width=12, help="How the rows of a month are known."),
        Column("rows", "rows now", "count", width=8, extra=True, help="As of the last VACUUM or ANALYZE."),
        Column("now", "size now", "size", extra=True),
    ),
    empty="The tables of the pipeline are not in this database: setup (U) creates them.",
)

CAPACITY = Pane(
    name="capacity",
    key="c",
    title="Capacity",
    short="Growth",
    group="Around",
    source="capacity",
    help=(
        "How fast tables grow, when limits are reached, and what another volume would take. Samples of sizes and "
        "limits are kept in the database by `sample-capacity` and its recurring job, and at most once an hour in "
        "findings.sqlite3 next to the audit trail while this pane, the console, `show capacity` or `watch` runs. "
        "Growth is the median slope between samples, without what was added or removed at once, such as a month that "
        "was archived. It takes two weeks of samples, and it is named only where its 95 % band is narrower than 10 % "
        "to each side. What if: 100,000 requests and 500,000 assets a month for two years, from what a row and its "
        "index entries take here."
    ),
    views=(GROWTH, PARTS, LIMITS, WHAT_IF),
    actions=("sample-capacity",),
    refresh=60.0,
)
