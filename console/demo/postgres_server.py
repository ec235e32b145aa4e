"""One PostgreSQL server, driven by its own programs: initdb, start, stop, SQL in single-user mode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from console.demo.account import Account, give
from console.demo.binaries import Installation
from console.demo.passwords import write_private
from console.demo.ports import HOST, free_port, wait_until
from console.demo.supervisor import Launch, Supervisor
from console.model import Kind, Trouble
from console.records import dataclass

SUPERUSER = "postgres"
START_TIMEOUT = 60.0  # seconds
PORT_ATTEMPTS = 5
# Fast shutdown, then immediate; the guard adds the kill.
LADDER = (("SIGINT", 10.0), ("SIGQUIT", 5.0))
PRELOADED: Mapping[str, str] = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_preload_libraries": "pg_stat_statements",
    "track_io_timing": "on",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(slots=True)
class PostgresProcess:
    """A server in `data`; `port` is chosen at the first start and kept while it is free."""

    supervisor: Supervisor
    installation: Installation
    account: Account | None
    data: Path
    log: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    _key: int | None = None

    def initialise(self, password: str, scratch: Path) -> None:
        """Run initdb; the superuser gets `password`, passed in a file in `scratch`. Raises Trouble."""
        self.data.mkdir(mode=0o700)
        give(self.account, self.data)
        secret = write_private(scratch / "initdb.password", password + "\n", self.account)
        argv = (
            "-D",
            str(self.data),
            "-U",
            SUPERUSER,
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        )
        try:
            done = self.supervisor.run(self._command("initdb", *argv))
        finally:
            secret.unlink(missing_ok=True)
        if done.code != 0:
            raise failure("PostgreSQL could not be initialised", done.output)

    def speak(self, text: str, database: str = SUPERUSER) -> None:
        """Run SQL in single-user mode while the server is down. Raises Trouble.

        Statements end with a semicolon and an empty line.
        """
        argv = ("--single", "-j", "-D", str(self.data), "-c", "exit_on_error=on", *self._options(), database)
        done = self.supervisor.run(self._command("postgres", *argv), text + "\n\n")
        if done.code != 0:
            raise failure("The roles and the database could not be created", done.output)

    def start(self) -> None:
        """Start and wait until connections are accepted. Raises Trouble."""
        for attempt in range(PORT_ATTEMPTS):
            self.port = self.port if self.port and attempt == 0 else free_port()
            seen = self.log.stat().st_size if self.log.exists() else 0
            argv = ("-D", str(self.data), "-p", str(self.port), *self._options())
            self._key = self.supervisor.start(self._command("postgres", *argv), self.log, LADDER)
            if wait_until(lambda: self.ready() or not self._runs(), START_TIMEOUT) and self.ready():
                return
            self.stop()
            output = self.log.read_text(errors="replace")[seen:]
            if "could not bind" not in output and "could not create any TCP/IP sockets" not in output:
                raise failure("PostgreSQL did not start", output)
        raise Trouble(Kind.FAILED, f"No free port was found for PostgreSQL in {PORT_ATTEMPTS} attempts.")

    def stop(self) -> None:
        """Stop the server if it is running."""
        if self._key is not None:
            self.supervisor.stop(self._key)
            self._key = None

    def ready(self) -> bool:
        """Whether this very server accepts connections, as it says in its own lock file."""
        if not self._runs():
            return False
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, PermissionError):
            return False
        return len(lines) > 7 and lines[7].strip() == "ready" and lines[3] == str(self.port)

    def _runs(self) -> bool:
        return self._key is not None and self.supervisor.alive(self._key)

    def _options(self) -> tuple[str, ...]:
        merged = dict(PRELOADED) | dict(self.settings)
        return tuple(part for name, value in merged.items() for part in ("-c", f"{name}={value}"))

    def _command(self, program: str, *arguments: str) -> Launch:
        return Launch((self.installation.program(program), *arguments), self.log.parent, self.account)


def failure(what: str, output: str) -> Trouble:
    """A sentence with the line of `output` that says why."""
    if "No space left on device" in output:
        return Trouble(
            Kind.FAILED, f"{what}: the disk is full.", "Free some space, or set TMPDIR to a larger file system."
        )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if any(mark in line for mark in ("FATAL:", "PANIC:", "ERROR:", "error:"))]
    reason = (telling or lines or ["no reason was given"])[-1 if not telling else 0]
    return Trouble(Kind.FAILED, f"{what}: {reason}.")
