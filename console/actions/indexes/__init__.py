"""Indexes: built, dropped, repaired."""
