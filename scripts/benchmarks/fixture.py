"""The servers that are watched: heavy and light, each with its load, under the guard that takes them down again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from console.demo import binaries
from console.demo.account import Account, give, server_account
from console.demo.binaries import Installation
from console.demo.passwords import passfile, write_private
from console.demo.pooler import LADDER
from console.demo.ports import HOST, free_port, wait_until
from console.demo.postgres_server import SUPERUSER, PostgresProcess
from console.demo.supervisor import Launch, Supervisor
from console.files.pooler_config import ADMIN, auth_file, find_pgbouncer
from console.files.scram import password, verifier

HERE = Path(__file__).parent
CONSOLE, PEER, LOAD = "bench_console", "bench_peer", "bench_load"
WATCHERS = (CONSOLE, PEER)
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "512MB",
    "max_wal_size": "2GB",
    "deadlock_timeout": "10min",  # the detector would look at each of the queues of waiting sessions
    "autovacuum": "off",  # its work could hardly be distinguished from that of the monitoring tools
    "compute_query_id": "on",
    "track_activity_query_size": "1024",
    "pg_stat_statements.max": "10000",
    "pg_stat_statements.track_planning": "on",
}
POOLER = """[databases]
{databases}
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
logfile = {folder}/pgbouncer.log
pidfile = {folder}/pgbouncer.pid
auth_type = scram-sha-256
auth_file = {folder}/users.txt
admin_users = {admin}
pool_mode = transaction
max_client_conn = {room}
default_pool_size = {connections}
max_db_connections = {connections}
server_idle_timeout = 1
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything a server has."""

    name: str
    plain: int  # tables
    sessions: int
    active: int = 2
    children: int = 0  # partitions of the largest parent
    others: int = 0  # partitions of each of three more
    statements: int = 0  # known to pg_stat_statements
    text: int = 0  # bytes of each of their texts
    pools: int = 0
    clients: int = 0  # of the pooler
    waiters: int = 0  # sessions that there is room for besides

    @property
    def connections(self) -> int:
        """max_connections: the pooler opens one for each pool, for a moment."""
        return self.sessions + self.pools + self.waiters + 80

    @property
    def tables(self) -> int:
        """Tables and partitions."""
        return self.plain + self.children + 3 * self.others


@dataclass(frozen=True, slots=True)
class Pools:
    """What a PgBouncer has: pools of so many server connections each, and clients that are connected to them."""

    count: int
    connections: int
    clients: int


HEAVY = Size("heavy", 2880, 320, 20, 2000, 40, 5200, 2000, 200, 300)
LIGHT = Size("light", 20, 5)


@dataclass(slots=True)
class Site:
    """A running server with its load."""

    size: Size
    process: PostgresProcess
    passfile: Path
    pooler_port: int = 0
    pooler_pid: int = 0

    def uri(self, user: str, database: str = "") -> str:
        """A libpq URI with a password file."""
        return _uri(self.process.port, user, database or self.size.name, self.passfile)

    @property
    def address(self) -> tuple[str, int, str]:
        """Host, port and database."""
        return HOST, self.process.port, self.size.name

    def password(self, user: str) -> str:
        """What a role logs in with, for a program that reads no password file."""
        lines = (line.split(":") for line in self.passfile.read_text().splitlines())
        return next(secret for _, _, _, name, secret in lines if name == user)

    @property
    def admin_uri(self) -> str:
        """URI of the pooler's admin console; empty when there is no pooler."""
        return _uri(self.pooler_port, ADMIN, "pgbouncer", self.passfile) if self.pooler_port else ""

    def connect(self) -> psycopg.Connection[Any]:
        """A superuser's connection, not counted to any of the tools."""
        return psycopg.connect(self.uri(SUPERUSER), autocommit=True, application_name="bench")


@contextmanager
def site(size: Size, major: int | None) -> Iterator[Site]:
    """A server of `size` with its load; everything is gone after the block. Raises Trouble."""
    account = server_account()
    with Supervisor() as supervisor, ExitStack() as open_:
        folder = supervisor.directory("pipeline-bench-", Path(tempfile.gettempdir()))
        installation = binaries.usable(_installation(major), account, folder)
        passwords = {user: password() for user in (SUPERUSER, CONSOLE, PEER, LOAD, ADMIN)}
        file = write_private(folder / "passwords", passfile(passwords, ("*",)))
        settings = SETTINGS | {"max_connections": str(size.connections)}
        process = PostgresProcess(supervisor, installation, account, folder / "data", folder / "postgres.log", settings)
        process.initialise(passwords[SUPERUSER], folder)
        process.speak("".join(_roles(passwords)))
        process.start()
        open_.callback(process.stop)  # a large server takes longer than the guard waits at the end
        place = Site(size, process, file)
        _create(place)
        for key in _load(place, folder, passwords[LOAD], account):
            open_.callback(supervisor.stop, key)
        _fill(place)
        _remember(place)
        if size.pools and (program := find_pgbouncer()):
            pools = Pools(size.pools, 1, size.clients)
            open_.enter_context(pooler(place, folder / "pooler", program, pools))
        open_.enter_context(_chain(place))
        _settled(place)
        yield place


def _installation(major: int | None) -> Installation:
    # The figures to beat were taken on 15.
    local = {installation.major: installation for installation in binaries.local()}
    return local[15] if major is None and 15 in local else binaries.for_demo(major)


def _uri(port: int, user: str, database: str, file: Path) -> str:
    return f"postgresql://{user}@{HOST}:{port}/{database}?passfile={quote(str(file), safe='')}"


