"""The compose file: what it mounts is there, and what it prepares is what the servers need."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from console.demo import cluster, compose
from tests.servers import PostgresServer, Servers

ROOT = Path(__file__).parent.parent


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return found


def test_every_mounted_file_is_there() -> None:
    mounts = [mount.split(":")[0] for service in services().values() for mount in service.get("volumes", [])]
    local = [mount for mount in mounts if mount.startswith(".")]
    assert local
    assert [mount for mount in local if not (ROOT / mount).exists()] == []


def test_data_tier_is_complete() -> None:
    assert {"postgres", "replica", "pgbouncer", "redis", "console"} <= set(services())


def test_what_it_depends_on_is_there() -> None:
    for service in services().values():
        assert set(service.get("depends_on", {})) <= set(services())


def test_every_service_that_stays_has_a_health_check_and_is_waited_for_until_it_is_healthy() -> None:
    ends = {"secrets", "schema"}
    for name, service in services().items():
        assert service["healthcheck"] == {"disable": True} if name in ends else service["healthcheck"]["test"], name
        for other, until in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other in ends else "service_healthy"
            assert until["condition"] == wanted, (name, other)


def test_ports_are_published_on_loopback_alone() -> None:
    published = [port for service in services().values() for port in service.get("ports", [])]
    assert len(published) == 4
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_one_image_is_built_once() -> None:
    own = {name: service for name, service in services().items() if service["image"] == "pipeline-console"}
    assert len(own) == 5
    assert [name for name, service in own.items() if "build" in service] == ["secrets"]
    assert all(service["pull_policy"] == "never" for name, service in own.items() if name != "secrets")


def test_both_servers_preload_the_same_libraries() -> None:
    preloaded = "-cshared_preload_libraries=pg_stat_statements,pg_prewarm"
    assert all(preloaded in services()[name]["command"] for name in ("postgres", "replica"))


def test_scripts_are_executable_shell() -> None:
    for script in (ROOT / "config" / "compose").glob("*.sh"):
        assert os.access(script, os.X_OK)
        subprocess.run(["sh", "-n", script], check=True)


def test_secrets_are_private_and_made_once(tmp_path: Path) -> None:
    compose.prepare(tmp_path)
    files = [path for path in tmp_path.glob("*/*") if path.is_file()]
    assert {path.name for path in files} == {"superuser", "roles.sql", "passfile", "pgbouncer.ini", "users.txt"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
    before = {path: path.read_text() for path in files}
    compose.prepare(tmp_path)
    assert {path: path.read_text() for path in files} == before


def test_passwords_are_in_no_argument_and_no_statement(tmp_path: Path) -> None:
    compose.prepare(tmp_path)
    lines = (tmp_path / "console" / "passfile").read_text().splitlines()
    passwords = {line.rsplit(":", 1)[1] for line in lines}
    assert len(passwords) == 5
    for text in ((tmp_path / "postgres" / "roles.sql").read_text(), (ROOT / "docker-compose.yml").read_text()):
        assert not any(password in text for password in passwords)


def test_roles_of_the_compose_file_log_in(pg_servers: Servers, tmp_path: Path) -> None:
    server = pg_servers.new(pg_servers.newest, {})
    compose.prepare(tmp_path)
    try:
        for text in ((tmp_path / "postgres" / "roles.sql").read_text(), cluster.create()):
            with server.connect() as connection:
                connection.execute(text.encode())
        with server.connect("pipeline") as connection:
            connection.execute(cluster.database().encode())
            row = connection.execute(
                "SELECT rolreplication FROM pg_roles WHERE rolname = 'pipeline_replication'"
            ).fetchone()
        assert row == (True,)
        lines = (tmp_path / "console" / "passfile").read_text().splitlines()
        passwords = dict(line.split(":")[3:5] for line in lines)
        for user in (cluster.OWNER, cluster.APPLICATION, cluster.MONITOR):
            login = f"host={server.host} port={server.port} dbname=pipeline user={user}"
            with psycopg.connect(login, password=passwords[user]) as connection:
                assert connection.execute("SELECT current_user").fetchone() == (user,)
    finally:
        server.stop()


def test_fill_installs_schema_and_samples_once(any_pg: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    name = any_pg.fresh_database()
    with any_pg.connect(name) as connection:
        connection.execute(cluster.database().encode())
    settings = {"PGHOST": any_pg.host, "PGPORT": str(any_pg.port), "PGUSER": cluster.OWNER, "PGDATABASE": name}
    for key, value in (settings | {"PGPASSFILE": str(any_pg.passfile)}).items():
        monkeypatch.setenv(key, value)
    compose.fill(0.02)
    first = _count(any_pg, name)
    compose.fill(0.02)
    assert _count(any_pg, name) == first
    any_pg.drop_database(name)


def _count(server: PostgresServer, database: str) -> object:
    with server.connect(database) as connection:
        row = connection.execute("SELECT count(*) FROM public.content_requests").fetchone()
    return row and row[0]
