"""A cluster of Citus for tests: a coordinator and two workers with tables, where the extension is installed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.demo.binaries import Installation, inspect
from tests.servers import Choice, PostgresServer, Servers

FOLDER = "CITUS_BINDIR"  # environment variable with the programs of a PostgreSQL that has Citus, where no other has it
SETTINGS = {
    "shared_preload_libraries": "citus,pg_stat_statements",
    "wal_level": "logical",
    "shared_buffers": "32MB",
    "citus.node_conninfo": "sslmode=disable",
    "citus.stat_tenants_track": "all",
}
DATABASE = "pipeline"
TENANTS, REQUESTS = 50, 12_000
PLANT = (
    "CREATE TABLE organizations (id uuid PRIMARY KEY, name text)",
    "CREATE TABLE plans (id int PRIMARY KEY, name text)",
    "CREATE TABLE notes (id int PRIMARY KEY, note text)",
    (
        "CREATE TABLE requests (organization_id uuid NOT NULL, id bigint NOT NULL, title text, body text,"
        " PRIMARY KEY (organization_id, id))"
    ),
    "CREATE INDEX requests_title_idx ON requests (title)",
    (
        "CREATE TABLE usage (organization_id uuid NOT NULL, at timestamptz NOT NULL, cost numeric,"
        " PRIMARY KEY (organization_id, at)) PARTITION BY RANGE (at)"
    ),
    "CREATE TABLE usage_2026 PARTITION OF usage FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2027-01-01 00:00+00')",
    "SET citus.shard_count = 8",
    "SELECT create_reference_table('plans')",
    "SELECT create_distributed_table('organizations', 'id')",
    "SELECT create_distributed_table('requests', 'organization_id', colocate_with => 'organizations')",
    "SELECT create_distributed_table('usage', 'organization_id', colocate_with => 'requests')",
    f"INSERT INTO organizations SELECT md5('org' || g)::uuid, 'org ' || g FROM generate_series(1, {TENANTS}) g",
    "INSERT INTO plans SELECT g, 'plan ' || g FROM generate_series(1, 20) g",
    "INSERT INTO notes SELECT g, 'a table of the coordinator alone' FROM generate_series(1, 1000) g",
    (
        "INSERT INTO requests SELECT md5('org' || (1 + floor(50 * power(g::float8 / 12001, 4))))::uuid, g,"
        f" 'request ' || g, repeat('x', 300) FROM generate_series(1, {REQUESTS}) g"
    ),
    (
        "INSERT INTO usage SELECT md5('org' || (1 + g % 50))::uuid, '2026-10-05 00:00+00'::timestamptz"
        " + g * interval '1 minute', 0.01 FROM generate_series(1, 5000) g"
    ),
    "VACUUM ANALYZE organizations, plans, requests, usage, notes",
    "UPDATE requests SET title = title || ' again' WHERE id % 5 = 0",
)


@dataclass(frozen=True, slots=True)
class CitusCluster:
    """A running cluster: `coordinator` holds no distributed shards, the workers do."""

    coordinator: PostgresServer
    workers: tuple[PostgresServer, ...]

    @property
    def uri(self) -> str:
        """URI of the database on the coordinator."""
        return self.coordinator.uri(DATABASE)

    def do(self, *statements: str, server: PostgresServer | None = None) -> list[tuple[Any, ...]]:
        """Run statements as superuser on one server, the coordinator unless another is given; the last one's rows."""
        with (server or self.coordinator).connect(DATABASE) as session:
            for statement in statements:
                found = session.execute(statement.encode())
            return found.fetchall() if found.description else []

    def nodes(self) -> Iterable[PostgresServer]:
        """The coordinator and the workers."""
        return (self.coordinator, *self.workers)


def installation() -> Installation | None:
    """A PostgreSQL of this machine that has Citus; None: there is none."""
    named = os.environ.get(FOLDER)
    places = [Path(named)] if named else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    for bindir in places:
        found = inspect(bindir, "local")
        if found is not None and _has_citus(bindir):
            return found
    return None


def _has_citus(bindir: Path) -> bool:
    program = bindir / "pg_config"
    if not program.exists():
        return False
    shared = subprocess.run([program, "--sharedir"], capture_output=True, text=True, check=False).stdout.strip()
    return (Path(shared) / "extension" / "citus.control").exists()


def start(servers: Servers, found: Installation, plant: Iterable[str] = PLANT) -> CitusCluster:
    """A cluster of three servers of `servers`, with a database in which `plant` has been run on the coordinator."""
    choice = Choice(found.major, "local", found.version, found)
    running = [servers.launch(choice, SETTINGS) for _ in range(3)]
    for server in running:
        _trust(server)
        with server.connect() as session:
            session.execute(f"CREATE DATABASE {DATABASE}")
        with server.connect(DATABASE) as session:
            session.execute("CREATE EXTENSION citus")
            session.execute("CREATE EXTENSION pg_stat_statements")
    cluster = CitusCluster(running[0], tuple(running[1:]))
    cluster.do(
        f"SELECT citus_set_coordinator_host('127.0.0.1', {cluster.coordinator.port})",
        *(f"SELECT citus_add_node('127.0.0.1', {worker.port})" for worker in cluster.workers),
        *plant,
    )
    return cluster


def _trust(server: PostgresServer) -> None:
    """Let the nodes connect to each other: this server listens on the loopback address alone."""
    assert server.data is not None
    (server.data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 trust\n")
    with server.connect() as session:
        session.execute("SELECT pg_reload_conf()")
