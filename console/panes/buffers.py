"""Buffers: what fills shared_buffers, how often blocks are found there, and what a restart would lose."""

from __future__ import annotations

from dataclasses import replace

from console.format import age, count, counted, size
from console.model import Column, Kind, Lacks, Lookup, Pane, Rate, Record, Snapshot, Trouble, View, Whole, number
from console.panes import cluster_sums
from console.panes.derived import APPROXIMATE, MARK, add, with_notes
from console.rules.server import METRIC_LEVEL

WINDOW = 300.0  # seconds over which hit rates are measured
# What pg_buffercache costs for each buffer, measured on 18 with 16 GB; the queries have the limit too.
MOST_SCANNED = 1_048_576
SCAN_SECONDS = 2.5e-6
SCAN_BYTES = 50
COSTS = "buffer_costs"
OVERDUE = 3  # intervals without a dump after which the autoprewarm worker counts as gone
KINDS = {"r": "table", "m": "matview", "t": "TOAST", "i": "index", "S": "sequence"}
USAGE = ("Evicted first.", "", "", "", "", "Used most: evicted last.")
DUMP = Lookup("autoprewarm_dump", ("dump_file",), ("dump_age", "dump_read"), first=1, keep=30)

Line = tuple[str, object, object, object, str, str]  # metric, buffers, bytes, share, level, what it means


def summary(snapshot: Snapshot) -> Snapshot:
    """The one row of the query as a line for each metric."""
    lines = [line for row in snapshot.records() for line in (*_counts(row), _restart(row), _autoprewarm(row))]
    made = replace(snapshot, columns=("metric", "buffers", "bytes", "share", "level", "means"), rows=tuple(lines))
    return made.hiding(_unknown(snapshot))


def _unknown(snapshot: Snapshot) -> Trouble | None:
    if any(row["used"] is not None for row in snapshot.records()):
        return None
    for row in snapshot.records():
        if row.get("unread"):
            return unread(number(row["total"]), "PostgreSQL 16 and later count them in milliseconds.")
    what = "What shared buffers hold is unknown: the extension pg_buffercache is not installed in this database."
    return Trouble(Kind.MISSING, what, "CREATE EXTENSION pg_buffercache;", lacks=Lacks(extensions=("pg_buffercache",)))


def unread(buffers: float, remedy: str) -> Trouble:
    """That pg_buffercache is not read, because it makes a row of every buffer before it returns the first one."""
    cost = f"about {age(buffers * SCAN_SECONDS)} of server time and {size(buffers * SCAN_BYTES)} of temporary files"
    return Trouble(
        Kind.UNSUPPORTED,
        f"Not read: pg_buffercache makes a row of each of {count(buffers)} buffers, also for a sample, which takes "
        f"{cost}. The limit is {count(MOST_SCANNED)} buffers.",
        remedy,
    )


def _counts(row: Record) -> list[Line]:
    if row["used"] is None:
        return []
    unused = number(row["total"]) - number(row["used"])
    usage = row["usage"] if isinstance(row["usage"], list | tuple) else ()
    return [
        _line(row, "used", row["used"], "Hold a block."),
        _line(row, "unused", unused, "Filled before others are evicted."),
        _line(row, "dirty", row["dirty"], "Not written to disk yet."),
        _line(row, "pinned", row["pinned"], "In use at this moment."),
        *(
            _line(row, f"usage count {at}", buffers, means)
            for at, (buffers, means) in enumerate(zip(usage, USAGE, strict=False))
        ),
    ]


def _line(row: Record, metric: str, buffers: object, means: str) -> Line:
    held = number(buffers)
    share = 100 * held / number(row["total"]) if row["total"] else None
    return metric, int(held), int(held * number(row["block"])), share, "ok", means


def _restart(row: Record) -> Line:
    """What a restart would lose."""
    kept = row["autoprewarm"] == "on"
    means = "Lost; autoprewarm reloads them." if kept else "Lost, and read again when needed."
    return (
        ("restart", None, None, None, "ok", means) if row["used"] is None else _line(row, "restart", row["used"], means)
    )


def _autoprewarm(row: Record) -> Line:
    """Whether autoprewarm is on, and whether its worker writes the list of blocks."""
    level, means = autoprewarm(row)
    return "autoprewarm", None, None, None, level, means


