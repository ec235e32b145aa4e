"""The live workload: pgbench with the bundled scripts, weighted by their second line."""

from __future__ import annotations

import re
from pathlib import Path

from console.demo.account import Account, give
from console.demo.binaries import Installation
from console.demo.cluster import APPLICATION, DATABASE
from console.demo.passwords import write_private
from console.demo.ports import HOST
from console.demo.supervisor import Launch, Supervisor
from console.records import dataclass
from console.sql import content

CLIENTS = 6
RATE = 40  # scripts a second: enough to watch, and most of the machine stays free
FOREVER = 2_000_000_000  # seconds
LADDER = (("SIGTERM", 2.0),)


@dataclass(frozen=True, slots=True)
class WorkloadPlace:
    """Where the workload keeps its files and where it connects."""

    folder: Path  # made here
    port: int
    login: str  # text of its password file


def scripts() -> dict[Path, int]:
    """Each script and its weight."""
    return {path: _weight(path) for path in sorted((content() / "sql" / "demo").glob("*.pgbench"))}


def start(supervisor: Supervisor, installation: Installation, account: Account | None, place: WorkloadPlace) -> int:
    """Start the workload; returns its key. Raises Trouble."""
    folder = place.folder
    folder.mkdir(mode=0o700)
    give(account, folder)
    secret = write_private(folder / "passfile", place.login, account)
    files: list[str] = []
    for path, weight in scripts().items():
        # A copy, because the unprivileged user may not be able to read the checkout.
        copy = write_private(folder / path.name, path.read_text(encoding="utf-8"), account)
        files += ["-f", f"{copy}@{weight}"]
    retries = ["--max-tries=5"] if installation.major >= 15 else []
    argv = (
        installation.program("pgbench"),
        "-n",
        "-M",
        "simple",
        "-c",
        str(CLIENTS),
        "-j",
        "1",
        "-R",
        str(RATE),
        "-T",
        str(FOREVER),
        *retries,
        *files,
    )
    env = {
        "PGHOST": HOST,
        "PGPORT": str(place.port),
        "PGUSER": APPLICATION,
        "PGDATABASE": DATABASE,
        "PGPASSFILE": str(secret),
        "PGAPPNAME": "pipeline-workload",
    }
    return supervisor.start(Launch(argv, folder, account, env), folder / "pgbench.log", LADDER, restart=True)


def _weight(path: Path) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    match = re.fullmatch(r"--\s*weight:\s*(\d+)\s*", lines[1]) if len(lines) > 1 else None
    if match is None:
        raise ValueError(f"{path.name}: the second line must be `-- weight: N`")
    return int(match[1])
