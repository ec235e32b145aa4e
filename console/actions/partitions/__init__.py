"""Partitions: created ahead of time, made of plain tables."""
