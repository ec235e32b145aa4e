"""A Redis for a cache: no persistence, bounded memory, on loopback; started and stopped."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from console.demo.account import Account, give
from console.demo.ports import HOST, free_port, wait_until
from console.demo.postgres_server import failure
from console.demo.supervisor import Launch, Supervisor
from console.model import Kind, Trouble
from console.records import dataclass

PROGRAM = "redis-server"
START_TIMEOUT = 60.0  # seconds
PORT_ATTEMPTS = 5
LADDER = (("SIGTERM", 1.0),)
READY = "Ready to accept connections"
# Everybody on this machine can connect: nobody can make it write files, load code or follow another server.
SAFE = ("--user", "default", "on", "nopass", "~*", "&*", "+@all", "-replicaof", "-slaveof", "-module", "-debug")
LIMITS = (
    *(*SAFE, "-migrate", "-shutdown", "-config", "+config|get"),
    *("--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"),
)


@dataclass(slots=True)
class RedisProcess:
    """A running Redis; `folder` holds its log."""

    supervisor: Supervisor
    program: str
    account: Account | None
    folder: Path
    port: int = 0  # 0: any free one
    _key: int | None = None

    @property
    def uri(self) -> str:
        """Where it listens."""
        return f"redis://{HOST}:{self.port}/0"

    @property
    def pid(self) -> int:
        """The process, as its log names it."""
        return int(self._log().rpartition("pid=")[2].split(",")[0])

    def start(self, options: Sequence[str] = LIMITS) -> None:
        """Start it with further options of redis-server. Raises Trouble."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        give(self.account, self.folder)
        fixed = ("--bind", HOST, "--save", "", "--appendonly", "no", "--dir", str(self.folder))
        wanted = self.port
        for _ in range(PORT_ATTEMPTS):
            self.port = wanted or free_port()
            (self.folder / "redis.log").unlink(missing_ok=True)
            command = Launch((self.program, "--port", str(self.port), *fixed, *options), self.folder, self.account)
            self._key = self.supervisor.start(command, self.folder / "redis.log", LADDER)
            if wait_until(lambda: READY in self._log() or not self._runs(), START_TIMEOUT) and READY in self._log():
                return
            self.stop()
            if "Address already in use" not in self._log():
                raise failure("Redis did not start", self._log())
        raise Trouble(Kind.FAILED, f"No free port was found for Redis in {PORT_ATTEMPTS} attempts.")

    def stop(self) -> None:
        """Stop it if it is running."""
        if self._key is not None:
            self.supervisor.stop(self._key)
            self._key = None

    def _runs(self) -> bool:
        return self._key is not None and self.supervisor.alive(self._key)

    def _log(self) -> str:
        path = self.folder / "redis.log"
        return path.read_text(errors="replace") if path.exists() else ""


def find() -> str | None:
    """Path of redis-server, if it is installed."""
    return shutil.which(PROGRAM)
