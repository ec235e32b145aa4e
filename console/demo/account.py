"""Which user of the operating system the servers run as: PostgreSQL and PgBouncer refuse to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

from console.model import Kind, Trouble
from console.records import dataclass

CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """An existing unprivileged user."""

    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """The user to switch to; None if this process does not run as root. Raises Trouble(MISSING)."""
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise Trouble(
        Kind.MISSING, "PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as."
    )


def can_use(account: Account | None, path: Path, test: str = "-x") -> bool:
    """Whether `account` passes a shell's `test -x` (or another test) on `path`."""
    argv = ["/bin/sh", "-c", f'test {test} "$1"', "sh", str(path)]
    if account is None:
        return subprocess.run(argv, check=False, cwd="/").returncode == 0
    done = subprocess.run(argv, check=False, cwd="/", user=account.uid, group=account.gid, extra_groups=[])
    return done.returncode == 0


def give(account: Account | None, path: Path) -> Path:
    """Change the owner of a file or directory to `account`; returns the path."""
    if account is not None:
        os.chown(path, account.uid, account.gid)
    return path
