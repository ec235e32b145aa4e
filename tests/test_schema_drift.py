"""The drift of a pipeline schema: what is seen, what is no drift, on every version of the server."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import NoReturn

import pytest

from console import sql
from console.demo.cluster import OWNER
from console.drift.forms import fit, plain
from console.drift.reading import NO_SCHEMA, Drift, drift
from console.drift.schema_entries import expected, telling_tables
from console.drift.sides import Remedy
from console.panes.schema import DRIFT
from console.reading.reader import Reader
from console.running.trail.audit import Trail
from console.setup import situation
from console.sources.postgres import PostgresServer
from console.sql import migrations
from scripts.expected_schema import described
from tests import grown
from tests.acting import Desk
from tests.bundled import install
from tests.command import run
from tests.screens import console, until
from tests.servers import PostgresServer as Cluster

FILE = sql.content() / "sql" / "expected" / "schema.json"


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    return Desk(pg, database, Trail(tmp_path / "audit.jsonl"))


async def seen(desk: Desk, user: str = OWNER) -> Drift:
    server = PostgresServer(desk.cluster.uri(desk.database, user))
    try:
        return await drift(server)
    finally:
        await server.close()


def told(found: Drift) -> set[tuple[str, str, str]]:
    return {(one.name, one.problem, one.remedy.value) for one in found.differences}


async def test_what_the_migrations_make_is_what_is_expected(desk: Desk) -> None:
    install(desk.cluster, desk.database)
    assert await described(desk.uri) == FILE.read_text(encoding="utf-8")
    found = await seen(desk)
    assert found.present
    assert found.differences == ()
    assert found.sentence == ""


# Each differs in its own way; all of them are done to one database.
HARM = {
    "DROP INDEX public.campaigns_brand_idx": ("campaigns_brand_idx", "missing index", "adopt-schema"),
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.brand_guidelines_brand_idx'::regclass": (
        "brand_guidelines_brand_idx",
        "invalid index",
        "adopt-schema",
    ),
    "DROP INDEX public.api_usage_user_idx": ("api_usage_user_idx", "missing index", "adopt-schema"),
    "DROP INDEX public.background_jobs_once_idx; "
    "CREATE INDEX background_jobs_once_idx ON public.background_jobs (job_type, job_name, scheduled_for)": (
        "background_jobs_once_idx",
        "missing index",
        "adopt-schema",
    ),
    "ALTER TABLE public.users DROP COLUMN full_name": ("users.full_name", "missing column", "adopt-schema"),
    "ALTER TABLE public.users DROP COLUMN email, ADD COLUMN email bytea": ("users.email", "unfit type", "none"),
    "ALTER TABLE public.webhooks ALTER failure_count TYPE smallint": (
        "webhooks.failure_count",
        "narrower type",
        "none",
    ),
    "ALTER TABLE public.brand_profiles ALTER voice TYPE varchar(20)": (
        "brand_profiles.voice",
        "narrower type",
        "none",
    ),
    "ALTER TABLE public.brand_assets ALTER asset_type DROP NOT NULL": (
        "brand_assets.asset_type",
        "may be null",
        "adopt-schema",
    ),
    "ALTER TABLE public.campaigns ALTER objective SET NOT NULL": (
        "campaigns.objective",
        "must not be null",
        "none",
    ),
    "ALTER TABLE public.campaigns ALTER status DROP DEFAULT": ("campaigns.status", "missing default", "adopt-schema"),
    "ALTER TABLE public.subscriptions ALTER seats SET DEFAULT 7": (
        "subscriptions.seats",
        "another default",
        "none",
    ),
    "ALTER TABLE public.notifications ALTER id DROP IDENTITY": ("notifications.id", "no identity", "none"),
    "ALTER TABLE public.content_approvals DROP CONSTRAINT content_approvals_pkey; "
    "ALTER TABLE public.content_approvals ADD PRIMARY KEY (id, created_at)": (
        "content_approvals_pkey",
        "another key",
        "none",
    ),
    "ALTER TABLE public.compliance_checks DROP CONSTRAINT compliance_checks_pkey": (
        "compliance_checks_pkey",
        "missing key",
        "adopt-schema",
    ),
    "ALTER TABLE public.asset_versions DROP CONSTRAINT asset_versions_generated_asset_id_version_key": (
        "asset_versions_generated_asset_id_version_key",
        "missing unique",
        "adopt-schema",
    ),
    "ALTER TABLE public.user_activity_logs DROP CONSTRAINT user_activity_logs_user_id_fkey": (
        "user_activity_logs_user_id_fkey",
        "missing foreign key",
        "adopt-schema",
    ),
    "ALTER TABLE public.user_sessions DROP CONSTRAINT user_sessions_user_id_fkey, "
    "ADD CONSTRAINT mine FOREIGN KEY (user_id) REFERENCES public.users": (
        "user_sessions_user_id_fkey",
        "another action",
        "none",
    ),
    "ALTER TABLE public.generation_jobs DROP CONSTRAINT generation_jobs_attempt_check": (
        "generation_jobs_attempt_check",
        "missing check",
        "adopt-schema",
    ),
    "ALTER TABLE public.scheduled_posts DROP CONSTRAINT scheduled_posts_status_check, ADD CONSTRAINT mine CHECK "
    "(status IN ('scheduled', 'published', 'failed', 'cancelled')) NOT VALID": (
        "scheduled_posts_status_check",
        "not validated",
        "adopt-schema",
    ),
    "ALTER TABLE public.users RESET (fillfactor)": ("users", "missing settings", "adopt-schema"),
    "ALTER TABLE public.request_comments SET UNLOGGED": ("request_comments", "unlogged", "none"),
    "DROP TABLE public.feature_flags": ("feature_flags", "missing table", "adopt-schema"),
    "DROP FUNCTION public.ensure_partitions(regclass, integer, date)": (
        "ensure_partitions(regclass, integer, date)",
        "missing function",
        "adopt-schema",
    ),
    "ALTER FUNCTION public.ensure_partition(regclass, date) RESET lock_timeout": (
        "ensure_partition(regclass, date)",
        "another function",
        "none",
    ),
    "REFRESH MATERIALIZED VIEW public.mv_monthly_brand_performance WITH NO DATA": (
        "mv_monthly_brand_performance",
        "not populated",
        "adopt-schema",
    ),
    "REVOKE SELECT ON public.console_audit FROM pg_monitor": (
        "console_audit: pg_monitor",
        "missing grant",
        "adopt-schema",
    ),
    "ALTER TABLE public.content_requests ALTER search_vector DROP EXPRESSION": (
        "content_requests.search_vector",
        "not maintained",
        "adopt-schema",
    ),
    "DROP TABLE public.content_analytics_archive; CREATE TABLE public.content_analytics_archive "
    "(LIKE public.content_analytics INCLUDING DEFAULTS INCLUDING CONSTRAINTS); "
    "CREATE INDEX mine ON public.content_analytics_archive (generated_asset_id, performance_date DESC)": (
        "content_analytics_archive",
        "not partitioned",
        "partition-table",
    ),
}


async def test_each_difference_is_seen_for_what_it_is(desk: Desk) -> None:
    install(desk.cluster, desk.database)
    desk.do(*HARM)
    found = await seen(desk)
    assert told(found) == set(HARM.values())
    assert all(one.why for one in found.of(Remedy.NONE))
    assert found.sentence == f"The pipeline schema differs in {len(HARM)} places."


async def test_keys_of_another_type_are_named_and_nothing_is_to_be_built_on_them(desk: Desk) -> None:
    install(desk.cluster, desk.database)
    desk.do(
        "DROP TABLE public.scheduled_posts; CREATE TABLE public.scheduled_posts (id bigint PRIMARY KEY, "
        "generated_asset_id bigint, social_account_id uuid NOT NULL, status text NOT NULL DEFAULT 'scheduled', "
        "caption text, publish_at timestamptz NOT NULL, published_at timestamptz, external_id text, "
        "created_at timestamptz NOT NULL DEFAULT now())"
    )
    found = {(one.name, str(one.problem)): one for one in (await seen(desk)).differences}
    assert "keys are bigint" in found["scheduled_posts.id", "unfit type"].why
    key = found["scheduled_posts_generated_asset_id_fkey", "missing foreign key"]
    assert key.remedy is Remedy.NONE
    assert "scheduled_posts.generated_asset_id" in key.why
    assert found["scheduled_posts_asset_idx", "missing index"].remedy is Remedy.NONE
    other = found["scheduled_posts_social_account_id_fkey", "missing foreign key"]
    assert other.remedy is Remedy.ADOPT


async def test_what_is_called_or_made_otherwise_is_no_drift_and_neither_is_what_is_there_besides(desk: Desk) -> None:
    install(desk.cluster, desk.database)
    desk.do(
        "ALTER INDEX public.campaigns_brand_idx RENAME TO mine",
        "ALTER TABLE public.campaigns RENAME CONSTRAINT campaigns_brand_profile_id_fkey TO fk_mine",
        "ALTER TABLE public.asset_versions DROP CONSTRAINT asset_versions_generated_asset_id_version_key",
        "CREATE UNIQUE INDEX one_version ON public.asset_versions (generated_asset_id, version)",
        "ALTER TABLE public.webhooks ALTER failure_count TYPE bigint",
        "ALTER TABLE public.brand_profiles ALTER voice TYPE varchar",
        "ALTER TABLE public.campaigns ALTER status TYPE varchar",
        "ALTER TABLE public.users SET (fillfactor = 70)",
        "ALTER TABLE public.users ADD COLUMN nickname text",
        "ALTER TABLE public.organizations ALTER id SET DEFAULT md5(random()::text)::uuid",
        "CREATE SEQUENCE public.numbers; ALTER TABLE public.notifications ALTER id DROP IDENTITY; "
        "ALTER TABLE public.notifications ALTER id SET DEFAULT nextval('public.numbers')",
        "CREATE TABLE public.besides (id int); CREATE INDEX ON public.users (created_at)",
        "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP INDEX public.content_requests_search_idx",
        "CREATE INDEX words ON public.content_requests USING gin (search_vector) WITH (fastupdate = off)",
        "CREATE TABLE public.old PARTITION OF public.api_usage FOR VALUES FROM ('2020-01-01') TO ('2020-06-13')",
    )
    assert told(await seen(desk)) == set()


async def test_a_grown_database_differs_in_what_it_lacks_and_what_does_not_fit(desk: Desk) -> None:
    grown.make(desk, rows=30, requests=10)
    found = await seen(desk)
    assert {one.name for one in found.of(Remedy.PARTITION)} == set(grown.TIMED)
    assert {one.name for one in found.of(Remedy.NONE)} == {"brand_assets.usage_count"}
    missing = {one.name for one in found.differences if one.problem == "missing table"}
    assert set(grown.MISSING) <= missing
    assert ("content_requests.search_vector", "missing column", "adopt-schema") in told(found)
    assert not any("generation_jobs_request_idx" in name for name, _, _ in told(found)), "it is there by another name"


async def test_a_database_without_a_pipeline_is_no_drift(desk: Desk) -> None:
    desk.do("CREATE TABLE public.users (id int)", "CREATE TABLE public.notifications (id int)")
    server = PostgresServer(desk.uri)
    snapshot = await Reader(DRIFT).read(server)
    await server.close()
    assert snapshot.rows == ()
    assert snapshot.notes == (NO_SCHEMA,)
    assert not (await seen(desk)).present


async def test_a_view_in_the_place_of_a_table_is_named_and_never_read(desk: Desk) -> None:
    install(desk.cluster, desk.database)
    desk.do(
        "DROP TABLE public.webhooks",
        "CREATE FUNCTION public.boom() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE 'read'; END $$",
        "CREATE VIEW public.webhooks AS SELECT public.boom() AS id",
    )
    assert told(await seen(desk, "postgres")) == {("webhooks", "another kind", "none")}


def test_the_query_knows_which_tables_tell_a_pipeline() -> None:
    text = sql.load("drift_catalog").text
    relations = {one.relation for one in expected() if one.kind == "relation"}
    listed, _, rest = text.partition("), relation AS")
    assert {name for name in relations if f"('{name}'" in listed} == relations
    common = rest.partition("here AS")[2].partition("LIMIT 1")[0]
    assert {name for name in relations if f"'{name}'" not in common} == {
        *telling_tables(),
        "mv_monthly_brand_performance",
    }


async def test_whether_there_is_a_pipeline_is_found_without_reading_the_migrations(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = re.compile(r"^CREATE TABLE (?:IF NOT EXISTS )?(public\.\w+)", re.MULTILINE)
    files = [file.text for file in migrations.migrations((99,))]
    assert situation._tables() == {name for text in files for name in created.findall(text)} - {situation._LEDGER}

    def refuse(*of: object) -> NoReturn:
        raise AssertionError(of)

    monkeypatch.setattr(migrations, "_load", refuse)
    server = PostgresServer(desk.cluster.uri(desk.database))
    try:
        assert await situation.is_missing(server)
    finally:
        await server.close()


@pytest.mark.parametrize(
    ("wanted", "there", "fits", "related"),
    [
        ("bigint", "integer", False, True),
        ("smallint", "bigint", True, True),
        ("uuid", "bigint", False, False),
        ("text", "character varying", True, True),
        ("text", "character varying(200)", False, True),
        ("character(3)", "character varying(3)", True, True),
        ("text", "character(3)", False, True),
        ("numeric(12,6)", "numeric", True, True),
        ("numeric(12,6)", "numeric(14,6)", True, True),
        ("numeric(12,6)", "numeric(12,2)", False, True),
        ("numeric(12,2)", "double precision", False, True),
        ("timestamp with time zone", "timestamp without time zone", False, False),
        ("jsonb", "json", False, False),
    ],
)
def test_types_fit_when_they_hold_as_much(wanted: str, there: str, fits: bool, related: bool) -> None:
    found = fit(wanted, there)
    assert (found.fits, found.related) == (fits, related)
    assert found.fits or found.why


def test_an_expression_is_the_same_however_its_texts_are_cast() -> None:
    one = "CHECK ((status = ANY (ARRAY['a'::text, 'b'::text])))"
    other = "CHECK (((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))"
    assert plain(one) == plain(other)
    assert plain(one) != plain(one.replace("'b'", "'c'"))


@pytest.mark.pg(">= 18")
async def test_the_console_says_at_its_start_that_the_schema_drifts(desk: Desk, tmp_path: Path) -> None:
    install(desk.cluster, desk.database)
    desk.do("DROP INDEX public.campaigns_brand_idx")
    async with console(desk.uri) as (app, pilot):
        await until(pilot, lambda: any("differs in 1 place." in one.message for one in app._notifications))
    shown = run(tmp_path, "show", "schema", "--view", "drift", "-t", desk.uri)
    assert shown.code == 0
    lines: Collection[str] = shown.out.splitlines()
    assert any("campaigns_brand_idx" in line and "adopt-schema" in line for line in lines)
