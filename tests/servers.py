"""Real servers for the tests: found, started when first asked for, and gone with the process that asked."""

from __future__ import annotations

import itertools
import os
import re
import secrets
import socket
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shutil import disk_usage
from typing import Any, Protocol
from urllib.parse import quote

import psycopg
from psycopg import sql

from console.demo import binaries, cluster, content
from console.demo.account import Account, server_account
from console.demo.binaries import Installation
from console.demo.passwords import passfile, write_private
from console.demo.pooler import PoolerProcess
from console.demo.ports import HOST
from console.demo.postgres_server import SUPERUSER, PostgresProcess
from console.demo.redis_server import RedisProcess
from console.demo.supervisor import Supervisor
from console.files.pooler_config import ADMIN, LOOKUP, STATS
from console.files.scram import password, verifier
from scripts.servers import Version, pooler_version, postgresql
from tests.seeds import Seeds

SAMPLE_SCALE = 0.1
MAJORS = (14, 15, 16, 17, 18, 19)
RELEASED = 18  # the newest major version that is released
STRATEGIES_FROM = 15  # older versions always copy files
PORTS = (10_000, 30_000)  # below the ports that systems give to outgoing connections
MEMORY = Path("/dev/shm")  # where making and dropping databases takes little
ROOM = 3 * 2**30  # bytes that must be free there for each worker, for the data and the WAL of six servers
ITERATIONS = 1  # of the hashes of passwords: with the usual 4096 most of the work of a log-in is hashing
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "autovacuum_naptime": "1h",  # statistics move only when a test moves them
}


class Engine(Protocol):
    """What starts and stops one server."""

    @property
    def port(self) -> int: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Choice:
    """Where the server of one major version comes from."""

    major: int
    source: str  # "docker", "local", "fetched", "embedded"
    version: str
    installation: Installation | None = None


@dataclass(slots=True)
class PostgresServer:
    """A running server that tests may stop, start and fill; superuser `postgres` and the roles of the pipeline."""

    major: int
    engine: Engine
    passfile: Path
    host: str = HOST
    bindir: Path | None = None
    data: Path | None = None
    templates: dict[str, str] = field(default_factory=dict)

    @property
    def port(self) -> int:
        """TCP port on loopback; the same after a restart unless somebody took it."""
        return self.engine.port

    def uri(self, database: str = "postgres", user: str = SUPERUSER) -> str:
        """A libpq URI with a password file, without a password."""
        return uri(self.host, self.port, database, user, self.passfile)

    @property
    def log(self) -> str:
        """What it has written to its log."""
        return Path(f"{self.data}.log").read_text(errors="replace")

    def connect(self, database: str = "postgres", user: str = SUPERUSER, **options: Any) -> psycopg.Connection[Any]:
        """An autocommit connection for the test's own statements."""
        return psycopg.connect(self.uri(database, user), autocommit=True, **options)

    def fresh_database(self, template: str | None = None, owner: str = cluster.OWNER) -> str:
        """The name of a new database, empty or cloned from `template`.

        Its files are copied where they are many: they need not go through the shared buffers and the WAL, too.
        """
        name = f"test_{secrets.token_hex(6)}"
        parts = {
            "name": sql.Identifier(name),
            "owner": sql.Identifier(owner),
            "source": sql.Identifier(template or "template1"),
        }
        with self.connect() as connection:
            made = sql.SQL("CREATE DATABASE {name} OWNER {owner} TEMPLATE {source}").format(**parts)
            copied = sql.SQL(" STRATEGY FILE_COPY" if template and self.major >= STRATEGIES_FROM else "")
            connection.execute(made + copied)
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database together with the sessions in it."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def stop(self) -> None:
        """Stop the server (fast shutdown)."""
        self.engine.stop()

    def start(self) -> None:
        """Start the server again, on its former port where possible."""
        self.engine.start()

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()


@dataclass(frozen=True, slots=True)
class Pooler:
    """A running PgBouncer in transaction mode before one database."""

    process: PoolerProcess
    passfile: Path
    database: str
    version: Version | None

    @property
    def port(self) -> int:
        return self.process.port

    def uri(self, database: str | None = None, user: str = cluster.APPLICATION) -> str:
        """URI for a client of the pooled database (`<database>_session` is the entry in session mode)."""
        return uri(HOST, self.port, database or self.database, user, self.passfile)

    @property
    def admin_uri(self) -> str:
        """URI of the admin console for a user who may do everything."""
        return self.uri("pgbouncer", ADMIN)

    @property
    def stats_uri(self) -> str:
        """URI of the admin console for a user who may only SHOW."""
        return self.uri("pgbouncer", STATS)

    def stop(self) -> None:
        self.process.stop()


