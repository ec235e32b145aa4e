"""What the services of the compose file do while they run: their health checks, and a replica that comes back."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from console.demo import compose
from console.demo.account import give, server_account
from console.demo.passwords import write_private
from console.demo.postgres_server import LADDER, PRELOADED, PostgresProcess
from console.demo.supervisor import Launch
from tests.servers import Pooler, PostgresServer, Servers
from tests.waiting import wait

SCRIPT = Path(__file__).parent.parent / "config" / "compose" / "replica.sh"


@pytest.mark.every_pooler
def test_a_pooler_that_listens_is_healthy_to_who_has_no_password(
    pg: PostgresServer, database: str, pgbouncer: Callable[[PostgresServer, str], Pooler]
) -> None:
    pooler = pgbouncer(pg, database)
    assert compose.main(["answers", f"host=127.0.0.1 port={pooler.port} dbname=pgbouncer"]) == 0
    assert compose.main(["answers", "host=127.0.0.1 port=1"]) == 1


@dataclass(frozen=True, slots=True)
class ComposedReplica:
    """The replica of the compose file: its script, run on this machine against a server of the tests."""

    servers: Servers
    primary: PostgresServer
    data: Path
    port: int

    def start(self) -> int:
        """Run the script until the replica streams; what stops it again."""
        engine = self.primary.engine
        assert isinstance(engine, PostgresProcess)
        secret = self.primary.passfile.read_text()
        passfile = write_private(self.data.with_suffix(".pass"), secret, server_account())
        primary = f"host={self.primary.host} port={self.primary.port} user=postgres passfile={passfile}"
        path = f"{engine.installation.bindir}:{os.environ['PATH']}"
        options = tuple(f"-c{name}={value}" for name, value in {**PRELOADED, **engine.settings}.items())
        script = self.data.with_suffix(".sh")
        script.write_bytes(SCRIPT.read_bytes())
        give(server_account(), script)
        log = self.data.with_suffix(".log")
        environment = {"PGDATA": str(self.data), "PRIMARY": primary, "PATH": path}
        launch = Launch(
            ("/bin/sh", str(script), f"-p{self.port}", *options), self.data.parent, server_account(), environment
        )
        key = self.servers.supervisor.start(launch, log, LADDER)
        wait(lambda: self.streams() or not self.servers.supervisor.alive(key))
        assert self.servers.supervisor.alive(key), log.read_text()
        return key

    def streams(self) -> bool:
        """Whether the server itself, not its copying, receives WAL in the slot."""
        found = "SELECT active FROM pg_replication_slots WHERE slot_name = 'replica'"
        return (self.data / "postmaster.pid").exists() and self.ask(found) == (True,)

    def ask(self, query: str) -> object:
        """A row of the primary."""
        with self.primary.connect() as connection:
            return connection.execute(query.encode()).fetchone()

    def has(self, table: str) -> bool:
        """Whether the replica has replayed that a table was made."""
        uri = self.primary.uri().replace(f":{self.primary.port}/", f":{self.port}/")
        try:
            with psycopg.connect(uri) as connection:
                return connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone() == (True,)
        except psycopg.OperationalError:
            return False


def programs_of(server: PostgresServer) -> set[str]:
    return {path.name for path in server.bindir.iterdir()} if server.bindir else set()


def test_the_replica_catches_up_after_a_stop_and_is_copied_anew_when_it_cannot(pg_servers: Servers) -> None:
    primary = pg_servers.new(pg_servers.newest, {"wal_keep_size": "0", "max_slot_wal_keep_size": "32MB"})
    if not {"pg_basebackup", "pg_controldata", "psql"} <= programs_of(primary):
        pytest.skip("needs pg_basebackup, pg_controldata and psql of the server's version")
    folder = pg_servers.folder / "composed"
    folder.mkdir()
    give(server_account(), folder)
    replica = ComposedReplica(pg_servers, primary, folder / "data", pg_servers.free_port())
    supervisor = pg_servers.supervisor

    key = replica.start()
    first = replica.data / "first copy"
    first.touch()
    supervisor.stop(key)
    with primary.connect() as connection:
        connection.execute("CREATE TABLE meanwhile ()")
        connection.execute("SELECT pg_switch_wal()")
        connection.execute("CHECKPOINT")
    key = replica.start()
    wait(lambda: replica.has("meanwhile"))
    assert first.exists()

    supervisor.stop(key)
    with primary.connect() as connection:
        while replica.ask("SELECT wal_status FROM pg_replication_slots") != ("lost",):
            connection.execute("SELECT pg_logical_emit_message(true, 'x', 'x')")
            connection.execute("SELECT pg_switch_wal()")
            connection.execute("CHECKPOINT")
        connection.execute("CREATE TABLE later ()")
    key = replica.start()
    wait(lambda: replica.has("later"))
    assert not first.exists()

    supervisor.stop(key)
    with primary.connect() as connection:
        connection.execute("SELECT pg_drop_replication_slot('replica')")
        connection.execute("CREATE TABLE last ()")
    key = replica.start()
    wait(lambda: replica.has("last"))
    supervisor.stop(key)
    primary.stop()
