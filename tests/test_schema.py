"""The bundled schema holds what it promises, on every server version."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import pairwise
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import errors, sql

from console.demo.cluster import APPLICATION, MONITOR, OWNER
from tests.bundled import install
from tests.servers import PostgresServer

Connection = psycopg.Connection[Any]

CORE = """organizations users user_sessions subscriptions feature_flags webhooks notifications audit_events
    brand_profiles brand_guidelines brand_assets content_templates social_accounts campaigns
    content_requests content_approvals request_comments generation_jobs generated_assets asset_versions
    compliance_checks scheduled_posts api_providers api_usage user_activity_logs content_analytics background_jobs"""
NOBODY = "00000000-0000-0000-0000-000000000000"
OTHERS = ["content_analytics_archive", "cache_invalidations", "schema_migrations"]
OTHERS += ["console_refreshes", "console_audit", "capacity_samples"]
PARENTS = ["api_usage", "content_analytics", "user_activity_logs"]


@pytest.fixture(scope="module")
def template(pg: PostgresServer) -> Iterator[str]:
    """A database with the schema, made in a session whose TimeZone is America/New_York."""
    name = pg.fresh_database()
    install(pg, name)
    yield name
    pg.drop_database(name)


@pytest.fixture
def copy(pg: PostgresServer, template: str) -> Iterator[str]:
    """A database of the test's own with the schema."""
    name = pg.fresh_database(template)
    yield name
    pg.drop_database(name)


@pytest.fixture
def db(pg: PostgresServer, copy: str) -> Iterator[Connection]:
    """A connection of the owner to `copy`."""
    with pg.connect(copy, OWNER) as connection:
        yield connection


