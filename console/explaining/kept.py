"""The plans that statements had before: a private folder with one file a statement, bounded in number and size."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from console.digest import sha256
from console.files import private
from console.model import Trouble
from console.records import dataclass

FOLDER = "plans"
MOST = 300  # statements; those explained longest ago are forgotten
PLANS = 3  # different ones that are kept of each statement
LONGEST = 200_000  # bytes of a plan


@dataclass(frozen=True, slots=True)
class Former:
    """A plan that a statement had."""

    document: Mapping[str, Any]  # as EXPLAIN returned it, below "Plan"
    shape: str
    how: str  # generic, or with values
    first: datetime  # when it was seen first, and last
    last: datetime


@dataclass(frozen=True, slots=True)
class KeptPlans:
    """The plans of the statements of all targets."""

    folder: Path

    def of(self, target: str, fingerprint: str) -> tuple[Former, ...]:
        """The plans that were kept of a statement, the last one first; none where they cannot be read."""
        try:
            with os.fdopen(private.open_trusted(self._file(target, fingerprint)), encoding="utf-8") as file:
                return tuple(map(_former, json.load(file)))
        except (OSError, ValueError, KeyError, TypeError, Trouble):
            return ()

    def keep(self, target: str, fingerprint: str, plan: Former) -> None:
        """Keep the plan that a statement has now. Raises Trouble if the folder cannot be written."""
        if len(json.dumps(plan.document)) > LONGEST:
            return
        path = self._file(target, fingerprint)
        before = self.of(target, fingerprint)
        same = next((each for each in before if (each.shape, each.how) == (plan.shape, plan.how)), None)
        now = Former(plan.document, plan.shape, plan.how, same.first if same else plan.first, plan.last)
        kept = (now, *(each for each in before if each is not same))[:PLANS]
        with private.troubles(path):
            private.make_folder(path.parent)
            private.write(path, json.dumps([_document(each) for each in kept]))
            self._forget()

    def note_done(self, target: str) -> None:
        """Note that the plans of a target are kept for now. Raises Trouble if the folder cannot be written."""
        path = self._note(target)
        with private.troubles(path):
            private.make_folder(path.parent)
            private.write(path, "")

    def seconds_since(self, target: str) -> float:
        """How long ago that was, by this machine's clock; infinite: never; negative: the clock was set back."""
        written = _written(self._note(target))
        return time.time() - written if written else math.inf

    def _note(self, target: str) -> Path:
        return self.folder / f"{sha256(target, 'replace')[:32]}.done"

    def _forget(self) -> None:
        files = sorted(self.folder.glob("*.json"), key=_written, reverse=True)
        for path in files[MOST:]:
            with contextlib.suppress(FileNotFoundError):  # another console was faster
                path.unlink()

    def _file(self, target: str, fingerprint: str) -> Path:
        name = sha256(f"{target}\0{fingerprint}", "replace")[:32]
        return self.folder / f"{name}.json"


def _written(path: Path) -> float:
    """When it was written, in seconds since 1970; 0: there is none."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _document(plan: Former) -> dict[str, Any]:
    first, last = plan.first.isoformat(), plan.last.isoformat()
    return {"plan": plan.document, "shape": plan.shape, "how": plan.how, "first": first, "last": last}


def _former(kept: Mapping[str, Any]) -> Former:
    moments = (datetime.fromisoformat(str(kept[name])) for name in ("first", "last"))
    return Former(dict(kept["plan"]), str(kept["shape"]), str(kept["how"]), *moments)
