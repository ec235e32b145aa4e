"""The sample data: believable, consistent, deterministic, and enough for every pane to show something."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import errors, sql

from console import sql as sql_files
from console.demo import cluster, content
from console.demo.cluster import APPLICATION, OWNER
from tests.bundled import install
from tests.servers import PostgresServer

SCALE = 0.2
MISMATCHES = """
content_requests AS r JOIN public.brand_profiles AS b ON b.id = r.brand_profile_id
 WHERE b.organization_id <> r.organization_id

content_requests AS r JOIN public.users AS u ON u.id = r.requested_by WHERE u.organization_id <> r.organization_id

content_requests AS r JOIN public.campaigns AS c ON c.id = r.campaign_id WHERE c.brand_profile_id <> r.brand_profile_id

content_templates AS t JOIN public.brand_profiles AS b ON b.id = t.brand_profile_id
 WHERE b.organization_id <> t.organization_id

generated_assets AS a JOIN public.content_requests AS r ON r.id = a.content_request_id
 WHERE r.brand_profile_id <> a.brand_profile_id OR a.created_at < r.created_at

scheduled_posts AS p JOIN public.generated_assets AS a ON a.id = p.generated_asset_id
  JOIN public.social_accounts AS s ON s.id = p.social_account_id WHERE s.brand_profile_id <> a.brand_profile_id

content_approvals AS a JOIN public.content_requests AS r ON r.id = a.content_request_id
  JOIN public.users AS u ON u.id = a.approver_id WHERE u.organization_id <> r.organization_id

api_usage AS a JOIN public.users AS u ON u.id = a.user_id WHERE u.organization_id <> a.organization_id

user_activity_logs AS a JOIN public.users AS u ON u.id = a.user_id WHERE u.organization_id <> a.organization_id

content_analytics AS c JOIN public.generated_assets AS a ON a.id = c.generated_asset_id
 WHERE c.performance_date < (a.created_at AT TIME ZONE 'UTC')::date

content_requests WHERE greatest(created_at, updated_at, completed_at) > now()
""".strip().split("\n\n")
# Keys, indexes and what is said of them, of all tables that are no partitions and no sample data's own.
SHAPE: LiteralString = """
SELECT pg_get_indexdef(i.indexrelid), i.indisvalid::text, coalesce(obj_description(i.indexrelid, 'pg_class'), '')
  FROM pg_index AS i JOIN pg_class AS r ON r.oid = i.indrelid
 WHERE r.relnamespace = 'public'::regnamespace AND NOT r.relispartition
   AND i.indexrelid::regclass::text !~ 'demo_redundant_campaigns_idx$'
UNION ALL
SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(c.oid)), convalidated::text,
       coalesce(obj_description(c.oid, 'pg_constraint'), '')
  FROM pg_constraint AS c JOIN pg_class AS r ON r.oid = c.conrelid
 WHERE r.relnamespace = 'public'::regnamespace AND NOT r.relispartition
 ORDER BY 1, 2
"""
# Columns that B-tree indexes hold, in keys, expressions and predicates, and that a text of any length may reach.
TEXTS: LiteralString = """
SELECT DISTINCT r.relname, a.attname, a.atttypid = 'jsonb'::regtype
  FROM pg_index AS i JOIN pg_class AS r ON r.oid = i.indrelid JOIN pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_am AS m ON m.oid = c.relam AND m.amname = 'btree'
  JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'jsonb'::regtype)
   AND (a.attnum = ANY (i.indkey)
        OR EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = i.indexrelid AND d.refobjid = r.oid AND d.refobjsubid = a.attnum))
 WHERE r.relnamespace = 'public'::regnamespace AND r.relkind IN ('r', 'p') AND NOT r.relispartition ORDER BY 1, 2
"""  # noqa: E501
SCRIPTS = sorted((sql_files.content() / "sql" / "demo").glob("*.pgbench"))


def prepared(server: PostgresServer) -> str:
    """A database that the application may use, with schema and sample data."""
    name = server.fresh_database()
    with server.connect(name) as superuser:
        superuser.execute(cluster.database().encode())
    install(server, name)
    zones = ("Asia/Tokyo", "America/New_York")
    with ExitStack() as opened:
        sessions = [opened.enter_context(server.connect(name, OWNER, options=f"-c timezone={zone}")) for zone in zones]
        content.load_samples(sessions, SCALE)
    return name


@pytest.fixture(scope="module")
def sample(pg: PostgresServer) -> Iterator[str]:
    """The name of a database with sample data."""
    name = prepared(pg)
    yield name
    pg.drop_database(name)


@pytest.fixture
def db(pg: PostgresServer, sample: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the owner; every test only reads."""
    with pg.connect(sample, OWNER, options="-c default_transaction_read_only=on") as connection:
        yield connection


def value(db: psycopg.Connection[Any], query: LiteralString, *parameters: object) -> Any:
    """The single value of a query."""
    return db.execute(query, parameters or None).fetchall()[0][0]