def autoprewarm(row: Record) -> tuple[str, str]:
    """Level and state of autoprewarm.

    Its worker is connected to no database, so it is not in pg_stat_activity: the age of the list that it writes tells
    whether it runs.
    """
    if row["autoprewarm"] is None:
        return "ok", "Off: pg_prewarm is not preloaded. Add it to shared_preload_libraries, then restart."
    if row["autoprewarm"] != "on":
        return "ok", "Off: pg_prewarm.autoprewarm is off. Changing it takes a restart."
    every = number(row["every"])
    due = f"every {age(every)}" if every else "at shutdown only"
    if not row["dump_read"]:
        return "ok", f"On: writes its list of blocks {due}."
    if row["dump_age"] is None:
        return "ok", f"On: no list of blocks yet, written {due}."
    written = f"{age(row['dump_age'])} ago"
    if every and min(number(row["dump_age"]), number(row["uptime"])) > OVERDUE * every:
        remedy = "SELECT autoprewarm_start_worker(); -- starts it"
        return "warning", f"Worker gone: list written {written}, due {due}. {remedy}"
    return "ok", f"On: list written {written}, {due}."


def relations(snapshot: Snapshot) -> Snapshot:
    """What each row is, and which share of it is cached. Raises Trouble(UNSUPPORTED) if there were too many buffers."""
    for row in snapshot.records():
        if row["elsewhere"] == "unread":
            raise unread(number(row["buffers"]), "Hit rates shows what each relation reads, Summary how full they are.")
    noted = cluster_sums.with_shells_noted(snapshot, "the buffers of their shards, which are on the nodes")
    made = add(noted, ("name", "kind", "cached", "approximate", "table", "index"), _relation)
    elsewhere = sum(number(row["buffers"]) for row in made.records() if row["elsewhere"] == "database")
    known = sum(row["oid"] is not None for row in made.records())
    total = next((number(value) for value in made.values("total")), 0)
    return with_notes(
        made,
        f"{count(known)} of {count(total)} relations, most buffers first" if total > known else "",
        f"{counted(elsewhere, 'buffer', shown=count)} hold blocks of other databases" if elsewhere else "",
        f"every buffer read, in {age(snapshot.seconds)}" if made.rows else "",
    )


def _relation(row: Record) -> tuple[object, ...]:
    if row["elsewhere"]:
        database = row["elsewhere"] == "database"
        shown = f"database {row['relation']}" if database else "dropped, or not committed"
        return shown, "other db" if database else "no relation", None, "", None, None
    whole = number(row["size"])
    cached = min(100.0, 100 * number(row["main_bytes"]) / whole) if whole else None
    name, kind = _named(row)
    own = row["relation"]
    table, index = (None, own) if row["relkind"] == "i" else (own if row["relkind"] != "S" else None, None)
    return name, kind, cached, APPROXIMATE if row["estimated"] else "", table, index


def _named(row: Record) -> tuple[object, str]:
    """The name of a relation and what it is; a TOAST table has the name of its table."""
    kind = KINDS.get(str(row["relkind"]), str(row["relkind"]))
    if row["toast_of"] is None:
        return row["relation"], kind
    return row["toast_of"], "TOAST" if row["relkind"] == "t" else "TOAST index"


def hit_rates(snapshot: Snapshot) -> Snapshot:
    """What each row is, and its hit rate since the last reset."""

    def columns_of(row: Record) -> tuple[object, ...]:
        own = row["relation"]
        table, index = (None, own) if row["relkind"] == "i" else (own if row["relkind"] != "S" else None, None)
        return (*_named(row), 100 * number(row["hits"]) / number(row["lookups"]), table, index)

    noted = cluster_sums.with_shells_noted(snapshot, "the reads of their shards, which are on the nodes")
    made = add(noted, ("name", "kind", "hit_total", "table", "index"), columns_of)
    total = next((number(value) for value in made.values("total")), 0)
    several = f"{count(len(made.rows))} of {count(total)} relations, most blocks first"
    return with_notes(made, several if total > len(made.rows) else "")


_NAME = Column("name", "relation", "relation", grow=True, help="A TOAST table has the name of its table.")
_KIND = Column("kind", "kind", width=11, help="table, index, TOAST, TOAST index, matview, sequence, or other db.")

