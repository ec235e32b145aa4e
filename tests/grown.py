"""A grown database: the pipeline's tables as somebody made them by hand, full of rows, without ledger or partitions."""

from __future__ import annotations

from typing import LiteralString

from console.demo.cluster import OWNER
from tests.acting import Desk
from tests.bundled import install

TIMED = {
    "content_analytics": "performance_date",
    "api_usage": "request_timestamp",
    "user_activity_logs": "created_at",
}
MISSING = ("webhooks", "feature_flags", "audit_events")  # nobody ever made these
MISFITS = ("brand_assets.usage_count", "request_comments.body")  # a type and a null that adopting leaves alone

# What the migrations made and a grown database never had. Keys and one index stay, under names of its own.
_UNMADE: tuple[LiteralString, ...] = (
    "DROP MATERIALIZED VIEW public.mv_monthly_brand_performance",
    (
        "DROP TABLE public.schema_migrations, public.console_refreshes, public.console_audit,"
        " public.content_analytics_archive, public.webhooks, public.feature_flags, public.audit_events"
    ),
    "DROP FUNCTION public.ensure_partitions(regclass, integer, date), public.ensure_partition(regclass, date)",
    "ALTER TABLE public.content_requests DROP COLUMN search_vector, DROP COLUMN due_at, DROP COLUMN content_type",
    "ALTER TABLE public.users DROP COLUMN full_name",
    "ALTER TABLE public.campaigns DROP COLUMN budget",
    "ALTER TABLE public.background_jobs DROP COLUMN locked_by, DROP COLUMN locked_at, DROP COLUMN heartbeat_at",
    "ALTER TABLE public.brand_profiles ALTER COLUMN updated_at DROP DEFAULT",
    "ALTER TABLE public.social_accounts DROP CONSTRAINT social_accounts_brand_profile_id_platform_handle_key",
    "ALTER TABLE public.asset_versions DROP CONSTRAINT asset_versions_pkey",
    "ALTER TABLE public.scheduled_posts DROP CONSTRAINT scheduled_posts_generated_asset_id_fkey",
    "ALTER TABLE public.subscriptions DROP CONSTRAINT subscriptions_seats_check",
    "ALTER TABLE public.brand_assets ALTER COLUMN asset_type DROP NOT NULL",
    "ALTER TABLE public.users RESET (fillfactor)",
    "ALTER TABLE public.organizations RENAME CONSTRAINT organizations_pkey TO pk_org",
    "ALTER TABLE public.generation_jobs RENAME CONSTRAINT generation_jobs_content_request_id_fkey TO fk_job_request",
    "ALTER INDEX public.generation_jobs_request_idx RENAME TO ix_jobs_by_request",
    """DO $do$
    DECLARE lost regclass;
    BEGIN
        FOR lost IN
            SELECT i.indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
               AND i.indexrelid <> 'public.ix_jobs_by_request'::regclass
               AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u'))
        LOOP
            EXECUTE 'DROP INDEX ' || lost;
        END LOOP;
    END $do$""",
)
_SMALLER: tuple[LiteralString, ...] = (
    "ALTER TABLE public.brand_assets ALTER COLUMN usage_count TYPE integer",
    "ALTER TABLE public.request_comments ALTER COLUMN body DROP NOT NULL",
)
_FOREIGN: tuple[LiteralString, ...] = (
    "ALTER TABLE public.content_analytics ADD FOREIGN KEY (generated_asset_id) REFERENCES public.generated_assets",
    "ALTER TABLE public.api_usage ADD FOREIGN KEY (organization_id) REFERENCES public.organizations",
)
_LESS: tuple[LiteralString, ...] = (  # of tables that stay partitioned
    "DROP INDEX public.api_usage_provider_idx",
    "ALTER TABLE public.user_activity_logs DROP CONSTRAINT user_activity_logs_user_id_fkey",
)
_CONTENT: tuple[LiteralString, ...] = (
    (
        "INSERT INTO public.organizations (id, name)"
        " SELECT md5('o' || g)::uuid, 'tenant ' || g FROM generate_series(1, 20) g"
    ),
    (
        "INSERT INTO public.users (id, organization_id, username)"
        " SELECT md5('u' || g)::uuid, md5('o' || 1 + g % 20)::uuid, 'user ' || g FROM generate_series(1, 100) g"
    ),
    (
        "INSERT INTO public.brand_profiles (id, organization_id, name, updated_at)"
        " SELECT md5('b' || g)::uuid, md5('o' || 1 + g % 20)::uuid, 'brand ' || g, now() FROM generate_series(1, 40) g"
    ),
    (
        "INSERT INTO public.api_providers (id, name) SELECT md5('p' || g)::uuid, 'provider ' || g"
        " FROM generate_series(1, 3) g"
    ),
    (
        "INSERT INTO public.brand_assets (brand_profile_id, name) SELECT md5('b' || 1 + g % 40)::uuid, 'asset ' || g"
        " FROM generate_series(1, 200) g"
    ),
)
_REQUESTS: tuple[LiteralString, ...] = (
    (
        "INSERT INTO public.content_requests (id, organization_id, brand_profile_id, requested_by, title, description,"
        " content_brief, status, priority, created_at)"
        " SELECT md5('r' || g)::uuid, md5('o' || 1 + (1 + g) %% 20)::uuid, md5('b' || 1 + g %% 40)::uuid,"
        " md5('u' || 1 + g %% 100)::uuid, 'Request number ' || g, CASE WHEN g %% 3 <> 0 THEN 'described ' || g END,"
        " CASE WHEN g %% 4 <> 0 THEN 'brief of a picnic ' || g END,"
        " (ARRAY['pending', 'processing', 'review', 'completed', 'approved'])[1 + g %% 5], g %% 10,"
        " now() - g * interval '1 minute' FROM generate_series(1, %(requests)s) g"
    ),
    (
        "INSERT INTO public.generated_assets (id, content_request_id, brand_profile_id, metadata, compliance_score)"
        " SELECT md5('a' || g)::uuid, md5('r' || g)::uuid, md5('b' || 1 + g %% 40)::uuid,"
        " jsonb_build_object('model', 'm' || g %% 5), g %% 100 FROM generate_series(1, %(requests)s) g"
    ),
    (
        "INSERT INTO public.request_comments (content_request_id, author_id, body) SELECT md5('r' || g)::uuid,"
        " md5('u' || 1 + g %% 100)::uuid, 'comment' FROM generate_series(1, %(requests)s, 3) g"
    ),
)
# `rows` over the last `months` months, up to now.
_TIMED: tuple[LiteralString, ...] = (
    (
        "INSERT INTO public.content_analytics (generated_asset_id, performance_date, platform, impressions, likes)"
        " SELECT md5('a' || 1 + g %% %(requests)s)::uuid,"
        " (now() AT TIME ZONE 'UTC' - %(months)s * interval '1 month' * g / %(rows)s)::date, 'web', g %% 1000, g %% 50"
        " FROM generate_series(1, %(rows)s) g"
    ),
    (
        "INSERT INTO public.api_usage (organization_id, user_id, provider_id, request_timestamp, cost_per_request)"
        " SELECT md5('o' || 1 + g %% 20)::uuid, md5('u' || 1 + g %% 100)::uuid, md5('p' || 1 + g %% 3)::uuid,"
        " now() - %(months)s * interval '1 month' * g / %(rows)s, 0.01 FROM generate_series(1, %(rows)s) g"
    ),
    (
        "INSERT INTO public.user_activity_logs (organization_id, user_id, created_at, action)"
        " SELECT md5('o' || 1 + g %% 20)::uuid, md5('u' || 1 + g %% 100)::uuid,"
        " now() - %(months)s * interval '1 month' * g / %(rows)s, 'view' FROM generate_series(1, %(rows)s) g"
    ),
)


