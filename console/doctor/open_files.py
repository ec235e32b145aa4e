"""How many files a process of this machine may open."""

from __future__ import annotations

import re
from pathlib import Path

_SOFT = re.compile(r"^Max open files\s+(\d+)", re.MULTILINE)


def soft_limit(pidfile: str, program: str, proc: Path = Path("/proc")) -> int | None:
    """The soft limit of the process that wrote `pidfile`; None if no such process of that program runs here."""
    try:
        folder = proc / str(int(Path(pidfile).read_text(encoding="utf-8")))
        if (folder / "comm").read_text(encoding="utf-8").strip() != program:
            return None
        found = _SOFT.search((folder / "limits").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return int(found[1]) if found else None
