"""The figures of docs/scaling.md follow from what was measured, and its assumptions are those of the script."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from console.model import Snapshot
from console.series import what_if
from scripts import scaling

COLUMNS = ("table", "rows", "heap", "toast", "indexes", "size")
MEASURED = (  # 100 bytes a row and 100 of indexes, in all tables
    ("public.content_requests", 10_000, 1_000_000, 0, 1_000_000, 2_000_000),
    ("public.api_usage", 300_000, 30_000_000, 0, 30_000_000, 60_000_000),
)


def test_figures_are_what_was_measured_times_ten_million_requests() -> None:
    text = scaling.figures(Snapshot("capacity_tables", COLUMNS, MEASURED, datetime.now(UTC)), scaling.Machine())
    assert "| public.content_requests | 10.0M | 100 B | 100 B | 1.86 GB | 44.7 GB | 107 months |" in text
    assert "| public.api_usage | 300M | 100 B | 100 B | 55.9 GB | 1.31 TB | 4 months |" in text
    assert "| rows written at the peak | 1,179 a second |" in text  # 310 M rows in a month of 30.44 days, times 10
    assert "| 24 | 1.35 TB | 57.7 GB | 2.1 h |" in text


def test_without_a_table_of_enough_rows_there_are_no_figures() -> None:
    for few in ((), (("public.content_requests", 3, 8192, 0, 8192, 16384),)):
        with pytest.raises(SystemExit, match="enough rows"):
            scaling.figures(Snapshot("capacity_tables", COLUMNS, few, datetime.now(UTC)), scaling.Machine())


@pytest.mark.parametrize("table", [*what_if.VOLUMES, *what_if.FOLLOWING])
def test_the_page_has_a_row_for_each_table(table: str) -> None:
    assert f"| public.{table} |" in scaling.PAGE.read_text(encoding="utf-8")


def test_the_page_states_what_the_script_assumes() -> None:
    assert scaling.assumed(scaling.Machine()) in scaling.PAGE.read_text(encoding="utf-8")
