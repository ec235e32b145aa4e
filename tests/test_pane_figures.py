"""The figures of the panes, each compared with SQL over the server's own views: one table of both."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest

from console.model import View
from console.panes import pane
from console.reading.arrange import arrange
from console.reading.reader import Reader, keys
from console.sources.postgres import PostgresServer
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually

Rows = Mapping[str, Mapping[str, Any]]
Values = Mapping[str, Any]

COMPARED = ("overview", "connections", "bloat", "indexes", "partitions")
FIGURES = {"count", "id", "size", "percent", "age", "rate", "size_rate", "flag"}  # formats of columns


@dataclasses.dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a view. `sql` says the same: the name of the row, as in the column BY, and the value."""

    view: str  # pane/view
    column: str
    sql: str
    since: int = 14


def metric(name: str, sql: str) -> Figure:
    """A metric of the overview."""
    return Figure("overview/vitals", "value", f"SELECT '{name}', ({sql})")


def counter(column: str, sql: str) -> Figure:
    """A counter of which the overview shows a rate."""
    return Figure("overview/counters", column, f"SELECT 'now', ({sql})")


def session(column: str, sql: str) -> Figure:
    """A column of connections."""
    others = "FROM pg_stat_activity a WHERE application_name IN ('holder', 'waiter')"
    return Figure("connections/all", column, f"SELECT a.pid::text, {sql} {others}")


def application(column: str, sql: str) -> Figure:
    """A column of the summary of connections."""
    return Figure(
        "connections/summary",
        column,
        f"SELECT application_name, {sql} FROM pg_stat_activity "
        "WHERE application_name IN ('holder', 'waiter') GROUP BY application_name",
    )


def table(column: str, sql: str) -> Figure:
    """A column of the tables in bloat."""
    return Figure(
        "bloat/tables",
        column,
        f"SELECT 'public.' || c.relname, {sql} FROM pg_class c JOIN pg_stat_all_tables s ON s.relid = c.oid "
        "LEFT JOIN pg_stat_all_tables t ON t.relid = c.reltoastrelid "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'",
    )


def wraparound(column: str, sql: str) -> Figure:
    """A column of wraparound, of tables and databases."""
    return Figure(
        "vacuum/wraparound",
        column,
        f"SELECT name, {sql} FROM (SELECT 'public.' || relname AS name, relpages, age(relfrozenxid) AS xids, "
        "mxid_age(relminmxid) AS mxids FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' "
        "UNION ALL SELECT datname, NULL, age(datfrozenxid), mxid_age(datminmxid) FROM pg_database "
        "WHERE datname = 'template1') x",
    )


def index(view: str, column: str, sql: str, since: int = 14) -> Figure:
    """A column of indexes, of the pane of that name or of bloat."""
    return Figure(
        view,
        column,
        f"SELECT 'public.' || c.relname, {sql} FROM pg_class c JOIN pg_stat_all_indexes s ON s.indexrelid = c.oid "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'i'",
        since,
    )


def foreign_key(column: str, sql: str) -> Figure:
    """A column of the missing indexes."""
    return Figure(
        "indexes/missing",
        column,
        f"SELECT conname, {sql} FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid "
        "JOIN pg_stat_all_tables f ON f.relid = k.confrelid WHERE k.contype = 'f'",
    )


LEAVES = "(SELECT relid FROM pg_partition_tree(t.partrelid) WHERE isleaf)"
EDGES = (  # of the partitions of a parent
    "(SELECT (e[1])::date AS low, (e[2])::date AS high FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhrelid, "
    "regexp_match(pg_get_expr(p.relpartbound, p.oid), 'FROM \\(''(.*?)''\\) TO \\(''(.*?)''\\)') e "
    "WHERE h.inhparent = t.partrelid AND e IS NOT NULL)"
)


def parent(column: str, sql: str) -> Figure:
    """A column of partitioned tables."""
    return Figure(
        "partitions/parents", column, f"SELECT 'public.' || t.partrelid::regclass, {sql} FROM pg_partitioned_table t"
    )


