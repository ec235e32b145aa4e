"""Installs programs with the system's package manager, only if that needs no password and starts no service.

`python -m console.demo.packages --missing pgbouncer postgresql redis-server` does so for the tests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from console.demo.binaries import local
from console.files.pooler_config import find_pgbouncer
from console.records import dataclass

TIMEOUT = 300  # seconds
# Debian starts a service when it installs one. A policy that forbids it is set only where there is none, and goes with
# the script, which runs in a session of its own so that nothing but its own end stops it half-way.
APT = """
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ] && printf '#!/bin/sh\\nexit 101\\n' > "$policy"; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -q --no-install-recommends "$@"; }
install "$@" || { apt-get update -q && install "$@"; }
"""
NAMES: Mapping[str, Mapping[str, str]] = {
    "apk": {"redis-server": "redis"},
    "dnf": {"redis-server": "redis", "postgresql": "postgresql-server"},
    "pacman": {"redis-server": "redis"},
    "brew": {"redis-server": "redis"},
}


@dataclass(frozen=True, slots=True)
class Manager:
    """A package manager: the command before the package names, and whether it must run as root."""

    name: str
    command: tuple[str, ...]
    root: bool = True


MANAGERS = (
    Manager("apt-get", ("sh", "-c", APT, "sh")),
    Manager("dnf", ("dnf", "install", "-y", "-q")),
    Manager("apk", ("apk", "add", "-q")),
    Manager("pacman", ("pacman", "-S", "--noconfirm", "--needed")),
    Manager("brew", ("brew", "install", "-q"), root=False),
)


def manager() -> Manager | None:
    """The package manager of this system."""
    return next((manager for manager in MANAGERS if shutil.which(manager.name)), None)


def obtain(*packages: str) -> str:
    """Install packages; returns why that failed, empty on success."""
    found = manager()
    if found is None:
        return "no package manager was found"
    prefix = _as_root() if found.root else ()
    if prefix is None:
        return "sudo asks for a password"
    names = [NAMES.get(found.name, {}).get(name, name) for name in packages]
    argv = [*prefix, *found.command, *names]
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        return f"{found.name} took longer than {TIMEOUT} s"
    lines = [line for line in (done.stderr.strip() or done.stdout.strip()).splitlines() if line.strip()]
    return "" if done.returncode == 0 else f"{found.name} failed: {lines[-1] if lines else done.returncode}"


def how_to(package: str) -> str:
    """The command a user would type."""
    found = manager()
    if found is None:
        return f"install {package}"
    name = NAMES.get(found.name, {}).get(package, package)
    verb = {"apk": "add", "pacman": "-S"}.get(found.name, "install")
    return f"{'sudo ' if found.root else ''}{found.name} {verb} {name}"


def pgbouncer() -> tuple[str | None, str]:
    """Path of PgBouncer, installed if necessary; else None and one line on how to install it."""
    program = find_pgbouncer()
    if program:
        return program, ""
    reason = obtain("pgbouncer")
    program = find_pgbouncer()
    if program:
        return program, ""
    return None, f"PgBouncer is not installed ({reason}): {how_to('pgbouncer')}, then start the demo again."


def _as_root() -> tuple[str, ...] | None:
    if os.geteuid() == 0:
        return ()
    sudo = shutil.which("sudo")
    if sudo is None or subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode != 0:
        return None
    return (sudo, "-n")


def present(package: str) -> bool:
    """Whether the program of a package is already installed."""
    if package == "pgbouncer":
        return find_pgbouncer() is not None
    if match := re.fullmatch(r"postgresql-(\d+)-repack", package):
        return Path(f"/usr/lib/postgresql/{match[1]}/bin/pg_repack").exists()
    return bool(local()) if package == "postgresql" else shutil.which(package) is not None


def main(arguments: list[str]) -> int:
    """Install the named packages (with --missing only the missing ones) and report failures."""
    wanted = [name for name in arguments if name != "--missing"]
    failed = 0
    for package in wanted:
        if "--missing" in arguments and present(package):
            continue
        reason = obtain(package)
        if reason:
            failed = 1
            sys.stderr.write(f"{package}: {reason}; to get it: {how_to(package)}\n")
    return failed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
