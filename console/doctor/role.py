"""Checks of the role: what it may read and change, and the GRANT that is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.doctor.check import Check, Status
from console.doctor.server import Found
from console.doctor.settings import assign
from console.format import counted, one_line
from console.model import Source
from console.records import dataclass
from console.tuning import presets

# Predefined roles that panes or actions use, with the version that introduced them.
PREDEFINED: Mapping[str, int] = {
    "pg_monitor": 14,
    "pg_read_all_stats": 14,
    "pg_read_all_settings": 14,
    "pg_stat_scan_tables": 14,
    "pg_read_all_data": 14,
    "pg_signal_backend": 14,
    "pg_checkpoint": 15,
    "pg_use_reserved_connections": 16,
    "pg_maintain": 17,
    "pg_signal_autovacuum_worker": 18,
}
SEES = ("pg_read_all_stats", "pg_read_all_settings", "pg_stat_scan_tables")
PRESET = "pipeline"
HIDDEN = frozenset({"shared_preload_libraries"})  # every server has it, but some roles cannot see it


@dataclass(frozen=True, slots=True)
class Rights:
    """What was read about the role."""

    found: Found
    row: Mapping[str, Any]  # of sql/doctor/role.sql
    tables: Mapping[str, Any]  # of sql/doctor/tables.sql
    presettable: tuple[str, ...]  # settings of the presets that exist on this server
    alterable: frozenset[str]  # those of them that the role may change

    @property
    def quoted(self) -> str:
        """The role as a quoted SQL identifier."""
        return one_line(self.row["quoted"])

    @property
    def superuser(self) -> bool:
        return bool(self.row["superuser"])

    @property
    def major(self) -> int:
        return self.found.facts.major

    def has(self, name: str) -> bool:
        """Whether the role has the privileges of a predefined role."""
        return name in self.row["held"]

    def grant(self, what: str) -> str:
        """The GRANT of a role or a privilege to this role."""
        return f"GRANT {what} TO {self.quoted};"

    def owners(self) -> str:
        """The GRANTs of the roles that own the other tables."""
        return "\n".join(self.grant(one_line(owner)) for owner in self.tables["other_owners"][:5])


async def read(server: Source, found: Found) -> Rights:
    """Read what the checks need. Raises Trouble."""
    (row,) = (await server.fetch("doctor/role", {"predefined": list(PREDEFINED)})).records()
    (tables,) = (await server.fetch("doctor/tables")).records()
    names = preset_settings()
    known = await server.fetch("doctor/settings", {"names": names})
    existing = tuple(sorted({*map(str, known.values("name")), *HIDDEN.intersection(names)}))
    allowed = await server.fetch("actions/tuning_rights", {"names": list(existing)})
    return Rights(found, row, tables, existing, frozenset(str(name) for name in allowed.values("name")))


def checks(rights: Rights) -> tuple[Check, ...]:
    """The checks of the role."""
    return (
        _superuser(rights),
        _seeing(rights),
        _sessions(rights),
        _statistics(rights),
        _signals(rights),
        _maintenance(rights),
        _ownership(rights),
        _creation(rights),
        _settings(rights),
        _reserved(rights),
        _memberships(rights),
    )


def _superuser(rights: Rights) -> Check:
    if by := rights.found.facts.assumed_by:
        return Check(
            "role",
            "superuser",
            Status.LIMITED,
            f"The superuser {one_line(by)} acts as {rights.quoted} here: code that runs can become {one_line(by)}.",
            "session_user is a superuser",
            "Connect as the role itself.",
        )
    if not rights.superuser:
        return Check(
            "role", "superuser", Status.OK, f"{rights.quoted} is not a superuser, as it should be.", "rolsuper = false"
        )
    return Check(
        "role",
        "superuser",
        Status.LIMITED,
        f"{rights.quoted} is a superuser: a mistake affects the whole server, and some actions refuse to run.",
        "rolsuper = true",
        "pipeline-console doctor --role-script console  # prints a script that creates a role to connect as",
    )


def _seeing(rights: Rights) -> Check:
    missing = [name for name in SEES if not rights.has(name)]
    if not missing:
        return Check("role", "pg_monitor", Status.OK, "All statistics, sessions and settings are visible.", "member")
    what = "Not all statistics, sessions and settings are visible."
    why = f"not a member of {', '.join(missing)}"
    return Check("role", "pg_monitor", Status.LIMITED, what, why, rights.grant("pg_monitor"))


def _sessions(rights: Rights) -> Check:
    row = rights.found.row
    what = f"You see {row['visible']} of {row['sessions']} sessions."
    if row["visible"] >= row["sessions"]:
        return Check("role", "sessions", Status.OK, what, "pg_stat_activity")
    return Check("role", "sessions", Status.LIMITED, what, "pg_stat_activity", rights.grant("pg_monitor"))


def _statistics(rights: Rights) -> Check:
    readable, tables = rights.tables["readable"], rights.tables["tables"]
    if readable >= tables:
        return Check(
            "role", "pg_stats", Status.OK, "Column statistics of all tables are visible.", counted(tables, "table")
        )
    return Check(
        "role",
        "pg_stats",
        Status.LIMITED,
        "Bloat cannot be estimated for tables whose column statistics are hidden; that takes SELECT on the table.",
        f"{readable} of {tables} tables can be read",
        f"{rights.grant('pg_read_all_data')} -- it may also read every row",
    )


def _signals(rights: Rights) -> Check:
    name = "pg_signal_backend"
    if rights.superuser or rights.has(name):
        return Check("role", name, Status.OK, "Sessions of other roles can be cancelled and terminated.", "member")
    what = "Only sessions of this role, and of roles it is a member of, can be cancelled and terminated."
    return Check("role", name, Status.LIMITED, what, f"not a member of {name}", rights.grant(name))


def _maintenance(rights: Rights) -> Check:
    kept, tables = rights.tables["kept"], rights.tables["tables"]
    why = f"{kept} of {tables} tables"
    if kept >= tables:
        return Check("role", "maintenance", Status.OK, "All tables can be vacuumed and analyzed.", why)
    remedy = rights.grant("pg_maintain") if rights.major >= 17 else rights.owners()
    state = Status.LIMITED if kept else Status.CANNOT
    return Check("role", "maintenance", state, "Not all tables can be vacuumed and analyzed.", why, remedy)


def _ownership(rights: Rights) -> Check:
    owned, tables = rights.tables["owned"], rights.tables["tables"]
    why = f"owner of {owned} of {tables} tables"
    if owned >= tables:
        return Check("role", "ownership", Status.OK, "All tables and indexes can be altered.", why)
    state = Status.LIMITED if owned else Status.CANNOT
    return Check("role", "ownership", state, "Not all tables and indexes can be altered.", why, rights.owners())


def _creation(rights: Rights) -> Check:
    row, missing = rights.row, []
    if not row["makes_schemas"]:
        missing.append(f"CREATE ON DATABASE {one_line(row['database'])}")
    if not row["uses_public"] or not row["makes_tables"]:
        missing.append("USAGE, CREATE ON SCHEMA public")
    if not missing:
        return Check("role", "create", Status.OK, "Schemas, and tables in schema public, can be created.", "CREATE")
    what = "The pipeline schema cannot be created."
    why = f"lacks {' and '.join(privilege.replace('USAGE, ', '') for privilege in missing)}"
    return Check("role", "create", Status.CANNOT, what, why, "\n".join(map(rights.grant, missing)))


def _settings(rights: Rights) -> Check:
    denied = [name for name in rights.presettable if name not in rights.alterable]
    why = f"{len(rights.alterable)} of {len(rights.presettable)} settings of the presets may be changed"
    remedy = []
    if denied and rights.major >= 15:
        remedy.append(rights.grant(f"ALTER SYSTEM ON PARAMETER {', '.join(denied)}"))
    elif denied:
        remedy.append("Before PostgreSQL 15 this takes a superuser.")
    if not rights.row["reloads"]:
        remedy.append(rights.grant("EXECUTE ON FUNCTION pg_catalog.pg_reload_conf()"))
    if not remedy:
        return Check("role", "settings", Status.OK, "All settings of the presets can be changed.", why)
    state = Status.CANNOT if not rights.alterable else Status.LIMITED
    return Check(
        "role",
        "settings",
        state,
        "Not all settings of the presets can be changed and reloaded.",
        why,
        "\n".join(remedy),
    )


def _reserved(rights: Rights) -> Check:
    row, name = rights.found.row, "pg_use_reserved_connections"
    if rights.superuser and row["for_superusers"]:
        why = f"superuser_reserved_connections = {row['for_superusers']}"
        return Check("role", "reserved", Status.OK, "A connection slot is reserved for this role.", why)
    if row["reserved"] and rights.has(name):
        why = f"reserved_connections = {row['reserved']}"
        return Check("role", "reserved", Status.OK, "A connection slot is reserved for this role.", why)
    what = "When all connections are in use, this role cannot connect; an open console stays connected."
    if rights.major < 16:
        why = "PostgreSQL 16 and later can reserve connections for it"
        return Check("role", "reserved", Status.LIMITED, what, why, "Keep a console open.")
    remedy = [] if row["reserved"] else [assign("reserved_connections", "3", True, bool(rights.found.service))]
    remedy += [] if rights.has(name) else [rights.grant(name)]
    why = f"reserved_connections = {row['reserved']}, {'' if rights.has(name) else 'not a '}member of {name}"
    return Check("role", "reserved", Status.LIMITED, what, why, "\n".join(remedy))


def _memberships(rights: Rights) -> Check:
    held = ", ".join(rights.row["held"]) or "none"
    if rights.superuser:
        held = "all, as a superuser"
    return Check("role", "predefined roles", Status.OK, f"Predefined roles: {held}.", "pg_has_role")


def preset_settings() -> list[str]:
    """The settings that the bundled presets change."""
    entries, _ = presets.entries(presets.load(PRESET), "ssd")
    return sorted({entry.setting for entry in entries})
