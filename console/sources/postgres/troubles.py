"""What an error of the driver means for the user."""

from __future__ import annotations

import psycopg
from psycopg import errors

from console.format import one_line
from console.model import Kind, Lacks, Trouble, denied

NOT_PERMITTED = "42501"  # insufficient_privilege

ENDED_IDLE = "25P03"  # idle_in_transaction_session_timeout: the transaction was rolled back
# The server ended the session: it stops, crashed or starts up, or by a timeout, idle in a transaction, in one, or idle.
ENDING = {"57P01", "57P02", "57P03", ENDED_IDLE, "25P04", "57P05"}


def trouble(error: psycopg.Error, name: str, extension: str = "", grants: tuple[str, ...] = ()) -> Trouble:  # noqa: PLR0911  one case a line
    """What an error of the driver means for the user, by its SQLSTATE; `grants` are the remedy of a denial."""
    state = error.sqlstate or ""
    # Errors of the driver itself, such as for a single percent sign, have no message of the server.
    own = str(error) if isinstance(error, psycopg.ProgrammingError) else error.__class__.__name__
    message = one_line(error.diag.message_primary or own).rstrip(".")
    folder, _, base = name.rpartition("/")
    what = f"what {base.replace('_', '-')} needs" if folder == "actions" else name
    match error:
        case errors.InsufficientPrivilege():
            return denied(f"The role may not read {what}: {message}.", *grants, sqlstate=state)
        case errors.ObjectNotInPrerequisiteState() if extension:
            what = f"{extension} is not loaded: {message}."
            return Trouble(Kind.MISSING, what, preload_hint(extension), state, Lacks(extensions=(extension,)))
        case errors.CharacterNotInRepertoire() if extension:
            return Trouble(
                Kind.FAILED,
                f"{name} cannot be read: {extension} holds a text in another encoding ({message}).",
                "SELECT pg_stat_statements_reset(0, OID) with the OID of that text's database drops it.",
                state,
            )
        case errors.DiskFull():
            return Trouble(Kind.FAILED, f"The server's disk is full: {message}.", "Free some space on it.", state)
        case errors.LockNotAvailable():
            return Trouble(Kind.BUSY, f"A lock prevented reading {what}: try again in a moment.", "", state)
        case errors.QueryCanceled():
            sentence = f"Reading {what} took too long and was cancelled: try again in a moment."
            return Trouble(Kind.BUSY, sentence, "", state)
        case _ if state in ENDING:
            return Trouble(Kind.UNREACHABLE, f"The server ended the connection: {message}.", "", state)
        case errors.ConnectionTimeout():
            return Trouble(Kind.UNREACHABLE, f"The server does not answer ({error}).", "", state)
        case psycopg.OperationalError() if not state or state.startswith("08"):
            return Trouble(Kind.UNREACHABLE, "The connection to the server was lost.", "", state)
    return Trouble(Kind.FAILED, f"{name} failed: {message}" + (f" (SQLSTATE {state})." if state else "."), "", state)


def not_permitted(name: str, kind: str, subject: str, grants: tuple[str, ...]) -> Trouble:
    """The refusal of a query whose role lacks a privilege on an object of this kind, as the server would put it."""
    bare = one_line(subject.split("(", 1)[0].rpartition(".")[2])
    what = f"The role may not read {name}: permission denied for {kind} {bare}."
    return denied(what, *grants, sqlstate=NOT_PERMITTED)


def preload_hint(extension: str) -> str:
    """A hint for an extension that must be preloaded; empty for others."""
    if extension != "pg_stat_statements":
        return ""
    return "It must be in shared_preload_libraries, which takes a restart of the server."
