"""The roles and the pipeline database inside a server: the same for the demo, the tests and the compose file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from console.files.scram import ITERATIONS, verifier
from console.sql import content
from console.tuning import presets

OWNER = "pipeline_owner"
APPLICATION = "pipeline_app"
MONITOR = "pipeline_monitor"
LOOKUP = "pgbouncer_auth"
DATABASE = "pipeline"
GRANTED_FROM = 15  # the version from which ALTER SYSTEM can be granted
SETTINGS: Mapping[str, str] = {
    OWNER: "pipeline.owner",
    APPLICATION: "pipeline.app",
    MONITOR: "pipeline.monitor",
    LOOKUP: "pipeline.pooler",
}


def roles(passwords: Mapping[str, str], iterations: int = ITERATIONS) -> str:
    """SQL that creates the roles or renews their passwords; only verifiers appear in it, of so many iterations."""
    made = {setting: verifier(passwords[role], iterations) for role, setting in SETTINGS.items()}
    return "".join(f"SET {setting} = '{each}';\n\n" for setting, each in made.items()) + _read("roles")


def create() -> str:
    """SQL that creates the database."""
    return _read("create")


def database() -> str:
    """SQL for a superuser inside the database: extensions, privileges, the pooler's look-up."""
    return f"{_read('database')}\n{_read('pooler')}"


def tuning(major: int) -> str:
    """SQL for a superuser inside the database: the owner may write the settings of the bundled presets, and reload.

    Empty before PostgreSQL 15, where only a superuser can.
    """
    if major < GRANTED_FROM:
        return ""
    found = {
        entry.setting
        for name in presets.names()
        for entry in presets.load(name).entries
        if entry.min_version <= major <= entry.max_version
    }
    return "".join(
        f"GRANT {right} TO {OWNER};\n\n"
        for right in (
            f"ALTER SYSTEM ON PARAMETER {', '.join(sorted(found))}",
            "EXECUTE ON FUNCTION pg_catalog.pg_reload_conf()",
            "EXECUTE ON FUNCTION pg_catalog.pg_show_all_file_settings()",
            "SELECT ON pg_catalog.pg_file_settings",
        )
    )


def purpose() -> str:
    """SQL for a superuser that marks the database as that of a demo."""
    return _read("purpose")


def replication() -> str:
    """SQL that creates the role of a streaming replica."""
    return _read("replication")


def _read(name: str) -> str:
    path: Path = content() / "sql" / "cluster" / f"{name}.sql"
    return path.read_text(encoding="utf-8")
