"""The demo: PostgreSQL, PgBouncer, sample data and a live workload, removed without a trace when it ends.

    run(scale=1.0, keep=None, headless=False, open_console=None) -> int

prepares everything, then either prints one line of JSON and runs until SIGINT, SIGTERM or SIGHUP (`headless`), or calls
`open_console(uris)` and returns its exit code. On failure everything is removed and `Trouble` is raised.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from console.demo.uris import DemoUris


def run(
    scale: float = 1.0,
    keep: Path | None = None,
    headless: bool = False,
    open_console: Callable[[DemoUris], int] | None = None,
) -> int:
    """Run the demo to its end; returns the exit code. Raises Trouble."""
    from console.demo.stage import perform  # noqa: PLC0415  the CLI reads this signature without loading the machinery

    return perform(scale, keep, headless, open_console)
