"""The log of real servers in each of its formats: what happened is in the pane, once, whole, and without passwords."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import shutil
import stat
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from console.cli import main
from console.model import Kind, Record, Trouble, View
from console.panes.log import LOG
from console.rules.findings.activity import DEADLOCK as DEADLOCK_RULE
from console.sources.log.entry import CANCELLED, CHECKPOINT, DEADLOCK, LOGIN, SLOW, TEMPORARY
from console.sources.log.parsers import CSV, JSON, STDERR
from console.sources.log.source import DIRECTORY, LIST, READ, LogSource
from console.sources.registry import Sources
from console.watching.observer import Observer
from tests.activity import console
from tests.screens import console as screen
from tests.screens import shows
from tests.servers import PostgresServer as Running
from tests.servers import Servers
from tests.waiting import PATIENCE, eventually, wait

SETTINGS = {
    "logging_collector": "on",
    "log_directory": "log",
    "autovacuum_naptime": "1s",
    "log_line_prefix": "%m [%p] %q%u@%d/%a (%h) ",
    "log_min_duration_statement": "50ms",
    "log_temp_files": "0",
    "log_checkpoints": "on",
    "deadlock_timeout": "50ms",
    "log_parameter_max_length": "-1",
}
TWO_LINES = 'SELECT 1/0\n  AS "of two lines"'
pytestmark = pytest.mark.spread
JOURNALS = Path(__file__).parent / "recordings" / "journal"
SECRET = "geheim"
READER = "log_reader"


@pytest.fixture(scope="module", name="pg")
def logging_server(pg: Running, pg_servers: Servers) -> Iterator[Running]:
    """A server of its own that keeps a log."""
    if pg_servers.choices[pg.major].installation is None:
        pytest.skip("needs a server with settings of its own")
    server = pg_servers.new(pg.major, SETTINGS)
    yield server
    server.stop()


@pytest.fixture(params=[CSV, JSON, STDERR])
def destination(request: pytest.FixtureRequest, pg: Running) -> str:
    """A format in which the server logs now."""
    name = str(request.param)
    if name == JSON and pg.major < 15:
        pytest.skip("PostgreSQL 15 or later")
    log_to(pg, name)
    return name


def log_to(server: Running, name: str) -> None:
    """Have the server log in a format."""
    run(server, "postgres", f"ALTER SYSTEM SET log_destination = '{name}'", "SELECT pg_reload_conf()")

    def is_written() -> bool:
        with server.connect() as connection:
            row = connection.execute(
                "SELECT pg_current_logfile(%s), current_setting('log_destination')", (name,)
            ).fetchone()
        return row is not None and row[0] is not None and row[1] == name

    wait(is_written)


@asynccontextmanager
async def log_of(server: Running, database: str, user: str = "postgres", setting: str = "") -> AsyncIterator[LogSource]:
    async with console(server, database, user) as reading:
        yield LogSource(reading, setting, clock=iter(range(0, 1_000_000, 10)).__next__)


async def records(log: LogSource, query: str = "log_entries") -> list[Record]:
    return list((await log.fetch(query)).records())


async def logged(log: LogSource, *kinds: str, query: str = "log_entries") -> dict[str, Record]:
    """The newest entry of each kind, once there is one of all of them."""
    found: dict[str, Record] = {}

    async def are_there() -> bool:
        found.update((str(row["kind"]), row) for row in reversed(await records(log, query)))
        return set(kinds) <= set(found)

    await eventually(are_there)
    return found


def run(server: Running, database: str, *statements: str, **options: Any) -> None:
    with server.connect(database, **options) as connection:
        for statement in statements:
            with contextlib.suppress(psycopg.Error):
                connection.execute(statement.encode())


def deadlock(server: Running, database: str) -> None:
    """Two sessions update two rows, each in its own order."""
    ready = threading.Barrier(2, timeout=PATIENCE)

    def update(first: int, second: int) -> None:
        with (
            server.connect(database, application_name=f"from {first}") as connection,
            contextlib.suppress(psycopg.Error),
        ):
            connection.execute("BEGIN")
            connection.execute(f"UPDATE item SET n = 1 WHERE id = {first}")
            ready.wait()
            connection.execute(f"UPDATE item SET n = 2 WHERE id = {second}")

    threads = [threading.Thread(target=update, args=order) for order in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def refused(server: Running, database: str) -> None:
    """A login with a wrong password."""
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(host=server.host, port=server.port, dbname=database, user="postgres", password="wrong").close()


async def test_each_format_tells_what_happened(pg: Running, database: str, destination: str) -> None:
    run(pg, database, "CREATE TABLE item (id int PRIMARY KEY, n int)", "INSERT INTO item VALUES (1, 0), (2, 0)")
    async with log_of(pg, database) as log:
        await records(log)
        run(pg, database, TWO_LINES, "CHECKPOINT", application_name="web")
        run(pg, database, "SET work_mem = '64kB'", "SELECT g FROM generate_series(1, 50000) g ORDER BY -g LIMIT 1")
        run(pg, database, f"CREATE ROLE {database} PASSWORD '{SECRET}'; SELECT 1/0", f"DROP ROLE {database}")
        with pg.connect(database) as connection:
            connection.execute("SELECT pg_sleep(0.06), %s::text", ('it\'s "quoted"\nthere',))
        refused(pg, database)
        deadlock(pg, database)
        found = await logged(log, "error", CHECKPOINT, TEMPORARY, SLOW, LOGIN, DEADLOCK)
        entries = await records(log)
        assert log.facts.version_text.startswith(f"{destination} ")
    (error,) = [row for row in entries if row["statement"] == TWO_LINES]
    assert (error["severity"], error["message"], error["database"]) == ("ERROR", "division by zero", database)
    assert (error["user"], error["application"]) == ("postgres", "web")
    assert error["sqlstate"] == (None if destination == STDERR else "22012")
    slow = max(  # on a busy machine it may be slow to parse as well
        (row for row in entries if row["kind"] == SLOW and "pg_sleep" in str(row["statement"])),
        key=lambda row: float(str(row["ms"])),
    )
    assert float(str(slow["ms"])) >= 60
    assert "it''s \"quoted\"\nthere" in str(slow["detail"])
    assert int(str(found[TEMPORARY]["bytes"])) > 0
    assert len([line for line in str(found[DEADLOCK]["detail"]).splitlines() if ": UPDATE item" in line]) == 2
    assert "authentication failed" in str(found[LOGIN]["message"])
    assert SECRET not in str(entries)
    assert len({row["id"] for row in entries}) == len(entries)
    assert not [row for row in entries if row["message"] == ""]


async def test_counts_are_by_code_and_kind_and_lead_to_the_entries(pg: Running, database: str) -> None:
    async with log_of(pg, database) as log:
        before = await records(log, "log_errors")
        run(pg, database, *["SELECT 1/0"] * 3)
        await logged(log, "error")

        async def are_counted() -> bool:
            kinds = {row["kind"]: row for row in await records(log, "log_kinds")}
            return int(str(kinds["error"]["m1"])) >= 3

        await eventually(are_counted)
        errors = await records(log, "log_errors")
    assert len(before) <= len(errors)
    assert any(row["what"] == "division by zero" and int(str(row["m5"])) >= 3 for row in errors)


async def test_entries_of_other_databases_are_counted_and_shown_when_asked(pg: Running, database: str) -> None:
    async with log_of(pg, database) as log:
        run(pg, "postgres", "SELECT 2/0 AS elsewhere")
        everywhere = await logged(log, "error", query="log_everywhere")
        shown = await log.fetch("log_entries")
    assert everywhere["error"]["database"] == "postgres"
    assert not [row for row in shown.records() if row["database"] not in {None, database}]
    assert any("of other databases not shown" in note for note in shown.notes)


async def test_what_was_logged_before_and_after_a_rotation_is_there_once(pg: Running, database: str) -> None:
    async with log_of(pg, database) as log:
        await records(log)
        for number in range(3):
            run(pg, database, f"SELECT {number} / 0 AS turn")
            with pg.connect() as connection:
                connection.execute(f"ALTER SYSTEM SET log_filename = 'turn-{number}.log'".encode())
                connection.execute("SELECT pg_reload_conf(), pg_rotate_logfile()")
        run(pg, database, "SELECT 3 / 0 AS turn")

        async def turns() -> Sequence[str]:
            return [str(row["statement"]) for row in await records(log) if "AS turn" in str(row["statement"])]

        async def are_there() -> bool:
            return len(await turns()) >= 4

        await eventually(are_there)
        assert await turns() == [f"SELECT {number} / 0 AS turn" for number in (3, 2, 1, 0)]


async def test_what_is_missing_is_named_by_its_grant_and_suffices(pg: Running, database: str) -> None:
    run(pg, database, f"DROP ROLE IF EXISTS {READER}", f"CREATE ROLE {READER} LOGIN PASSWORD 'reader'")
    async with log_of(pg, database, "pipeline_app") as log:
        with pytest.raises(Trouble) as why:
            await log.fetch("log_entries")
        assert why.value.kind is Kind.DENIED
        assert why.value.sentence.startswith("Cannot look")
        assert set(why.value.lacks.grants) == {LIST, READ, DIRECTORY}
        for statement in why.value.lacks.statements("pipeline_app"):
            run(pg, database, statement)
        assert await log.fetch("log_entries")
        for statement in why.value.lacks.statements("pipeline_app"):
            run(pg, database, statement.replace("GRANT", "REVOKE").replace(" TO ", " FROM "))


async def test_a_server_that_keeps_no_log_says_so(pg_servers: Servers, any_pg: Running) -> None:
    async with log_of(any_pg, "postgres") as log:
        for _ in range(2):
            with pytest.raises(Trouble, match="logging_collector is off"):
                await log.fetch("log_entries")
        assert log.obstacle("log_entries") is None
        assert log.obstacle("nothing") is not None
        assert "pg_read_binary_file" in log.text("log_entries")


async def test_a_file_or_folder_beside_the_console_is_read_without_the_rights(pg: Running, database: str) -> None:
    assert pg.data is not None
    log_to(pg, CSV)
    folder = pg.data / "log"
    async with log_of(pg, database, "pipeline_monitor", str(folder)) as log:

        async def is_logged() -> bool:
            run(pg, database, "SELECT 4 / 0 AS beside")
            return any(row["statement"] == "SELECT 4 / 0 AS beside" for row in await records(log))

        await eventually(is_logged)
        path = log.facts.version_text.removeprefix("csvlog ")
    assert Path(path).parent == folder
    async with log_of(pg, database, "pipeline_monitor", path) as log:
        assert any(row["statement"] == "SELECT 4 / 0 AS beside" for row in await records(log))
    async with log_of(pg, database, "pipeline_monitor", f"{path}.gone") as log:
        with pytest.raises(Trouble, match="cannot be read"):
            await log.fetch("log_entries")


async def test_the_journal_is_read_from_where_it_stopped(
    any_pg: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "journalctl"
    program.write_text(
        "#!/bin/sh\n"
        'case "$*" in *--after-cursor*c2*) exit 0;; esac\n'
        'echo \'{"__CURSOR":"c1","MESSAGE":"2026-03-01 12:00:00.123 UTC [7] ERROR:  from the journal"}\'\n'
        'echo \'{"__CURSOR":"c2","MESSAGE":"[3-2] #011second line"}\'\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with any_pg.connect() as connection:
        connection.execute("ALTER SYSTEM SET log_line_prefix = '%m [%p] '")
        connection.execute("SELECT pg_reload_conf()")
    async with log_of(any_pg, "postgres", setting="journald:postgresql") as log:
        assert [row["message"] for row in await records(log)] == ["from the journal\nsecond line"]
        assert len(await records(log)) == 1
    program.write_text("#!/bin/sh\necho 'No journal files were opened' >&2; exit 1\n")
    async with log_of(any_pg, "postgres", setting="journald:postgresql") as log:
        with pytest.raises(Trouble, match="No journal files were opened"):
            await log.fetch("log_entries")


@pytest.mark.skipif(shutil.which("journalctl") is None, reason="no journalctl")
async def test_a_file_of_the_journal_is_read_by_the_journalctl_of_this_machine(
    any_pg: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files were written by systemd-journal-remote: lines of a server, of systemd about it, and of another unit."""
    journal, program = tmp_path / "a.journal", tmp_path / "journalctl"
    program.write_text(f'#!/bin/sh\nexec {shutil.which("journalctl")} --file {journal} "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with any_pg.connect() as connection:
        connection.execute("ALTER SYSTEM SET log_line_prefix = '%m [%p] '")
        connection.execute("SELECT pg_reload_conf()")
    async with log_of(any_pg, "postgres", setting="journald:postgresql@15-main") as log:
        journal.write_bytes(gzip.decompress((JOURNALS / "begun.journal.gz").read_bytes()))
        begun = {row["message"]: row for row in await records(log)}
        assert set(begun) == {
            "database system is ready to accept connections",
            "division by zero",
            'role "\\xe9t\\xe9" does not exist',
        }
        assert begun["division by zero"]["statement"] == "SELECT 1,\n       1 / 0"
        journal.write_bytes(gzip.decompress((JOURNALS / "grown.journal.gz").read_bytes()))
        grown = [row for row in await records(log) if row["message"] not in begun]
    (deadlock,) = grown
    assert deadlock["kind"] == DEADLOCK
    assert "Process 11: UPDATE b SET n = 1" in str(deadlock["detail"])


async def test_an_autovacuum_that_a_lock_cancels_names_its_table(pg: Running, database: str) -> None:
    run(
        pg,
        database,
        "CREATE TABLE busy (id int, body text) "
        "WITH (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)",
        "INSERT INTO busy SELECT g, repeat('x', 500) FROM generate_series(1, 20000) g",
        "DELETE FROM busy",
    )
    async with log_of(pg, database) as log:
        await records(log)

        async def is_cancelled() -> bool:
            run(pg, database, "SET lock_timeout = '1s'; LOCK TABLE busy")
            return any(row["kind"] == CANCELLED for row in await records(log))

        await eventually(is_cancelled)
        found = await logged(log, CANCELLED)
    assert f"{database}.public.busy" in str(found[CANCELLED]["context"])


@pytest.mark.host
@pytest.mark.parametrize("view", LOG.views, ids=lambda view: view.name)
def test_every_view_is_printed(pg: Running, database: str, capsys: pytest.CaptureFixture[str], view: View) -> None:
    run(pg, database, "SELECT 6 / 0 AS printed")
    assert main(["show", "log", "--view", view.name, "-t", pg.uri(database), "--format", "json", "--sample", "0"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert {column.name for column in view.columns} <= set(made["columns"])
    assert made["server"]["kind"] == "log"
    assert made["rows"]


async def test_the_pane_follows_the_log_and_can_be_filtered(pg: Running, database: str) -> None:
    async with screen(pg.uri(database), pane="log") as (_, pilot):
        await shows(pilot, "Entries", "Kinds", "Errors", "All databases")
        run(pg, database, "SELECT 5 / 0 AS followed")
        await shows(pilot, "division by zero")
        await pilot.press("slash", *"level=ERROR", "enter")
        await shows(pilot, "division by zero", "level=ERROR")


async def test_the_finding_of_a_deadlock_names_both_statements_where_the_log_can_be_read(
    pg: Running, database: str
) -> None:
    run(pg, database, "CREATE TABLE item (id int PRIMARY KEY, n int)", "INSERT INTO item VALUES (1, 0), (2, 0)")
    async with console(pg, database) as reading:
        log = LogSource(reading)
        observer = Observer(Sources(reading, log), [DEADLOCK_RULE], {})
        assert not (await observer.look(everything=True)).findings
        assert not len(log.ring), "without a deadlock the log is not read"
        deadlock(pg, database)

        async def is_found() -> bool:
            found = (await observer.look(everything=True)).findings
            return any(fact.label == "processes" for finding in found for fact in finding.evidence)

        await eventually(is_found)
        (finding,) = observer.verdict.findings
        blind = Observer(Sources(reading), [DEADLOCK_RULE], {})
        blind.recall(observer.windows(), observer.memory)
        (other,) = (await blind.look(everything=True)).findings
    (fact,) = [fact for fact in finding.evidence if fact.label == "processes"]
    assert fact.value.count(": UPDATE item SET") == 2
    assert (fact.pane, fact.view, dict(fact.row)) == ("log", "entries", {"kind": "deadlock"})
    assert len(other.evidence) == len(finding.evidence) - 1
