"""The figures of docs/scaling.md: what 10 million requests a month take on one machine, from a measured database.

    python -m scripts.scaling URI            prints them
    python -m scripts.scaling URI --write    writes them into docs/scaling.md

URI names a database of the pipeline with rows, such as that of `pipeline-console demo --headless --scale 10`. Bytes a
row and index bytes a row are measured there; how many rows a table has for each request is counted there. What a
machine does is assumed, and each assumption is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from console.format import count, size
from console.model import Record, Snapshot, number
from console.records import dataclass
from console.rules.storage import HASH_TABLE_GB
from console.series import what_if
from console.sources.postgres import PostgresServer

PAGE = Path(__file__).parent.parent / "docs" / "scaling.md"
BEGIN, END = "<!-- figures: written by scripts/scaling.py -->\n", "<!-- end of figures -->\n"
REQUESTS = 10_000_000  # a month
GB, TB = 1 << 30, 1 << 40
SECONDS = 30.44 * 86400  # in a month
MONTHS = (1, 3, 6, 12, 24)


@dataclass(frozen=True, slots=True)
class Machine:
    """What one server is assumed to do; printed with the figures."""

    peak: float = 10.0  # the busiest hour writes so many times the average
    wal: float = 2.0  # bytes of WAL for each byte of row and index, full pages included
    backup: float = 200e6  # bytes a second that a base backup or a restore moves
    memory: float = 256.0 * GB
    disk: float = 16.0 * TB
    commits: float = 5000.0  # transactions that write, each second: a tenth of what fast disks do
    wal_rate: float = 50.0 * 2**20  # bytes a second that one replica receives and replays
    warm_months: float = 1.0  # of rows that queries touch
    restore_hours: float = 8.0  # for which the service may be down


def figures(tables: Snapshot, machine: Machine) -> str:
    """The tables in Markdown. Raises SystemExit if no table has enough rows to measure."""
    scale = REQUESTS / what_if.VOLUMES["content_requests"]
    volumes = {name: int(rows * scale) for name, rows in what_if.VOLUMES.items()}
    found = list(what_if.rows(tables, volumes).records()) or [{"month_size": None}]
    each, whole = found[:-1], found[-1]
    if not whole["month_size"]:
        raise SystemExit("No table of this database has enough rows to measure.")
    parts = (_by_table(each), _over_time(each, whole, machine), _limits(each, whole, machine), assumed(machine))
    return "\n".join(parts)


def _by_table(rows: Sequence[Record]) -> str:
    lines = [
        f"| {row['table']} | {_count(row['month_rows'])} | {size(row['row_bytes'])} | {size(row['index_bytes'])} | "
        f"{size(row['month_size'])} | {size(row['size'])} | {_alone(row)} |"
        for row in rows
    ]
    head = "| table | rows a month | bytes a row | index bytes a row | a month | two years | "
    return _table(f"{head}rows of {size(_limit())} after |", lines)


def _over_time(rows: Sequence[Record], whole: Record, machine: Machine) -> str:
    month, warm = number(whole["month_size"]), _warm(rows, machine)
    lines = [
        f"| {months} | {size(month * months)} | {size(min(warm, month * months))} | "
        f"{month * months / machine.backup / 3600:.1f} h |"
        for months in MONTHS
    ]
    return _table("| months kept | data | of it warm | base backup or restore |", lines)


def _limits(rows: Sequence[Record], whole: Record, machine: Machine) -> str:
    """What is used of each limit of one machine, and when it is full at this volume."""
    month, warm = number(whole["month_size"]), _warm(rows, machine)
    second = sum(number(row["month_rows"]) for row in rows) / SECONDS
    peak, wal = second * machine.peak, month / SECONDS * machine.wal * machine.peak
    limits: tuple[tuple[str, str, str, float | None, str], ...] = (
        ("rows written at the peak", f"{peak:,.0f} a second", f"{machine.commits:,.0f} commits a second", None,
         _times(machine.commits, peak)),
        ("WAL at the peak", f"{size(wal)} a second", f"{size(machine.wal_rate)} a second for a replica", None,
         _times(machine.wal_rate, wal)),
        ("warm data", size(warm), f"{size(machine.memory)} of memory", None, _times(machine.memory, warm)),
        ("disk", f"{size(month)} more each month", f"{size(machine.disk)}", machine.disk / month, ""),
        ("restore", f"{month / machine.backup / 3600:.1f} h more each month", f"{machine.restore_hours:.0f} h",
         machine.restore_hours * 3600 * machine.backup / month, ""),
    )  # fmt: skip
    lines = [
        f"| {what} | {now} | {limit} | {f'after {months:.0f} months kept' if months is not None else room} |"
        for what, now, limit, months, room in limits
    ]
    return _table("| what | at 10 M requests a month | one machine | room |", lines)


def assumed(machine: Machine) -> str:
    """What is assumed of a machine, in words."""
    months = machine.warm_months
    return (
        f"Assumed: the busiest hour writes {machine.peak:.0f} times the average; {machine.wal:.0f} bytes of WAL for "
        f"each byte of row and index; a base backup or a restore moves {machine.backup / 1e6:.0f} MB a second; queries "
        f"touch the rows of the last {'month' if months == 1 else f'{months:.0f} months'}; every row is a commit of "
        "its own. Bytes and proportions are those of the demo's database at ten times its size. Those of your own "
        "database count.\n"
    )


def _warm(rows: Sequence[Record], machine: Machine) -> float:
    return sum(number(row["month_size"]) for row in rows) * machine.warm_months


def _limit() -> float:
    warning = HASH_TABLE_GB.limit.warning
    assert warning is not None
    return warning * GB


def _alone(row: Record) -> str:
    """When the rows of one table, without indexes, are as large as hash partitions or shards pay from."""
    if row["row_bytes"] is None or not row["month_rows"]:
        return "?"
    months = _limit() / (number(row["month_rows"]) * number(row["row_bytes"]))
    return f"{months:.0f} months" if months >= 1 else f"{months * 30.44:.0f} days"


def _times(limit: float, used: float) -> str:
    return f"{limit / used:.1f} times" if used else "?"


def _count(value: object) -> str:
    return count(value) if value is not None else "?"


def _table(head: str, lines: Sequence[str]) -> str:
    return "\n".join((head, "|---" * (head.count("|") - 1) + "|", *lines, ""))


async def _read(uri: str) -> tuple[Snapshot, str]:
    server = PostgresServer(uri)
    try:
        facts = await server.connect()
        return await server.fetch("capacity_tables"), facts.version_text
    finally:
        await server.close()


def main() -> int:
    """Print the figures, or write them into the page."""
    parser = argparse.ArgumentParser(description="the figures of docs/scaling.md")
    parser.add_argument("uri")
    parser.add_argument("--write", action="store_true", help="write them into docs/scaling.md")
    options = parser.parse_args()
    tables, version = asyncio.run(_read(options.uri))
    text = f"Measured on PostgreSQL {version}.\n\n" + figures(tables, Machine())
    if not options.write:
        sys.stdout.write(text)
        return 0
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.index(BEGIN) + len(BEGIN), page.index(END)
    PAGE.write_text(f"{page[:before]}\n{text}\n{page[after:]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