def partition(column: str, sql: str) -> Figure:
    """A column of partitions."""
    return Figure(
        "partitions/partitions",
        column,
        f"SELECT 'public.' || c.relname, {sql} FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid "
        "JOIN pg_stat_all_tables s ON s.relid = c.oid WHERE c.relkind = 'r'",
    )


CLIENTS = "FROM pg_stat_activity WHERE backend_type = 'client backend'"
OPEN = "state LIKE 'idle in transaction%'"
USABLE = (
    "(SELECT sum(CASE name WHEN 'max_connections' THEN setting::int ELSE -setting::int END) FROM pg_settings "
    "WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections'))"
)
SETTING = "current_setting('{}')::float8"
FREEZE = SETTING.format("autovacuum_freeze_max_age")
FREEZE_MULTI = SETTING.format("autovacuum_multixact_freeze_max_age")
DUE = f"({SETTING.format('autovacuum_vacuum_threshold')} + {SETTING.format('autovacuum_vacuum_scale_factor')} * "


def since(moment: str) -> str:
    return f"extract(epoch FROM clock_timestamp() - {moment})"


TABLE_OF_FIGURES = (
    metric("connections used", f"SELECT count(*) {CLIENTS}"),
    metric("active", f"SELECT count(*) {CLIENTS} AND state = 'active' AND pid <> pg_backend_pid()"),
    metric("waiting for locks", f"SELECT count(*) {CLIENTS} AND wait_event_type = 'Lock'"),
    metric("idle in transaction", f"SELECT count(*) {CLIENTS} AND {OPEN}"),
    metric("oldest idle in tx", f"SELECT {since('min(state_change)')} {CLIENTS} AND {OPEN}"),
    metric("oldest transaction", f"SELECT {since('min(xact_start)')} {CLIENTS} AND pid <> pg_backend_pid()"),
    metric("oldest prepared tx", f"SELECT {since('min(prepared)')} FROM pg_prepared_xacts"),
    metric(
        "xmin age",
        "SELECT greatest((SELECT max(greatest(age(backend_xid), age(backend_xmin))) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid()), (SELECT max(age(xmin)) FROM pg_replication_slots), "
        "(SELECT max(age(transaction)) FROM pg_prepared_xacts))",
    ),
    metric("catalog xmin age", "SELECT max(age(catalog_xmin)) FROM pg_replication_slots"),
    metric("replicas", "SELECT count(*) FROM pg_stat_replication"),
    metric("replication lag", "SELECT extract(epoch FROM max(replay_lag)) FROM pg_stat_replication"),
    metric("replication lag, bytes", "SELECT max(pg_current_wal_lsn() - replay_lsn)::bigint FROM pg_stat_replication"),
    metric("wraparound", "SELECT max(age(datfrozenxid)) FROM pg_database"),
    counter("transactions", "SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database"),
    counter("rollbacks", "SELECT sum(xact_rollback) FROM pg_stat_database"),
    counter("blocks_hit", "SELECT sum(blks_hit) FROM pg_stat_database"),
    counter("blocks", "SELECT sum(blks_hit + blks_read) FROM pg_stat_database"),
    counter("rows_read", "SELECT sum(tup_returned) FROM pg_stat_database"),
    counter("rows_written", "SELECT sum(tup_inserted + tup_updated + tup_deleted) FROM pg_stat_database"),
    counter("read_ms", "SELECT sum(blk_read_time) FROM pg_stat_database"),
    counter("temp_bytes", "SELECT sum(temp_bytes) FROM pg_stat_database"),
    counter("deadlocks", "SELECT sum(deadlocks) FROM pg_stat_database"),
    counter("conflicts", "SELECT sum(conflicts) FROM pg_stat_database"),
    counter("wal_bytes", "SELECT pg_current_wal_lsn() - '0/0'"),
    Figure(
        "overview/waits",
        "sessions",
        "SELECT wait_event, count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' GROUP BY wait_event",
    ),
    Figure(
        "overview/waits",
        "longest",
        f"SELECT wait_event, {since('min(query_start)')} FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "GROUP BY wait_event",
    ),
    session("pid", "a.pid"),
    session("age", since("CASE a.state WHEN 'active' THEN a.query_start ELSE a.state_change END")),
    session("xact_age", since("a.xact_start")),
    session("blockers", "cardinality(pg_blocking_pids(a.pid))"),
    session("blocks", "(SELECT count(*) FROM pg_stat_activity w WHERE a.pid = ANY (pg_blocking_pids(w.pid)))"),
    session("xmin_age", "age(a.backend_xid)"),  # the snapshot of the waiter is no older
    session("leader_pid", "a.leader_pid"),
    application("sessions", "count(*)"),
    application("used_percent", f"100.0 * count(*) / {USABLE}"),
    application("longest_query", since("min(query_start) FILTER (WHERE state = 'active')")),
    application("longest_idle_in_transaction", since(f"min(state_change) FILTER (WHERE {OPEN})")),
    application("oldest_transaction", since("min(xact_start)")),
    application("xmin_age", "max(age(backend_xid))"),
    application("waiting", "count(*) FILTER (WHERE wait_event_type = 'Lock')"),
    table("size", "pg_relation_size(c.oid) + coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0)"),
    table("toast_size", "coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0)"),
    table("total_size", "pg_total_relation_size(c.oid)"),
    table("dead", "s.n_dead_tup"),
    table(
        "dead_pct",
        "coalesce(100.0 * s.n_dead_tup / nullif(greatest(s.n_live_tup + s.n_dead_tup, c.reltuples), 0), 0)",
    ),
    table("toast_dead", "t.n_dead_tup"),
    table("vacuum_age", since("greatest(s.last_vacuum, s.last_autovacuum)")),
    table("analyze_age", since("greatest(s.last_analyze, s.last_autoanalyze)")),
    table("debt_pct", f"100.0 * s.n_dead_tup / {DUE} greatest(c.reltuples, 0))"),
    table("modified", "s.n_mod_since_analyze"),
    table("live", "s.n_live_tup"),
    table("autovacuum", "NOT coalesce('autovacuum_enabled=off' = ANY (c.reloptions), false)"),
    index("bloat/indexes", "size", "pg_relation_size(c.oid)"),
    index("bloat/indexes", "reltuples", "c.reltuples"),
    wraparound("xid_age", "xids"),
    wraparound("freeze_pct", f"100 * xids / {FREEZE}"),
    wraparound("limit_pct", "100 * xids / 2147483648::float8"),
    wraparound("mxid_age", "mxids"),
    wraparound("mxid_freeze_pct", f"100 * mxids / {FREEZE_MULTI}"),
    wraparound("mxid_limit_pct", "100 * mxids / 2147483648::float8"),
    wraparound("size", "relpages * 8192::bigint"),
    index("indexes/all", "size", "pg_relation_size(c.oid)"),
    index("indexes/all", "scans", "s.idx_scan"),
    index("indexes/all", "rows_read", "s.idx_tup_read"),
    index("indexes/all", "reltuples", "c.reltuples"),
    index("indexes/all", "last_use_age", since("s.last_idx_scan"), since=16),
    foreign_key("size", "pg_relation_size(c.oid)"),
    foreign_key("deleted", "f.n_tup_del"),
    foreign_key("updated", "f.n_tup_upd"),
    foreign_key("rows", "c.reltuples"),
    parent("children", "(SELECT count(*) FROM pg_inherits h WHERE h.inhparent = t.partrelid)"),
    parent("runway", f"(SELECT extract(epoch FROM max(high) - now()) / 86400 FROM {EDGES} e)"),
    parent(
        "gaps",
        f"(SELECT count(*) FROM (SELECT low, lag(high) OVER (ORDER BY low) AS before FROM {EDGES} e) x "
        "WHERE low > before)",
    ),
    parent("all_rows", f"(SELECT sum(c.reltuples) FROM pg_class c WHERE c.oid IN {LEAVES})"),
    parent("size", f"(SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c WHERE c.oid IN {LEAVES})"),
    parent("heap", f"(SELECT sum(pg_relation_size(c.oid)) FROM pg_class c WHERE c.oid IN {LEAVES})"),
    parent("default_rows", "(SELECT n_live_tup FROM pg_stat_all_tables WHERE relid = nullif(t.partdefid, 0))"),
    partition("rows", "c.reltuples"),
    partition("size", "pg_total_relation_size(c.oid)"),
    partition(
        "share",
        "100.0 * pg_total_relation_size(c.oid) / (SELECT sum(pg_total_relation_size(o.inhrelid)) FROM pg_inherits o "
        "WHERE o.inhparent = h.inhparent)",
    ),
    partition("vacuum_age", since("greatest(s.last_vacuum, s.last_autovacuum)")),
    partition("heap", "pg_relation_size(c.oid)"),
    partition("detaching", "h.inhdetachpending"),
)
ELSEWHERE = {  # what no other query says, and where it is tested
    "connections/all": {"pool_wait"},  # from PgBouncer: test_pooled_sessions
    "connections/processes": {
        "age",
        "pid",
        "cpu_percent",
        "memory",
        "read_rate",
        "write_rate",
    },  # of the host: test_host_parsing
    "bloat/tables": {"bloat", "bloat_pct", "toast_bloat"},  # estimates: test_pane_storage, test_pane_toast
    "bloat/indexes": {"bloat", "bloat_pct"},
    "overview/history": {"lasted"},  # of the console's own file: test_history
    # A rate of the scans: test_reading; test_replicas; what the rules saw: test_index_ages.
    "indexes/all": {"scan_rate", "replica_scans", "built_age"},
    "indexes/advice": {  # of the planner: test_advice
        *("saved", "size", "statements", "cost_before", "cost_after", "hot_lost", "writes", "saved_per_day"),
    },
    "partitions/hash": {"size", "tenants", "largest_share", "growth", "rows"},  # from samples: test_pane_tenants
    "partitions/tenants": {"share", "rows", "tables"},
}
BY = {  # the column that names a row
    "overview/vitals": "sign",
    "overview/waits": "event",
    "connections/all": "pid",
    "connections/summary": "application",
    "bloat/tables": "table",
    "bloat/indexes": "index",
    "vacuum/wraparound": "name",
    "indexes/all": "index",
    "indexes/missing": "constraint",
    "partitions/parents": "parent",
    "partitions/partitions": "partition",
}
CONTENT = (
    "CREATE TABLE public.target (id int PRIMARY KEY, at date NOT NULL, note text) WITH (autovacuum_enabled = off)",
    "ALTER TABLE public.target ALTER note SET STORAGE EXTERNAL",
    "INSERT INTO public.target SELECT g, '2026-01-01', repeat('x', g % 2 * 9000) FROM generate_series(1, 600) g",
    "CREATE TABLE public.source (id int, target int CONSTRAINT source_target REFERENCES public.target)",
    "INSERT INTO public.source SELECT g, g FROM generate_series(1, 400) g",
    "ALTER TABLE public.source SET (autovacuum_enabled = off)",
    "CREATE TABLE public.months (at date, n int) PARTITION BY RANGE (at)",
    *(
        f"CREATE TABLE public.months_{n} PARTITION OF public.months FOR VALUES FROM ({low}) TO ({high}) "
        "WITH (autovacuum_enabled = off)"
        for n, low, high in (
            (1, "'2026-01-01'", "'2026-02-01'"),
            (2, "'2026-03-01'", "'2026-04-01'"),
            (3, "'2026-04-01'", "'2099-05-01'"),
        )
    ),
    "CREATE TABLE public.months_rest PARTITION OF public.months DEFAULT WITH (autovacuum_enabled = off)",
    "CREATE INDEX ON public.months (n)",
    (
        "INSERT INTO public.months SELECT d, n FROM generate_series(1, 300) n, "
        "unnest(ARRAY['2026-01-05', '2026-03-05', '2026-04-05', '2020-01-01']::date[]) d"
    ),
    (
        "VACUUM (FREEZE, ANALYZE) public.target, public.source, public.months_1, public.months_2, public.months_3, "
        "public.months_rest"
    ),
    "DELETE FROM public.source WHERE id > 300",
    "DELETE FROM public.target WHERE id > 500",
    "UPDATE public.target SET at = '2026-02-02', note = note || 'y' WHERE id < 50",
    "SELECT count(*) FROM public.target WHERE id = 7",
)


