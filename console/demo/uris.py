"""Where a demo can be reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoUris:
    """Where the demo listens; libpq URIs that name a password file, never a password."""

    postgres: str  # the owner's, with pg_monitor and pg_signal_backend
    pgbouncer: str | None  # the application's, through the pooler
    pgbouncer_admin: str | None
    pooler_hint: str = ""  # one line: why there is no pooler and how to get it; empty when there is one
