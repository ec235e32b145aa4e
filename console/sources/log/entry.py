"""One entry of the log, whatever the format, and what it is about. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from console.later import late
from console.records import dataclass
from console.redaction import without_secrets

MOST_TEXT = 4_000  # characters that are kept of a text
ERRORS = frozenset({"ERROR", "FATAL", "PANIC"})
DEADLOCK, LOGIN, CANCELLED, CHECKPOINT, TEMPORARY, SLOW, ARCHIVING, REFUSED = (
    *("deadlock", "failed login", "autovacuum cancelled"),
    *("checkpoint", "temp file", "slow statement"),
    *("archiving failed", "no partition"),
)
_MESSAGES = (  # by how the messages begin that have no code of their own; of the plain log also without %e
    ("checkpoint", CHECKPOINT),
    ("restartpoint", CHECKPOINT),
    ("temporary file:", TEMPORARY),
    ("duration:", SLOW),
    ("automatic ", "autovacuum"),
    ("canceling autovacuum task", CANCELLED),
    ("deadlock detected", DEADLOCK),
    ("password authentication failed", LOGIN),
    ("no pg_hba.conf entry", LOGIN),
    ("connection ", "connection"),
    ("disconnection:", "connection"),
    ("process ", "lock wait"),
    ("archive command ", ARCHIVING),
    ("no partition of relation ", REFUSED),
)
_CODES = {"40P01": DEADLOCK}
_FAILED_LOGIN = "28"  # class of invalid authorization
_NOT_A_LOGIN = "Peer|Ident|LDAP|PAM|GSSAPI|RADIUS|certificate"
_AUTHENTICATION = late(rf"(?:{_NOT_A_LOGIN}) authentication failed")
_DURATION = late(r"duration: ([\d.]+) ms")
_SENT = late(r"duration: [\d.]+ ms  (?:statement|(?:parse|bind|execute)(?: [^:]*)?): (.*)", re.DOTALL)
_SIZE = late(r"temporary file: .*, size (\d+)", re.DOTALL)
_TIME = late(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry. Texts are without secrets, and short."""

    at: datetime | None
    severity: str
    message: str
    sqlstate: str = ""
    database: str = ""
    user: str = ""
    application: str = ""
    client: str = ""
    pid: int | None = None
    backend: str = ""
    detail: str = ""
    hint: str = ""
    context: str = ""
    statement: str = ""

    @property
    def kind(self) -> str:
        """What it is about: by its code where it has one, else by how the message begins."""
        if self.sqlstate in _CODES:
            return _CODES[self.sqlstate]
        if self.severity == "FATAL" and self.sqlstate.startswith(_FAILED_LOGIN):
            return LOGIN
        if self.sqlstate == "57014" and self.backend == "autovacuum worker":
            return CANCELLED
        for beginning, kind in _MESSAGES:
            if self.message.startswith(beginning) and (self.severity not in ERRORS or kind in _OF_ERRORS):
                return kind
        if self.severity == "FATAL" and _AUTHENTICATION.match(self.message):
            return LOGIN
        return "error" if self.severity in ERRORS else "warning" if self.severity == "WARNING" else "message"

    @property
    def milliseconds(self) -> float | None:
        """How long the statement took that was logged for it."""
        found = _DURATION.match(self.message)
        return float(found[1]) if found else None

    @property
    def sent(self) -> str:
        """The statement that it is about."""
        found = _SENT.match(self.message)
        return found[1] if found else self.statement

    @property
    def temporary_bytes(self) -> int | None:
        """The size of the temporary file that was logged."""
        found = _SIZE.match(self.message)
        return int(found[1]) if found else None

    @property
    def size(self) -> int:
        """Characters that it keeps."""
        return len(self.message) + len(self.detail) + len(self.statement) + len(self.context) + 200


_OF_ERRORS = frozenset({DEADLOCK, LOGIN, CANCELLED, ARCHIVING, REFUSED})


def clean(text: object) -> str:
    """A text of the log without secrets, then cut: a password that is cut in two would not be recognised."""
    found = without_secrets(str(text))
    return found if len(found) <= MOST_TEXT else f"{found[:MOST_TEXT]} …"


def number(text: object) -> int | None:
    """A whole number; None where there is none."""
    found = str(text)
    return int(found) if found.isdecimal() else None


class LogClock:
    """Reads the times of the log, which are in log_timezone."""

    def __init__(self, zone: str) -> None:
        try:
            self._zone: ZoneInfo | None = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._zone = None  # a zone that only the server knows, such as <+03>-03

    def read(self, text: str) -> datetime | None:
        """A time as the log has it; None: it is none."""
        found = _TIME.match(text)
        if found is None:
            return None
        try:
            return datetime.fromisoformat(found[1]).replace(tzinfo=self._zone or UTC).astimezone(UTC)
        except ValueError:
            return None
