"""Where a demo can be reached."""

from __future__ import annotations

from console.records import dataclass


@dataclass(frozen=True, slots=True)
class DemoUris:
    """Where the demo listens: URIs without passwords, those of libpq with a password file."""

    postgres: str  # the owner's, with pg_monitor and pg_signal_backend
    pgbouncer: str | None  # the application's, through the pooler
    pgbouncer_admin: str | None
    redis: str | None = None  # caches brands
    log: str = ""  # the file that the server logs to
    pooler_hint: str = ""  # one line: why there is no pooler and how to get it; empty when there is one
