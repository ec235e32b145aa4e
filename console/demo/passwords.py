"""The 0600 files that passwords live in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from console.demo.account import Account, give


def write_private(path: Path, text: str, account: Account | None = None) -> Path:
    """Write a file that only its owner can read, replacing what is there."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return give(account, path)


def passfile(passwords: Mapping[str, str], ports: tuple[int | str, ...], host: str = "127.0.0.1") -> str:
    """Text of a libpq password file for every user on each of the ports ("*" is any)."""
    return "".join(f"{host}:{port}:*:{user}:{secret}\n" for port in ports for user, secret in passwords.items())
