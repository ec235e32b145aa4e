"""True standbys of test servers, made with pg_basebackup."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from console.demo.account import give, server_account
from console.demo.postgres_server import PostgresProcess
from console.demo.supervisor import Launch
from tests.servers import PostgresServer, Servers


@contextmanager
def standby_of(servers: Servers, primary: PostgresServer) -> Iterator[PostgresServer]:
    """A streaming standby; the test is skipped where its programs are not on this machine."""
    engine = primary.engine
    if not isinstance(engine, PostgresProcess) or not (engine.installation.bindir / "pg_basebackup").exists():
        pytest.skip("needs pg_basebackup of the server's version on this machine")
    program = engine.installation.program("pg_basebackup")
    account = server_account()
    data = servers.folder / f"standby-{secrets.token_hex(3)}"
    data.mkdir(mode=0o700)
    give(account, data)
    password = primary.passfile.read_text().split(":")[4].split("\n")[0]
    source = ("-h", primary.host, "-p", str(primary.port), "-U", "postgres")
    done = servers.supervisor.run(
        Launch(
            (program, "-D", str(data), "-R", "-c", "fast", "--no-sync", *source),
            data,
            account,
            {"PGPASSWORD": password},
        )
    )
    assert done.code == 0, done.output
    log = data.with_suffix(".log")
    process = PostgresProcess(servers.supervisor, engine.installation, account, data, log, engine.settings)
    process.start()
    yield PostgresServer(primary.major, process, primary.passfile, primary.host)
    process.stop()
