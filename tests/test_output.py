"""Standard streams that take nothing, or that are closed: a sentence and an exit code instead of a traceback."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.command import argv, environment
from tests.servers import PostgresServer
from tests.waiting import PATIENCE

WITHOUT_SERVER = (["--version"], ["--help"], ["list", "rules"], ["completion", "bash"], ["explain-rule", "bloat"])
WITH_SERVER = (["show", "settings"], ["show", "connections", "--watch", "0.2"], ["doctor"])
NO_ROOM = "pipeline-console: The output could not be written: No space left on device.\n"


def run(home: Path, redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", *argv(*arguments)]
    return subprocess.run(
        command, env=environment(home), cwd=home, capture_output=True, text=True, check=False, timeout=PATIENCE
    )


@pytest.mark.parametrize("arguments", WITHOUT_SERVER, ids=" ".join)
def test_a_full_disk_is_said_by_commands_that_need_no_server(tmp_path: Path, arguments: list[str]) -> None:
    done = run(tmp_path, "> /dev/full", *arguments)
    assert (done.returncode, done.stderr) == (1, NO_ROOM)


@pytest.mark.parametrize("arguments", WITH_SERVER, ids=" ".join)
def test_a_full_disk_is_said_by_commands_that_look_at_a_server(
    pg: PostgresServer, database: str, tmp_path: Path, arguments: list[str]
) -> None:
    done = run(tmp_path, "> /dev/full", *arguments, "-t", pg.uri(database))
    assert done.returncode == 1
    assert done.stderr.endswith(NO_ROOM)
    assert "Traceback" not in done.stderr


def test_a_check_whose_verdict_has_no_room_tells_it_by_its_exit_code(
    pg: PostgresServer, database: str, tmp_path: Path
) -> None:
    done = run(tmp_path, "> /dev/full", "check", "--only", "wraparound", "-t", pg.uri(database))
    assert (done.returncode, done.stderr) == (0, NO_ROOM)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing_else(pg: PostgresServer, database: str, tmp_path: Path, closed: str) -> None:
    """The first file that is opened would get the number of a stream that was closed."""
    for arguments in (["list", "rules"], ["show", "settings", "-t", pg.uri(database)]):
        shown = run(tmp_path, "", *arguments)
        done = run(tmp_path, closed, *arguments)
        assert done.returncode == 0
        assert done.stdout == ("" if ">&-" in closed.split() else shown.stdout)
        assert done.stderr == ("" if "2>&-" in closed.split() else shown.stderr)
