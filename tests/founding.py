"""A server of its own, without the roles of the pipeline: what the first day begins with."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from console.actions.schema.create_roles import ROLES
from console.demo.ports import HOST
from console.demo.postgres_server import PostgresProcess
from console.model import Plan
from console.running.progress import Run
from console.running.runner import Runner
from console.running.trail.audit import Trail
from console.sources.postgres import ActingSession, PostgresServer
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers

BORROWED = "dba"  # a role of the tests' own


@dataclass(frozen=True, slots=True)
class Ground:
    """An empty database on a server without roles, and where the passwords will be."""

    desk: Desk
    passwords: Path
    log: Path = field(repr=False)

    @property
    def known(self) -> dict[str, str]:
        """The passwords in the file."""
        lines = self.passwords.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))

    def login(self, user: str, password: str = "", database: str = "", port: int = 0) -> psycopg.Connection[Any]:
        """A TCP connection with a password."""
        return psycopg.connect(
            host=HOST,
            port=port or self.desk.cluster.port,
            dbname=database or self.desk.database,
            user=user,
            password=password or self.known[user],
            autocommit=True,
            prepare_threshold=None,
        )

    def as_user(self, name: str) -> Desk:
        """A desk of another role of the server."""
        return Desk(self.desk.cluster, self.desk.database, self.desk.trail, user=name)


@pytest.fixture(name="bare", scope="module")
def bare_server(pg: Cluster, pg_servers: Servers) -> Iterator[Cluster]:
    """A server that logs every statement and has no role but its superuser and, after a test, `dba`."""
    server = pg_servers.new(pg.major, {"log_statement": "all"})
    with server.connect() as session:
        for (name,) in session.execute(
            "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND NOT rolsuper"
        ).fetchall():
            session.execute(f'DROP ROLE "{name}"'.encode())
    yield server
    server.stop()


@pytest.fixture(name="ground")
def empty_ground(bare: Cluster, tmp_path: Path) -> Iterator[Ground]:
    """What is made in it is gone after the test."""
    database = bare.fresh_database(owner="postgres")
    assert isinstance(bare.engine, PostgresProcess)
    desk = Desk(bare, database, Trail(tmp_path / "audit.jsonl"))
    yield Ground(desk, tmp_path / "passwords", bare.engine.log)
    bare.drop_database(database)
    with bare.connect() as session:
        for name in (*ROLES, BORROWED):
            there = session.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchone()
            if there is not None:
                session.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def borrowed(ground: Ground, rights: str) -> Desk:
    """A desk of a new ordinary role with `rights`, which owns the database."""
    file = ground.desk.cluster.passfile
    entry = f"{HOST}:*:*:{BORROWED}:"
    known = [line.removeprefix(entry) for line in file.read_text().splitlines() if line.startswith(entry)]
    secret = known[0] if known else secrets.token_hex(16)
    if not known:
        file.write_text(file.read_text() + entry + secret + "\n")
    ground.desk.do(
        f"CREATE ROLE {BORROWED} LOGIN {rights} PASSWORD '{secret}'",
        f"ALTER DATABASE {ground.desk.database} OWNER TO {BORROWED}",
    )
    return ground.as_user(BORROWED)


async def carry_out(desk: Desk, plan: Plan) -> Run:
    """Run a plan that was made before."""
    server = PostgresServer(desk.uri)
    try:
        await server.connect()
        return await Runner(ActingSession(desk.uri), server, desk.trail).run(plan)
    finally:
        await server.close()
