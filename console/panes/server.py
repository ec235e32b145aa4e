"""Server: its databases, what it writes as WAL, at checkpoints and to the archive, and its way to a later version."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from console.format import age, count, moment, one_line, show, size
from console.model import Column, Level, Pane, Rate, Record, Rule, Snapshot, View, Whole, number
from console.panes.derived import with_notes
from console.rules.server import ARCHIVE_FAILING_SECONDS, END_OF_LIFE, METRIC_LEVEL, UPGRADE_EFFECT
from console.rules.sessions import CONNECTION_USAGE_PERCENT, DEADLOCKS_PER_SECOND
from console.rules.storage import WRAPAROUND_PERCENT

WINDOW = 300.0  # seconds in which deadlocks are judged

MetricLine = tuple[str, str, str, str]  # name, value, level, what it means


def wal(snapshot: Snapshot, archive_failing_seconds: Rule = ARCHIVE_FAILING_SECONDS) -> Snapshot:
    """The one row of the query as a line for each metric."""
    rows = tuple(
        line
        for row in snapshot.records()
        for line in (*_wal(row), *_checkpoints(row), _archiver(row, archive_failing_seconds))
    )
    return replace(snapshot, columns=("metric", "value", "level", "means"), rows=rows)


def _wal(row: Record) -> tuple[MetricLine, ...]:
    since = moment(datetime.fromtimestamp(number(row["counted_from"]), UTC))
    return (
        ("WAL", show(row["wal_rate"], "size_rate"), "ok", f"{size(row['wal_bytes'])} written since {since}"),
        (
            "full-page images",
            show(row["image_rate"], "rate"),
            "ok",
            "Per second: pages changed for the first time after a checkpoint are written whole.",
        ),
        (
            "WAL buffers full",
            show(row["full_rate"], "rate"),
            "ok",
            f"Per second, {count(row['buffers_full'])} in all: sessions wrote WAL themselves. wal_buffers is small.",
        ),
    )


def _checkpoints(row: Record) -> tuple[MetricLine, ...]:
    begun = f"The last one began {age(row['checkpoint_age'])} ago."
    return (
        (
            "timed checkpoints",
            count(row["timed"]),
            "ok",
            f"Every checkpoint_timeout, {one_line(row['checkpoint_timeout'])}. {begun}",
        ),
        (
            "requested checkpoints",
            count(row["requested"]),
            "ok",
            f"Because the WAL reached max_wal_size, {one_line(row['max_wal_size'])}, or by command.",
        ),
        (
            "checkpoint writes",
            show(row["buffer_rate"], "rate"),
            "ok",
            f"Pages per second; {show(row['write_ms'], 'ms')} writing and {show(row['sync_ms'], 'ms')} syncing in all.",
        ),
    )


def _archiver(row: Record, failing: Rule) -> MetricLine:
    if row["archive_mode"] == "off":
        return ("archiver", "off", "ok", "archive_mode is off.")
    last = "nothing archived yet"
    if row["last_archived_wal"]:
        last = f"last archived {one_line(row['last_archived_wal'])} {age(row['archived_age'])} ago"
    failed = ""
    if row["last_failed_wal"]:
        failed = f"; last failed {one_line(row['last_failed_wal'])} {age(row['failed_age'])} ago"
    counts = f"{count(row['archived'])} archived, {count(row['failed'])} failed; {last}{failed}."
    if not row["failing"]:
        return ("archiver", "ok", "ok", counts)
    level = max(failing.level(row["behind"]), Level.NOTICE)
    return ("archiver", "failing", level.name.lower(), f"{counts} The error is in the server log.")


def upgrade(snapshot: Snapshot) -> Snapshot:
    """A note on until when this version gets fixes."""
    major = int(number(next(iter(snapshot.values("here")), 0)))
    end = END_OF_LIFE.get(major)
    if end is None:
        return snapshot
    over = snapshot.taken_at.date() > end
    said = f"PostgreSQL {major} is out of support since {end}" if over else f"PostgreSQL {major} gets fixes until {end}"
    return with_notes(snapshot, said)


DATABASES = View(
    name="databases",
    title="Databases",
    query="database_list",
    kept=600.0,
    key=("oid",),
    sort="-size",
    columns=(
        Column("database", "database", "name", width=14, grow=True),
        Column("size", "size", "size", help="On disk; – without CONNECT on it."),
        Column("sessions", "sessions", "count", width=8, help="Connected now, with parallel workers."),
        Column(
            "used_pct",
            "of limit",
            "percent",
            bar=Whole.HUNDRED,
            width=8,
            rule=CONNECTION_USAGE_PERCENT,
            help="Sessions as a share of the connection limit of the database; –: no limit.",
        ),
        Column("tps", "tx/s", "rate", help="Commits and rollbacks per second."),
        Column("temp_rate", "temp", "size_rate", help="Data written to temporary files, per second."),
        Column("deadlocks", "deadlock", "count", width=8, help="Since the last reset."),
        Column(
            "limit_pct",
            "wrap",
            "percent",
            bar=Whole.HUNDRED,
            rule=WRAPAROUND_PERCENT,
            help="Age of its oldest unfrozen transaction id, as a share of the age at which writes are refused.",
        ),
        Column(
            "deadlock_rate",
            "deadlocks/s",
            "rate",
            width=11,
            extra=True,
            rule=DEADLOCKS_PER_SECOND,
            help="In the last five minutes.",
        ),
        Column("session_limit", "limit", "count", extra=True, help="CONNECTION LIMIT of the database; –: none."),
        Column("hit", "hit", "percent", extra=True, help="Blocks found in shared buffers since the last read."),
        Column("temp_files", "temp files", "count", width=10, extra=True, help="Since the last reset."),
        Column("temp_bytes", "temp total", "size", width=10, extra=True, help="Since the last reset."),
        Column("xid_age", "xid age", "count", extra=True, help="Age of its oldest unfrozen transaction id."),
        Column("mxid_age", "mxid age", "count", width=8, extra=True, help="The same for multixact ids."),
        Column("opened", "opened", "count", extra=True, help="Sessions since the last reset."),
        Column(
            "abandoned",
            "lost",
            "count",
            extra=True,
            help="Sessions that ended because the connection to the client was lost.",
        ),
        Column("fatal", "fatal", "count", extra=True, help="Sessions that ended with a fatal error."),
        Column("killed", "killed", "count", extra=True, help="Sessions that were terminated."),
        Column("owner", "owner", "name", width=14, extra=True),
    ),
    rates=(
        Rate("tps", "transactions"),
        Rate("temp_rate", "temp_bytes"),
        Rate("hit", "hits", per="blocks", scale=100.0),
        Rate("deadlock_rate", "deadlocks", window=WINDOW),
    ),
    empty="No databases.",
)

WAL = View(
    name="wal",
    title="WAL",
    query="wal_counters",
    kept=60.0,
    key=("metric",),
    derive=wal,
    rules=(ARCHIVE_FAILING_SECONDS,),
    columns=(
        Column("metric", "metric", "name", width=21),
        Column("value", "now", width=10, help="A rate since the last read, a count since the last reset, or a state."),
        Column("level", "level", width=8, rule=METRIC_LEVEL, help="Of the archiver, by how long it has failed."),
        Column("means", "what it means", "query", grow=True, explains=True),
    ),
    rates=(
        Rate("wal_rate", "wal_bytes"),
        Rate("image_rate", "images"),
        Rate("full_rate", "buffers_full"),
        Rate("buffer_rate", "buffers"),
    ),
    empty="The server counts no WAL.",
)

UPGRADE = View(
    name="upgrade",
    title="Upgrade",
    query="upgrade_obstacles",
    kept=1800.0,
    key=("effect", "subject", "what"),
    where=lambda row: row["version"] is not None,
    derive=upgrade,
    columns=(
        Column(
            "version",
            "from",
            "id",
            width=4,
            help="The first version in whose way it stands; filter version<=17 for an upgrade to 17.",
        ),
        Column(
            "effect",
            "effect",
            width=7,
            rule=UPGRADE_EFFECT,
            help="stops: pg_upgrade, or restoring a dump, fails. lost: not carried over. breaks: fails afterwards. "
            "reindex: indexes are wrong. check: needs files. warns. default: another default changes what it does.",
        ),
        Column("subject", "object", "name", width=26, grow=True, help="In the connected database, or of the server."),
        Column("fix", "statement", "query", width=30, help="What fixes it, or keeps what it does."),
        Column("what", "why", "query", width=44, extra=True),
    ),
    empty="Nothing stands in the way of an upgrade.",
)

SERVER = Pane(
    name="server",
    key="n",
    title="Server",
    group="Around",
    help=(
        "The databases and the WAL of the server, and what stands in the way of an upgrade. "
        "Databases: size, sessions and their limit, transactions, temporary files, deadlocks and the age of "
        "transaction ids of each, the largest first. WAL: how much is written, checkpoints by their reason, and the "
        "archiver with its last success and failure. Rates are measured between two reads. Upgrade: what stands in the "
        "way of an upgrade of this server and this database to PostgreSQL 19, each with the statement that fixes it. "
        "Other databases have objects of their own."
    ),
    views=(DATABASES, WAL, UPGRADE),
    refresh=10.0,
)
