"""Terminal DBA console for PostgreSQL and PgBouncer."""