def rows(db: Connection, query: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    return db.execute(query, parameters or None).fetchall()


def value(db: Connection, query: LiteralString, *parameters: object) -> Any:
    """The single value of a query."""
    return rows(db, query, *parameters)[0][0]


def plan(db: Connection, query: LiteralString, *parameters: object) -> str:
    """The plan of a query, as text."""
    return "\n".join(row[0] for row in db.execute(b"EXPLAIN (COSTS OFF) " + query.encode(), parameters or None))


def tenant(db: Connection, name: str = "Acme") -> tuple[Any, Any, Any]:
    """A new organisation with one user and one brand: their ids."""
    organization = value(db, "INSERT INTO public.organizations (name) VALUES (%s) RETURNING id", name)
    user = value(
        db, "INSERT INTO public.users (organization_id, username) VALUES (%s, 'ann') RETURNING id", organization
    )
    brand = value(
        db, "INSERT INTO public.brand_profiles (organization_id, name) VALUES (%s, %s) RETURNING id", organization, name
    )
    return organization, user, brand


def request(db: Connection, of: tuple[Any, Any, Any], title: str, description: str | None = None) -> Any:
    """A new content request without a brief: its id."""
    return value(
        db,
        "INSERT INTO public.content_requests (organization_id, requested_by, brand_profile_id, title, description)"
        " VALUES (%s, %s, %s, %s, %s) RETURNING id",
        *of,
        title,
        description,
    )


def asset(db: Connection, of: tuple[Any, Any, Any], score: int | None = None) -> Any:
    """A new asset of a new request: its id."""
    return value(
        db,
        "INSERT INTO public.generated_assets (content_request_id, brand_profile_id, compliance_score)"
        " VALUES (%s, %s, %s) RETURNING id",
        request(db, of, "A request"),
        of[2],
        score,
    )


def measure(db: Connection, of: Any, day: str, impressions: int, likes: int | None = 0) -> None:
    """One row of analytics; `day` is an SQL interval added to the first day of this UTC month."""
    db.execute(
        "INSERT INTO public.content_analytics"
        " (generated_asset_id, performance_date, impressions, likes, shares, comments)"
        " VALUES (%s, (date_trunc('month', now() AT TIME ZONE 'UTC') + %s::interval)::date, %s, %s, 1, 1)",
        (of, day, impressions, likes),
    )


def test_all_tables_exist_each_with_a_comment(db: Connection) -> None:
    found = rows(
        db,
        "SELECT relname, obj_description(oid, 'pg_class') FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition",
    )
    assert len(CORE.split()) == 27
    assert sorted(name for name, _ in found) == sorted(CORE.split() + OTHERS)
    assert [name for name, comment in found if not comment] == []


def test_every_key_says_its_strategy_and_uuids_are_ordered_where_the_server_makes_them(
    pg: PostgresServer, db: Connection
) -> None:
    silent = rows(
        db,
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'id'"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " AND c.relname <> 'content_analytics_archive' AND col_description(c.oid, a.attnum) IS NULL",
    )
    assert silent == []
    assert str(tenant(db)[0])[14] == ("7" if pg.major >= 18 else "4")


def test_every_foreign_key_leads_an_index_and_no_index_is_invalid(db: Connection) -> None:
    bare = rows(
        db,
        "SELECT k.conrelid::regclass::text, k.conname FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0"
        " AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indisvalid AND i.indpred IS NULL"
        " AND ((i.indkey::int2[])[0:array_length(k.conkey, 1) - 1] @> k.conkey"
        " AND (i.indkey::int2[])[0:array_length(k.conkey, 1) - 1] <@ k.conkey"
        " OR EXISTS (SELECT FROM pg_index u WHERE u.indrelid = k.confrelid AND u.indisunique AND u.indnkeyatts = 1"
        " AND u.indpred IS NULL AND u.indkey[0] = k.confkey[array_position(k.conkey, i.indkey[0])])))",
    )
    assert bare == []
    assert rows(db, "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid") == []


def test_time_partitions_have_key_and_time_no_inbound_keys_and_no_default(db: Connection) -> None:
    parents = [*PARENTS, "content_analytics_archive"]
    keys = rows(
        db,
        "SELECT p.relname, a.attname = k.attname FROM pg_partitioned_table t JOIN pg_class p ON p.oid = t.partrelid"
        " JOIN pg_index i ON i.indrelid = p.oid AND i.indisprimary"
        " JOIN pg_attribute a ON a.attrelid = p.oid AND a.attnum = i.indkey[1]"
        " JOIN pg_attribute k ON k.attrelid = p.oid AND k.attnum = t.partattrs[0]"
        " WHERE t.partdefid = 0 AND i.indnatts = 2 ORDER BY 1",
    )
    assert keys == [(name, True) for name in sorted(parents)]
    assert (
        rows(db, "SELECT conname FROM pg_constraint WHERE contype = 'f' AND confrelid = ANY (%s::regclass[])", parents)
        == []
    )


@pytest.mark.parametrize("parent", PARENTS)
def test_partitions_cover_this_month_and_three_more_at_midnight_utc(db: Connection, parent: str) -> None:
    db.execute("SET timezone = 'UTC'")
    found = rows(
        db,
        "SELECT pg_get_expr(c.relpartbound, c.oid), c.reloptions IS NOT NULL,"
        " (SELECT count(*) FROM pg_index WHERE indrelid = c.oid),"
        " (SELECT count(*) FROM pg_index WHERE indrelid = i.inhparent)"
        " FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = %s::regclass ORDER BY c.relname",
        f"public.{parent}",
    )
    months = [
        row[0]
        for row in rows(
            db,
            "SELECT date_trunc('month', now()) + n * interval '1 month' FROM generate_series(0, 4) AS n ORDER BY 1",
        )
    ]
    form = "%Y-%m-%d" if parent == "content_analytics" else "%Y-%m-%d 00:00:00+00"
    edges = [month.strftime(form) for month in months]
    assert [row[0] for row in found] == [f"FOR VALUES FROM ('{low}') TO ('{high}')" for low, high in pairwise(edges)]
    assert all(row[1] and row[2] == row[3] for row in found)


def test_callers_at_once_make_each_partition_once(pg: PostgresServer, db: Connection, copy: str) -> None:
    def call(number: int) -> list[str]:
        with pg.connect(
            copy, OWNER, options=f"-c timezone={['UTC', 'Asia/Tokyo', 'America/New_York'][number % 3]}"
        ) as one:
            return [row[0] for row in rows(one, "SELECT outcome FROM public.ensure_partitions('public.api_usage', 8)")]

    with ThreadPoolExecutor(4) as pool:
        outcomes = [outcome for result in pool.map(call, range(4)) for outcome in result]
    created = [outcome for outcome in outcomes if outcome.startswith("created")]
    assert (len(created), len(set(created)), len(outcomes)) == (5, 5, 36)
    assert value(db, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'public.api_usage'::regclass") == 9


def test_making_a_partition_waits_for_no_reader_or_writer_of_the_parent(
    pg: PostgresServer, db: Connection, copy: str
) -> None:
    organization, _, _ = tenant(db)
    with pg.connect(copy, OWNER) as other, other.transaction():
        other.execute("INSERT INTO public.api_usage (organization_id) VALUES (%s)", (organization,))
        other.execute("SELECT count(*) FROM public.api_usage")
        with db.transaction():
            made = value(db, "SELECT public.ensure_partition('public.api_usage', (now() + interval '7 months')::date)")
            modes = rows(
                db,
                "SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'public.api_usage'::regclass",
            )
    assert made.startswith("created public.api_usage_")
    assert {mode for (mode,) in modes} <= {"AccessShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock"}


def test_real_bounds_count_not_names(db: Connection) -> None:
    db.execute("SET timezone = 'UTC'")
    db.execute(
        "CREATE TABLE public.wide PARTITION OF public.api_usage"
        " FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2003-01-01 00:00+00')"
    )
    assert value(db, "SELECT public.ensure_partition('public.api_usage', '2002-06-15')") == "exists public.wide"
    db.execute("CREATE TABLE public.api_usage_2004_02 (a int)")
    with pytest.raises(errors.DuplicateTable, match="is not the partition"):
        db.execute("SELECT public.ensure_partition('public.api_usage', '2004-02-01')")
    with pytest.raises(errors.WrongObjectType, match="not range-partitioned"):
        db.execute("SELECT public.ensure_partition('public.users', '2004-02-01')")


def test_a_partition_made_by_a_superuser_belongs_to_the_owner_and_takes_the_settings_of_the_newest(
    pg: PostgresServer, db: Connection, copy: str
) -> None:
    last = value(
        db,
        "SELECT max(inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = 'public.api_usage'::regclass",
    )
    db.execute(sql.SQL("ALTER TABLE {} SET (autovacuum_vacuum_threshold = 77)").format(sql.SQL(last)))
    with pg.connect(copy) as superuser:
        superuser.execute("SELECT public.ensure_partition('public.api_usage', '1999-12-31')")
    found = rows(
        db,
        "SELECT relowner::regrole::text, 'autovacuum_vacuum_threshold=77' = ANY (reloptions)"
        " FROM pg_class WHERE oid = 'public.api_usage_1999_12'::regclass",
    )
    assert found == [(OWNER, True)]


def test_ids_of_all_partitions_come_from_one_sequence(db: Connection) -> None:
    organization, _, _ = tenant(db)
    db.execute(
        "INSERT INTO public.api_usage (organization_id, request_timestamp)"
        " SELECT %s, now() + n * interval '1 month' FROM generate_series(0, 2) AS n",
        (organization,),
    )
    assert value(db, "SELECT array_agg(id ORDER BY request_timestamp) FROM public.api_usage") == [1, 2, 3]


def test_a_detached_month_attaches_to_the_archive_as_it_is(db: Connection) -> None:
    one = asset(db, tenant(db))
    measure(db, one, "0 days", 10)
    month = value(db, "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')")
    first = value(db, "SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date")
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    names = sql.Identifier("public", f"content_analytics_{month}")
    db.execute(sql.SQL("ALTER TABLE public.content_analytics DETACH PARTITION {}").format(names))
    db.execute(
        sql.SQL("ALTER TABLE public.content_analytics_archive ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            names, sql.Literal(str(first)), sql.Literal(str(after))
        )
    )
    assert rows(db, "SELECT generated_asset_id, impressions FROM public.content_analytics_archive") == [(one, 10)]
    assert value(db, "SELECT count(*) FROM public.content_analytics") == 0


def fill(db: Connection) -> Any:
    """Many requests of one organisation among those of other organisations; its id."""
    first = tenant(db, "First")
    for of in (first, tenant(db, "Second")):
        db.execute(
            "INSERT INTO public.content_requests"
            " (organization_id, requested_by, brand_profile_id, title, status, priority)"
            " SELECT %s, %s, %s, 'Request ' || n || CASE WHEN n %% 500 = 0 THEN ' about zebras' ELSE '' END,"
            " (ARRAY['completed', 'completed', 'completed', 'review', 'pending'])[1 + n %% 5], n %% 10"
            " FROM generate_series(1, 5000) AS n",
            of,
        )
    db.execute("ANALYZE public.content_requests")
    return first[0]


def test_the_dashboard_reads_in_order_without_a_sort(db: Connection) -> None:
    query: LiteralString = (
        "SELECT id, title FROM public.content_requests WHERE organization_id = %s"
        " AND status IN ('pending', 'processing', 'review') ORDER BY priority DESC, created_at DESC LIMIT 50"
    )
    shown = plan(db, query, fill(db))
    assert "content_requests_dashboard_idx" in shown
    assert "Sort" not in shown


def test_a_search_uses_the_index_with_its_organisation(db: Connection) -> None:
    organization = fill(db)
    query: LiteralString = (
        "SELECT id, title FROM public.content_requests, websearch_to_tsquery('english', 'zebra') AS q"
        " WHERE organization_id = %s AND search_vector @@ q ORDER BY ts_rank(search_vector, q) DESC"
    )
    shown = plan(db, query, organization)
    assert "Index Scan on content_requests_search_idx" in shown
    assert "organization_id" in shown.split("content_requests_search_idx")[1].split("Index Cond:")[1].splitlines()[0]
    assert len(rows(db, query, organization)) == 10


def test_a_search_is_indexed_without_btree_gin(pg: PostgresServer, database: str) -> None:
    with pg.connect(database) as superuser:
        superuser.execute(
            sql.SQL("REVOKE CREATE ON DATABASE {} FROM {}").format(sql.Identifier(database), sql.Identifier(OWNER))
        )
        superuser.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(sql.Identifier(OWNER)))
    install(pg, database)
    with pg.connect(database, OWNER) as db:
        assert rows(db, "SELECT FROM pg_extension WHERE extname = 'btree_gin'") == []
        organization = fill(db)
        shown = plan(
            db,
            "SELECT id FROM public.content_requests WHERE organization_id = %s"
            " AND search_vector @@ websearch_to_tsquery('english', 'zebra')",
            organization,
        )
    assert "content_requests_search_idx" in shown


def test_a_request_without_description_and_brief_is_found(db: Connection) -> None:
    organization, user, brand = tenant(db)
    wanted = request(db, (organization, user, brand), "Kayaks at dawn")
    found = rows(
        db, "SELECT id FROM public.content_requests WHERE search_vector @@ websearch_to_tsquery('english', 'kayak')"
    )
    assert found == [(wanted,)]


def test_long_texts_are_accepted(db: Connection) -> None:
    of = tenant(db)
    request(db, of, "x" * 6000 + " title")
    request(db, of, "Words", " ".join(f"word{n}" for n in range(300_000)))
    assert value(db, "SELECT count(*) FROM public.content_requests") == 2
    # Bytes at random: they cannot be compressed, and an index entry of them would be too large.
    long = value(db, "SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 300)")
    db.execute(
        "INSERT INTO public.brand_assets (brand_profile_id, name, file_url) VALUES (%s, %s, %s)", (of[2], long, long)
    )


def test_the_brand_and_the_user_of_a_request_belong_to_its_organization(db: Connection) -> None:
    ours, theirs = tenant(db), tenant(db, "Other")
    request(db, ours, "Ours")
    for mixed in ((ours[0], theirs[1], ours[2]), (ours[0], ours[1], theirs[2])):
        with pytest.raises(errors.ForeignKeyViolation):
            request(db, mixed, "Of two organizations")
    with pytest.raises(errors.ForeignKeyViolation):
        db.execute(
            "INSERT INTO public.content_templates (organization_id, brand_profile_id) VALUES (%s, %s)",
            (ours[0], theirs[2]),
        )
    with pytest.raises(errors.ForeignKeyViolation):
        db.execute("DELETE FROM public.brand_profiles WHERE id = %s", (ours[2],))


def test_counters_are_updated_hot(db: Connection) -> None:
    _, _, brand = tenant(db)
    db.execute(
        "INSERT INTO public.brand_assets (brand_profile_id, name)"
        " SELECT %s, 'Logo ' || n FROM generate_series(1, 1000) AS n",
        (brand,),
    )
    with db.transaction():
        db.execute(
            "UPDATE public.brand_assets SET usage_count = usage_count + 1, last_used_at = now() WHERE name LIKE '%5'"
        )
        counted = rows(
            db,
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables"
            " WHERE relid = 'public.brand_assets'::regclass",
        )
    assert counted == [(100, 100)]


def test_viral_rows_fit(db: Connection) -> None:
    one = asset(db, tenant(db))
    measure(db, one, "0 days", 8_000_000_000, 2_147_483_647)
    measure(db, one, "1 day", 1, 9_000_000_000_000_000_000)
    db.execute("REFRESH MATERIALIZED VIEW public.mv_monthly_brand_performance")
    assert rows(db, "SELECT total_impressions, total_engagement FROM public.mv_monthly_brand_performance") == [
        (8_000_000_001, 9_000_000_002_147_483_651)
    ]


def test_the_brand_view_is_right_in_any_time_zone(db: Connection) -> None:
    of = tenant(db)
    low, high = asset(db, of, 60), asset(db, of, 100)
    db.execute("SELECT public.ensure_partitions('public.content_analytics', 0, (now() - interval '13 months')::date)")
    for day in ("0 days", "1 day", "2 days"):
        measure(db, low, day, 100, None)
    measure(db, high, "0 days", 50, 8)
    measure(db, high, "-11 months", 7, 0)
    measure(db, high, "-11 months -1 day", 1_000_000)
    seen = set()
    for zone in ("UTC", "Asia/Tokyo", "America/Los_Angeles"):
        db.execute("SELECT set_config('timezone', %s, false)", (zone,))
        db.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY public.mv_monthly_brand_performance")
        seen.add(
            tuple(
                rows(
                    db,
                    "SELECT organization_id, id, name, month, total_assets, total_impressions, total_engagement,"
                    " avg_compliance_score FROM public.mv_monthly_brand_performance ORDER BY month DESC",
                )
            )
        )
    (only,) = seen
    first = value(db, "SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date")
    oldest = value(db, "SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') - interval '11 months')::date")
    assert only == ((of[0], of[2], "Acme", first, 2, 350, 16, 80), (of[0], of[2], "Acme", oldest, 1, 7, 2, 100))


def test_the_first_fill_of_the_view_is_recorded(db: Connection) -> None:
    assert rows(
        db,
        "SELECT schema_name, view_name, row_count, is_concurrent, error, finished_at >= started_at, refreshed_by"
        " FROM public.console_refreshes",
    ) == [("public", "mv_monthly_brand_performance", 0, False, None, True, OWNER)]


def test_a_monitoring_role_sees_the_ledger_and_the_refreshes_and_no_content(
    pg: PostgresServer, db: Connection, copy: str
) -> None:
    with pg.connect(copy, MONITOR) as monitor:
        assert value(monitor, "SELECT count(*) FROM public.schema_migrations") > 0
        assert value(monitor, "SELECT count(*) FROM public.console_refreshes") == 1
        with pytest.raises(errors.InsufficientPrivilege):
            monitor.execute("SELECT FROM public.content_requests")


def test_what_the_console_keeps_is_not_given_to_the_application_with_all_other_tables(
    pg: PostgresServer, database: str
) -> None:
    with pg.connect(database) as session:
        session.execute(
            sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {}").format(
                sql.Identifier(OWNER), sql.Identifier(APPLICATION)
            )
        )
    install(pg, database)
    with pg.connect(database, APPLICATION) as session:
        session.execute("DELETE FROM public.feature_flags")
        for table in ("schema_migrations", "console_refreshes", "console_audit", "capacity_samples"):
            session.execute(sql.SQL("SELECT FROM public.{}").format(sql.Identifier(table)))
            with pytest.raises(errors.InsufficientPrivilege):
                session.execute(sql.SQL("DELETE FROM public.{}").format(sql.Identifier(table)))


