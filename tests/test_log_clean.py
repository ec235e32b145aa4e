"""What the console reads leaves no ERROR in the log of a healthy server, whatever its role may not read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from console import sql
from console.model import Trouble
from console.sources.postgres import PostgresServer
from console.sources.postgres.privileges import privilege_of
from tests.catalogs import texts
from tests.command import run
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers

VERSIONS = [*((major,) for major in range(14, 20)), *((1, minor) for minor in range(1, 14))]
EXTENSIONS = ("pg_stat_statements", "pg_buffercache", "pg_prewarm", "pgstattuple")
ROLES = ("nothing", "monitor")


def test_each_privilege_that_a_query_needs_is_one_that_can_be_looked_at() -> None:
    known = {
        right
        for name in sql.names()
        for version in VERSIONS
        if version >= sql.load(name).since
        for right in sql.load(name, version).rights
    }
    assert "SELECT ON pg_catalog.pg_authid" in known
    assert {privilege_of(right).kind for right in known} == {"relation", "function", "schema"}


@pytest.fixture
def server(request: pytest.FixtureRequest, pg_servers: Servers) -> Iterator[tuple[Cluster, str]]:
    """A server that logs who did what, a pipeline database on it, and its extensions."""
    if request.param not in pg_servers or pg_servers.choices[request.param].installation is None:
        pytest.skip(f"no PostgreSQL {request.param}")
    settings = {"log_line_prefix": "%u: ", "log_min_messages": "warning"}
    own = pg_servers.new(request.param, settings)
    database = pg_servers.pipeline_template(own)
    with own.connect(database) as owner:
        for extension in EXTENSIONS:
            owner.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}".encode())
        for role in ROLES:
            owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'".encode())
        owner.execute(b"GRANT pg_monitor TO monitor")
    yield own, database
    own.stop()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("server", [14, 18], indirect=True)
async def test_nothing_that_is_read_leaves_an_error_in_the_log(
    server: tuple[Cluster, str], role: str, tmp_path: Path
) -> None:
    own, database = server
    target = f"postgresql://{role}@127.0.0.1:{own.port}/{database}"
    # The doctor reads every view and makes every plan; what they do not read is read below.
    for command in (("check",), ("doctor", "--seconds", "120")):
        run(tmp_path, *command, "-t", target, PGPASSWORD=role)
    reading = PostgresServer(f"postgresql://{role}:{role}@127.0.0.1:{own.port}/{database}")
    try:
        await reading.connect()
        read = texts(reading)
        for name, text in read.items():
            asked = dict.fromkeys(re.findall(r"%\((\w+)\)s", text))
            try:
                await reading.fetch(name, asked)
            except Trouble:
                continue  # it may not be read, which is said
    finally:
        await reading.close()
    assert len(read) > 100
    assert [line for line in own.log.splitlines() if re.match(rf"{role}: (ERROR|FATAL|WARNING)", line)] == []