def _roles(passwords: dict[str, str]) -> Iterator[str]:
    for user in (CONSOLE, PEER, LOAD):
        yield f"CREATE ROLE {user} LOGIN PASSWORD '{verifier(passwords[user])}';\n\n"
    yield f"GRANT pg_monitor, pg_read_all_data TO {', '.join(WATCHERS)};\n\n"
    yield f"GRANT pg_read_all_data TO {LOAD};\n\n"


def _create(place: Site) -> None:
    with psycopg.connect(place.uri(SUPERUSER, SUPERUSER), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {place.size.name}".encode())
    size = place.size
    with place.connect() as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        for name in ("plain", "children", "others"):
            connection.execute(
                "SELECT pg_catalog.set_config(%s, %s, false)", (f"bench.{name}", str(getattr(size, name)))
            )
        for statement in (HERE / f"{size.name}.sql").read_text().split(";\n\n"):
            connection.execute(statement.encode())


def _load(place: Site, folder: Path, secret: str, account: Account | None) -> Iterator[int]:
    size = place.size
    moving = min(12, size.sessions // 4)
    chain = 3 if size.name == "heavy" else 0
    kinds = {
        "idle": size.sessions - size.active - moving,
        "moving": moving,
        "active": size.active - chain,
    }
    for kind, clients in kinds.items():
        script = write_private(folder / f"{kind}.pgbench", (HERE / f"{kind}.pgbench").read_text(), account)
        argv = (
            place.process.installation.program("pgbench"),
            *("-n", "-T", "1000000", "-c", str(clients), "-D", f"schema={size.name}", "-f", str(script)),
            *("-h", HOST, "-p", str(place.process.port), "-U", LOAD, size.name),
        )
        command = Launch(argv, folder, account, {"PGPASSWORD": secret, "PGAPPNAME": f"shop-{kind}"})
        yield place.process.supervisor.start(command, folder / f"{kind}.log", (("SIGTERM", 3.0),))


def _fill(place: Site) -> None:
    with place.connect() as connection:
        connection.execute("ANALYZE")
        connection.execute("CHECKPOINT")


def _remember(place: Site) -> None:
    # As many different statements as pg_stat_statements is to know, each with a long text.
    size, padding = place.size, "-" * max(0, place.size.text - 120)
    with psycopg.connect(place.uri(LOAD), autocommit=True) as connection, connection.pipeline():
        for n in range(size.statements):
            table = f"{size.name}.plain_{n % size.plain + 1}"
            columns = "id, tenant" if n < size.plain else "tenant, id"
            text = f"SELECT {columns} FROM {table} WHERE id = 1 /* statement {n} {padding} */ LIMIT 0"
            connection.execute(text.encode())


@contextmanager
def _chain(place: Site) -> Iterator[None]:
    """Three sessions, the second waits for the first and the third for the second."""
    if place.size.name != "heavy":
        yield
        return
    steps = (("1", "SELECT pg_sleep(100000)"), ("2", _update(1)), ("3", _update(2)))
    with ExitStack() as open_:
        for row, (_, last) in zip((1, 2, 0), steps, strict=True):
            session = psycopg.connect(place.uri(SUPERUSER), application_name="shop-chain")
            open_.callback(session.close)
            if row:
                session.execute(_update(row).encode())
            else:
                session.execute("SELECT 1")
            session.pgconn.send_query(last.encode())
        yield


def _update(row: int) -> str:
    return f"UPDATE heavy.chain SET value = value + 1 WHERE id = {row}"


@contextmanager
def pooler(place: Site, home: Path, program: str, pools: Pools) -> Iterator[list[psycopg.Connection[Any]]]:
    """A PgBouncer before the server, with its files in `home`; yields its clients, which do nothing yet."""
    account = server_account()
    home.mkdir(mode=0o700)
    give(account, home)
    place.pooler_port = free_port()
    names = [f"app_{n:03}" for n in range(pools.count)]
    databases = "".join(f"{name} = host={HOST} port={place.process.port} dbname={place.size.name}\n" for name in names)
    text = POOLER.format(
        databases=databases,
        host=HOST,
        port=place.pooler_port,
        folder=home,
        admin=ADMIN,
        connections=pools.connections,
        room=1000 + pools.clients,
    )
    # The pooler logs in to the server with the password itself.
    users = auth_file({ADMIN: place.password(ADMIN)}, {LOAD: place.password(LOAD)})
    write_private(home / "users.txt", users, account)
    config = write_private(home / "pgbouncer.ini", text, account)
    key = place.process.supervisor.start(Launch((program, str(config)), home, account), home / "out.log", LADDER)
    listening = wait_until(
        lambda: "listening on" in _read(home / "pgbouncer.log") and bool(_read(home / "pgbouncer.pid").strip()), 60
    )
    assert listening, _read(home / "pgbouncer.log") + _read(home / "out.log")
    place.pooler_pid = int(_read(home / "pgbouncer.pid"))
    with ExitStack() as open_:
        open_.callback(place.process.supervisor.stop, key)
        yield [
            open_.enter_context(psycopg.connect(uri, autocommit=True, prepare_threshold=None))
            for uri in (
                _uri(place.pooler_port, LOAD, names[n % len(names)], place.passfile) for n in range(pools.clients)
            )
        ]


def _settled(place: Site) -> None:
    query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    with place.connect() as connection:
        there = wait_until(lambda: bool(connection.execute(query).fetchall()[0][0] == place.size.sessions), 60)
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        chained = place.size.name != "heavy" or wait_until(
            lambda: bool(connection.execute(waiting).fetchall()[0][0] == 2), 10
        )
    assert there, "the load did not connect"
    assert chained, "the lock chain did not form"


def _read(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""
