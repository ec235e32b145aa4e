"""The admin consoles of PgBouncer."""
