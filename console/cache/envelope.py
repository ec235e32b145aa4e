"""How values are written to Redis: JSON with the version of its form, which another version reads as a miss."""

from __future__ import annotations

import json
from typing import Any

VERSION = 1
LARGEST = 4 * 2**20  # bytes; a larger value is read from the database every time
Value = Any  # what json.loads returns: the rows of a brand as dictionaries and lists


class Unreadable(ValueError):  # noqa: N818
    """Not a value of this version."""


def pack(value: Value) -> bytes:
    """The bytes to store. Raises TypeError or ValueError for what JSON cannot hold, NaN included."""
    return json.dumps({"version": VERSION, "value": value}, allow_nan=False, separators=(",", ":")).encode()


def unpack(data: bytes) -> Value:
    """The value that was packed. Raises Unreadable for another version, and for what is no envelope at all."""
    if len(data) > LARGEST:
        raise Unreadable("larger than what is stored")
    try:
        envelope = json.loads(data)
    except (ValueError, RecursionError):
        raise Unreadable("not JSON") from None
    if not isinstance(envelope, dict) or envelope.get("version") != VERSION or "value" not in envelope:
        raise Unreadable("another version")
    return envelope["value"]
