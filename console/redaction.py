"""Removes secrets from text that is shown, printed or written to the audit trail."""

from __future__ import annotations

import re
from collections.abc import Mapping

from console.later import late

HIDDEN = "(hidden)"  # replaces a secret
_FORMERLY = "(not kept)"  # what stood there in trails of versions before

_PASSWORDS = (
    # CREATE ROLE … PASSWORD '…', perhaps cut within it
    late(r"(\bpassword\s+)(?:e|u&)?'(?:[^'\\]|''|\\(?s:.|\Z))*(?:'|\Z)()", re.IGNORECASE),
    # a conninfo, perhaps inside of a literal, or the query of a URI
    late(r"(\bpassword\s*=\s*)(?:''(?:[^']|'''')*''|'(?:[^'\\]|\\.)*'|[^\s'\"&]+)()", re.IGNORECASE),
    # a verifier, with which a password can be guessed
    late(r"(\bSCRAM-SHA-256\$)\d+:[\w+/=]+\$[\w+/=]+:[\w+/=]+()"),
    # a URI
    late(r"(://[^\s:/@]*:)[^\s/@]+(@)"),
)
_SECRET_NAME = late(r"password|passwd|secret|token", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """`text` with HIDDEN in place of passwords in SQL, connection strings and URIs."""
    suspicious = "://" in text or "SCRAM-SHA-256$" in text or "password" in text.casefold()
    return _hidden(text) if suspicious else text


def _hidden(text: str) -> str:
    for pattern in _PASSWORDS:
        text = pattern.sub(rf"\g<1>{HIDDEN}\g<2>", text)
    return text


def hides(text: str) -> bool:
    """Whether a secret was taken out of `text`, by this version or one before."""
    return HIDDEN in text or _FORMERLY in text


def redacted(entry: Mapping[str, object]) -> dict[str, object]:
    """`entry` with HIDDEN in place of secrets: values with the name of a secret, and passwords in any text."""
    return {
        name: HIDDEN if value and isinstance(value, str) and _SECRET_NAME.search(name) else _harmless(value)
        for name, value in entry.items()
    }


def _harmless(value: object) -> object:
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, dict):
        return redacted(value)
    return [_harmless(each) for each in value] if isinstance(value, list | tuple) else value
