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
    """Run one command and return its exit code; without arguments the process is taken to be the program's own."""
    if argv is not None:
        return _run(argv)
    if None in (sys.stdin, sys.stdout, sys.stderr):
        from console.cli.printing import open_closed_streams  # noqa: PLC0415  a service manager may close them

        open_closed_streams()
    import gc  # noqa: PLC0415

    # Nothing of what is loaded becomes garbage; commands that go on for long turn collection on again.
    gc.disable()
    code = _run(sys.argv[1:])
    gc.freeze()  # the interpreter looks through everything once more when it ends
    return code


def _run(given: Sequence[str]) -> int:
    if list(given) == ["--version"]:
        from console import VERSION  # noqa: PLC0415  nothing else is loaded for it

        version = f"pipeline-console {VERSION}\n"
        try:
            sys.stdout.write(version)
            sys.stdout.flush()
        except OSError:
            from console.cli.printing import printed  # noqa: PLC0415

            return printed(version)  # says why not
        return 0
    if given and given[0] in {"--help", "list"}:
        from console.cli.kept import kept  # noqa: PLC0415
        from console.cli.printing import printed  # noqa: PLC0415

        if text := kept(given):
            return printed(text)
    from console.cli.entry import run  # noqa: PLC0415

    return run(given)
