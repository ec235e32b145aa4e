"""Takes secrets out of text that is shown, written to the audit trail or printed."""

from __future__ import annotations

import re
from collections.abc import Mapping

HIDDEN = "(hidden)"  # stands where a secret stood
_FORMERLY = "(not kept)"  # what stood there in trails of versions before

_PASSWORDS = (
    # CREATE ROLE … PASSWORD '…'
    re.compile(r"(\bpassword\s+)(?:e|u&)?'(?:[^'\\]|''|\\.)*'()", re.IGNORECASE),
    # a conninfo, perhaps inside of a literal, or the query of a URI
    re.compile(r"(\bpassword\s*=\s*)(?:''(?:[^']|'''')*''|'(?:[^'\\]|\\.)*'|[^\s'\"&]+)()", re.IGNORECASE),
    # a verifier, with which a password can be guessed
    re.compile(r"(\bSCRAM-SHA-256\$)\d+:[\w+/=]+\$[\w+/=]+:[\w+/=]+()"),
    # a URI
    re.compile(r"(://[^\s:/@]*:)[^\s/@]+(@)"),
)
_SECRET_NAME = re.compile(r"password|passwd|secret|token", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """`text` with HIDDEN where SQL, a connection string or a URI says a password."""
    for pattern in _PASSWORDS:
        text = pattern.sub(rf"\g<1>{HIDDEN}\g<2>", text)
    return text


def hides(text: str) -> bool:
    """Whether a secret was taken out of `text`, by this version or one before."""
    return HIDDEN in text or _FORMERLY in text


def redacted(entry: Mapping[str, object]) -> dict[str, object]:
    """`entry` with HIDDEN in place of secrets: values by their name, and what any text says of one."""
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