def figures_of(name: str, view: View) -> set[str]:
    """Columns of the view that hold a figure."""
    return {column.name for column in view.columns if column.format in FIGURES}


def test_every_figure_is_in_the_table() -> None:
    known = {(figure.view, figure.column) for figure in TABLE_OF_FIGURES}
    for name in COMPARED:
        seen: set[str] = set()
        for view in pane(name).views:
            if view.query not in seen:  # others show some of the same rows
                missing = figures_of(name, view) - ELSEWHERE.get(f"{name}/{view.name}", set())
                assert missing == {column for at, column in known if at == f"{name}/{view.name}"}, view.name
            seen.add(view.query)


@pytest.fixture
def busy(pg: Cluster, database: str) -> Iterator[str]:
    """A database with tables of everything, a transaction that is left open, and one that waits for it."""
    with contextlib.ExitStack() as sessions:
        own, holder, waiter = (
            sessions.enter_context(pg.connect(database, application_name=name)) for name in ("own", "holder", "waiter")
        )
        for statement in CONTENT:
            own.execute(statement.encode())
        holder.execute("BEGIN; UPDATE public.source SET id = id WHERE id = 1")
        waiter.pgconn.send_query(b"UPDATE public.source SET id = id WHERE id = 1")
        yield pg.uri(database)
        own.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'waiter'")
        waiter.pgconn.finish()


