"""A server of its own whose settings stand in its files alone, so that ALTER SYSTEM and restarts show their effect."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from console.demo.account import Account, server_account
from console.demo.binaries import usable
from console.demo.ports import HOST, wait_until
from console.demo.supervisor import Launch, Supervisor
from tests.servers import PostgresServer, Servers
from tests.waiting import PATIENCE

CONF = f"""
listen_addresses = '{HOST}'
unix_socket_directories = ''
fsync = off
password_encryption = scram-sha-256
timezone = UTC
shared_buffers = 32MB
max_wal_size = 256MB
min_wal_size = 80MB
track_functions = none
"""


@dataclass
class FileEngine:
    """Starts a server without any setting on its command line but the port."""

    supervisor: Supervisor
    program: str
    account: Account | None
    data: Path
    log: Path
    port: int
    key: int | None = None

    def start(self) -> None:
        """Start, or fail with the server's last words."""
        argv = (self.program, "-D", str(self.data), "-p", str(self.port))
        seen = self.log.stat().st_size if self.log.exists() else 0
        self.key = self.supervisor.start(Launch(argv, self.log.parent, self.account), self.log, (("SIGINT", 10.0),))
        assert wait_until(lambda: self.ready() or not self.alive(), PATIENCE)
        assert self.ready(), self.log.read_text(errors="replace")[seen:]

    def stop(self) -> None:
        if self.key is not None:
            self.supervisor.stop(self.key)
            self.key = None

    def alive(self) -> bool:
        return self.key is not None and self.supervisor.alive(self.key)

    def ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return self.alive() and len(lines) > 7 and lines[7].strip() == "ready"


def server_of_files(servers: Servers, major: int) -> PostgresServer:
    """A new server whose settings come from postgresql.conf."""
    server = servers.new(major, {})
    assert server.data is not None
    server.stop()
    with (server.data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(CONF)
    installation = servers.choices[major].installation
    assert installation is not None
    account = server_account()
    program = usable(installation, account, servers.folder).program("postgres")
    log = servers.folder / f"tuned-{server.data.name}.log"
    server.engine = FileEngine(servers.supervisor, program, account, server.data, log, servers.free_port())
    server.start()
    return server
