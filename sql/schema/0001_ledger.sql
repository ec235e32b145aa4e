-- The ledger of applied migrations.
--
-- How the tables are counted. The pipeline has 27 core tables:
--   organisations and access (8): organizations, users, user_sessions, subscriptions, feature_flags, webhooks,
--                                 notifications, audit_events
--   brands (6):                   brand_profiles, brand_guidelines, brand_assets, content_templates, social_accounts,
--                                 campaigns
--   content (8):                  content_requests, content_approvals, request_comments, generation_jobs,
--                                 generated_assets, asset_versions, compliance_checks, scheduled_posts
--   measured over time (4):       api_providers, api_usage, user_activity_logs, content_analytics
--   work in the background (1):   background_jobs
-- and content_analytics_archive, which holds rows of content_analytics past their retention. Three more tables are
-- the console's own: schema_migrations, console_refreshes and console_audit. Together 31 tables in schema public,
-- partitions not counted, and one materialized view, mv_monthly_brand_performance.
--
-- Every name below is schema-qualified, so these files do not depend on search_path.

CREATE TABLE public.schema_migrations (
    version        integer PRIMARY KEY CHECK (version > 0),
    name           text NOT NULL,
    checksum       text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),
    applied_by     text NOT NULL DEFAULT current_user,
    applied_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    server_version text NOT NULL DEFAULT current_setting('server_version'),
    seconds        double precision NOT NULL CHECK (seconds >= 0)
);

COMMENT ON TABLE public.schema_migrations IS
    'Ledger of the migrations applied to this database, one row a file, written in the same transaction as its changes.';
COMMENT ON COLUMN public.schema_migrations.version IS 'Leading number of the file name.';
COMMENT ON COLUMN public.schema_migrations.checksum IS
    'SHA-256 of the file as it was applied; a file edited afterwards is refused by name.';
COMMENT ON COLUMN public.schema_migrations.seconds IS 'How long the file took on the server.';

-- Who may watch the server may also see what is installed.
GRANT SELECT ON public.schema_migrations TO pg_monitor;
