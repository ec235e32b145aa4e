"""Fixtures: real PostgreSQL servers of every version that can be had, PgBouncer, Redis, the pipeline database."""

from __future__ import annotations

import operator
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest
from textual import _wait

from console.demo import redis_server
from console.demo.redis_server import RedisProcess
from console.sources.postgres import acting
from console.tui import plotting  # noqa: F401  what is drawn with it is there at once
from scripts.servers import Version, poolers
from tests.dates import let_midnight_pass
from tests.hosts import NoHost
from tests.servers import (
    RELEASED,
    Choice,
    Pooler,
    PostgresServer,
    Servers,
    available,
    describe,
    newest,
)
from tests.timing import SLOW, function_of
from tests.waiting import PATIENCE

CHOICES = pytest.StashKey[Mapping[int, Choice]]()
SERVERS = pytest.StashKey[Servers]()
STATE = pytest.StashKey[str]()
POOLERS = pytest.StashKey[Mapping[Version, str]]()
SEEDS = "seeds"  # what the controller of a run sends each worker
WIDE = (
    "test_pane_",
    "test_schema",
    "test_migrations",
    "test_extreme_values",
    "test_servers",
    "test_action_tuning",
    "test_presets",
    "test_confinement",
    "test_action_traps",
    "test_kill_value",
    "test_forecast_locks",
)
# What acts or judges is tried on the next version: quick tests of one or two cases run on it besides, others in turn.
AHEAD = ("test_action_", "test_rules", "test_findings_", "test_pool")
ONCE = ("test_setup_screen",)  # what only shows is the same on all of them
NARROW = 15
FEW = 3  # cases of a function with which each of three servers has a turn
DEFAULT = (NARROW, RELEASED)
COMPARE: Mapping[str, Callable[[int, int], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """--pg 15,18 restricts the run to some of the servers, --require-pg fails it when one is missing."""
    parser.addoption("--update-frames", action="store_true", help="write the screens of tests/frames anew")
    parser.addoption("--minute", action="store_true", help="processes are stopped for longer than a minute")
    parser.addoption("--every", action="store_true", help="every test on every server, not only those of queries")
    parser.addoption("--once", action="store_true", help="every test on one server, which they take in turn")
    parser.addoption("--pg", default="", help="comma-separated major versions to run on, or all (default: 15,18)")
    parser.addoption("--poolers", default="", help="all: every PgBouncer (default: the oldest and the newest)")
    parser.addoption("--require-pg", default="", help="comma-separated major versions without which the run fails")


def pytest_configure(config: pytest.Config) -> None:
    """Decide once which servers this run uses, and keep what consoles remember out of the user's own folder."""
    os.environ["XDG_STATE_HOME"] = config.stash.setdefault(STATE, tempfile.mkdtemp(prefix="console-state-"))
    everything = available()
    if config.getoption("--pg") == "all":
        found = everything
    else:
        wanted = {int(part) for part in str(config.getoption("--pg")).split(",") if part} or set(DEFAULT)
        found = {major: choice for major, choice in everything.items() if major in wanted} or everything
    missing = {int(part) for part in str(config.getoption("--require-pg")).split(",") if part} - set(found)
    if missing:
        raise pytest.UsageError(f"no PostgreSQL {', '.join(map(str, sorted(missing)))}; run `make test-servers`")
    config.stash[CHOICES] = found
    config.stash[SERVERS] = Servers(found, _seeds(config))
    config.stash[POOLERS] = poolers()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Send a worker the folder with the data of new servers."""
    node.workerinput[SEEDS] = str(node.config.stash[SERVERS].seeds.folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers, whatever ended the run."""
    if SERVERS in config.stash:
        config.stash[SERVERS].close()
    shutil.rmtree(config.stash[STATE], ignore_errors=True)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Which real servers the run uses."""
    found = ", ".join(_name(version) for version in config.stash[POOLERS]) or "none"
    return [
        f"postgresql: {describe(config.stash[CHOICES])}",
        f"pgbouncer: {found}, redis: {redis_server.find() or 'none'}",
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`pg` runs a test once on each server that its `pg` markers allow, `pgbouncer` once on each marked pooler.

    What depends on the server's version runs on all servers of the run: queries, the schema, settings. Other tests take
    the newest released version and NARROW in turn, those of ONCE run on the newest alone, unless --every is given.
    Those of AHEAD also run on a version that is not released yet; slow ones, and those of many cases, in turn.
    Those marked `both` run on NARROW and on the newest released version.
    """
    if "pgbouncer" in metafunc.fixturenames and metafunc.definition.get_closest_marker("every_pooler"):
        found = metafunc.config.stash[POOLERS]
        ends = {min(found), max(found)} if found else set()
        versions = sorted(found if metafunc.config.getoption("--poolers") == "all" else ends)
        names = [f"pgbouncer{_name(version)}" for version in versions]
        metafunc.parametrize("pgbouncer", versions, indirect=True, ids=names)
    if "tuned" in metafunc.fixturenames:
        own = [major for major in _allowed(metafunc) if metafunc.config.stash[CHOICES][major].installation]
        metafunc.parametrize("tuned", own, indirect=True, ids=[f"pg{major}" for major in own], scope="module")
    if "pg" in metafunc.fixturenames:
        two = f"{metafunc.definition.nodeid} takes `pg`, perhaps by `database`, and `any_pg`: these may be two servers"
        assert "any_pg" not in metafunc.fixturenames, two
        choices = metafunc.config.stash[CHOICES]
        majors = _allowed(metafunc)
        if not metafunc.config.getoption("--every") and not _is_of(metafunc.module, WIDE):
            few = {newest(choices)} if _is_of(metafunc.module, ONCE) else {NARROW, newest(choices)}
            if _is_of(metafunc.module, AHEAD) and not metafunc.definition.get_closest_marker("both"):
                few |= {major for major in choices if major > RELEASED}
            majors = [major for major in majors if major in few] or majors[-1:]
        metafunc.parametrize("pg", majors, indirect=True, ids=[f"pg{major}" for major in majors], scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what SLOW lists, and let tests take their servers in turn where that is enough."""
    slow = set(SLOW.read_text().split())
    for item in items:
        if function_of(item.nodeid) in slow and item.get_closest_marker("brief") is None:
            item.add_marker("slow")
    if not config.getoption("--every"):
        dropped = set(_out_of_turn(items, once=config.getoption("--once")))
        config.hook.pytest_deselected(items=[item for item in items if item in dropped])
        items[:] = [item for item in items if item not in dropped]


def pytest_runtest_setup() -> None:
    """Begin no test in the last seconds of a day."""
    let_midnight_pass()


def _seeds(config: pytest.Config) -> Path | None:
    """Where the workers of this run share the data of new servers; None: this process is no worker."""
    sent = getattr(config, "workerinput", {}).get(SEEDS)
    return Path(sent) if sent else None


def _out_of_turn(items: list[pytest.Item], *, once: bool) -> Iterator[pytest.Item]:
    """The cases on servers whose turn it is not. Of three cases of a function, each of three servers gets one."""
    functions: dict[str, dict[str, list[pytest.Function]]] = {}
    for item in items:
        if not isinstance(item, pytest.Function) or not isinstance(_parameters(item).get("pg"), int):
            continue  # also one for which this run has no server: it is skipped
        if once or not (_is_wide(item) or item.get_closest_marker("both")):
            cases = functions.setdefault(function_of(item.nodeid), {})
            cases.setdefault(item.nodeid.replace(f"pg{_parameters(item)['pg']}", ""), []).append(item)
    first = 0
    for cases in functions.values():
        for turn, found in enumerate(cases.values()):
            servers = [item for item in found if once or not _is_besides(item, len(cases))]
            now = (first + turn + turn // max(len(servers), 1)) % max(len(servers), 1)
            yield from (item for place, item in enumerate(servers) if place != now)
        first += len(cases)


def _is_wide(item: pytest.Function) -> bool:
    return _is_of(item.module, WIDE) and item.get_closest_marker("spread") is None


def _is_besides(item: pytest.Function, cases: int) -> bool:
    """Whether a case runs on the next version besides that whose turn it is."""
    if _parameters(item)["pg"] <= RELEASED or not _is_of(item.module, AHEAD):
        return False
    return cases < FEW and item.get_closest_marker("slow") is None


def _parameters(item: pytest.Function) -> Mapping[str, Any]:
    return item.callspec.params if hasattr(item, "callspec") else {}


def _is_of(module: ModuleType, names: tuple[str, ...]) -> bool:
    return module.__name__.split(".")[-1].startswith(names)


def _allowed(metafunc: pytest.Metafunc) -> list[int]:
    specs = [str(mark.args[0]) for mark in metafunc.definition.iter_markers("pg")]
    choices = metafunc.config.stash[CHOICES]
    return [major for major in sorted(choices) if all(allows(spec, major) for spec in specs)]


def allows(spec: str, major: int) -> bool:
    """Whether "major <op> number" holds, for each comma-separated part of the marker's text."""
    for part in spec.split(","):
        match = re.fullmatch(r"\s*(>=|<=|==|!=|>|<)\s*(\d+)\s*", part)
        if match is None:
            raise pytest.UsageError(f"pg marker {spec!r}: write it like '>= 16' or '>= 15, < 18'")
        if not COMPARE[match[1]](major, int(match[2])):
            return False
    return True


@pytest.fixture(autouse=True)
def no_host(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on how busy this machine is, unless it is marked `host`."""
    if request.node.get_closest_marker("host") is None:
        monkeypatch.setattr("console.opening.host_of", NoHost)


@pytest.fixture(autouse=True)
def undisturbed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No run of this process loses its session since a busy machine let the process rest for two seconds.

    The tests of that limit freeze processes of their own.
    """
    if request.node.get_closest_marker("idle_limit") is None:
        monkeypatch.setitem(acting._SESSION, "idle_in_transaction_session_timeout", f"{PATIENCE:.0f}s")


@pytest.fixture(autouse=True)
def every_version_is_supported(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on how long ago a version got its last fix, unless it is marked `support`.

    That support ends is a finding of its own from half a year before.
    """
    if request.node.get_closest_marker("support") is None:
        ends = dict.fromkeys(range(14, 20), date(9999, 1, 1))
        monkeypatch.setattr("console.rules.findings.server.END_OF_LIFE", ends)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key counts as handled once the process had little to do for 5 ms, not for Textual's 20, twice a key.

    For tests of what is on the screen. A dialog takes no key while they come one after the other as fast as this.
    """
    monkeypatch.setattr(_wait, "SLEEP_GRANULARITY", 0.005)


@pytest.fixture(scope="session")
def pg_servers(request: pytest.FixtureRequest) -> Servers:
    """All servers by major version, started when first asked for."""
    return request.config.stash[SERVERS]


@pytest.fixture(scope="session")
def pg(request: pytest.FixtureRequest, pg_servers: Servers) -> PostgresServer:
    """Each server in turn."""
    return pg_servers[request.param]


@pytest.fixture(scope="session")
def any_pg(pg_servers: Servers) -> PostgresServer:
    """The newest server of a released version."""
    if not pg_servers:
        pytest.fail("no PostgreSQL server is available; run `make test-servers`")
    return pg_servers[pg_servers.newest]


@pytest.fixture(scope="session")
def pg18(pg_servers: Servers) -> PostgresServer:
    """PostgreSQL 18."""
    if 18 not in pg_servers:
        pytest.skip("no PostgreSQL 18")
    return pg_servers[18]


@pytest.fixture
def database(pg: PostgresServer) -> Iterator[str]:
    """The name of an empty database on `pg`, dropped after the test."""
    name = pg.fresh_database()
    yield name
    _drop(pg, name)


@pytest.fixture(scope="session")
def pipeline_template(pg_servers: Servers) -> Callable[[PostgresServer], str]:
    """Makes, once a server, a database with schema and sample data, and returns its name: clone it, leave it alone."""
    return pg_servers.pipeline_template


@pytest.fixture
def pipeline(any_pg: PostgresServer, pipeline_template: Callable[[PostgresServer], str]) -> Iterator[str]:
    """The name of a pipeline database with sample data on the newest server, dropped after the test."""
    name = any_pg.fresh_database(pipeline_template(any_pg))
    yield name
    _drop(any_pg, name)


@pytest.fixture
def pg_pipeline(pg: PostgresServer, pipeline_template: Callable[[PostgresServer], str]) -> Iterator[str]:
    """The name of a pipeline database with sample data on `pg`, dropped after the test."""
    name = pg.fresh_database(pipeline_template(pg))
    yield name
    _drop(pg, name)


@pytest.fixture(scope="session")
def shared_redis(pg_servers: Servers) -> RedisProcess:
    """A real Redis that tests fill and leave running."""
    return _redis(pg_servers)


@pytest.fixture
def redis_process(pg_servers: Servers) -> Iterator[RedisProcess]:
    """A real Redis of the test's own, to stop, start and configure."""
    process = _redis(pg_servers)
    yield process
    process.stop()


def _redis(servers: Servers) -> RedisProcess:
    program = redis_server.find()
    if program is None:
        pytest.skip("no redis-server")
    return servers.redis(program)


@pytest.fixture
def pgbouncer(request: pytest.FixtureRequest, pg_servers: Servers) -> Iterator[Callable[[PostgresServer, str], Pooler]]:
    """Starts PgBouncer in transaction mode, from the bundled configuration, before a database of a server."""
    found = request.config.stash[POOLERS]
    if not found:
        pytest.skip("no pgbouncer")
    program = found[getattr(request, "param", min(found))]
    started: list[Pooler] = []

    def start(server: PostgresServer, database: str) -> Pooler:
        started.append(pg_servers.pooler(server, database, program))
        return started[-1]

    yield start
    for pooler in started:
        pooler.stop()


def _name(version: Version) -> str:
    return "{}.{}".format(*version)


def _drop(server: PostgresServer, database: str) -> None:
    with suppress(psycopg.OperationalError):  # a test may have left its server stopped
        server.drop_database(database)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=False, capture_output=True)
    if done.returncode != 0:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)
