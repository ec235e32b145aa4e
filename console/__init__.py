"""Terminal DBA console for PostgreSQL and PgBouncer."""

VERSION = "0.1.0"
