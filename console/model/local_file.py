"""A file of this machine that a step writes."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from console.records import dataclass


@dataclass(frozen=True, slots=True)
class LocalFile:
    """Writes a local file; nothing is sent. The step's `sql` is the part of it that may be shown."""

    rows: ClassVar[int] = 0
    queue: ClassVar[float | None] = 0.0

    path: str
    text: str = field(repr=False)  # may hold passwords: it is never shown
    former: str = ""  # SHA-256 of what it holds now; empty: there is no such file
    kept: str = ""  # where what it holds now is kept; empty: nowhere
