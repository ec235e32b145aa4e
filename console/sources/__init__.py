"""Whatever can be asked: PostgreSQL, the PgBouncers, the console itself."""
