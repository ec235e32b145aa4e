"""Slow queries: which statements take most of the server's time, since the last read and since the last reset."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from operator import itemgetter

from console.format import age, counted, moment
from console.model import Column, Lookup, Pane, Rate, Rise, Row, Snapshot, Trouble, View, Whole, denied, number
from console.reading.arrange import sort_rows
from console.rules.statements import SLOW_QUERY_MS, STATEMENT_HIT_PERCENT, STATEMENT_TEMP_BYTES

ENOUGH_BLOCKS = 2000.0  # a second, and MANY_BLOCKS in total: of fewer, the share found in shared buffers says nothing
MANY_BLOCKS = 100_000

KEY = ("queryid", "userid", "dbid", "toplevel")

RATES = (
    Rate("ms_rate", "total_ms"),
    Rate("call_rate", "calls"),
    Rate("mean_now", "total_ms", per="calls"),
    Rate("row_rate", "rows"),
    Rate("hit_now", "hits", per="blocks", scale=100.0),
    Rate("block_rate", "blocks"),
    Rate("read_rate", "read_ms"),
    Rate("temp_rate", "temp_bytes"),
    Rate("wal_rate", "wal_bytes"),
)
# What ran last stays above what did not run, so that most lines keep their places from one read to the next.
LAST_RUN = Rise("last_run", "call_rate")

# The sum over all statements takes half of what reading 500 of them does, and changes little between two reads.
TOTALS = Lookup("statement_totals", by=(), adds=("all_ms", "known"), first=1, keep=20.0)
# The server reads the file of all texts whatever is asked for, so all are asked for at once.
TEXTS = Lookup("statement_texts", by=("queryid", "userid", "dbid"), adds=("query",), batch=500, together=True)


def judged(snapshot: Snapshot) -> Snapshot:
    """Statements with their share of the total time and hit ratio, and notes on how reliable the totals are."""
    rows = snapshot.rows
    whole = _whole(snapshot)
    if None in snapshot.values("queryid"):
        rows = tuple(_without_rates(snapshot, row) for row in rows)
    full = replace(snapshot, rows=rows, notes=(*snapshot.notes, *_trust(snapshot))).hiding(_hidden(snapshot))
    read = itemgetter(*map(full.index, ("total_ms", "hits", "blocks", "hit_now", "block_rate")))
    added = []
    for total, hits, blocks, hit_now, block_rate in map(read, rows):
        hit = _percent(hits, blocks)
        judged_now = hit_now if block_rate is not None and block_rate >= ENOUGH_BLOCKS else None
        added.append(
            (_percent(total, whole), hit, judged_now, hit if hit is not None and blocks >= MANY_BLOCKS else None)
        )
    return _heaviest_first(full.with_columns(("share", "hit", "hit_now_judged", "hit_judged"), added))


def _percent(part: float | None, whole: float | None) -> float | None:
    return 100.0 * part / whole if whole and part is not None else None


def _whole(snapshot: Snapshot) -> float:
    """Execution time of all statements; since it was summed up, those that are listed may have gone on. 0: unknown."""
    known = number(snapshot.rows[0][snapshot.index("all_ms")]) if snapshot.rows else 0.0
    return max(known, sum(map(number, snapshot.values("total_ms")))) if known else 0.0


def _without_rates(snapshot: Snapshot, row: Row) -> Row:
    # Without the privilege to see the id, statements of one user and database cannot be distinguished between reads.
    if row[snapshot.index("queryid")] is not None:
        return row
    rates = {snapshot.index(rate.name) for rate in RATES}
    return tuple(None if at in rates else value for at, value in enumerate(row))


def _heaviest_first(snapshot: Snapshot) -> Snapshot:
    """The rows so that those with the same rate, as all that did not run, are in an order that seldom changes."""
    # The first read has no rates to sort by; the total time is the best guess.
    is_rated = any(rate is not None for rate in snapshot.values("ms_rate"))
    at = snapshot.index(LAST_RUN.name if is_rated else "total_ms")
    return replace(snapshot, rows=tuple(sort_rows(snapshot.rows, at, descending=True)))


def _time(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)


def _trust(snapshot: Snapshot) -> tuple[str, ...]:
    if not snapshot.rows:
        return ()
    first = dict(zip(snapshot.columns, snapshot.rows[0], strict=True))
    notes = []
    if isinstance(known := first["known"], int) and known > len(snapshot.rows):
        notes.append(f"{len(snapshot.rows)} of {known} statements, highest total time first")
    if isinstance(since := first["counted_from"], float):
        notes.append(f"counted for {age(snapshot.taken_at.timestamp() - since)}, since {moment(_time(since))}")
    if isinstance(evictions := first["evictions"], int) and evictions:
        notes.append(
            f"statements were evicted {counted(evictions, 'time')}, so totals of rare ones are incomplete; "
            "increase pg_stat_statements.max"
        )
    return tuple(notes)


def _hidden(snapshot: Snapshot) -> Trouble | None:
    hidden = sum(queryid is None for queryid in snapshot.values("queryid"))
    if not hidden:
        return None
    said = f"no text or rates of {counted(hidden, 'statement')} of other users;"
    return denied(said, "pg_read_all_stats", remedy="GRANT pg_read_all_stats shows them")


_QUERY = Column(
    "query", "query", "query", grow=True, help="Beginning of the normalized text; Enter shows the whole text."
)
_WHO = (
    Column("user", "user", "name", width=16, extra=True),
    Column("database", "database", "name", width=16, extra=True),
)
_IDENTITY = (
    Column("toplevel", "top", "flag", extra=True, help="no: run inside a function or procedure."),
    Column(
        "queryid",
        "query id",
        "text",
        width=20,
        extra=True,
        help="The server's identifier of the statement, as in logs and pg_stat_activity.",
    ),
)
_NOW = (
    Column(
        "ms_rate",
        "ms/s",
        "rate",
        width=6,
        bar=Whole.TOTAL,
        help="Milliseconds of execution per second: 1000 is one busy process.",
    ),
    Column("call_rate", "calls/s", "rate", width=7, help="Executions per second since the last read."),
    Column(
        "mean_now",
        "mean",
        "ms",
        width=7,
        rule=SLOW_QUERY_MS,
        help="Mean execution time since the last read.",
    ),
    Column("row_rate", "rows/s", "rate", width=6, help="Rows returned or changed per second since the last read."),
    Column(
        "hit_now",
        "hit",
        "percent",
        width=5,
        rule=STATEMENT_HIT_PERCENT,
        judged="hit_now_judged",
        help="Blocks found in shared buffers.",
    ),
    Column(
        "read_rate",
        "io/s",
        "rate",
        width=5,
        help="Milliseconds per second spent reading blocks; needs track_io_timing.",
    ),
)
_NOW_MORE = (
    Column(
        "temp_rate",
        "temp",
        "size_rate",
        rule=STATEMENT_TEMP_BYTES,
        extra=True,
        help="Temporary data read and written.",
    ),
    Column("wal_rate", "WAL", "size_rate", extra=True, help="WAL written per second since the last read."),
)
_TOTALS = (
    Column("total_ms", "total", "ms", width=7, help="Total execution time since the last reset."),
    Column("share", "share", "percent", width=6, bar=Whole.HUNDRED, help="Share of the time of all statements."),
    Column("calls", "calls", "count", width=7, help="Executions since the last reset."),
    Column(
        "mean_ms",
        "mean",
        "ms",
        width=7,
        rule=SLOW_QUERY_MS,
        help="Mean execution time since the last reset.",
    ),
    Column("max_ms", "max", "ms", width=7, help="Longest execution since the last reset."),
    Column(
        "hit",
        "hit",
        "percent",
        width=5,
        rule=STATEMENT_HIT_PERCENT,
        judged="hit_judged",
        help="Blocks found in shared buffers.",
    ),
)
_TOTALS_MORE = (
    Column("stddev_ms", "± mean", "ms", extra=True, help="Standard deviation of the execution time."),
    Column("rows", "rows", "count", extra=True, help="Rows returned or changed since the last reset."),
    Column("read_ms", "io", "ms", extra=True, help="Time spent reading blocks; needs track_io_timing."),
    Column(
        "temp_bytes",
        "temp",
        "size",
        rule=STATEMENT_TEMP_BYTES,
        extra=True,
        help="Temporary data since the last reset; a higher work_mem may help.",
    ),
    Column("wal_bytes", "WAL", "size", extra=True, help="WAL written since the last reset."),
)


def _extra(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The columns of the other view. They mark no row: the reason would be beyond the screen."""
    return tuple(replace(column, extra=True, rule=None) for column in columns)