def column(db: psycopg.Connection[Any], query: LiteralString) -> list[Any]:
    """The first column of a query."""
    return [row[0] for row in db.execute(query)]


def tables(db: psycopg.Connection[Any]) -> list[str]:
    """The tables and views of the schema, partitions left out."""
    return column(
        db,
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p', 'm') AND NOT relispartition ORDER BY 1",
    )


@pytest.mark.parametrize(
    ("table", "at_scale_1"),
    [
        ("content_requests", 3_000),
        ("generated_assets", 15_000),
        ("content_analytics", 100_000),
        ("api_usage", 100_000),
        ("user_activity_logs", 50_000),
    ],
)
def test_sizes_follow_the_scale(db: psycopg.Connection[Any], table: LiteralString, at_scale_1: int) -> None:
    assert value(db, f"SELECT count(*) FROM public.{table}") == pytest.approx(at_scale_1 * SCALE, rel=0.1)


def test_every_table_has_rows_and_statistics(db: psycopg.Connection[Any]) -> None:
    # Nothing was changed by an action yet, and no brand is being changed.
    for name in set(tables(db)) - {"console_audit", "cache_invalidations"}:
        query = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier("public", name))
        assert db.execute(query).fetchall() == [(True,)], name
    bare = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'm')"
    assert column(db, f"{bare} AND reltuples < 0") == []


def test_statistics_list_the_tenants_of_a_partitioned_table_and_leave_no_targets_behind(
    db: psycopg.Connection[Any],
) -> None:
    listed = (
        "SELECT cardinality(most_common_vals::text::text[]) > 10 FROM pg_stats WHERE schemaname = 'public'"
        " AND tablename = 'api_usage' AND attname = 'organization_id' AND inherited"
    )
    assert column(db, listed) == [True]
    targets = (
        "SELECT attrelid::regclass::text || '.' || attname FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid"
        " WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i' AND attnum > 0 AND attstattarget >= 0"
    )
    assert column(db, targets) == []


