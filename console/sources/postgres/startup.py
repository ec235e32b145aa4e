"""The SQLSTATE with which a server refuses a connection: libpq hands on the sentence alone.

Speaks as much of the protocol as that takes (PostgreSQL documentation, "Message Flow", "SASL Authentication"): trust
and SCRAM-SHA-256. What asks for more remains unknown. No other password exchange is tried, because this connection does
not verify the server's certificate: SCRAM reveals no password.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import secrets
import socket
import ssl
import struct
from dataclasses import field

from console.files.scram import MOST, prepared
from console.records import dataclass

PROTOCOL, TLS = 3 << 16, 80877103
OK, SASL, SASL_CONTINUE, SASL_FINAL = 0, 10, 11, 12
LONGEST = 1 << 16  # bytes of a message at the start of a session
MECHANISM = b"SCRAM-SHA-256"
UNBOUND = "n,,"  # no channel binding (RFC 5802, 7)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A connection that libpq could not make: `host` is a name, an address or the folder of a socket."""

    host: str
    port: int
    user: str
    database: str
    password: str = field(repr=False)
    tls: bool  # whether TLS may be used
    seconds: float  # that each exchange may take


def refusal(attempt: Attempt) -> str:
    """Try it once more; the SQLSTATE of the refusal. Empty: it cannot be known, or it was not refused."""
    with contextlib.suppress(OSError, ValueError, struct.error), _channel(attempt) as channel:
        parameters = {"user": attempt.user, "database": attempt.database}
        pairs = b"".join(f"{name}\0{value}\0".encode() for name, value in parameters.items())
        _send(channel, b"", struct.pack(">i", PROTOCOL) + pairs + b"\0")
        scram = _Scram(attempt.password)
        while True:
            kind, body = _receive(channel)
            if kind == b"E":
                return _fields(body).get("C", "")
            if kind == b"Z" or (kind == b"R" and not _authenticated(channel, scram, body)):
                return ""
    return ""


def _channel(attempt: Attempt) -> socket.socket:
    if attempt.host.startswith(("/", "@")):
        channel = socket.socket(socket.AF_UNIX)
        channel.settimeout(attempt.seconds)
        channel.connect(f"{attempt.host.replace('@', chr(0), 1)}/.s.PGSQL.{attempt.port}")
        return channel
    channel = socket.create_connection((attempt.host, attempt.port), attempt.seconds)
    if not attempt.tls:
        return channel
    _send(channel, b"", struct.pack(">i", TLS))
    if _exactly(channel, 1) != b"S":
        return channel
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(channel)


def _authenticated(channel: socket.socket, scram: _Scram, body: bytes) -> bool:
    """Answer a request for authentication. Returns whether the server can go on."""
    (method,) = struct.unpack_from(">i", body)
    if method == SASL and MECHANISM in body[4:].split(b"\0") and scram.password:
        first = scram.first().encode()
        _send(channel, b"p", MECHANISM + b"\0" + struct.pack(">i", len(first)) + first)
    elif method == SASL_CONTINUE:
        _send(channel, b"p", scram.proof(body[4:].decode()).encode())
    return method in {OK, SASL_FINAL, SASL_CONTINUE} or (method == SASL and bool(scram.nonce))


@dataclass(slots=True)
class _Scram:
    """The client's side of SCRAM-SHA-256 (RFC 5802), up to its proof."""

    password: str = field(repr=False)
    nonce: str = ""

    def first(self) -> str:
        self.nonce = secrets.token_urlsafe(18)
        return f"{UNBOUND}n=,r={self.nonce}"

    def proof(self, challenge: str) -> str:
        """Raises ValueError if the challenge is none, or would take hours."""
        given = dict(part.split("=", 1) for part in challenge.split(","))
        iterations = int(given.get("i", "0"))
        if not 0 < iterations <= MOST or not given.get("r", "").startswith(self.nonce):
            raise ValueError("no challenge of SCRAM")
        salt = base64.b64decode(given.get("s", ""))
        salted = hashlib.pbkdf2_hmac("sha256", prepared(self.password).encode(), salt, iterations)
        key = hmac.digest(salted, b"Client Key", "sha256")
        last = f"c={base64.b64encode(UNBOUND.encode()).decode()},r={given['r']}"
        signed = f"n=,r={self.nonce},{challenge},{last}".encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        return f"{last},p={base64.b64encode(proof).decode()}"


def _send(channel: socket.socket, kind: bytes, body: bytes) -> None:
    channel.sendall(kind + struct.pack(">i", len(body) + 4) + body)


def _receive(channel: socket.socket) -> tuple[bytes, bytes]:
    kind = _exactly(channel, 1)
    (length,) = struct.unpack(">i", _exactly(channel, 4))
    if not 4 <= length <= LONGEST:
        raise ValueError("no message of PostgreSQL")
    return kind, _exactly(channel, length - 4)


def _exactly(channel: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        if not (more := channel.recv(count - len(data))):
            raise ConnectionResetError
        data += more
    return data


def _fields(body: bytes) -> dict[str, str]:
    """The fields of an ErrorResponse by their letters."""
    return {part[:1].decode(): part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
