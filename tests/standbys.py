"""True standbys of test servers, from pg_basebackup or, where a version has none here, from a copy of the files."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from console.demo.account import give, server_account
from console.demo.postgres_server import PostgresProcess
from console.demo.supervisor import Launch
from tests.servers import PostgresServer, Servers
from tests.waiting import wait

PASSED_BY = (
    "pg_wal",
    "pg_replslot",
    "pg_stat_tmp",
    "pg_dynshmem",
    "pg_notify",
    "pg_serial",
    "pg_snapshots",
    "pg_subtrans",
)


@dataclass(frozen=True, slots=True)
class Standby:
    """A streaming standby that can be ended, and made again."""

    servers: Servers
    primary: PostgresServer
    server: PostgresServer
    process: PostgresProcess

    def stop(self) -> None:
        """Stop it."""
        self.process.stop()

    def start(self, **settings: str) -> None:
        """Start it, with further settings from now on, and wait until it receives WAL."""
        self.process.settings = {**self.process.settings, **settings}
        self.process.start()
        wait(self.receives)

    def rebuild(self, slot: str = "") -> None:
        """Make it again from the primary, using a slot that is there if one is named."""
        self.process.stop()
        shutil.rmtree(self.process.data, ignore_errors=True)
        _base_backup(self.servers, self.primary, self.process, slot)
        self.start()

    def receives(self) -> bool:
        """Whether it streams from its primary."""
        with self.server.connect() as connection:
            return connection.execute("SELECT status FROM pg_stat_wal_receiver").fetchone() == ("streaming",)

    def catch_up(self) -> None:
        """Wait until it has replayed all that its primary has done, also what that has not written yet."""
        with self.primary.connect() as connection:
            connection.execute("SET synchronous_commit = on")
            connection.execute("SELECT pg_logical_emit_message(true, 'tests', 'caught up')")
            row = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
        query = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
        with self.server.connect() as connection:
            wait(lambda: connection.execute(query, row).fetchone() == (True,))


@contextmanager
def standby_of(servers: Servers, primary: PostgresServer) -> Iterator[PostgresServer]:
    """A streaming standby; the test is skipped where it cannot be made on this machine."""
    with streaming(servers, primary) as standby:
        yield standby.server


@contextmanager
def streaming(servers: Servers, primary: PostgresServer, slot: str = "") -> Iterator[Standby]:
    """A streaming standby that can be ended, and made again; the test is skipped as by `standby_of`."""
    engine = primary.engine
    if not isinstance(engine, PostgresProcess):
        pytest.skip("needs a server whose files are on this machine")
    data = servers.folder / f"standby-{secrets.token_hex(3)}"
    process = PostgresProcess(
        *(servers.supervisor, engine.installation, server_account(), data, data.with_suffix(".log")),
        settings=engine.settings,
        port=servers.free_port(),
    )
    server = replace(primary, engine=process, data=data, templates={})
    standby = Standby(servers, primary, server, process)
    standby.rebuild(slot)
    try:
        yield standby
    finally:
        process.stop()


def _base_backup(servers: Servers, primary: PostgresServer, standby: PostgresProcess, slot: str) -> None:
    """Fill the folder of `standby` with a copy of the primary that streams from it."""
    standby.data.mkdir(mode=0o700)
    give(standby.account, standby.data)
    password = primary.passfile.read_text().split(":")[4].split("\n")[0]
    program = standby.installation.bindir / "pg_basebackup"
    if not program.exists():
        _copy(primary, standby, password, slot)
        return
    source = ("-h", primary.host, "-p", str(primary.port), "-U", "postgres", *(("-S", slot) if slot else ()))
    command = (str(standby.installation.program("pg_basebackup")), "-D", str(standby.data), "-R", "-c", "fast")
    launch = Launch((*command, "--no-sync", *source), standby.data, standby.account, {"PGPASSWORD": password})
    done = servers.supervisor.run(launch)
    assert done.code == 0, done.output


def _copy(primary: PostgresServer, standby: PostgresProcess, password: str, slot: str) -> None:
    """What pg_basebackup does: https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP."""
    assert primary.data is not None
    start, stop = ("start_backup", "stop_backup") if primary.major < 15 else ("backup_start", "backup_stop")
    exclusive = "exclusive => false, " if primary.major < 15 else ""
    with primary.connect() as session:
        session.execute(f"SELECT pg_{start}('standby', {exclusive}fast => true)".encode())
        with contextlib.suppress(shutil.Error):  # files of sessions come and go meanwhile
            shutil.copytree(primary.data, standby.data, ignore=_left_out, dirs_exist_ok=True)
        # Where WAL is archived it would wait for that, without end if the archive fails.
        ended = f"SELECT labelfile FROM pg_{stop}({exclusive}wait_for_archive => false)"
        row = session.execute(ended.encode()).fetchone()
    assert row is not None
    source = f"host={primary.host} port={primary.port} user=postgres password={password}"
    with (standby.data / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
        settings.write(f"primary_conninfo = '{source}'\n" + (f"primary_slot_name = '{slot}'\n" if slot else ""))
    (standby.data / "backup_label").write_text(str(row[0]), encoding="utf-8")
    (standby.data / "standby.signal").touch()
    for name in PASSED_BY:
        (standby.data / name).mkdir(exist_ok=True)
    (standby.data / "pg_wal" / "archive_status").mkdir(exist_ok=True)
    for path in (standby.data, *standby.data.rglob("*")):
        give(standby.account, path)
        path.chmod(0o700 if path.is_dir() else 0o600)


def _left_out(folder: str, names: list[str]) -> list[str]:
    here = Path(folder)
    passed_by = here.name in PASSED_BY
    return [name for name in names if passed_by or name in {"postmaster.pid", "postmaster.opts"}]
