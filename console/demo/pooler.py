"""PgBouncer with the bundled configuration: started and stopped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from console.demo.account import Account, give
from console.demo.passwords import write_private
from console.demo.ports import HOST, free_port, wait_until
from console.demo.postgres_server import failure
from console.demo.supervisor import Launch, Supervisor
from console.files.pooler_config import LOOKUP, PoolerSettings, auth_file, render
from console.model import Kind, Trouble
from console.records import dataclass

START_TIMEOUT = 60.0  # seconds
PORT_ATTEMPTS = 5
# Versions of PgBouncer differ in what each signal waits for; nothing is worth a long wait.
LADDER = (("SIGTERM", 1.0), ("SIGQUIT", 1.0))


@dataclass(slots=True)
class PoolerProcess:
    """A running PgBouncer; `folder` holds its files."""

    supervisor: Supervisor
    program: str
    account: Account | None
    folder: Path
    database: str
    server_port: int
    port: int = 0
    _key: int | None = None

    def start(self, passwords: Mapping[str, str]) -> None:
        """Write the files and start; `passwords` holds admin, stats and look-up users. Raises Trouble."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        give(self.account, self.folder)
        write_private(self.folder / "users.txt", users(passwords), self.account)
        log = self.folder / "pgbouncer.log"
        for _ in range(PORT_ATTEMPTS):
            self.port = free_port()
            log.unlink(missing_ok=True)
            config = write_private(self.folder / "pgbouncer.ini", render(self._settings()), self.account)
            command = Launch((self.program, str(config)), self.folder, self.account)
            self._key = self.supervisor.start(command, self.folder / "pgbouncer.out", LADDER)
            if wait_until(lambda: self._listens() or not self._runs(), START_TIMEOUT) and self._listens():
                return
            self.stop()
            output = _text(log) + _text(self.folder / "pgbouncer.out")
            if "Address already in use" not in output:
                raise failure("PgBouncer did not start", output)
        raise Trouble(Kind.FAILED, f"No free port was found for PgBouncer in {PORT_ATTEMPTS} attempts.")

    def stop(self) -> None:
        """Stop the pooler if it is running."""
        if self._key is not None:
            self.supervisor.stop(self._key)
            self._key = None

    def _runs(self) -> bool:
        return self._key is not None and self.supervisor.alive(self._key)

    def _listens(self) -> bool:
        # A connection could also reach another program that took the port first.
        return f"listening on {HOST}:{self.port}" in _text(self.folder / "pgbouncer.log")

    def _settings(self) -> PoolerSettings:
        return PoolerSettings(
            database=self.database,
            server_host=HOST,
            server_port=self.server_port,
            listen_addr=HOST,
            listen_port=self.port,
            logfile=str(self.folder / "pgbouncer.log"),
            pidfile=str(self.folder / "pgbouncer.pid"),
            auth_file=str(self.folder / "users.txt"),
        )


def users(passwords: Mapping[str, str]) -> str:
    """Text of auth_file for the admin, stats and look-up users of `passwords`."""
    verified = {user: secret for user, secret in passwords.items() if user != LOOKUP}
    return auth_file(verified, {LOOKUP: passwords[LOOKUP]})


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""
