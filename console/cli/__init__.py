"""The command line: one function a command, results on stdout, everything else on stderr.

Exit codes: 0 done, 1 could not be done (no connection, no privilege, no extension), 2 wrong usage, 130 interrupted;
`run` and `setup` also 3 refused, 4 stopped part-way.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing it from typing takes longer than printing the version
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = sys.argv[1:] if argv is None else argv
    if list(given) == ["--version"]:
        from console import VERSION  # noqa: PLC0415  nothing else is loaded for it

        sys.stdout.write(f"pipeline-console {VERSION}\n")
        return 0
    from console.cli.entry import run  # noqa: PLC0415

    return run(given)
