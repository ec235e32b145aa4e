"""Checks of the server: version, primary or standby, encryption, free connections, encoding, managed service."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from console.actions.tuning.tuning_reading import harms, pending_dangers
from console.doctor.check import Check, Status
from console.doctor.settings import FIXED, UNSAFE, WAITS, WISHES, harmful, judge, restart
from console.format import one_line
from console.model import Database, Facts, Kind, Trouble
from console.records import dataclass
from console.rules.server import END_OF_LIFE, TESTED

SERVICES: Mapping[str, str] = {
    "rds_superuser": "Amazon RDS or Aurora",
    "azure_pg_admin": "Azure Database for PostgreSQL",
    "alloydbsuperuser": "Google AlloyDB",
    "cloudsqlsuperuser": "Google Cloud SQL",
    "neon_superuser": "Neon",
    "supabase_admin": "Supabase",
    "avnadmin": "Aiven",
    "doadmin": "DigitalOcean",
}
PROBE = "SET client_connection_check_interval = '2s'"


@dataclass(frozen=True, slots=True)
class Found:
    """What was read from the server."""

    facts: Facts
    row: Mapping[str, Any]  # of sql/doctor/server.sql
    settings: Mapping[str, str]
    dangers: tuple[str, ...] | None = ()  # of the next start; None: this role may not see the values that wait

    @property
    def waiting(self) -> Mapping[str, str]:
        """Setting with a restart pending → remedy. Overwriting the value is no remedy."""
        pending = dict.fromkeys(self.row["waiting"], UNSAFE if self.dangers else WAITS)
        return pending | dict.fromkeys(self.row["overridden"], FIXED)

    @property
    def service(self) -> str:
        """The managed service that the server seems to belong to; empty: none."""
        return next((SERVICES[role] for role in self.row["signs"]), "")

    @property
    def usable(self) -> int:
        """Connections for ordinary roles."""
        return int(self.row["max_connections"] - self.row["for_superusers"] - self.row["reserved"])


async def read(server: Database) -> Found:
    """Read what the checks need. Raises Trouble."""
    (row,) = (await server.fetch("doctor/server", {"signs": list(SERVICES)})).records()
    names = [*(wish.name for wish in WISHES), "shared_preload_libraries", "pg_stat_statements.max"]
    settings = await server.fetch("doctor/settings", {"names": names})
    values = {str(row["name"]): str(row["setting"]) for row in settings.records()}
    try:
        dangers = await pending_dangers(server)
    except Trouble as why:
        if why.kind is not Kind.BUSY:
            raise
        dangers = None
    return Found(server.facts, row, values, dangers)


async def checks(server: Database, found: Found) -> tuple[Check, ...]:
    """What the server is and how it is set. Raises Trouble."""
    return (
        judge_version(found),
        _standby(found),
        _encryption(found),
        _session(found),
        _connections(found),
        _encoding(found),
        _service(found),
        restart(found.row["waiting"], found.row["overridden"], found.dangers),
        await _dead_clients(server),
        *judge(found.settings, bool(found.service), found.waiting),
        harmful(await harms(server), found.settings),
    )


def judge_version(found: Found) -> Check:
    """Whether the console supports the version, and the community still does."""
    facts, now = found.facts, found.row["now"]
    what = f"PostgreSQL {facts.version_text} is supported."
    why = f"tested with {TESTED[0]} to {TESTED[-1]}"
    if facts.major not in TESTED:
        newer = f"PostgreSQL {facts.version_text} is newer than this console."
        return Check("server", "version", Status.LIMITED, newer, why, "Upgrade the console.")
    last = END_OF_LIFE.get(facts.major)
    if last is None:
        return Check("server", "version", Status.OK, what, f"{why}; the end of its support is not known here")
    if isinstance(now, datetime) and now.date() > last:
        old = f"PostgreSQL {facts.version_text} has reached end of life."
        return Check("server", "version", Status.LIMITED, old, f"since {last}", "Upgrade the server.")
    return Check("server", "version", Status.OK, what, f"{why}; community support until {last}")


def _standby(found: Found) -> Check:
    if not found.row["standby"]:
        return Check("server", "role", Status.OK, "This is a primary.", "pg_is_in_recovery() = false")
    return Check(
        "server",
        "role",
        Status.LIMITED,
        "This is a standby: panes work, most actions do not.",
        "pg_is_in_recovery() = true",
        "Connect to the primary to change something.",
    )


def _encryption(found: Found) -> Check:
    client = found.row["client"]
    if found.facts.tls:
        return Check("server", "tls", Status.OK, "The connection is encrypted.", "TLS")
    if client is None or _loopback(str(client)):
        near = "a local socket" if client is None else "loopback"
        return Check("server", "tls", Status.OK, "The connection stays on this machine.", near)
    return Check(
        "server",
        "tls",
        Status.LIMITED,
        "The connection is not encrypted: rows and statements cross the network in the clear.",
        f"from {one_line(client)}, without TLS",
        "ssl = on with a certificate on the server, then sslmode=verify-full in the target.",
    )


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _session(found: Found) -> Check:
    if found.row["own_session"]:
        return Check(
            "server",
            "pooler between",
            Status.OK,
            "The console is connected directly to PostgreSQL.",
            "session settings applied",
        )
    return Check(
        "server",
        "pooler between",
        Status.CANNOT,
        "A connection pooler drops the session settings that keep the console read-only.",
        "default_transaction_read_only and search_path were not applied",
        "Connect to PostgreSQL directly, and to the pooler's admin console with --pooler.",
    )


def _connections(found: Found) -> Check:
    row, usable = found.row, found.usable
    why = (
        f"max_connections = {row['max_connections']}, superuser_reserved_connections = {row['for_superusers']}"
        f"{', reserved_connections = ' + str(row['reserved']) if found.facts.major >= 16 else ''}"
    )
    what = f"{row['used']} of {usable} connections for ordinary roles are in use."
    state = Status.LIMITED if row["used"] >= usable * 0.95 else Status.OK
    remedy = "pipeline-console run terminate-idle  # ends idle sessions" if state != Status.OK else ""
    return Check("server", "connections", state, what, why, remedy)


def _encoding(found: Found) -> Check:
    encoding = str(found.row["encoding"])
    if encoding == "UTF8":
        return Check("server", "encoding", Status.OK, "Text in every language can be stored.", f"encoding {encoding}")
    harm = (
        "Text has no known encoding; the console shows what is not UTF-8 as escapes."
        if encoding == "SQL_ASCII"
        else f"Only {one_line(encoding)} text can be stored; statements of other databases may show escapes."
    )
    remedy = (
        "CREATE DATABASE new_name ENCODING 'UTF8' TEMPLATE template0 LOCALE 'C.UTF-8';\n"
        "Then pg_dump --encoding=UTF8 the old database into it."
    )
    return Check("server", "encoding", Status.LIMITED, harm, f"encoding {one_line(encoding)}", remedy)


def _service(found: Found) -> Check:
    if not found.service:
        return Check("server", "kind", Status.OK, "No managed service detected.", "none of their roles exists")
    return Check(
        "server",
        "kind",
        Status.LIMITED,
        f"This looks like {found.service}: no superuser, no access to files, settings by its own tools.",
        f"role {', '.join(found.row['signs'])}",
        "Change settings in the service's console; apply-tuning prints the values.",
    )


async def _dead_clients(server: Database) -> Check:
    name = "client_connection_check_interval"
    try:
        state = await server.attempt(PROBE)
    except Trouble as why:
        what = "Whether the server cancels statements of a lost connection could not be tested."
        return Check("server", name, Status.UNKNOWN, what, why.sentence, why.remedy)
    if not state:
        what = "The server cancels statements of a lost connection within two seconds."
        return Check("server", name, Status.OK, what, "the server's operating system reports closed connections")
    return Check(
        "server",
        name,
        Status.CANNOT,
        "Actions cannot run: the server cannot detect that a client is gone.",
        f"SET {name} fails (SQLSTATE {state})",
        "Run the server on Linux, macOS or BSD.",
    )
