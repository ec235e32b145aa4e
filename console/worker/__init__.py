"""The worker: claims due jobs of background_jobs, runs their actions through a Workspace, records the outcomes."""
