"""What is sampled of sizes and limits, and the series it belongs to. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from console.model import Record, Snapshot, number
from console.series.days import SeriesName

TABLES, LIMITS, SEQUENCES = "capacity_tables", "capacity_limits", "capacity_sequences"
PARTS, WAL = "capacity_parts", "capacity_wal"
QUERIES = (TABLES, LIMITS, SEQUENCES, PARTS, WAL)
KEEPERS = frozenset({"slot", "archiver"})  # kinds of series of what keeps WAL
DISKS = "host_disks"  # of the host, where it can be measured
DISK = "disk"  # the kind of its series
TABLE = "table"  # the kind of a series of capacity_tables
HIDDEN = "hidden"  # the kind of the row that counts what this role cannot read
BYTES = KEEPERS | {TABLE, DISK, "database", "wal", "partition", "index", "toast"}  # kinds of series that are bytes
MEASURES = ("heap", "indexes", "toast", "rows", "partitions")  # of a table, besides its size


def entries(answers: Iterable[Snapshot]) -> list[dict[str, object]]:
    """An entry for each table, limit and disk that was read: `kind`, `subject`, `used`, and MEASURES of a table.

    `used` of a table is its size.
    """
    return [entry for answer in answers for record in answer.records() if (entry := _entry(record))]


def measured(entry: Record) -> dict[SeriesName, object]:
    """What an entry has of each of its series: a value, or those of some moments."""
    kind, subject = str(entry["kind"]), str(entry["subject"])
    measures = {"size" if kind == TABLE else "used": entry["used"]}
    if kind == TABLE:
        measures |= {measure: entry.get(measure) for measure in MEASURES}
    return {SeriesName(kind, subject, measure): taken for measure, taken in measures.items()}


def values(entry: Record) -> dict[SeriesName, float]:
    """What is known of an entry, by series."""
    return {name: float(value) for name, value in measured(entry).items() if isinstance(value, int | float)}


def _entry(record: Record) -> dict[str, object] | None:
    """None: the row is no sample."""
    if "free" in record:
        if record["free"] is None:
            return None
        return {"kind": DISK, "subject": record["what"], "used": number(record["size"]) - number(record["free"])}
    if "table" in record:
        more = {measure: record[measure] for measure in MEASURES}
        return {"kind": TABLE, "subject": record["table"], "used": record["size"], **more}
    if record["kind"] == HIDDEN or record["used"] is None:
        return None
    return {"kind": record["kind"], "subject": record["subject"], "used": record["used"]}
