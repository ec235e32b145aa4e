"""Errors for the user: one sentence that is safe to show, and fields for what code needs."""

from __future__ import annotations

from enum import Enum

from console.records import dataclass


class Kind(Enum):
    """What sort of trouble stopped a read or a command; front ends map it to exit codes and remedies."""

    USAGE = "usage"  # an option, a name or a value that does not exist or cannot be read
    UNREACHABLE = "unreachable"  # no connection, or it was lost
    DENIED = "denied"  # the role lacks a privilege
    MISSING = "missing"  # an extension, a setting or a server is not there
    UNSUPPORTED = "unsupported"  # this version or kind of server cannot do it
    BUSY = "busy"  # a lock or a timeout prevented it; trying again may help
    REFUSED = "refused"  # a safeguard of the console: read-only, not confirmed, another console is at work
    FAILED = "failed"  # the server refused for another reason


@dataclass(frozen=True, slots=True)
class Lacks:
    """What is missing, by name: code acts on these names and never reads a sentence."""

    grants: tuple[str, ...] = ()  # roles and privileges, as in GRANT … TO: "pg_monitor", "SELECT ON public.orders"
    parameters: tuple[str, ...] = ()  # of the action: what could not be measured and was not given
    extensions: tuple[str, ...] = ()  # that are not installed in the database, or not preloaded

    def statements(self, role: str) -> tuple[str, ...]:
        """The GRANT statements that give `role`, quoted as SQL needs it, what is missing."""
        return tuple(f"GRANT {grant} TO {role};" for grant in self.grants)


NOTHING = Lacks()


class Trouble(Exception):  # noqa: N818  a sentence for the user, not a programming error
    """Something that went wrong, as one sentence that is safe to show, and what to do about it.

    `sentence` and `remedy` never contain a password, and no code parses them: what code needs is in `kind`, `lacks` and
    `sqlstate` (the server's code; empty if there is none).
    """

    def __init__(self, kind: Kind, sentence: str, remedy: str = "", sqlstate: str = "", lacks: Lacks = NOTHING) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.sentence = sentence
        self.remedy = remedy
        self.sqlstate = sqlstate
        self.lacks = lacks

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}".strip()


def read_only() -> Trouble:
    """The refusal of every change in a read-only console or session."""
    remedy = "Run it without --read-only and with default_transaction_read_only off."
    return Trouble(Kind.REFUSED, "The session is read-only: nothing was changed.", remedy)


def denied(sentence: str, *grants: str, remedy: str = "", sqlstate: str = "") -> Trouble:
    """Trouble(DENIED) for which `grants` are the remedy, unless `remedy` names another one."""
    named = "; ".join(f"GRANT {grant} TO the role" for grant in grants)
    return Trouble(Kind.DENIED, sentence, remedy or f"{named}.", sqlstate, Lacks(grants))
