"""Jobs of background_jobs without a server: kinds and their parameters, occurrences, back-off. Pure."""
