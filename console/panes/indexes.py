"""Indexes: size, use, and which of them are unused, redundant, needed, invalid or missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from console.format import age
from console.model import Column, Lookup, Pane, Rate, Record, Rule, Snapshot, View, number
from console.panes import cluster_sums
from console.panes.derived import INDEX_SIZES, MARK, SIZE, add, largest, with_notes, with_size
from console.rules.storage import DAY, INDEX_COUNTED_DAYS, INDEX_VERDICT, UNINDEXED_BYTES

FACTS = Lookup(
    "index_facts",
    ("oid",),
    ("table", "valid", "building", "needed", "covered_by"),
    fingerprint=("changes",),
    first=1000,
    batch=1000,
    keep=300,
)


# Indexes are used on replicas that no query of the primary touches: the scans there count as well.
REPLICA_SCANS = Lookup(
    "replica_scans",
    ("oid",),
    (
        *("replica_scans", "replica_last_use_age", "replica_counted_for", "replica_users"),
        *("replica_unread", "replica_counted", "replicas_read"),
    ),
    first=1000,
    batch=1000,
    keep=60,
    source="replicas",
)


# The server does not keep when an index was built; the rules know it of those that they saw appear.
AGES = Lookup("index_ages", ("oid",), ("built_age",), first=1000, batch=1000, keep=60, source="seen")


def judge(row: Record, index_counted_days: Rule = INDEX_COUNTED_DAYS) -> tuple[str, str]:
    """Verdict on an index and its reason. Unused and redundant indexes may be dropped.

    An index without scans is unused only once its scans were counted for long enough since it was built, here and on
    every replica that is named: one that cannot be asked may use it.
    """
    needed, covered_by = row["needed"], row["covered_by"]
    if row["valid"] is None:
        return "not read yet", ""
    if not row["valid"]:
        return (
            ("building", "") if row["building"] else ("invalid", "left by a failed build: slows writes, is never used")
        )
    if covered_by:
        return "redundant", f"covered by {covered_by}"
    if number(row["scans"]) or number(row.get("replica_scans")):
        return "in use", "; ".join(filter(None, (str(needed or ""), *_uses(row))))
    if needed:
        return "needed", f"not scanned, but {needed}"
    return _unread(row) or _unscanned(row, index_counted_days)


def _uses(row: Record) -> tuple[str, ...]:
    """Where it is scanned, unless that is here, when it was last, and when it was built."""
    elsewhere = "" if number(row["scans"]) else f"scanned on {row['replica_users']} only"
    ages = (row["last_use_age"], row.get("replica_last_use_age"))
    last = min((number(value) for value in ages if value is not None), default=0.0)
    built = row.get("built_age")
    return (
        elsewhere,
        f"last scan {age(last)} ago" if last else "",
        "" if built is None else f"built {age(built)} ago",
    )


def _unread(row: Record) -> tuple[str, str] | None:
    """The verdict while scans on a named replica are not known; None: they are, or no replica is named."""
    if "replica_unread" not in row:
        return None
    if row["replica_scans"] is None:
        return "not yet known", "no scans here; the replicas were not asked yet"
    return ("not yet known", f"no scans here, but {row['replica_unread']}") if row["replica_unread"] else None


def _unscanned(row: Record, index_counted_days: Rule) -> tuple[str, str]:
    counted = row["counted_for"]
    if "replica_counted_for" in row and counted is not None:
        there = row["replica_counted_for"]
        counted = None if there is None else min(number(counted), number(there))
    built = row.get("built_age")
    if counted is not None and built is not None and number(built) < number(counted):
        counted, since = built, f"no scans since it was built {age(built)} ago"
    else:
        since = f"no scans in {age(counted)}" if counted is not None else "no scans since an unknown time"
    if counted is None or index_counted_days.level(number(counted) / DAY):
        return "not yet known", f"{since}; unused only after {index_counted_days.limit.warning:g} days of counting"
    return "unused", since


def indexes(snapshot: Snapshot, index_counted_days: Rule = INDEX_COUNTED_DAYS) -> Snapshot:
    """Sizes, verdicts, and notes on how reliable the counters are."""
    sized = with_size(cluster_sums.summed(snapshot, cluster_sums.index))
    judged = add(sized, ("verdict", "reason"), lambda row: judge(row, index_counted_days))
    if "replica_scans" not in judged.columns:
        judged = add(judged, ("replica_scans",), lambda _: (None,))
    return with_notes(judged, largest(sized, "indexes"), _counted(sized), _standbys(sized))


def _counted(snapshot: Snapshot) -> str:
    if not snapshot.rows:
        return ""
    counted = [value for value in snapshot.values("counted_for") if value is not None]
    return f"scans counted for {age(max(counted, key=number))}" if counted else "scans counted since an unknown time"


def _standbys(snapshot: Snapshot) -> str:
    if not snapshot.rows:
        return ""
    if snapshot.values("is_standby")[0]:
        return (
            "this is a standby: scans are counted on each node, and the primary may use an index that is not used here"
        )
    first = next(iter(snapshot.records()))
    read, unread = int(number(first.get("replicas_read"))), first.get("replica_unread")
    uncounted = 0 if unread else int(number(first["standbys"])) - read
    parts = (
        f"with the scans on {first['replica_counted']}" if read else "",
        f"scans are missing: {unread}" if unread else "",
        _uncounted(first, uncounted) if uncounted > 0 else "",
    )
    return "; ".join(filter(None, parts))


def _uncounted(row: Record, standbys: int) -> str:
    """A warning of standbys that are connected and not named, whose scans are not added."""
    who = "1 standby is" if standbys == 1 else f"{standbys} standbys are"
    names = "" if row.get("replicas_read") else row.get("standby_names")
    named = f" ({names})" if names else ""
    return (
        f"{who} connected{named} and not named by --replica: scans are counted on each node; check every standby "
        "before dropping an index"
    )


def _verdict(*wanted: str) -> Callable[[Record], bool]:
    return lambda row: row["verdict"] in wanted


COLUMNS = (
    Column("index", "index", "relation", grow=True),
    Column("table", "table", "relation", width=14),
    SIZE,
    MARK,
    Column("scans", "scans", "count", help="Since the last reset; see the note."),
    Column("scan_rate", "per s", "rate", width=6, help="Scans per second since the last read."),
    Column(
        "replica_scans",
        "replicas",
        "count",
        width=8,
        present=True,
        help="Scans on the named replicas together, in the statistics that each of them keeps.",
    ),
    Column("verdict", "verdict", width=13, rule=INDEX_VERDICT, help="Unused and redundant indexes may be dropped."),
    Column("reason", "reason", width=40, extra=True, help="What needs the index, or which index covers it."),
    Column(
        "last_use_age",
        "last use",
        "age",
        width=8,
        extra=True,
        help="Time since the last scan (PostgreSQL 16 and later).",
    ),
    Column(
        "built_age",
        "built",
        "age",
        width=6,
        extra=True,
        help="Time since the rules saw it appear; –: it was there before, or they were not evaluated since.",
    ),
    Column("rows_read", "rows read", "count", width=9, extra=True, help="Index entries returned by scans."),
    Column("reltuples", "rows", "count", extra=True, help="As of the last VACUUM or ANALYZE."),
)
RATES = (Rate("scan_rate", "scans"), Rate("read_rate", "rows_read"))


def _view(name: str, title: str, wanted: tuple[str, ...], empty: str) -> View:
    return View(
        name=name,
        title=title.capitalize(),
        query="indexes",
        key=("oid",),
        columns=COLUMNS,
        sort="-size",
        where=_verdict(*wanted) if wanted else None,
        rates=RATES,
        lookups=(FACTS, cluster_sums.INDEXES, INDEX_SIZES, REPLICA_SCANS, AGES),
        derive=indexes,
        rules=(INDEX_COUNTED_DAYS,),
        detail="index_detail",
        empty=empty,
    )


def foreign_keys(snapshot: Snapshot) -> Snapshot:
    """Estimated sizes; unknown for tables of Citus, which are empty here."""
    sized = cluster_sums.with_shells_noted(with_size(snapshot), "sizes and deletes, which only their nodes know")
    unknown = {**dict.fromkeys(("size", "deleted", "updated", "rows")), "approximate": ""}
    rows = (
        tuple(
            unknown.get(name, value) if record.get("shell") else value
            for name, value in zip(sized.columns, row, strict=True)
        )
        for record, row in zip(sized.records(), sized.rows, strict=True)
    )
    return replace(sized, rows=tuple(rows))


MISSING = View(
    name="missing",
    title="Missing",
    query="foreign_keys",
    key=("oid",),
    columns=(
        Column("table", "table", "relation", grow=True),
        Column("columns", "columns", width=16, help="The referencing columns that no index begins with."),
        Column(
            "referenced",
            "references",
            "relation",
            width=18,
            help="The referenced table: each DELETE there scans this whole table.",
        ),
        Column("size", "size", "size", rule=UNINDEXED_BYTES, help="What each check of the foreign key scans."),
        MARK,
        Column(
            "deleted",
            "deletes",
            "count",
            help="Rows deleted from the referenced table, each with a scan of this table.",
        ),
        Column(
            "constraint",
            "constraint",
            "name",
            extra=True,
            help="The foreign key without an index that begins with its columns.",
        ),
        Column("updated", "updates", "count", extra=True, help="Rows updated in the referenced table."),
        Column("rows", "rows", "count", extra=True, help="As of the last VACUUM or ANALYZE."),
        Column("remedy", "remedy", "query", width=60, extra=True, help="The statement that creates the missing index."),
    ),
    lookups=(cluster_sums.SHELLS,),
    derive=foreign_keys,
    empty="Every foreign key has a supporting index.",
)

ADVICE = View(
    name="advice",
    title="Advice",
    query="index_advice",
    source="advice",
    key=("oid", "keys"),
    columns=(
        Column("name", "table", "relation", width=14, help="The table that an index is missing on."),
        Column("keys", "columns", "name", grow=True, help="The columns of the index, in their order."),
        Column(
            "saved",
            "saves",
            "percent",
            help="Share of the time of the examined statements that it would save, as far as cost is time.",
        ),
        Column("size", "size", "size", help="Estimated size of the index."),
        Column("statements", "stmts", "count", width=5, help="How many statements gain at least 30 % of their cost."),
        Column("cost_before", "cost", "count", width=6, help="Cost of the statement that gains most, as it is now."),
        Column("cost_after", "then", "count", width=6, help="Its cost with the index."),
        Column("hot_lost", "HOT lost", "count", width=8, help="HOT updates a day that would no longer be HOT."),
        Column("writes", "writes", "count", extra=True, help="Entries a day that would be added to the index."),
        Column("judged", "judged by", width=10, extra=True, help="hypopg: by the planner; heuristics: by its plans."),
        Column("existing", "existing", "name", width=30, extra=True, help="What existing indexes have to do with it."),
        Column("saved_per_day", "a day", "ms", extra=True, help="Time of statements that it would save a day."),
        Column("queryids", "query ids", "text", width=24, extra=True, help="The statements that gain."),
    ),
    sort="-saved",
    empty="No index would save 30 % of a statement that costs much.",
)

INDEXES = Pane(
    name="indexes",
    key="6",
    title="Indexes",
    group="Storage",
    help=(
        "Which indexes are used and which only cost. unused: no scan in at least a week of counting, and nothing needs "
        "it; not yet known: counted for less; "
        "redundant: another index serves the same queries; needed: not scanned, but a constraint, replica identity, "
        "foreign key or partitioned index depends on it; invalid: left by a failed build. Missing lists foreign keys "
        "without a supporting index. Advice plans the statements that cost most, runs none, and lists indexes that "
        "would pay. Scans are counted on each node, and a crash resets them: those of the replicas "
        "named by --replica or in the configuration are added; while one cannot be asked, no index is unused."
    ),
    views=(
        _view("all", "all", (), "No indexes in this database."),
        _view("unused", "unused", ("unused",), "No unused indexes."),
        _view("redundant", "redundant", ("redundant",), "No redundant indexes."),
        _view("invalid", "invalid", ("invalid", "building"), "No invalid indexes."),
        MISSING,
        ADVICE,
    ),
    refresh=20.0,
    actions=("create-index", "drop-index", "reindex", "repair-invalid-indexes", "apply-indexes"),
)
