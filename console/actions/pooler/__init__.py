"""The configuration of PgBouncer."""
