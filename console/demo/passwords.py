"""Random passwords, their SCRAM verifiers, and the 0600 files they live in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from console.demo.account import Account, give

ITERATIONS = 4096


def password() -> str:
    """A new password of 192 random bits, without characters that files or URIs would quote."""
    return secrets.token_urlsafe(24)


def verifier(text: str) -> str:
    """What PostgreSQL stores for a password (RFC 5803), so that the password itself is never sent or logged."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", text.encode(), salt, ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    stored = hashlib.sha256(client).digest()
    return f"SCRAM-SHA-256${ITERATIONS}:{_text(salt)}${_text(stored)}:{_text(server)}"


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


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
