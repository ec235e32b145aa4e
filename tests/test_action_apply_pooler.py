"""write-pgbouncer-config with apply: what it wrote is in effect and takes a login, or nothing has changed."""

from __future__ import annotations

import contextlib
import re
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from console.actions.pooler.write_pgbouncer_config import WRITE_PGBOUNCER_CONFIG
from console.actions.trail.undo import UNDO
from console.cli.plan_text import plan_text, run_document
from console.demo.ports import HOST, free_port
from console.files.pooler_config import ADMIN
from console.model import Kind, Outcome, Trouble
from tests.acting import Desk
from tests.founding import Ground, bare_server, empty_ground  # noqa: F401  fixtures, found by name
from tests.written_pooler import (  # noqa: F401  fixtures, found by name
    Start,
    pooler_folder,
    replaced,
    roles,
    start_written,
    write,
    written,
)

pytestmark = pytest.mark.usefixtures("pg")


def settings(ground: Ground, port: int) -> dict[str, str]:
    """What is in effect."""
    with closing(ground.login(ADMIN, port=port, database="pgbouncer")) as session:
        return {row[0]: row[1] for row in session.execute("SHOW CONFIG").fetchall()}


async def running(ground: Ground, folder: Path, start: Start) -> tuple[Desk, dict[str, str]]:
    """A PgBouncer with a written file, a console that administers it, and the parameters that wrote it."""
    await roles(ground)
    given = {"listen_port": str(free_port()), "apply": "yes"}
    await write(ground, folder, given={**given, "apply": "no"})
    port = start(folder / "pgbouncer.ini")
    secret = ground.known[ADMIN]
    return replace(ground.desk, poolers=(f"postgresql://{ADMIN}:{secret}@{HOST}:{port}/pgbouncer",)), given


async def test_what_is_applied_is_in_effect_and_undone_while_clients_stay(
    ground: Ground, folder: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.actions.trail.undo.default_trail", lambda: ground.desk.trail)
    desk, given = await running(ground, folder, start)
    port, ini = int(given["listen_port"]), folder / "pgbouncer.ini"
    before, former = settings(ground, port), ini.read_text()
    again = await desk.plan(WRITE_PGBOUNCER_CONFIG, file=str(ini), passwords=str(ground.passwords),
                            version="1.18", **given)  # fmt: skip
    assert again.steps == (), "what is in effect is not applied again"
    with ground.login("pipeline_app", port=port) as client, client.transaction():
        client.execute("SELECT 1")
        done = await write(ground, folder, desk, given={**given, "pool": "10", "session_connections": "7"})
        now = settings(ground, port)
        assert (now["default_pool_size"], before["default_pool_size"]) == ("10", "25")
        assert any(note.startswith("Changed by RELOAD: default_pool_size 25 → 10") for note in done.notes)
        assert any("A client has logged in" in note for note in done.notes)
        (kept,) = replaced(folder)
        assert kept.read_text() == former
        undone = await desk.run(UNDO)
        assert undone.outcome is Outcome.DONE, undone.message
        assert client.execute("SELECT 2").fetchone() == (2,)
    assert settings(ground, port) == before
    assert ini.read_text() == former
    seen = run_document(done) + plan_text(done.plan) + repr(done.plan) + desk.trail.path.read_text()
    for name in (ADMIN, "pipeline_app"):
        assert ground.known[name] not in seen


@pytest.fixture
def files() -> Iterator[None]:
    """This process may open files for as many clients."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("files")
async def test_a_thousand_clients_are_admitted_with_the_documented_limit_of_open_files(
    ground: Ground, folder: Path, start: Start
) -> None:
    await roles(ground)
    port = free_port()
    done = await write(ground, folder, given={"listen_port": str(port), "clients": "1000"})
    (limit,) = [int(found[1]) for note in done.plan.notes if (found := re.search(r"LimitNOFILE=(\d+)", note))]
    start(folder / "pgbouncer.ini", limit)
    with contextlib.ExitStack() as clients, ThreadPoolExecutor(20) as several:

        def admitted(_: int) -> tuple[int, ...] | None:
            client = clients.enter_context(contextlib.closing(ground.login("pipeline_app", port=port)))
            return client.execute("SELECT 1").fetchone()

        assert list(several.map(admitted, range(1000))) == [(1,)] * 1000
        with ground.login(ADMIN, port=port, database="pgbouncer") as admin:
            shown = admin.execute("SHOW CLIENTS").fetchall()
        assert len([row for row in shown if row[1] == "pipeline_app"]) == 1000


async def test_a_configuration_that_admits_no_client_is_taken_back(ground: Ground, folder: Path, start: Start) -> None:
    desk, given = await running(ground, folder, start)
    port, ini = int(given["listen_port"]), folder / "pgbouncer.ini"
    before, files = settings(ground, port), (ini.read_text(), (folder / "users.txt").read_text())
    ini.write_text(f"{files[0]};; mine\n")
    # The server is not there, so the new settings are in effect but no client can connect.
    wrong = {**given, "server_host": HOST, "server_port": str(free_port()), "pool": "10"}
    run = await write(ground, folder, desk, given=wrong, outcomes={Outcome.FAILED})
    assert run.outcome is Outcome.FAILED
    assert "A client could not log in after RELOAD" in run.message
    assert "pgbouncer.ini has its former content again" in run.message
    assert settings(ground, port) == before
    assert (ini.read_text(), (folder / "users.txt").read_text()) == (f"{files[0]};; mine\n", files[1])
    assert "default_pool_size = 10" in (folder / "pgbouncer.ini.rejected").read_text()
    with ground.login("pipeline_app", port=port) as client:
        assert client.execute("SELECT 1").fetchone() == (1,)


async def test_a_write_that_was_cut_off_before_its_reload_is_finished(
    ground: Ground, folder: Path, start: Start
) -> None:
    desk, given = await running(ground, folder, start)
    await write(ground, folder, desk, given={**given, "apply": "no", "pool": "10"})
    assert settings(ground, int(given["listen_port"]))["default_pool_size"] == "25"
    done = await write(ground, folder, desk, given={**given, "pool": "10"})
    assert [step.sql for step in done.plan.steps] == ["RELOAD;"]
    assert "cp -p -- " in done.plan.steps[0].undo
    assert settings(ground, int(given["listen_port"]))["default_pool_size"] == "10"


async def test_a_file_that_pgbouncer_does_not_read_is_not_applied(
    ground: Ground, folder: Path, tmp_path: Path, start: Start
) -> None:
    desk, given = await running(ground, folder, start)
    with pytest.raises(Trouble) as refused:
        await write(ground, tmp_path, desk, given=given)
    assert refused.value.kind is Kind.REFUSED
    assert f"reads {folder / 'pgbouncer.ini'}, not" in refused.value.sentence
    assert f"--set file={folder / 'pgbouncer.ini'}" in refused.value.remedy
    assert written(tmp_path) == ["audit.jsonl", "passwords"]
    with pytest.raises(psycopg.OperationalError):
        ground.login("pipeline_app", "wrong", port=int(given["listen_port"]))