def test_tenants_follow_a_power_law(db: psycopg.Connection[Any]) -> None:
    sizes = column(db, "SELECT count(*) FROM public.content_requests GROUP BY organization_id ORDER BY 1 DESC")
    assert sizes[0] > 0.15 * sum(sizes)
    assert sizes[0] > 4 * sizes[len(sizes) // 2]
    assert len(sizes) > 0.8 * value(db, "SELECT count(*) FROM public.organizations")


@pytest.mark.parametrize("mismatch", MISMATCHES, ids=range(len(MISMATCHES)))
def test_nothing_crosses_tenants_brands_or_time(db: psycopg.Connection[Any], mismatch: LiteralString) -> None:
    assert value(db, f"SELECT count(*) FROM public.{mismatch}") == 0


def test_keys_are_those_of_their_time(db: psycopg.Connection[Any]) -> None:
    moment = "('x' || lpad(translate(left(id::text, 13), '-', ''), 16, '0'))::bit(64)::bigint"
    for table in ("content_requests", "generated_assets", "organizations"):
        found = db.execute(
            sql.SQL(
                "SELECT count(*), count(DISTINCT id), bool_and(id::text ~ '^.{{14}}7.{{3}}-a'),"
                " max(abs({moment} - date_part('epoch', created_at) * 1000)) < 1 FROM {table}"
            ).format(moment=sql.SQL(moment), table=sql.Identifier("public", table))
        ).fetchall()
        assert found == [(found[0][0], found[0][0], True, True)], table


def test_analytics_cover_thirty_whole_months_and_older_ones_are_archived(db: psycopg.Connection[Any]) -> None:
    months = column(
        db,
        "SELECT DISTINCT (date_trunc('month', now() AT TIME ZONE 'UTC')::date - "
        "date_trunc('month', performance_date::timestamp)::date) / 28 FROM public.content_analytics ORDER BY 1",
    )
    assert len(months) == 30
    assert value(
        db,
        "SELECT max(performance_date) < (SELECT min(performance_date) FROM public.content_analytics)"
        " FROM public.content_analytics_archive",
    )
    assert (
        value(
            db,
            "SELECT count(*) FROM public.content_analytics_archive JOIN public.content_analytics USING (id)",
        )
        == 0
    )


@pytest.mark.parametrize("parent", ["content_analytics", "api_usage", "user_activity_logs"])
def test_partitions_reach_from_the_oldest_data_to_three_months_ahead_without_a_gap(
    db: psycopg.Connection[Any], parent: str
) -> None:
    db.execute("SET timezone = 'UTC'")
    edges = db.execute(
        "SELECT (m[1])::date, (m[2])::date FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid,"
        " regexp_match(pg_get_expr(relpartbound, c.oid), '''([^'']+)''.*''([^'']+)''') AS m"
        " WHERE inhparent = %s::regclass ORDER BY 1",
        (f"public.{parent}",),
    ).fetchall()
    assert all(before[1] == after[0] for before, after in pairwise(edges))
    assert edges[-1][1] == value(db, "SELECT (date_trunc('month', now()) + interval '4 months')::date")


def test_most_requests_are_finished_and_some_are_in_every_open_state(db: psycopg.Connection[Any]) -> None:
    found = dict(db.execute("SELECT status, count(*) FROM public.content_requests GROUP BY 1").fetchall())
    assert found["completed"] > 0.7 * sum(found.values())
    assert min(found["pending"], found["processing"], found["review"]) > 0


def test_a_search_finds_something(db: psycopg.Connection[Any]) -> None:
    largest = value(db, "SELECT organization_id FROM demo.pick GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")
    found = db.execute(
        "SELECT id FROM public.content_requests, websearch_to_tsquery('english', 'running shoes') AS q"
        " WHERE organization_id = %s AND search_vector @@ q",
        (largest,),
    ).fetchall()
    assert found


def test_there_is_something_to_find_in_the_panes(db: psycopg.Connection[Any]) -> None:
    assert value(db, "SELECT max(impressions) > 2147483647 FROM public.content_analytics")
    assert value(db, "SELECT count(*) FROM public.content_requests WHERE content_brief IS NULL") > 0
    assert value(db, "SELECT to_regclass('public.demo_redundant_campaigns_idx') IS NOT NULL")
    assert value(
        db,
        "SELECT row_count = (SELECT count(*) FROM public.mv_monthly_brand_performance) AND row_count > 0"
        " FROM public.console_refreshes ORDER BY finished_at DESC LIMIT 1",
    )
    assert value(db, "SELECT count(*) FROM public.background_jobs WHERE status = 'pending'") > 0


def test_the_same_scale_gives_the_same_rows(pg18: PostgresServer) -> None:
    def digest() -> list[tuple[Any, ...]]:
        name = prepared(pg18)
        try:
            with pg18.connect(name, OWNER) as db:
                return db.execute(
                    "SELECT md5(string_agg(title || status || priority, ',' ORDER BY id)) FROM public.content_requests"
                    " UNION ALL SELECT md5(string_agg(metadata::text, ',' ORDER BY id)) FROM public.generated_assets"
                    " UNION ALL SELECT md5(string_agg(latency_ms::text, ',' ORDER BY id)) FROM public.api_usage"
                ).fetchall()
        finally:
            pg18.drop_database(name)

    assert digest() == digest()


def test_a_text_of_any_length_is_accepted_or_meets_a_rule_and_never_the_limit_of_an_index(
    pg: PostgresServer, sample: str
) -> None:
    with pg.connect(sample, OWNER) as db:
        # Bytes at random: they cannot be compressed, and an index entry of them would be too large.
        long = value(db, "SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 313)")
        found = db.execute(TEXTS).fetchall()
        assert {("users", "username", False), ("generated_assets", "metadata", True)} <= set(found)
        for table, name, is_json in found:
            change = "left(%s || %s, 10000)"
            if is_json:
                change = "jsonb_build_object('model', %s::text, 'elements', %s::text)"
            query = "UPDATE {0} SET {1} = {2} WHERE ctid = (SELECT min(ctid) FROM {0})"
            statement = sql.SQL(query).format(sql.Identifier("public", table), sql.Identifier(name), sql.SQL(change))
            with suppress(errors.CheckViolation), db.transaction(force_rollback=True):
                db.execute(statement, (long, long))


@pytest.mark.parametrize("script", SCRIPTS, ids=[path.stem for path in SCRIPTS])
def test_every_script_of_the_live_workload_runs_for_the_application(
    pg: PostgresServer, sample: str, script: Path
) -> None:
    text = script.read_text(encoding="utf-8")
    assert re.match(r"-- \w.*\n-- weight: \d+\n", text)
    ranges = {match[1]: match[2] for match in re.finditer(r"^\\set (\w+) random\w*\((\d+)", text, re.MULTILINE)}
    sent = re.sub(r"(?<!:):(\w+)", lambda match: ranges[match[1]], re.sub(r"^\\.*\n", "", text, flags=re.MULTILINE))
    with pg.connect(sample, APPLICATION) as connection:
        cursor = connection.execute(sent.encode())
        assert cursor.rowcount != 0 or script.stem in {"search", "generate_assets", "dashboard"}


def test_loading_leaves_keys_and_indexes_as_the_migrations_made_them(
    pg: PostgresServer, db: psycopg.Connection[Any]
) -> None:
    name = pg.fresh_database()
    with pg.connect(name) as superuser:
        superuser.execute(cluster.database().encode())
    install(pg, name)
    with pg.connect(name, OWNER) as empty:
        assert db.execute(SHAPE).fetchall() == empty.execute(SHAPE).fetchall()
    pg.drop_database(name)