def make(
    desk: Desk,
    rows: int = 3000,
    months: int = 6,
    requests: int = 1000,
    misfits: bool = True,
    timed: bool = True,
    counters: str = "bigint",
) -> None:
    """Fill the empty database of `desk`, as its owner; `rows` in each of the three tables that grow with time.

    All tables of the pipeline but MISSING and the console's own are there, as ordinary tables with primary key (id).
    With `misfits` it also has what cannot be adopted. Without `timed` the three tables keep the bundled partitions
    (the rows are then of the last minutes), so that nothing waits for partition-table. `counters` is the type of the
    counters of content_analytics.
    """
    install(desk.cluster, desk.database)
    values = {"rows": rows, "months": months if timed else 0, "requests": max(1, requests)}
    with desk.session(OWNER) as session:
        session.execute(_UNMADE[0])
        if timed:
            for table in TIMED:
                session.execute(_plain(table).encode())
        for statement in _FOREIGN if timed else _LESS:
            session.execute(statement)
        for statement in (*_UNMADE[1:], *_CONTENT):
            session.execute(statement)
        for statement in (*_REQUESTS, *(_TIMED if rows else ())):
            session.execute(statement, values)
        if misfits:
            for statement in _SMALLER:
                session.execute(statement)
            session.execute("UPDATE public.request_comments SET body = NULL WHERE id = 1")
        if counters != "bigint":
            session.execute(f"ALTER TABLE public.content_analytics {_types(counters)}".encode())
        session.execute("ANALYZE")


def _types(counters: str) -> str:
    names = ("impressions", "likes", "shares", "comments", "clicks")
    return ", ".join(f"ALTER COLUMN {name} TYPE {counters}" for name in names)


def _plain(table: str) -> str:
    """SQL that replaces a partitioned table by an ordinary one with primary key (id)."""
    return (
        f"CREATE TABLE public.grown (LIKE public.{table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING IDENTITY);"
        f"DROP TABLE public.{table};"
        f"ALTER TABLE public.grown RENAME TO {table};"
        f"ALTER TABLE public.{table} ADD CONSTRAINT {table}_pkey PRIMARY KEY (id)"
    )