def uri(host: str, port: int, database: str, user: str, file: Path) -> str:
    """A libpq URI with a password file."""
    return f"postgresql://{quote(user)}@{host}:{port}/{quote(database)}?passfile={quote(str(file), safe='')}"


class Servers(Mapping[int, PostgresServer]):
    """Every major version that can be had; a server starts when it is first asked for."""

    def __init__(self, choices: Mapping[int, Choice], seeds: Path | None = None) -> None:
        """`seeds`: where the data of new servers are, as initdb makes them; None: in a folder of these servers' own."""
        self.choices = dict(choices)
        self._seeds = seeds
        self._ports = ports(os.getpid())
        self._running: dict[int, PostgresServer] = {}
        self._supervisor: Supervisor | None = None
        self._folder: Path | None = None
        self._data: Path | None = None
        self._installations: dict[Installation, Installation] = {}
        self._closers: list[Any] = []
        self._poolers = 0

    def __getitem__(self, major: int) -> PostgresServer:
        if major not in self._running:
            choice = self.choices[major]
            self._running[major] = self._docker(choice) if choice.source == "docker" else self.launch(choice)
        return self._running[major]

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self.choices))

    def __len__(self) -> int:
        return len(self.choices)

    @property
    def newest(self) -> int:
        """The newest released major version that is there, else the newest."""
        return newest(self.choices)

    @property
    def supervisor(self) -> Supervisor:
        """The guard of everything that runs; also for a test's own processes."""
        if self._supervisor is None:
            self._supervisor = Supervisor()
        return self._supervisor

    @property
    def folder(self) -> Path:
        """Where the servers' files are, deleted at the end."""
        if self._folder is None:
            self._folder = self.supervisor.directory("pipeline-tests-", Path(tempfile.gettempdir()))
        return self._folder

    @property
    def data(self) -> Path:
        """Where shared servers have their data, in memory where all workers have room; deleted at the end.

        A server of its own runs for one test, and there are hundreds.
        """
        if self._data is None:
            self._data = self.supervisor.directory("pipeline-tests-", MEMORY) if _is_roomy() else self.folder
        return self._data

    @property
    def seeds(self) -> Seeds:
        """The data of new servers, which the workers of a run share; deleted at the end."""
        if self._seeds is None:
            self._seeds = self.supervisor.directory("pipeline-seeds-", Path(tempfile.gettempdir()))
        return Seeds(self._seeds)

    def new(self, major: int, settings: Mapping[str, str]) -> PostgresServer:
        """A server of its own with further settings, for what would disturb the shared one; local binaries only."""
        return self.launch(self.choices[major], settings)

    def pipeline_template(self, server: PostgresServer) -> str:
        """The name of a database with schema and sample data, made once a server, for cloning."""
        if "pipeline" not in server.templates:
            name = server.fresh_database()
            with server.connect(name) as connection:
                connection.execute(cluster.database().encode())
            with server.connect(name, cluster.OWNER) as connection:
                content.install_schema(connection, server.major)
                content.load_samples((connection,), SAMPLE_SCALE)
            server.templates["pipeline"] = name
        return server.templates["pipeline"]

    def free_port(self) -> int:
        """A port that no other worker of this run offers; a stopped server still has it when it starts again."""
        return next(port for port in self._ports if _is_free(port))

    def pooler(self, server: PostgresServer, database: str, program: str) -> Pooler:
        """Start the given PgBouncer before `database`, which gets the look-up function."""
        with server.connect(database) as connection:
            connection.execute(cluster.database().encode())
        self._poolers += 1
        secrets_ = _read_passfile(server.passfile) | {ADMIN: password(), STATS: password()}
        process = PoolerProcess(
            self.supervisor, program, server_account(), self.folder / f"pooler-{self._poolers}", database, server.port
        )
        process.start({user: secrets_[user] for user in (ADMIN, STATS, LOOKUP)})
        file = write_private(self.folder / f"pooler-{self._poolers}.pass", passfile(secrets_, (process.port,)))
        return Pooler(process, file, database, pooler_version(program))

    def redis(self, program: str) -> RedisProcess:
        """Start a Redis without persistence and without limits of memory; a stopped one keeps its port."""
        port = self.free_port()
        process = RedisProcess(self.supervisor, program, server_account(), self.folder / f"redis-{port}", port)
        process.start(())
        return process

    def close(self) -> None:
        """Stop and delete everything."""
        for closer in self._closers:
            closer()
        if self._supervisor is not None:
            self._supervisor.close()

    def launch(self, choice: Choice, settings: Mapping[str, str] | None = None) -> PostgresServer:
        assert choice.installation is not None, "needs local binaries"
        account: Account | None = server_account()
        installation = self._usable(choice.installation, account)
        name = f"pg{choice.major}" + (f"-{secrets.token_hex(3)}" if settings is not None else "")
        place = self.data if settings is None else self.folder
        process = PostgresProcess(
            self.supervisor,
            installation,
            account,
            place / name,
            place / f"{name}.log",
            SETTINGS | dict(settings or {}),
            self.free_port(),
        )
        passwords = {user: password() for user in (SUPERUSER, *cluster.SETTINGS)}
        self.seeds.plant(process)
        process.speak(_accounts(passwords))
        process.start()
        file = write_private(self.folder / f"{name}.pass", passfile(passwords, ("*",)))
        return PostgresServer(choice.major, process, file, HOST, installation.bindir, process.data)

    def _usable(self, found: Installation, account: Account | None) -> Installation:
        """Programs that the servers' account can run: whether it can is asked once, by programs of its own."""
        if found not in self._installations:
            self._installations[found] = binaries.usable(found, account, self.folder)
        return self._installations[found]

    def _docker(self, choice: Choice) -> PostgresServer:
        from tests.docker import DockerEngine  # noqa: PLC0415  the docker client is slow to import and seldom there

        passwords = {user: password() for user in (SUPERUSER, *cluster.SETTINGS)}
        engine = DockerEngine.launch(choice.major, passwords[SUPERUSER], SETTINGS)
        self._closers.append(engine.close)
        file = write_private(self.folder / f"pg{choice.major}.pass", passfile(passwords, ("*",), engine.host))
        server = PostgresServer(choice.major, engine, file, engine.host)
        with server.connect() as connection:
            connection.execute(_accounts(passwords).encode())
        return server