async def shown(server: PostgresServer, name: str) -> Rows:
    """The rows of a view as the screen shows them, by their names."""
    if name == "overview/counters":
        return {"now": next(iter((await server.fetch("vitals")).records()))}
    of, _, view_name = name.partition("/")
    view = pane(of).view(view_name)
    reader = Reader(view)
    taken = await reader.read(server)
    taken = arrange(await reader.fill(server, keys(taken, view.key)) or taken, view, view.sort)
    return {str(row[BY[name]]): row for row in taken.records()}


def values(session: psycopg.Connection[Any], figure: Figure) -> Values:
    return dict(session.execute(figure.sql.encode()).fetchall())


def between(value: Any, before: Any, after: Any) -> bool:
    """Whether a figure is what SQL said before or after it was read, or between both."""
    if before is None or value is None or after is None:
        return value is None and None in (before, after)
    slack = 1e-6 * max(1.0, abs(float(value)))
    return min(float(before), float(after)) - slack <= float(value) <= max(float(before), float(after)) + slack


async def wrong(server: PostgresServer, session: psycopg.Connection[Any], name: str) -> list[str]:
    """The figures of a view that SQL contradicts."""
    figures = [
        figure for figure in TABLE_OF_FIGURES if figure.view == name and figure.since * 10_000 <= server.facts.version
    ]
    before = [values(session, figure) for figure in figures]
    rows = await shown(server, name)
    after = [values(session, figure) for figure in figures]
    found = []
    for figure, early, late in zip(figures, before, after, strict=True):
        if not early:
            found.append(f"{figure.column}: SQL has no rows")
        for key, value in early.items():
            now = rows.get(key, {}).get(figure.column, "no such row")
            if isinstance(now, str) or not between(now, value, late.get(key)):
                found.append(f"{figure.column} of {key}: {now}, by SQL {value} … {late.get(key)}")
    return found


@pytest.mark.parametrize("name", sorted({figure.view for figure in TABLE_OF_FIGURES}))
async def test_figures_are_those_of_sql(pg: Cluster, database: str, busy: str, name: str) -> None:
    server = PostgresServer(busy)
    last: list[str] = []

    async def same() -> bool:  # what a session counts, others see only after a moment
        last[:] = await wrong(server, own, name)
        return not last

    with pg.connect(database, application_name="own") as own:
        try:
            await shown(server, name)  # so that the session of the console is there from the start
            await eventually(same)
        except AssertionError:
            pytest.fail("\n".join(last))
        finally:
            await server.close()
