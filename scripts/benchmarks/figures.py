"""The figures that were taken, section by section, kept in a file so that a section can be measured again alone."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(slots=True)
class Book:
    """Every figure taken, by metric and tool; what could not be measured and why; what it ran on."""

    figures: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    skipped: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    def enter(self, metric: str, tool: str, figure: float) -> None:
        """One more figure."""
        self.figures[metric, tool].append(figure)

    def value(self, metric: str, tool: str) -> float | None:
        """The median over the runs; None when it was not measured."""
        found = self.figures.get((metric, tool))
        return median(found) if found else None

    def add(self, other: Book) -> None:
        """Take over all figures of another book."""
        self.figures.update(other.figures)
        self.skipped += other.skipped
        self.versions.update(other.versions)

    @property
    def tools(self) -> list[str]:
        """Every tool with a figure, the console first."""
        return list(dict.fromkeys(["console", *(tool for _, tool in self.figures)]))


def keep(path: Path, section: str, book: Book) -> None:
    """Replace the figures of a section in the file."""
    document = _read(path)
    document[section] = {
        "taken": time.strftime("%Y-%m-%d %H:%M"),
        "figures": [[metric, tool, figures] for (metric, tool), figures in book.figures.items()],
        "skipped": book.skipped,
        "versions": book.versions,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")


def kept(path: Path) -> Mapping[str, Book]:
    """The books of all sections in the file."""
    return {
        section: Book(
            {(metric, tool): figures for metric, tool, figures in each["figures"]}, each["skipped"], each["versions"]
        )
        for section, each in _read(path).items()
    }


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found
