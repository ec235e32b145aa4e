-- Texts in unique keys have a known length, because an entry of a B-tree has at most 2,704 bytes.
-- locks: ACCESS EXCLUSIVE for a moment on each table that gets a rule; 0021 validates them
--
-- A longer text was refused by the index (54000); now a rule with a name refuses it. Lengths are in bytes.

ALTER TABLE public.users ADD CONSTRAINT users_username_length CHECK (octet_length(username) <= 500) NOT VALID;
ALTER TABLE public.feature_flags ADD CONSTRAINT feature_flags_name_length CHECK (octet_length(name) <= 200) NOT VALID;
ALTER TABLE public.social_accounts
    ADD CONSTRAINT social_accounts_platform_length CHECK (octet_length(platform) <= 200) NOT VALID,
    ADD CONSTRAINT social_accounts_handle_length CHECK (octet_length(handle) <= 500) NOT VALID;
ALTER TABLE public.api_providers ADD CONSTRAINT api_providers_name_length CHECK (octet_length(name) <= 500) NOT VALID;
ALTER TABLE public.background_jobs
    ADD CONSTRAINT background_jobs_job_type_length CHECK (octet_length(job_type) <= 200) NOT VALID,
    ADD CONSTRAINT background_jobs_job_name_length CHECK (octet_length(job_name) <= 500) NOT VALID;
