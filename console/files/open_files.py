"""A process of this machine: how many files it may open, and the file that it was started with."""

from __future__ import annotations

import re
from pathlib import Path

_SOFT = re.compile(r"^Max open files\s+(\d+)", re.MULTILINE)


def soft_limit(pidfile: str, program: str, proc: Path = Path("/proc")) -> int | None:
    """The soft limit of the process that wrote `pidfile`; None if no such process of that program runs here."""
    try:
        folder = _folder(pidfile, program, proc)
        found = _SOFT.search((folder / "limits").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return int(found[1]) if found else None


def started_with(pidfile: str, program: str, suffix: str, proc: Path = Path("/proc")) -> Path | None:
    """The last argument with `suffix` of the process that wrote `pidfile`, as a path; None if it is not known."""
    try:
        folder = _folder(pidfile, program, proc)
        arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        named = [argument for argument in arguments if argument.endswith(suffix)]
        return (folder / "cwd").readlink() / named[-1] if named else None
    except (OSError, ValueError):
        return None


def _folder(pidfile: str, program: str, proc: Path) -> Path:
    """Its folder in /proc. Raises OSError or ValueError if no such process of that program runs here."""
    folder = proc / str(int(Path(pidfile).read_text(encoding="utf-8")))
    if (folder / "comm").read_text(encoding="utf-8").strip() != program:
        raise ValueError(program)
    return folder