SUMMARY = View(
    name="summary",
    title="Summary",
    query="buffer_summary",
    kept=600.0,
    costs=COSTS,
    key=("metric",),
    derive=summary,
    lookups=(DUMP,),
    columns=(
        Column("metric", "metric", "name", width=13),
        Column("buffers", "buffers", "count"),
        Column("bytes", "size", "size"),
        Column("share", "share", "percent", bar=Whole.HUNDRED, help="Of shared_buffers."),
        Column("level", "level", width=7, rule=METRIC_LEVEL, extra=True, help="A warning: autoprewarm does not work."),
        Column("means", "what it means", "query", grow=True, explains=True),
    ),
    empty="The server has no shared buffers.",
)

RELATIONS = View(
    name="relations",
    title="Relations",
    query="buffer_relations",
    kept=600.0,
    costs=COSTS,
    key=("id",),
    sort="-bytes",
    lookups=(cluster_sums.SHELLS,),
    derive=relations,
    columns=(
        _NAME,
        _KIND,
        Column("bytes", "in cache", "size", help="Its blocks in shared buffers, of all forks."),
        Column("share", "share", "percent", bar=Whole.HUNDRED, help="Of shared_buffers."),
        Column(
            "cached", "cached", "percent", bar=Whole.HUNDRED, help="Share of the relation that is in shared buffers."
        ),
        replace(MARK, help="≈ where the size of the relation is an estimate, because it is locked."),
        Column("dirty", "dirty", "count", width=6, help="Buffers changed and not written to disk yet."),
        Column("usage", "usage", "rate", width=5, help="Mean usage count, 0 to 5: the least used are evicted first."),
        Column("buffers", "buffers", "count", extra=True),
        Column("hot_pct", "hot", "percent", extra=True, help="Share of its buffers with the highest usage count, 5."),
        Column("pinned", "pinned", "count", extra=True, help="Buffers in use by a backend at this moment."),
        Column("size", "size", "size", extra=True, help="On disk, the main fork alone."),
    ),
    empty="Shared buffers are empty.",
)

HIT_RATES = View(
    name="hit-rates",
    title="Hit rates",
    query="buffer_hits",
    kept=1200.0,
    key=("oid",),
    sort="-read_rate",
    lookups=(cluster_sums.SHELLS,),
    derive=hit_rates,
    rates=(
        Rate("hit", "hits", per="lookups", scale=100.0, window=WINDOW),
        Rate("lookup_rate", "lookups", window=WINDOW),
        Rate("read_rate", "read_bytes", window=WINDOW),
    ),
    columns=(
        _NAME,
        _KIND,
        Column("hit", "hit", "percent", bar=Whole.HUNDRED, help="Blocks found in shared buffers, in the last 5 min."),
        Column("read_rate", "read", "size_rate", help="Read from the operating system, per second, in the last 5 min."),
        Column("lookup_rate", "blocks/s", "rate", width=8, help="Blocks asked for, per second, in the last 5 min."),
        Column("hit_total", "hit total", "percent", width=9, help="Blocks found in shared buffers since the reset."),
        Column("reads", "reads", "count", extra=True, help="Blocks not found in shared buffers since the reset."),
        Column("lookups", "blocks", "count", extra=True, help="Blocks asked for since the reset."),
    ),
    empty="No block has been read in this database yet.",
)

BUFFERS = Pane(
    name="buffers",
    key="F",
    title="Buffers",
    group="Storage",
    help=(
        "What shared_buffers holds. Summary: used, unused, dirty and pinned buffers, their usage counts, what a "
        "restart would lose, and autoprewarm. Relations: tables, indexes and TOAST by their blocks in shared buffers, "
        "from pg_buffercache; blocks of other databases are one row a database. It reads the header of every buffer, "
        "about 0.3 s of server time and 6 MB of temporary files per GB, only up to 8 GB, while it is on the screen and "
        "every ten minutes for the past, from 0.5 GB on more seldom: the extension makes a row of every buffer before "
        "it returns the first, so a sample would cost as much. "
        "The summary takes milliseconds from PostgreSQL 16 on. Hit rates: blocks asked for and found, in the last five "
        "minutes, from the cumulative statistics. A block that is read may still come from the operating system's own "
        "cache."
    ),
    views=(SUMMARY, RELATIONS, HIT_RATES),
    refresh=30.0,
    actions=("prewarm",),
    printed="relations",
)