def test_a_job_is_queued_once_and_claimed_once(pg: PostgresServer, db: Connection, copy: str) -> None:
    for _ in range(2):
        db.execute(
            "INSERT INTO public.background_jobs (job_type, job_name, scheduled_for)"
            " VALUES ('vacuum', 'nightly', '2020-01-01Z')"
            " ON CONFLICT (job_type, job_name, scheduled_for) DO NOTHING"
        )
    claim: LiteralString = (
        "UPDATE public.background_jobs SET status = 'running', attempts = attempts + 1,"
        " locked_by = 'w', locked_at = now(), heartbeat_at = now() WHERE id = ("
        "SELECT id FROM public.background_jobs WHERE status = 'pending'"
        " AND scheduled_for <= now() ORDER BY priority, scheduled_for, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id"
    )
    with pg.connect(copy, OWNER) as other, db.transaction():
        assert [len(rows(db, claim)), len(rows(other, claim))] == [1, 0]
    with pytest.raises(errors.CheckViolation):
        db.execute("UPDATE public.background_jobs SET locked_by = NULL")


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ('SELECT id FROM public.brand_profiles WHERE settings @> \'{"tone": "calm"}\'', "brand_profiles_settings_idx"),
        ("SELECT id FROM public.generated_assets WHERE metadata @> '{\"seed\": 7}'", "generated_assets_metadata_idx"),
        (
            "SELECT id FROM public.generated_assets WHERE \"left\"(metadata ->> 'model', 64) = 'm1'",
            "generated_assets_model_idx",
        ),
        (
            "SELECT id FROM public.content_templates WHERE layout_config -> 'elements' @> '[{\"type\": \"logo\"}]'",
            "content_templates_elements_idx",
        ),
        (
            "SELECT FROM public.brand_assets WHERE brand_profile_id = md5('')::uuid AND asset_type = '' AND is_active",
            "brand_assets_library_idx",
        ),
    ],
)
def test_each_index_of_the_pack_serves_its_question(db: Connection, query: LiteralString, index: str) -> None:
    db.execute("SET enable_seqscan = off")
    assert index in plan(db, query)


def test_cost_of_a_day_and_of_a_period_come_from_the_index(db: Connection) -> None:
    db.execute("SET enable_seqscan = off")
    by_day = plan(
        db,
        "SELECT sum(cost_per_request) FROM public.api_usage WHERE organization_id = %s"
        " AND (request_timestamp AT TIME ZONE 'UTC')::date = '2026-01-05'",
        NOBODY,
    )
    period = plan(
        db,
        "SELECT sum(cost_per_request) FROM public.api_usage WHERE organization_id = %s"
        " AND request_timestamp >= now() - interval '1 day' AND request_timestamp < now()",
        NOBODY,
    )
    assert all("::date = '2026-01-05'" in line for line in by_day.splitlines() if "Index Cond" in line)
    assert "Index Cond" in by_day
    assert "Index Only Scan" in period
