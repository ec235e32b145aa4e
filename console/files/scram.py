"""Passwords as SCRAM-SHA-256 verifiers, computed here so that no password is ever sent to a server or logged by it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import stringprep
import unicodedata

ITERATIONS = 4096
MOST = 1_000_000  # iterations above which nothing is compared: a stored verifier could demand hours of computation
_VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d{1,9}):([A-Za-z0-9+/=]+)\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+")
# RFC 4013, 2.3; the unassigned code points of Unicode 3.2 as PostgreSQL does.
_PROHIBITED = (
    stringprep.in_table_a1,
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def password() -> str:
    """A new password of 192 random bits, without characters that files or URIs would quote."""
    return secrets.token_urlsafe(24)


def verifier(text: str, iterations: int = ITERATIONS) -> str:
    """What PostgreSQL stores for a password (RFC 5803)."""
    return _verifier(text, secrets.token_bytes(16), iterations)


def matches(text: str, stored: str) -> bool:
    """Whether `stored` is a verifier of this password."""
    found = _VERIFIER.fullmatch(stored)
    if found is None or not 0 < int(found[1]) <= MOST:
        return False
    try:
        salt = base64.b64decode(found[2], validate=True)
    except binascii.Error:
        return False
    return hmac.compare_digest(_verifier(text, salt, int(found[1])), stored)


def prepared(text: str) -> str:
    """The password prepared for SCRAM: by SASLprep (RFC 4013), or unchanged if that rejects it, as in libpq."""
    mapped = "".join(map(_mapped, text))
    if not mapped or any(rule(character) for character in mapped for rule in _PROHIBITED) or not _one_direction(mapped):
        return text
    return unicodedata.normalize("NFKC", mapped)


def _mapped(character: str) -> str:
    if stringprep.in_table_c12(character):
        return " "
    return "" if stringprep.in_table_b1(character) else character


def _one_direction(text: str) -> bool:
    """RFC 3454, 6: text from right to left has none from left to right, and begins and ends that way."""
    if not any(map(stringprep.in_table_d1, text)):
        return True
    edges = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return edges and not any(map(stringprep.in_table_d2, text))


def _verifier(text: str, salt: bytes, iterations: int) -> str:
    salted = hashlib.pbkdf2_hmac("sha256", prepared(text).encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    stored = hashlib.sha256(client).digest()
    return f"SCRAM-SHA-256${iterations}:{_text(salt)}${_text(stored)}:{_text(server)}"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
