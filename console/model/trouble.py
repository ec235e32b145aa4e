"""What went wrong, as one sentence that is safe to show."""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """What sort of trouble stopped a read or a command; front ends map it to exit codes and remedies."""

    USAGE = "usage"  # the user asked for something that does not exist or cannot be read
    UNREACHABLE = "unreachable"  # no connection, or it was lost
    DENIED = "denied"  # the role lacks a right
    MISSING = "missing"  # an extension, a setting or a server is not there
    UNSUPPORTED = "unsupported"  # the server's version or kind cannot do it
    BUSY = "busy"  # a lock or a timeout was in the way; trying again may help
    REFUSED = "refused"  # a guard of the console: read-only, no confirmation, somebody else is at it
    FAILED = "failed"  # the server refused for another reason


class Trouble(Exception):  # noqa: N818  a sentence for the user, not a programming error
    """Something that went wrong, as one sentence that is safe to show, and what to do about it.

    `sentence` and `remedy` never contain a password. `sqlstate` is the server's code, empty when there is none.
    """

    def __init__(self, kind: Kind, sentence: str, remedy: str = "", sqlstate: str = "") -> None:
        super().__init__(sentence)
        self.kind = kind
        self.sentence = sentence
        self.remedy = remedy
        self.sqlstate = sqlstate

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}".strip()
