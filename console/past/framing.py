"""Files of readings: a first line that names the form, then records with their length and a checksum.

A file that was cut at any byte opens to its last whole record, so nothing is written twice and nothing is synced.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

MAGIC = b"pipeline-console readings 1\n"
LONGEST = 16 * 2**20  # bytes of one record
_HEAD = struct.Struct("<II")  # length and CRC-32 of what follows


def framed(payload: bytes) -> bytes:
    """A record as it stands in a file."""
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def payloads(content: bytes) -> Iterator[bytes]:
    """The whole records of a file, up to the first that is cut or damaged. Raises ValueError if it is another file."""
    if not content.startswith(MAGIC):
        raise ValueError("not a file of readings")
    at = len(MAGIC)
    while at + _HEAD.size <= len(content):
        length, checksum = _HEAD.unpack_from(content, at)
        payload = content[at + _HEAD.size : at + _HEAD.size + length]
        if length > LONGEST or len(payload) < length or zlib.crc32(payload) != checksum:
            return
        yield payload
        at += _HEAD.size + length
