"""Files with passwords, mode 0600."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from console.demo.account import Account
from console.files import private


def write_private(path: Path, text: str, account: Account | None = None) -> Path:
    """Write a file that only `account` (None: this user) can read, replacing what is there; returns the path."""
    private.write(path, text, owner=(account.uid, account.gid) if account else None)
    return path


def passfile(passwords: Mapping[str, str], ports: tuple[int | str, ...], host: str = "127.0.0.1") -> str:
    """Text of a libpq password file for every user on each of the ports ("*" is any)."""
    return "".join(f"{host}:{port}:*:{user}:{secret}\n" for port in ports for user, secret in passwords.items())