_NOW_VIEW = View(
    name="now",
    title="Now",
    query="statements",
    columns=(*_NOW, _QUERY, *_WHO, *_NOW_MORE, *_extra((*_TOTALS, *_TOTALS_MORE)), *_IDENTITY),
    key=KEY,
    sort="-ms_rate",
    rates=RATES,
    rises=(LAST_RUN,),
    lookups=(TOTALS, TEXTS),
    derive=judged,
    detail="statement_details",
    empty="No statements have been counted yet.",
)

SLOWER = View(
    name="slower",
    title="Slower",
    query="statements_slower",
    kept=480.0,
    source="slower",
    columns=(
        Column("factor", "times", "rate", width=5, help="How many times as long a call takes as before."),
        Column("before_ms", "before", "ms", width=7, help="Mean time of a call before."),
        Column("after_ms", "since", "ms", width=7, help="Mean time of a call since then."),
        Column("added", "+ms/s", "rate", width=6, help="Time a second that it costs more than before."),
        Column("slow_for", "for", "age", width=4, help="How long it has been slower."),
        Column("changes", "changed then", "text", width=14, grow=True, help="What else was different from then on."),
        Column("other_days_ms", "usual", "ms", width=7, help="Mean time of a call in the same hour of other days."),
        Column("query", "query", "query", width=12, help="Beginning of the normalized text."),
        *_WHO,
        Column("other_days", "days", "count", extra=True, help="How many other days are known of that hour."),
        Column("plan_then", "plan then", "query", extra=True, help="The last plan that was kept before, and when."),
        Column("plan_now", "plan now", "query", extra=True, help="The plan since then; the statement was not run."),
        Column("call_rate", "calls/s", "rate", extra=True, help="Calls a second since then."),
        Column("at", "first seen", "time", extra=True, help="The first reading that has it (UTC)."),
        Column("seen", "last as usual", "time", extra=True, help="The last reading before it (UTC)."),
        *_IDENTITY,
    ),
    key=KEY,
    sort="-added",
    lookups=(replace(TEXTS, source="postgres"),),
    empty="No statement became slower, as far as it was read.",
)

SLOW_QUERIES = Pane(
    name="slow-queries",
    key="4",
    title="Slow queries",
    short="Slow",
    help=(
        "Statements from pg_stat_statements. `Now` shows rates since the last read, most execution time first, then "
        "what ran before, the last first; before the second read there are no rates and the order is by total time. "
        "`Totals` counts since the last reset; the notes show when that was and whether rare statements were evicted. "
        "Only the 500 statements with the highest total time are read, of the others the counters, for `Slower`. It "
        "lists statements whose time a call rose at some moment of the last hour and stayed there, or exceeds that of "
        "the same hour of other days, with what else changed then: the plan, indexes, settings, options, statistics, "
        "applications, statements."
    ),
    views=(
        _NOW_VIEW,
        replace(
            _NOW_VIEW,
            name="totals",
            title="Totals",
            columns=(*_TOTALS, _QUERY, *_WHO, *_TOTALS_MORE, *_extra((*_NOW, *_NOW_MORE)), *_IDENTITY),
            sort="-total_ms",
        ),
        SLOWER,
    ),
    actions=("reset-statements",),
)
