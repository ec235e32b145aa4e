"""PgBouncers that run with the files that write-pgbouncer-config wrote."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from console.actions.pooler.write_pgbouncer_config import WRITE_PGBOUNCER_CONFIG
from console.actions.schema.create_roles import CREATE_ROLES
from console.demo.account import give, server_account
from console.demo.ports import HOST, free_port, wait_until
from console.demo.supervisor import Launch
from console.files.pooler_config import find_pgbouncer
from console.model import Outcome
from console.running import runner
from console.running.progress import Run
from tests.acting import Desk
from tests.founding import Ground
from tests.servers import Servers
from tests.waiting import PATIENCE


class Start(Protocol):
    """Starts one with its file, with so many open files at most; 0: as many as here. Returns its port."""

    def __call__(self, ini: Path, files: int = 0) -> int: ...


CHANGED: Mapping[str, str] = {}


@pytest.fixture(name="folder")
def pooler_folder(pg_servers: Servers) -> Path:
    """A folder that the pooler's account reaches."""
    path = pg_servers.folder / f"written-{os.urandom(4).hex()}"
    path.mkdir(mode=0o700)
    give(server_account(), path)
    return path


@pytest.fixture(name="start")
def start_written(pg_servers: Servers) -> Iterator[Start]:
    """Starts a real PgBouncer with a written file, as the account of the servers."""
    program = find_pgbouncer()
    if program is None:
        pytest.skip("no pgbouncer")
    keys: list[int] = []

    def started(ini: Path, files: int = 0) -> int:
        folder, log = ini.parent, ini.parent / "pgbouncer.log"
        for path in folder.iterdir():
            give(server_account(), path)
        (port,) = (int(line.split("=")[1]) for line in ini.read_text().splitlines() if line.startswith("listen_port"))
        limited = f"{f'ulimit -n {files} && ' if files else ''}exec {shlex.join((program, str(ini)))}"
        command = Launch(("sh", "-c", limited), folder, server_account())
        keys.append(pg_servers.supervisor.start(command, folder / "out", (("SIGTERM", 1.0), ("SIGQUIT", 1.0))))
        listening = wait_until(lambda: log.exists() and f"listening on {HOST}:{port}" in log.read_text(), PATIENCE)
        assert listening, (folder / "out").read_text()
        return port

    yield started
    for key in keys:
        pg_servers.supervisor.stop(key)


def replaced(folder: Path) -> list[Path]:
    """What was there before."""
    return list(folder.glob("pgbouncer.ini.*"))


def written(folder: Path) -> list[str]:
    """Names of all files."""
    return sorted(path.name for path in folder.iterdir())


async def roles(ground: Ground, desk: Desk | None = None, renew: str = "") -> None:
    done = await (desk or ground.desk).run(CREATE_ROLES, passwords=str(ground.passwords), renew=renew)
    assert done.outcome is Outcome.DONE, done.message


async def write(
    ground: Ground,
    folder: Path,
    desk: Desk | None = None,
    *,
    given: Mapping[str, str] = CHANGED,
    outcomes: Collection[Outcome] = (Outcome.DONE, Outcome.NOTHING),
) -> Run:
    chosen = {
        "file": str(folder / "pgbouncer.ini"),
        "passwords": str(ground.passwords),
        "listen_port": str(free_port()),
        "version": "1.18",
    }
    done = await (desk or ground.desk).run(WRITE_PGBOUNCER_CONFIG, runner.PATIENCE, **(chosen | dict(given)))
    assert done.outcome in outcomes, done.message
    return done
