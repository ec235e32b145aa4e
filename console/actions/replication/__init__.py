"""Replication: slots."""
