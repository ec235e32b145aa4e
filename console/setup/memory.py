"""What the user decided about pages (run, skip, later), one file for each database. The server shows what is done.

`$XDG_STATE_HOME/pipeline-console/setup/<hash>.json`, readable by its owner alone, replaced as a whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from console.digest import sha256
from console.files import private
from console.format import safe
from console.model import Facts, Kind, Trouble
from console.records import dataclass
from console.running.trail.audit import default_trail

RUN, SKIP, LATER = "run", "skip", "later"
CHOICES = (RUN, SKIP, LATER)


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision about a page, and when it was made."""

    choice: str  # one of CHOICES
    at: datetime


@dataclass(frozen=True, slots=True)
class Decisions:
    """All decisions about one database."""

    pages: Mapping[str, Decision] = field(default_factory=dict)
    declined: bool = False  # the offer of the guide

    def skipped(self, page: str) -> Decision | None:
        """The decision to skip a page."""
        found = self.pages.get(page)
        return found if found is not None and found.choice == SKIP else None


@dataclass(frozen=True, slots=True)
class GuideMemory:
    """The file with the decisions about one database."""

    path: Path
    server: str = ""
    database: str = ""

    @classmethod
    def of(cls, facts: Facts, environ: Mapping[str, str] = os.environ) -> GuideMemory:
        """The memory of the database with these facts."""
        name = sha256(f"{facts.label}\0{facts.database}")[:16]
        folder = default_trail(environ).path.parent / "setup"
        return cls(folder / f"{name}.json", facts.label, facts.database)

    def read(self) -> Decisions:
        """The decisions; none if the file is missing or has another format."""
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            pages = {str(name): _decision(entry) for name, entry in found["pages"].items()}
            return Decisions(pages, bool(found.get("declined")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return Decisions()

    def decide(self, page: str, choice: str) -> None:
        """Remember a decision. Raises Trouble(FAILED) if the file cannot be written."""
        former = self.read()
        self._write(Decisions({**former.pages, page: Decision(choice, datetime.now(UTC))}, former.declined))

    def decline(self) -> None:
        """Remember that the guide was declined. Raises Trouble as `decide` does."""
        self._write(Decisions(self.read().pages, declined=True))

    def _write(self, decisions: Decisions) -> None:
        document = {
            "server": self.server,
            "database": self.database,
            "declined": decisions.declined,
            "pages": {
                name: {"choice": decision.choice, "at": decision.at.isoformat()}
                for name, decision in decisions.pages.items()
            },
        }
        try:
            private.make_folder(self.path.parent)
            private.write(self.path, json.dumps(document, indent=1))
        except OSError as error:
            raise Trouble(
                Kind.FAILED, f"The decision cannot be saved in {safe(self.path)} ({error.strerror})."
            ) from None


def _decision(entry: Mapping[str, Any]) -> Decision:
    at = datetime.fromisoformat(entry["at"])
    if entry["choice"] not in CHOICES or at.tzinfo is None:
        raise ValueError(entry)
    return Decision(entry["choice"], at)
