-- Organisations, their users and what surrounds an account.

CREATE TABLE public.organizations (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text NOT NULL CHECK (name <> ''),
    plan       text NOT NULL DEFAULT 'starter' CHECK (plan IN ('starter', 'team', 'business', 'enterprise')),
    region     text NOT NULL DEFAULT 'eu',
    is_active  boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.organizations IS
    'Tenants. Nearly every row of the pipeline belongs to exactly one; sizes follow a power law.';

CREATE TABLE public.users (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES public.organizations,
    username        text NOT NULL CHECK (username <> ''),
    email           text,
    full_name       text,
    role            text NOT NULL DEFAULT 'editor' CHECK (role IN ('viewer', 'editor', 'approver', 'admin', 'owner')),
    is_active       boolean NOT NULL DEFAULT true,
    last_login_at   timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organization_id, username)
) WITH (fillfactor = 90);
COMMENT ON TABLE public.users IS 'People of an organisation. A username is unique within its organisation, not across them.';
COMMENT ON COLUMN public.users.last_login_at IS 'Changes often, therefore in no index: its updates stay HOT.';

CREATE TABLE public.user_sessions (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id      uuid NOT NULL REFERENCES public.users ON DELETE CASCADE,
    token_hash   bytea NOT NULL UNIQUE,
    client_ip    inet,
    user_agent   text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    CHECK (expires_at > created_at)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX user_sessions_user_idx ON public.user_sessions (user_id, expires_at DESC);
COMMENT ON TABLE public.user_sessions IS 'Logins to the product; goes with its user. Short-lived rows with many updates.';
COMMENT ON COLUMN public.user_sessions.token_hash IS 'SHA-256 of the token; the token itself is never stored.';
COMMENT ON COLUMN public.user_sessions.last_seen_at IS 'Touched at every request, therefore in no index: its updates stay HOT.';

CREATE TABLE public.subscriptions (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id      uuid NOT NULL REFERENCES public.organizations,
    plan                 text NOT NULL CHECK (plan IN ('starter', 'team', 'business', 'enterprise')),
    status               text NOT NULL DEFAULT 'active' CHECK (status IN ('trial', 'active', 'past_due', 'cancelled')),
    seats                integer NOT NULL DEFAULT 5 CHECK (seats > 0),
    monthly_price        numeric(12, 2) NOT NULL DEFAULT 0 CHECK (monthly_price >= 0),
    currency             char(3) NOT NULL DEFAULT 'EUR' CHECK (currency ~ '^[A-Z]{3}$'),
    current_period_start timestamptz NOT NULL DEFAULT now(),
    current_period_end   timestamptz NOT NULL,
    created_at           timestamptz NOT NULL DEFAULT now(),
    CHECK (current_period_end > current_period_start)
);
CREATE INDEX subscriptions_organization_idx ON public.subscriptions (organization_id, current_period_end DESC);
CREATE UNIQUE INDEX subscriptions_one_current_idx ON public.subscriptions (organization_id)
    WHERE status IN ('trial', 'active', 'past_due');
COMMENT ON TABLE public.subscriptions IS 'Plans bought by an organisation, past and present; at most one is current.';

CREATE TABLE public.feature_flags (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid REFERENCES public.organizations,
    name            text NOT NULL CHECK (name ~ '^[a-z][a-z0-9_]*$'),
    is_enabled      boolean NOT NULL DEFAULT false,
    rollout_percent smallint NOT NULL DEFAULT 100 CHECK (rollout_percent BETWEEN 0 AND 100),
    description     text,
    updated_at      timestamptz NOT NULL DEFAULT now()
);
-- NULLS NOT DISTINCT exists from 15 on only, so the rule takes two indexes.
CREATE UNIQUE INDEX feature_flags_organization_idx ON public.feature_flags (organization_id, name);
CREATE UNIQUE INDEX feature_flags_default_idx ON public.feature_flags (name) WHERE organization_id IS NULL;
COMMENT ON TABLE public.feature_flags IS 'Switches of the product: a default for everyone and exceptions for an organisation.';
COMMENT ON COLUMN public.feature_flags.organization_id IS 'NULL: the default for every organisation without a row of its own.';

CREATE TABLE public.webhooks (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES public.organizations,
    url             text NOT NULL CHECK (url ~ '^https://'),
    events          text[] NOT NULL DEFAULT '{}',
    secret_ref      text,
    is_active       boolean NOT NULL DEFAULT true,
    failure_count   integer NOT NULL DEFAULT 0 CHECK (failure_count >= 0),
    last_called_at  timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 85);
CREATE INDEX webhooks_organization_idx ON public.webhooks (organization_id) INCLUDE (is_active);
COMMENT ON TABLE public.webhooks IS 'Addresses of customers that are called when something happened.';
COMMENT ON COLUMN public.webhooks.secret_ref IS 'Name of the signing secret in the secret store; the secret itself is not here.';

CREATE TABLE public.notifications (
    id         bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES public.users ON DELETE CASCADE,
    kind       text NOT NULL,
    body       text NOT NULL DEFAULT '',
    payload    jsonb NOT NULL DEFAULT '{}',
    read_at    timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.1);
CREATE INDEX notifications_user_idx ON public.notifications (user_id, created_at DESC);
CREATE INDEX notifications_unread_idx ON public.notifications (user_id) WHERE read_at IS NULL;
COMMENT ON TABLE public.notifications IS 'What a user is told in the product; goes with its user.';

CREATE TABLE public.audit_events (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES public.organizations,
    actor_id        uuid REFERENCES public.users,
    action          text NOT NULL,
    entity          text NOT NULL,
    entity_id       text,
    details         jsonb NOT NULL DEFAULT '{}',
    client_ip       inet,
    created_at      timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX audit_events_organization_idx ON public.audit_events (organization_id, created_at DESC);
CREATE INDEX audit_events_actor_idx ON public.audit_events (actor_id, created_at DESC);
COMMENT ON TABLE public.audit_events IS 'Who changed what in the product. Append-only: rows are neither updated nor deleted.';
COMMENT ON COLUMN public.audit_events.actor_id IS 'NULL: the system itself.';
