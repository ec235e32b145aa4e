"""Drift: how the pipeline schema of a database differs from what the migrations create."""
