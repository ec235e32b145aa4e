"""I/O: which kind of process reads, writes and extends what, from PostgreSQL 16 on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from console.format import age, moment
from console.model import Column, Pane, Rate, Record, Snapshot, View, number
from console.panes.derived import add, with_notes
from console.rules.server import BACKEND_FSYNCS_PER_SECOND, IO_WAIT_MS_PER_SECOND

_COUNTERS = ("reads", "writes", "writebacks", "extends", "hits", "evictions", "reuses", "fsyncs")


def counters(snapshot: Snapshot) -> Snapshot:
    """Hit ratios since the reset, and notes on the times and on how far back the counters go."""
    judged = add(snapshot, ("hit", "backend_fsync_rate"), _judged)
    return with_notes(judged, _times(snapshot), _since(snapshot))


def _judged(row: Record) -> tuple[object, ...]:
    hit = 100.0 * number(row["hits"]) / number(row["lookups"]) if row["lookups"] else None
    return hit, row["fsync_rate"] if row["backend_type"] == "client backend" else None


def _times(snapshot: Snapshot) -> str:
    timed = {row["timed"] for row in snapshot.records() if row["object"] != "wal"}
    return "times are not measured: track_io_timing is off" if False in timed else ""


def _since(snapshot: Snapshot) -> str:
    resets = [reset for reset in snapshot.values("counted_from") if isinstance(reset, float)]
    if not resets:
        return ""
    since = max(resets)
    return (
        f"counted for {age(snapshot.taken_at.timestamp() - since)}, since {moment(datetime.fromtimestamp(since, UTC))}"
    )


def _used(row: Record) -> bool:
    return any(number(row[name]) for name in _COUNTERS)


_WHO = (
    Column("backend_type", "backend", width=14, grow=True, help="Type of the processes, as pg_stat_activity names it."),
    Column("object", "object", width=8, help="relation, temp relation, or wal (PostgreSQL 18 and later)."),
    Column(
        "context",
        "context",
        width=9,
        help="normal: through shared buffers. vacuum, bulkread, bulkwrite: through a small ring of buffers.",
    ),
)
_NOW = (
    Column("read_rate", "read", "size_rate", help="Read from the operating system, per second."),
    Column("write_rate", "written", "size_rate", help="Written to the operating system, per second."),
    Column(
        "hit_now", "hit", "percent", help="Share of blocks found in the buffer cache since the last read; –: no cache."
    ),
    Column("evict_rate", "evict/s", "rate", help="Blocks evicted from the cache to make room, per second."),
    Column(
        "wait_rate",
        "ms/s",
        "rate",
        width=6,
        rule=IO_WAIT_MS_PER_SECOND,
        help="Milliseconds per second that these processes waited for I/O: 1000 is one process that only waits.",
    ),
)
_NOW_MORE = (
    Column("extend_rate", "extended", "size_rate", extra=True, help="Added to files that grew, per second."),
    Column("reads_rate", "reads/s", "rate", extra=True, help="Read operations per second."),
    Column("writes_rate", "writes/s", "rate", width=8, extra=True, help="Write operations per second."),
    Column("extends_rate", "extends/s", "rate", width=9, extra=True, help="Operations per second that extended files."),
    Column("hits_rate", "hits/s", "rate", extra=True, help="Blocks per second found in the cache."),
    Column("fsync_rate", "fsyncs/s", "rate", width=8, extra=True, help="fsync calls per second."),
    Column(
        "backend_fsync_rate",
        "own fsyncs",
        "rate",
        width=10,
        rule=BACKEND_FSYNCS_PER_SECOND,
        extra=True,
        help="fsync calls that client backends made themselves: the checkpointer does not keep up.",
    ),
    Column("read_wait", "read ms/s", "rate", width=9, extra=True, help="Milliseconds per second waiting for reads."),
    Column(
        "write_wait", "write ms/s", "rate", width=10, extra=True, help="Milliseconds per second waiting for writes."
    ),
    Column("fsync_wait", "fsync ms/s", "rate", width=10, extra=True, help="Milliseconds per second waiting for fsync."),
)
_TOTALS = (
    Column("read_bytes", "read", "size", help="Read from the operating system."),
    Column("write_bytes", "written", "size", help="Written to the operating system."),
    Column("extend_bytes", "extended", "size", extra=True, help="Added to files that grew."),
    Column("hit", "hit", "percent", help="Share of blocks found in the buffer cache; –: no cache."),
    Column("evictions", "evicted", "count", help="Blocks evicted from the cache to make room."),
    Column("io_ms", "waited", "ms", help="Time waited for I/O; – while it is not measured."),
)
_TOTALS_MORE = (
    Column("reads", "reads", "count", extra=True, help="Read operations."),
    Column("writes", "writes", "count", extra=True, help="Write operations."),
    Column(
        "writebacks", "writebacks", "count", width=10, extra=True, help="Blocks that the kernel was asked to write."
    ),
    Column("extends", "extends", "count", extra=True, help="Operations that extended files."),
    Column("hits", "hits", "count", extra=True, help="Blocks found in the cache."),
    Column("reuses", "reuses", "count", extra=True, help="Buffers of a ring that were used again."),
    Column("fsyncs", "fsyncs", "count", extra=True, help="fsync calls."),
    Column("read_ms", "reading", "ms", extra=True, help="Time waited for reads."),
    Column("write_ms", "writing", "ms", extra=True, help="Time waited for writes."),
    Column("extend_ms", "extending", "ms", width=9, extra=True, help="Time waited for extending files."),
    Column("fsync_ms", "fsync", "ms", extra=True, help="Time waited for fsync."),
)

NOW = View(
    name="now",
    title="Now",
    query="io",
    columns=(*_WHO, *_NOW, *_NOW_MORE),
    key=("backend_type", "object", "context"),
    sort="-bytes_rate",
    where=_used,
    rates=(
        Rate("bytes_rate", "bytes"),
        Rate("read_rate", "read_bytes"),
        Rate("write_rate", "write_bytes"),
        Rate("extend_rate", "extend_bytes"),
        Rate("hit_now", "hits", per="lookups", scale=100.0),
        Rate("evict_rate", "evictions"),
        Rate("wait_rate", "io_ms"),
        Rate("reads_rate", "reads"),
        Rate("writes_rate", "writes"),
        Rate("extends_rate", "extends"),
        Rate("hits_rate", "hits"),
        Rate("fsync_rate", "fsyncs"),
        Rate("read_wait", "read_ms"),
        Rate("write_wait", "write_ms"),
        Rate("fsync_wait", "fsync_ms"),
    ),
    derive=counters,
    empty="No I/O has been counted yet.",
)

IO = Pane(
    name="io",
    key="i",
    title="I/O",
    help=(
        "I/O by type of process, object and context, from pg_stat_io (PostgreSQL 16 and later). `Now` shows "
        "the rates since the last read, most bytes first; `Totals` counts since the last reset. Reads and evictions of "
        "client backends in the context normal mean that shared_buffers is too small for the workload. Times are "
        "measured only with track_io_timing. The operating system's own cache may serve a read without any disk."
    ),
    views=(
        NOW,
        replace(
            NOW,
            name="totals",
            title="Totals",
            columns=(*_WHO, *_TOTALS, *_TOTALS_MORE),
            sort="-bytes",
        ),
    ),
)
