"""SHA-256 of short texts as names of files and findings, without OpenSSL, which hashlib loads for it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def _sha256() -> Callable[[bytes], Any]:
    for module in ("_sha2", "_sha256"):  # Python's own, since 3.12 and before: random takes its sum from there, too
        try:
            return import_module(module).sha256  # type: ignore[no-any-return]
        except ImportError:
            continue
    return import_module("hashlib").sha256  # type: ignore[no-any-return]


def sha256(text: str, errors: str = "strict") -> str:
    """The digest of a text in UTF-8, in hexadecimal."""
    return str(SHA256(text.encode(errors=errors)).hexdigest())


SHA256 = _sha256()
