"""The demo: PostgreSQL, PgBouncer, sample data and a live workload, gone without a trace when it ends.

    run(scale=1.0, keep=None, headless=False, open_console=None) -> int

prepares everything, then either prints one line of JSON and serves until SIGINT, SIGTERM or SIGHUP (`headless`), or
calls `open_console(uris)` and returns its exit code. It raises `Trouble` when it cannot; everything is undone by then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DemoUris:
    """Where the demo listens; libpq URIs that name a password file, never a password."""

    postgres: str  # the owner's, with pg_monitor and pg_signal_backend
    pgbouncer: str | None  # the application's, through the pooler
    pgbouncer_admin: str | None
    pooler_hint: str = ""  # one line: why there is no pooler and how to get it; empty when there is one


def run(
    scale: float = 1.0,
    keep: Path | None = None,
    headless: bool = False,
    open_console: Callable[[DemoUris], int] | None = None,
) -> int:
    """Run the demo to its end; returns the exit code. Raises Trouble."""
    from console.demo.stage import perform  # noqa: PLC0415  the CLI reads this signature without loading the machinery

    return perform(scale, keep, headless, open_console)
