"""Runs actions on real servers as the console does, and measures what others feel of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from console.actions.planning import Action
from console.demo.cluster import OWNER
from console.model import Batches, Plan, Standalone, Transaction
from console.running.progress import Run
from console.running.runner import PATIENCE
from console.running.trail.audit import Trail
from console.settings import config
from console.sources.registry import HOST
from console.workspace import Workspace
from tests import waiting
from tests.hosts import FakeHost
from tests.servers import PostgresServer as Cluster

LOCK_TIMEOUT = 0.2
COPYING = ("copy", "apply", "apply again")


@dataclass(frozen=True, slots=True)
class Desk:
    """A console of one database: plans and runs actions."""

    cluster: Cluster
    database: str
    trail: Trail
    settings: config.Settings = field(default_factory=lambda: config.load(environ={}))
    user: str = "postgres"
    poolers: tuple[str, ...] = ()  # URIs of the admin consoles of its PgBouncers
    redis: str = ""  # URI of the Redis that caches its brands
    replicas: tuple[tuple[str, str], ...] = ()  # names and URIs of its replicas
    heavy_reads: str = ""  # the name of the one that heavy reads go to
    host: FakeHost | None = None  # the machine of the server; None: the tests' choice

    @property
    def uri(self) -> str:
        """Of the database, as the user of this desk."""
        return self.cluster.uri(self.database, self.user)

    async def plan(self, action: Action, **given: str) -> Plan:
        """What the action would do now; underscores in names of parameters stand for hyphens."""
        async with self.workspace() as workspace:
            return await workspace.plan(action, _named(given))

    async def run(self, action: Action, patience: float = PATIENCE, **given: str) -> Run:
        """Plan and run."""
        async with self.workspace() as workspace:
            return await workspace.run(await workspace.plan(action, _named(given)), patience=patience)

    def workspace(self) -> Workspace:
        """A console of this database, to be closed by its user."""
        wanted = config.Wanted(
            self.uri,
            poolers=self.poolers,
            redis=self.redis,
            replicas=self.replicas,
            heavy_reads=self.heavy_reads,
        )
        workspace = Workspace(self.settings, wanted, trail=self.trail)
        if self.host is not None:
            host, postgres = self.host, workspace.sources.postgres
            workspace.sources.add_later(HOST, lambda: host.source(postgres))
        return workspace

    def session(self, user: str = "", **options: Any) -> psycopg.Connection[Any]:
        """A session for the test's own statements, in autocommit mode."""
        return self.cluster.connect(self.database, user or self.user, **options)

    def do(self, *statements: str) -> None:
        """Run statements of the test's own."""
        with self.session() as session:
            for statement in statements:
                session.execute(statement.encode())

    def give_away(self) -> None:
        """Let a plain user own all tables, so that what the desk's superuser does with them is confined."""
        self.do(
            f"GRANT ALL ON SCHEMA public TO {OWNER}",
            "DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT c.oid FROM pg_class c WHERE c.relkind IN ('r', 'p', 'm') "
            "AND c.relnamespace = 'public'::regnamespace LOOP "
            f"EXECUTE format('ALTER TABLE %s OWNER TO {OWNER}', t); END LOOP; END $$",
        )

    def ask(self, query: str) -> Any:
        """The first value that a query returns."""
        with self.session() as session:
            row = session.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def _named(given: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in given.items()}


def stage(plan: Plan, name: str) -> int:
    """Where a group of a plan begins, or of copying into partitions what runs in batches; empty: what runs alone."""
    batches = [at for at, step in enumerate(plan.steps) if isinstance(step.execution, Batches)]
    if name in COPYING:
        return batches[COPYING.index(name)]
    wanted = Transaction(name) if name else None
    return next(
        at
        for at, step in enumerate(plan.steps)
        if step.execution == wanted or (wanted is None and isinstance(step.execution, Standalone))
    )


@contextmanager
def held(desk: Desk, *statements: str, seconds: float = waiting.PATIENCE) -> Iterator[threading.Event]:
    """Another session that runs statements and keeps its transaction open for so long, then the event is set.

    Without `seconds` it is kept open until the block ends.
    """
    ready, ended, left = threading.Event(), threading.Event(), threading.Event()

    def hold() -> None:
        with desk.session() as session, session.transaction():
            for statement in statements:
                session.execute(statement.encode())
            ready.set()
            left.wait(seconds)
        ended.set()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert ready.wait(waiting.PATIENCE)
        yield ended
    finally:
        if seconds == waiting.PATIENCE:
            left.set()
        thread.join()


@contextmanager
def felt(desk: Desk, statement: str) -> Iterator[list[float]]:
    """A session of the desk that runs a statement every 20 ms; see `waits_of`."""
    with waits_of(desk.session, statement) as waits:
        yield waits


@contextmanager
def waits_of(connect: Callable[[], psycopg.Connection[Any]], statement: str) -> Iterator[list[float]]:
    """A session that runs a statement every 20 ms; at the end the list has the seconds that each had to wait.

    What the same moment cost a session that nothing can block is subtracted: that is the busy machine's.
    """
    waits: list[float] = []
    with timed(connect, "SELECT 1", 0.005) as control, timed(connect, statement, 0.02) as runs:
        yield waits
    waits += own_waits(runs, control)


def own_waits(runs: Sequence[tuple[float, float]], control: Sequence[tuple[float, float]]) -> list[float]:
    """The seconds of each run without what the same moment cost the control."""
    found = []
    for began, took in runs:
        meanwhile = [late for at, late in control if at < began + took and at + late > began]
        found.append(max(took - max(meanwhile, default=0.0), 0.0))
    return found


@contextmanager
def timed(
    connect: Callable[[], psycopg.Connection[Any]], statement: str, pause: float
) -> Iterator[list[tuple[float, float]]]:
    """A session that runs a statement again and again; the list gets when each was due and how long it took."""
    runs: list[tuple[float, float]] = []
    stop = threading.Event()

    def run() -> None:
        with connect() as session:
            while not stop.is_set():
                due = time.monotonic()
                session.execute(statement.encode())
                runs.append((due, time.monotonic() - due))
                stop.wait(pause)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield runs
    finally:
        stop.set()
        thread.join()
