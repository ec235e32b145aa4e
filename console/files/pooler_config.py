"""PgBouncer's configuration: the bundled pgbouncer.ini with its placeholders filled in, and its user list."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import asdict

from console.files.scram import matches, verifier
from console.format import safe
from console.model import Kind, Trouble
from console.records import dataclass
from console.sql import content

ADMIN = "pgbouncer_admin"
STATS = "pgbouncer_stats"
LOOKUP = "pgbouncer_auth"  # the role that asks the server for verifiers
RESERVED_FILES = 100  # logs, listening sockets, DNS, admin clients; 35 were seen
SESSION_POOL = 5  # connections a user gets of the entry in session mode
PREPARED = (1, 21)  # the first version that follows prepared statements from one server connection to another
_VERSION = re.compile(r"\b(\d+)\.(\d+)")
_OTHER = re.compile(r"[^A-Za-z0-9_.-]")
_USER = re.compile(r'^"((?:[^"]|"")*)"\s+"((?:[^"]|"")*)"', re.MULTILINE)
_BY_VERSION = {
    True: "max_prepared_statements = 200",
    False: ";; Before PgBouncer 1.21 prepared statements get lost between transactions: switch them off in the driver.",
    None: ";; From PgBouncer 1.21 on: max_prepared_statements = 200. Before, switch them off in the driver.",
}


@dataclass(frozen=True, slots=True)
class PoolerSettings:
    """Values for the placeholders of config/pgbouncer.ini."""

    database: str
    server_host: str
    server_port: int
    listen_addr: str
    listen_port: int
    logfile: str
    pidfile: str
    auth_file: str
    admin_user: str = ADMIN
    stats_user: str = STATS
    clients: int = 1000
    pool: int = 25  # of each user
    database_connections: int = 50
    session_connections: int = 10  # of the entry in session mode
    reserve: int = 5
    lookup: bool = True  # users are looked up in the server; else all are in auth_file
    version: tuple[int, int] | None = None  # of PgBouncer; None: not known


def render(settings: PoolerSettings) -> str:
    """The bundled pgbouncer.ini filled in. Raises Trouble(USAGE) if a name cannot be written in it."""
    template = (content() / "config" / "pgbouncer.ini").read_text(encoding="utf-8")
    lookup = settings.lookup
    server = f"host={_value(settings.server_host)} port={settings.server_port} dbname={_value(settings.database)}"
    known = None if settings.version is None else settings.version >= PREPARED
    return template.format_map(
        {
            **asdict(settings),
            "database": entry(settings.database),
            "session_entry": f"{entry(settings.database)}_session",
            "server": f"{server} auth_user={LOOKUP}" if lookup else server,
            "lookup_note": f"users are looked up in the server (auth_query), {LOOKUP} itself in auth_file."
            if lookup
            else "every user is in auth_file.",
            "auth_query": "auth_query = SELECT username, password FROM pgbouncer.get_auth($1)"
            if lookup
            else ";; No auth_query: the function pgbouncer.get_auth is not in the database.",
            "min_pool": min(2, settings.pool),
            "user_connections": max(settings.pool, settings.database_connections * 4 // 5),
            "prepared": _BY_VERSION[known],
        }
    )


def entry(database: str) -> str:
    """The name of the database for clients of PgBouncer, reduced to the characters that PgBouncer accepts."""
    return f"{database}_" if database == "pgbouncer" else _OTHER.sub("_", database)


def most_connections(settings: PoolerSettings, users: int) -> int:
    """How many server connections the pools of so many users may open at most."""
    pooled = min(settings.database_connections, users * (settings.pool + settings.reserve))
    return pooled + min(settings.session_connections, users * (SESSION_POOL + settings.reserve))


def open_files(clients: int, servers: int) -> int:
    """How many open files PgBouncer needs: one for each connection and RESERVED_FILES, rounded up to hundreds."""
    return -(-(clients + servers + RESERVED_FILES) // 100) * 100


def auth_file(verified: Mapping[str, str], plain: Mapping[str, str], former: str = "") -> str:
    """Text of auth_file: verifiers of the passwords of `verified`, and the passwords of `plain` in the clear.

    PgBouncer logs in to the server itself as the latter, which a verifier does not allow. A verifier in `former` stays.
    """
    verifiers = {_unquoted(user): _unquoted(entry) for user, entry in _USER.findall(former)}
    entries = {
        user: verifiers[user] if matches(secret, verifiers.get(user, "")) else verifier(secret)
        for user, secret in verified.items()
    }
    return "".join(f"{_quoted(user)} {_quoted(entry)}\n" for user, entry in (entries | dict(plain)).items())


def find_pgbouncer() -> str | None:
    """Path of the pgbouncer program, also where an ordinary user's PATH does not lead."""
    return shutil.which(
        "pgbouncer",
        path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin")),
    )


def installed_version() -> tuple[int, int] | None:
    """Version of the PgBouncer installed here; None if there is none or it is unknown."""
    program = find_pgbouncer()
    if program is None:
        return None
    try:
        answer = subprocess.run((program, "--version"), capture_output=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return version(answer.stdout.decode(errors="replace"))


def version(text: str) -> tuple[int, int] | None:
    """The version in a text such as "PgBouncer 1.18.0"; None if there is none."""
    found = _VERSION.search(text)
    return (int(found[1]), int(found[2])) if found else None


def _value(text: str) -> str:
    """A value of a connection string."""
    return text if re.fullmatch(r"[A-Za-z0-9_./:-]+", text) else "'" + _one_line(text).replace("'", "''") + "'"


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise Trouble(Kind.USAGE, f"PgBouncer's configuration cannot hold the name {safe(text, 80)}.")
    return text


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _unquoted(text: str) -> str:
    return text.replace('""', '"')