def available() -> dict[int, Choice]:
    """The choice of each major version: docker, else programs that are installed, fetched, or in a wheel."""
    programs = {
        major: Choice(major, installation.source, installation.version, installation)
        for major, installation in postgresql().items()
        if major in MAJORS
    }
    if _docker_answers():
        return programs | {major: Choice(major, "docker", str(major)) for major in MAJORS if major <= RELEASED}
    return programs


def newest(majors: Iterable[int]) -> int:
    """The newest released major version of `majors`, else the newest."""
    return max([major for major in majors if major <= RELEASED] or majors)


def ports(seed: int) -> Iterator[int]:
    """Ports without end; two processes begin at different ones."""
    first, last = PORTS
    start = seed * 97 % (last - first)
    return itertools.cycle(itertools.chain(range(first + start, last), range(first, first + start)))


def describe(choices: Mapping[int, Choice]) -> str:
    """One line for the head of the test report."""
    return ", ".join(f"{one.version} ({one.source})" for _, one in sorted(choices.items())) or "none"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _is_roomy() -> bool:
    """Whether memory takes the data of all workers of this run."""
    needed = ROOM * int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    try:
        found = re.search(r"MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"))
        return found is not None and min(int(found[1]) * 1024, disk_usage(MEMORY).free) > needed
    except OSError:
        return False


def _accounts(passwords: Mapping[str, str]) -> str:
    """SQL that gives the superuser and the roles of the pipeline their passwords."""
    superuser = f"ALTER ROLE {SUPERUSER} PASSWORD '{verifier(passwords[SUPERUSER], ITERATIONS)}';\n\n"
    return superuser + cluster.roles(passwords, ITERATIONS)


def _docker_answers() -> bool:
    if not os.environ.get("DOCKER_HOST") and not Path("/var/run/docker.sock").exists():
        return False
    from tests.docker import answers  # noqa: PLC0415

    return answers()


def _read_passfile(file: Path) -> dict[str, str]:
    return dict(line.split(":")[3:5] for line in file.read_text().splitlines())
