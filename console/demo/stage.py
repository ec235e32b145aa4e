"""The course of a demo: prepare step by step, run, and remove everything."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from urllib.parse import quote

from console.demo import binaries, cluster, content, home, packages, redis_server, workload
from console.demo.account import Account, server_account
from console.demo.home import Home
from console.demo.passwords import passfile, write_private
from console.demo.pooler import PoolerProcess
from console.demo.ports import HOST
from console.demo.postgres_server import SUPERUSER, PostgresProcess, failure
from console.demo.progress import Progress
from console.demo.redis_server import RedisProcess
from console.demo.supervisor import Launch, Supervisor
from console.demo.uris import DemoUris
from console.files.pooler_config import ADMIN, STATS
from console.files.scram import password
from console.model import Kind, Trouble
from console.records import dataclass
from console.sources.postgres.changing import acting_session

SETTINGS = {
    "shared_buffers": "256MB",
    "max_wal_size": "1GB",
    "autovacuum_naptime": "10s",  # a demo runs for minutes, so that autovacuum must show within seconds
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %e %q%u@%d %a ",
    "log_lock_waits": "on",
    "log_temp_files": "1MB",
    "log_min_duration_statement": "1s",
}
LOOK = 1.0  # seconds between two looks at whether the server still runs
Opener = Callable[[DemoUris], int]


class Interrupted(BaseException):
    """A signal that ends the demo; not an Exception, so that no handler mistakes it for an error."""


@dataclass(slots=True)
class Stage:
    """What the steps share."""

    supervisor: Supervisor
    account: Account | None
    home: Home
    progress: Progress
    passwords: dict[str, str]

    def server(self) -> PostgresProcess:
        """The server, initialised if there is no kept data, with roles and new passwords; not started yet."""
        installation = binaries.for_demo(self.home.major())
        installation = binaries.usable(installation, self.account, self.home.run)
        # Temporary data need not survive a crash.
        durability = {} if self.home.mark else {"fsync": "off", "full_page_writes": "off"}
        server = PostgresProcess(
            self.supervisor,
            installation,
            self.account,
            self.home.data,
            self.home.run / "postgres.log",
            SETTINGS | durability,
        )
        if self.home.kept() is None:
            with self.progress.step(f"Initialising PostgreSQL {installation.version} ({installation.source})"):
                server.initialise(self.passwords[SUPERUSER], self.home.run)
                server.speak(cluster.roles(self.passwords) + cluster.create())
        else:
            with self.progress.step(f"Setting new passwords on the kept PostgreSQL {installation.version}"):
                server.speak(cluster.roles(self.passwords))
        server.speak(cluster.database() + cluster.tuning(installation.major) + cluster.purpose(), cluster.DATABASE)
        return server

    def fill(self, server: PostgresProcess, scale: float) -> None:
        """Schema and sample data, or the partitions that kept data needs. Raises Trouble."""
        known = self.home.kept()
        uri = self.uri(server.port, cluster.DATABASE, cluster.OWNER)
        with ExitStack() as opened:
            connection = opened.enter_context(acting_session(uri))
            with self.progress.step("Installing the schema") as report:
                content.install_schema(connection, server.installation.major, report)
            if known is None:
                others = [opened.enter_context(acting_session(uri)) for _ in range(content.SESSIONS - 1)]
                with self.progress.step(f"Loading sample data (scale {scale:g})") as report:
                    content.load_samples((connection, *others), scale, report)
            else:
                with self.progress.step(f"Adding upcoming partitions to the kept data (scale {known.get('scale')})"):
                    content.top_up(connection)
        self.home.note(float(str(known.get("scale", scale))) if known else scale, complete=True)

    def pooler(self, server: PostgresProcess, program: str) -> PoolerProcess:
        """PgBouncer in front of the server. Raises Trouble."""
        process = PoolerProcess(
            self.supervisor, program, self.account, self.home.run / "pooler", cluster.DATABASE, server.port
        )
        with self.progress.step("Starting PgBouncer"):
            process.start({user: self.passwords[user] for user in (ADMIN, STATS, cluster.LOOKUP)})
        return process

    def redis(self) -> RedisProcess | None:
        """The Redis that caches brands; None: redis-server or redis-py is not installed. Raises Trouble."""
        program = redis_server.find()
        if program is None or find_spec("redis") is None:
            self.progress.say("No Redis: install redis-server, and redis-py by pip install 'pipeline-console[cache]'.")
            return None
        process = RedisProcess(self.supervisor, program, self.account, self.home.run / "redis")
        with self.progress.step("Starting Redis"):
            process.start()
        return process

    def services(self, port: int, redis: RedisProcess) -> None:
        """Start services that read brands through the cache, as the user of this process, who can read the console."""
        folder = self.home.run / "services"
        folder.mkdir(mode=0o700)
        argv = (sys.executable, "-m", "console.demo.readers", self.uri(port, cluster.DATABASE, cluster.APPLICATION))
        launch = Launch((*argv, redis.uri), folder)
        self.supervisor.start(launch, folder / "services.log", workload.LADDER, restart=True)

    def uri(self, port: int, database: str, user: str) -> str:
        """A libpq URI with the demo's password file."""
        return (
            f"postgresql://{user}@{HOST}:{port}/{database}?passfile={quote(str(self.home.run / 'passfile'), safe='')}"
        )

    def write_passfile(self, *ports: int) -> None:
        """The password file of the console: every role that the demo hands out."""
        users = (cluster.OWNER, cluster.APPLICATION, cluster.MONITOR, ADMIN, STATS)
        text = passfile({user: self.passwords[user] for user in users}, ports)
        write_private(self.home.run / "passfile", text)


