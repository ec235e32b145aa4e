"""`watch`: what is raised and what clears is printed and delivered once, whatever the receivers do."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from console.cli.watch_text import line
from console.running.trail.audit import Trail
from tests.acting import Desk
from tests.activity import Sessions, other_sessions  # noqa: F401  a fixture, found by name
from tests.command import argv, environment, run
from tests.faults import Stage, blocking
from tests.servers import PostgresServer as Cluster
from tests.waiting import PATIENCE, wait

SECRET = "hunter2-in-the-path"
SCRIPT = "import sys, pathlib; pathlib.Path(sys.argv[1]).open('a').write(sys.stdin.read() + chr(10)); sys.exit(3)"


@dataclass
class Hook:
    """A receiver of webhooks that first answers with some errors."""

    statuses: list[int]
    bodies: list[dict[str, object]] = field(default_factory=list)  # of what it accepted
    asked: int = 0
    port: int = 0

    @contextmanager
    def serving(self) -> Iterator[str]:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.asked += 1
                status = hook.statuses.pop(0) if hook.statuses else 204
                if status == 204:
                    hook.bodies.append(body)
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://user:{SECRET}@127.0.0.1:{server.server_port}/{SECRET}?key={SECRET}"
        finally:
            server.shutdown()
            server.server_close()


@dataclass
class Watching:
    """A process that watches."""

    process: subprocess.Popen[str]
    lines: list[str]
    errors: list[str]

    def events(self) -> list[tuple[str, str]]:
        documents = map(json.loads, self.lines)
        return [(each["event"], each["finding"]["rule"]) for each in documents]

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Its exit code and how many seconds it took to end."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        return code, time.monotonic() - began


@contextmanager
def watching(home: Path, *arguments: str, form: str = "json", **extra: str) -> Iterator[Watching]:
    with subprocess.Popen(
        argv("watch", *arguments, "--format", form),
        env=environment(home, extra),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        found = Watching(process, [], [])
        readers = [
            threading.Thread(target=lambda: found.lines.extend(iter(process.stdout or ()))),
            threading.Thread(target=lambda: found.errors.extend(iter(process.stderr or ()))),
        ]
        for reader in readers:
            reader.start()
        try:
            yield found
        finally:
            process.kill()
            for reader in readers:
                reader.join()


def configuration(home: Path, *deliveries: Mapping[str, object], more: str = "") -> tuple[str, str]:
    file = home / "console.yml"
    file.write_text(f"deliveries: {json.dumps(list(deliveries))}\n{more}")
    return ("--config", str(file))


@pytest.fixture
def stage(pg: Cluster, database: str, sessions: Sessions, tmp_path: Path) -> Stage:
    return Stage(Desk(pg, database, Trail(tmp_path / "audit.jsonl")), sessions)


def end_root(stage: Stage, name: str) -> None:
    stage.do(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'")


def test_a_finding_is_printed_and_delivered_once_when_it_is_raised_and_once_when_it_clears(
    stage: Stage, tmp_path: Path
) -> None:
    hook, inbox = Hook([500, 429]), tmp_path / "inbox"
    command = [sys.executable, "-c", SCRIPT, str(inbox)]
    with hook.serving() as url:
        config = configuration(tmp_path, {"command": command}, {"webhook_variable": "HOOK"})
        with watching(tmp_path, stage.desk.uri, *config, HOOK=url) as watch:
            with blocking.row_locked_by_an_idle_session(stage) as name:
                wait(lambda: ("raised", "blocking-session") in watch.events())
                end_root(stage, name)
                wait(lambda: ("cleared", "blocking-session") in watch.events())
            wait(lambda: [one["event"] for one in of_rule(hook.bodies)][-1:] == ["cleared"])
            wait(lambda: [one["event"] for one in of_rule(received(inbox))][-1:] == ["cleared"])
            code, _ = watch.end()
    assert code == 0
    for bodies in (of_rule(hook.bodies), of_rule(received(inbox)), of_rule(list(map(json.loads, watch.lines)))):
        assert [one["event"] for one in bodies if one["event"] != "worse"] == ["raised", "cleared"]
        assert len({str(one["id"]) for one in bodies}) == 1
        assert name in json.dumps(bodies[0])
    assert any("ended with exit status 3" in line for line in watch.errors)
    assert SECRET not in "".join(watch.errors + watch.lines)


def of_rule(bodies: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    return [one for one in bodies if "blocking-session" in json.dumps(one)]


def received(inbox: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in inbox.read_text().splitlines()] if inbox.exists() else []


def test_a_restart_delivers_nothing_again(stage: Stage, tmp_path: Path) -> None:
    with blocking.row_locked_by_an_idle_session(stage) as name:
        with watching(tmp_path, stage.desk.uri) as watch:
            wait(lambda: ("raised", "blocking-session") in watch.events())
            wait(lambda: kept(tmp_path) > 0)
            watch.end()
        with watching(tmp_path, stage.desk.uri) as watch:
            wait(lambda: watch.errors)
            end_root(stage, name)
            wait(lambda: ("cleared", "blocking-session") in watch.events())
            watch.end()
    assert ("raised", "blocking-session") not in watch.events()


def kept(home: Path) -> int:
    """How many delivered findings of the rule are kept."""
    count = 0
    for file in home.rglob("findings.sqlite3"):
        with closing(sqlite3.connect(file)) as database, suppress(sqlite3.OperationalError):
            query = "SELECT count(*) FROM delivered WHERE rule = 'blocking-session'"
            (count,) = database.execute(query).fetchone()
    return count


def test_a_withheld_finding_is_printed_and_not_delivered(stage: Stage, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    command = [sys.executable, "-c", SCRIPT, str(inbox)]
    config = configuration(tmp_path, {"command": command}, more="blackouts: [{from: 00:00, until: 24:00}]")
    with watching(tmp_path, stage.desk.uri, *config) as watch, blocking.row_locked_by_an_idle_session(stage):
        wait(lambda: ("withheld", "blocking-session") in watch.events())
        watch.end()
    assert not inbox.exists()


def test_a_server_that_goes_away_and_comes_back_is_watched_again(pg: Cluster, tmp_path: Path) -> None:
    with watching(tmp_path, pg.uri(), form="text") as watch:
        wait(lambda: watch.errors)
        pg.stop()
        try:
            wait(lambda: any(" raised critical server-unreachable: " in line for line in watch.lines))
        finally:
            pg.start()
        wait(lambda: any(" cleared critical server-unreachable: " in line for line in watch.lines))
        assert watch.end(signal.SIGINT)[0] == 130


@pytest.mark.parametrize("target", ["host=127.0.0.1 port=1", "host=192.0.2.1 connect_timeout=60"])
def test_it_ends_at_once_whatever_hangs(tmp_path: Path, target: str) -> None:
    config = configuration(tmp_path, {"command": ["sleep", "1000"], "timeout": 300})
    with watching(tmp_path, target, *config) as watch:
        wait(lambda: watch.errors)
        code, seconds = watch.end()
    assert code == 0
    assert seconds < 30, "neither for the server, 60 s, nor for the command, 300 s"


@pytest.mark.parametrize(
    ("deliveries", "sentence"),
    [
        ([{"command": ["no-such-program"]}], "There is no program no-such-program"),
        ([{"command": []}], "needs exactly one of: command, webhook_variable, webhook_file"),
        ([{"command": "true"}], "deliveries.1.command must be a list"),
        ([{"command": ["true"], "webhook_file": "/f"}], "needs exactly one of"),
        ([{"webhook_variable": "NOSUCH"}], "The environment variable NOSUCH with the URL of a webhook is not set"),
        ([{"webhook_file": "/nonexistent"}], "/nonexistent cannot be read"),
        ([{"webhook_file": "open"}], "others may read it"),
        ([{"webhook_file": "wrong"}], "The URL of a webhook must begin with https:// or http://"),
        ([{"webhook": f"https://h/{SECRET}"}], "deliveries.1.webhook is not known"),
        ([{"command": ["true"], "timeout": 0}], "deliveries.1.timeout must be a number"),
    ],
)
def test_a_wrong_delivery_is_wrong_usage_and_no_secret_is_repeated(
    tmp_path: Path, deliveries: list[dict[str, object]], sentence: str
) -> None:
    (tmp_path / "open").write_text(f"https://h/{SECRET}")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "wrong").write_text(f"ftp://h/{SECRET}")
    (tmp_path / "wrong").chmod(0o600)
    done = run(tmp_path, "watch", "host=127.0.0.1 port=1", *configuration(tmp_path, *deliveries))
    assert done.code == 2
    assert sentence in done.err
    assert SECRET not in done.err + done.out


@pytest.mark.parametrize(("level", "words"), [("critical", "raised critical bloat:"), ("ok", "raised bloat:")])
def test_a_line_names_the_level_of_what_is_wrong_and_none_of_what_needs_care(level: str, words: str) -> None:
    finding = {"level": level, "rule": "bloat", "sentence": "a table is bloat"}
    document = {"at": datetime.now(UTC), "event": "raised", "server": {"label": "db1"}, "finding": finding}
    assert line(document).endswith(f" db1 {words} a table is bloat")
