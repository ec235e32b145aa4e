"""The admin consoles of PgBouncer."""

from console.sources.driver import psycopg  # noqa: F401  before anything else imports it
