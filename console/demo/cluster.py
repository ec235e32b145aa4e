"""The roles and the pipeline database inside a server: the same for the demo, the tests and the compose file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from console.files.scram import verifier
from console.sql import content

OWNER = "pipeline_owner"
APPLICATION = "pipeline_app"
MONITOR = "pipeline_monitor"
LOOKUP = "pgbouncer_auth"
DATABASE = "pipeline"
SETTINGS: Mapping[str, str] = {
    OWNER: "pipeline.owner",
    APPLICATION: "pipeline.app",
    MONITOR: "pipeline.monitor",
    LOOKUP: "pipeline.pooler",
}


def roles(passwords: Mapping[str, str]) -> str:
    """SQL that creates the roles or renews their passwords; only verifiers appear in it."""
    given = "".join(f"SET {setting} = '{verifier(passwords[role])}';\n\n" for role, setting in SETTINGS.items())
    return given + _read("roles")


def create() -> str:
    """SQL that creates the database."""
    return _read("create")


def database() -> str:
    """SQL for a superuser inside the database: extensions, privileges, the pooler's look-up."""
    return f"{_read('database')}\n{_read('pooler')}"


def replication() -> str:
    """SQL that creates the role of a streaming replica."""
    return _read("replication")


def _read(name: str) -> str:
    path: Path = content() / "sql" / "cluster" / f"{name}.sql"
    return path.read_text(encoding="utf-8")
