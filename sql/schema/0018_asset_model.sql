-- Assets by model, of which the index holds the first 64 characters: metadata is of unknown length.
-- transaction: no
-- locks: SHARE UPDATE EXCLUSIVE on public.generated_assets; reads and writes continue
CREATE INDEX CONCURRENTLY IF NOT EXISTS generated_assets_model_prefix_idx ON public.generated_assets (("left"(metadata ->> 'model', 64)));
