"""Rows of Capacity without a server: dates of partitions, free space of disks, tables at another volume."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from console.model import Row, Snapshot
from console.series import limits, what_if
from console.series.days import DAY, Sample, SeriesName
from console.series.growth import FEWEST_ROWS
from console.series.sampled import Sampled, Trends

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def read(query: str, columns: tuple[str, ...], *rows: Row) -> Snapshot:
    return Snapshot(query, columns, rows, NOW)


NOTHING = read("capacity_limits", ("kind", "subject", "used", "limit"))


@pytest.mark.parametrize(
    ("runway", "when", "outlook", "at"),
    [
        (10.5, None, "dated", datetime(2026, 3, 12, tzinfo=UTC)),
        (0, "reached", "reached", NOW),
        (-2, "reached", "reached", datetime(2026, 2, 27, 12, tzinfo=UTC)),
        (None, "no date", "never", None),
    ],
)
def test_partitions_run_out_on_the_date_of_their_last_bound(
    runway: float | None, when: str | None, outlook: str, at: datetime | None
) -> None:
    columns = ("parent", "children", "runway", "now", "last")
    parents = read("partition_parents", columns, ("public.t", 12, runway, NOW.timestamp(), "2026-03-12"))
    found = limits.rows(NOTHING, None, parents, Sampled({}, Trends(), NOW.timestamp()))
    (row,) = (each for each in found.records() if each["kind"] == "partitions")
    assert (row["subject"], row["used"], row["outlook"], row["at"]) == ("partitions of t", 12, outlook, at)
    assert when is None or row["when"] == when


def test_what_is_used_of_a_disk_is_what_is_not_free() -> None:
    columns = ("what", "device", "size", "free")
    disks = read("host_disks", columns, ("pg_wal", "vda", 1000, 250), ("base", "vda", 1000, 250))
    samples = [Sample(NOW.timestamp() - DAY * ago, 750.0) for ago in range(9, -1, -1)]
    history = Sampled({SeriesName("disk", "pg_wal", "used"): samples}, Trends(), NOW.timestamp())
    (row,) = limits.rows(NOTHING, None, None, history, disks=disks).records()
    assert (row["subject"], row["used"], row["limit"], row["percent"]) == ("disk of pg_wal, base", 750, 1000, 75)


@pytest.mark.parametrize(("held", "month_size"), [(FEWEST_ROWS, 100_000 * 15), (FEWEST_ROWS - 1, None)])
def test_a_table_of_too_few_rows_is_not_measured(held: int, month_size: float | None) -> None:
    columns = ("table", "rows", "heap", "toast", "indexes", "size")
    tables = read(
        "capacity_tables", columns, ("public.content_requests", held, 8 * held, 2 * held, 5 * held, 15 * held)
    )
    first, _ = what_if.rows(tables, {"content_requests": 100_000}).records()
    assert first["month_size"] == month_size
    assert (first["basis"] == "too few rows to measure") is (month_size is None)
