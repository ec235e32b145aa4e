"""Adds what an existing database lacks of the pipeline schema."""
