"""Actions on the jobs of background_jobs."""
