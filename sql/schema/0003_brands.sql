-- Brands of an organisation: profiles, rules, assets, templates, accounts, campaigns.

CREATE TABLE public.brand_profiles (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES public.organizations,
    name            text NOT NULL CHECK (name <> ''),
    settings        jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),
    voice           text,
    is_active       boolean NOT NULL DEFAULT true,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX brand_profiles_organization_idx ON public.brand_profiles (organization_id, name);
COMMENT ON TABLE public.brand_profiles IS 'Brands. The unit that content is made for, cached and reported by.';
COMMENT ON COLUMN public.brand_profiles.settings IS
    'Palette, fonts, tone and the like. Ask with @> (containment): that is what its GIN index serves.';

CREATE TABLE public.brand_guidelines (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    brand_profile_id uuid NOT NULL REFERENCES public.brand_profiles,
    title            text NOT NULL,
    rule             text NOT NULL,
    category         text NOT NULL DEFAULT 'tone' CHECK (category IN ('tone', 'logo', 'colour', 'legal', 'imagery')),
    severity         text NOT NULL DEFAULT 'should' CHECK (severity IN ('may', 'should', 'must')),
    valid_from       date NOT NULL DEFAULT CURRENT_DATE,
    valid_until      date,
    created_at       timestamptz NOT NULL DEFAULT now(),
    CHECK (valid_until > valid_from)
);
CREATE INDEX brand_guidelines_brand_idx ON public.brand_guidelines (brand_profile_id, category);
COMMENT ON TABLE public.brand_guidelines IS 'Rules that generated content is checked against.';

-- Counter updates need room on their own page, and no index may hold the counter; then they are HOT.
CREATE TABLE public.brand_assets (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    brand_profile_id uuid NOT NULL REFERENCES public.brand_profiles,
    asset_type       text NOT NULL DEFAULT 'image',
    name             text NOT NULL,
    file_url         text NOT NULL DEFAULT '',
    is_active        boolean NOT NULL DEFAULT true,
    usage_count      bigint NOT NULL DEFAULT 0 CHECK (usage_count >= 0),
    byte_size        bigint CHECK (byte_size >= 0),
    created_at       timestamptz NOT NULL DEFAULT now(),
    last_used_at     timestamptz
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX brand_assets_brand_idx ON public.brand_assets (brand_profile_id);
COMMENT ON TABLE public.brand_assets IS 'Logos, pictures, fonts and clips that content is made from.';
COMMENT ON COLUMN public.brand_assets.usage_count IS
    'A counter: in no index, so that its updates stay HOT (in an index: 0 % HOT and 2.3 times the WAL).';

CREATE TABLE public.content_templates (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id  uuid REFERENCES public.organizations,
    brand_profile_id uuid REFERENCES public.brand_profiles,
    name             text NOT NULL DEFAULT 'Untitled template',
    content_type     text NOT NULL DEFAULT 'post',
    layout_config    jsonb NOT NULL DEFAULT '{"elements": []}' CHECK (jsonb_typeof(layout_config) = 'object'),
    is_active        boolean NOT NULL DEFAULT true,
    created_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX content_templates_organization_idx ON public.content_templates (organization_id);
CREATE INDEX content_templates_brand_idx ON public.content_templates (brand_profile_id);
COMMENT ON TABLE public.content_templates IS 'Layouts. Without organisation: offered to everyone; without brand: to the whole organisation.';
COMMENT ON COLUMN public.content_templates.layout_config IS
    'Canvas and "elements". Only layout_config -> ''elements'' @> … is served by the index.';

CREATE TABLE public.social_accounts (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    brand_profile_id uuid NOT NULL REFERENCES public.brand_profiles,
    platform         text NOT NULL,
    handle           text NOT NULL,
    status           text NOT NULL DEFAULT 'connected' CHECK (status IN ('connected', 'expired', 'revoked')),
    token_ref        text,
    token_expires_at timestamptz,
    followers        bigint NOT NULL DEFAULT 0 CHECK (followers >= 0),
    connected_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (brand_profile_id, platform, handle)
);
COMMENT ON TABLE public.social_accounts IS 'Accounts on the platforms where a brand publishes.';
COMMENT ON COLUMN public.social_accounts.token_ref IS 'Name of the token in the secret store; the token itself is not here.';

CREATE TABLE public.campaigns (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    brand_profile_id uuid NOT NULL REFERENCES public.brand_profiles,
    name             text NOT NULL CHECK (name <> ''),
    objective        text,
    status           text NOT NULL DEFAULT 'planned' CHECK (status IN ('planned', 'running', 'paused', 'finished')),
    budget           numeric(12, 2) CHECK (budget >= 0),
    starts_on        date,
    ends_on          date,
    created_at       timestamptz NOT NULL DEFAULT now(),
    CHECK (ends_on >= starts_on)
);
CREATE INDEX campaigns_brand_idx ON public.campaigns (brand_profile_id, starts_on DESC);
COMMENT ON TABLE public.campaigns IS 'Requests that belong together: a launch, a season, a sale.';