def perform(scale: float, keep: Path | None, headless: bool, open_console: Opener | None) -> int:
    """See `console.demo.run`."""
    if not 0 < scale <= 1000:
        raise Trouble(Kind.USAGE, f"--scale {scale:g} is out of range.", "Give a number above 0, up to 1000.")
    try:
        with _signals(), Supervisor() as supervisor, _plain_errors():
            stage = _stage(supervisor, scale, keep)
            uris, server = _prepare(stage, scale)
            if headless or open_console is None:
                return _serve(uris, server)
            with _signals(signal.SIG_DFL):
                return open_console(uris)
    except Interrupted:
        return 0 if headless else 130


def _stage(supervisor: Supervisor, scale: float, keep: Path | None) -> Stage:
    account = server_account()
    place = home.kept(supervisor, account, keep, scale) if keep else home.temporary(supervisor, account, scale)
    users = (SUPERUSER, *cluster.SETTINGS, ADMIN, STATS)
    return Stage(supervisor, account, place, Progress(), {user: password() for user in users})


def _prepare(stage: Stage, scale: float) -> tuple[DemoUris, PostgresProcess]:
    with stage.progress.step("Looking for PgBouncer"):
        program, hint = packages.pgbouncer()
    server = stage.server()
    with stage.progress.step("Starting PostgreSQL"):
        server.start()
    stage.write_passfile(server.port)
    with _reasons(server):
        stage.fill(server, scale)
    pooler = stage.pooler(server, program) if program else None
    port = pooler.port if pooler else server.port
    stage.write_passfile(server.port, *([port] if pooler else []))
    with stage.progress.step("Starting the workload"):
        login = passfile({cluster.APPLICATION: stage.passwords[cluster.APPLICATION]}, (port,))
        place = workload.WorkloadPlace(stage.home.run / "workload", port, login)
        workload.start(stage.supervisor, server.installation, stage.account, place)
    redis = stage.redis()
    if redis is not None:
        stage.services(port, redis)
    if hint:
        stage.progress.say(hint)
    stage.progress.done()
    return DemoUris(
        postgres=stage.uri(server.port, cluster.DATABASE, cluster.OWNER),
        pgbouncer=stage.uri(port, cluster.DATABASE, cluster.APPLICATION) if pooler else None,
        pgbouncer_admin=stage.uri(port, "pgbouncer", ADMIN) if pooler else None,
        redis=redis.uri if redis else None,
        log=str(server.log),
        pooler_hint=hint,
    ), server


def _serve(uris: DemoUris, server: PostgresProcess) -> int:
    sys.stdout.write(json.dumps(asdict(uris)) + "\n")
    sys.stdout.flush()
    while server.ready():
        time.sleep(LOOK)  # a signal raises out of it
    raise failure("PostgreSQL stopped unexpectedly", server.log.read_text(errors="replace"))


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(signal.Signals(number).name)


@contextmanager
def _signals(handler: object = _interrupt) -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        plain = signal.default_int_handler if handler is signal.SIG_DFL and number == signal.SIGINT else handler
        signal.signal(number, plain)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number, former in before.items():
            with suppress(TypeError):  # a handler that was not set from Python
                signal.signal(number, former)


@contextmanager
def _reasons(server: PostgresProcess) -> Iterator[None]:
    try:
        yield
    except Trouble as trouble:
        # With a full disk the server closes the connection; only its log has the reason.
        log = server.log.read_text(errors="replace")
        if "No space left on device" in log:
            raise failure("The demo could not be prepared", log) from trouble
        raise


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except (Trouble, shutil.Error):
        raise
    except OSError as error:
        why = f"{error.strerror}: {error.filename}" if error.filename else str(error)
        raise failure("The demo could not be prepared", why) from error
