"""Measures a read of the locks and connections panes and of the rule blocking-session, with 50 to 1,000 waiters.

    python -m scripts.benchmarks locks [--major 18] [--waiters 50 100 200 400 1000] [--output docs/benchmarks-locks.md]

A server of its own is started for it, and everything is gone afterwards. The sessions wait for one row that is being
updated, for one table (a change of the table and everybody after it), for one advisory lock, or for a table that many
transactions read. The figures are processor time of one read, the least of several: of the console (receiving the
rows, working out who blocks whom, or what ending each session would free) and of the server's process. Fails when one
is above its goal.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from console.demo import binaries
from console.demo.account import server_account
from console.demo.passwords import passfile, write_private
from console.demo.ports import HOST, wait_until
from console.demo.postgres_server import SUPERUSER, PostgresProcess
from console.demo.supervisor import Supervisor
from console.files.scram import password
from console.model import Frame, View
from console.panes.connections import CONNECTIONS
from console.panes.locks import LOCKS
from console.reading.reader import Reader
from console.rules.findings.blocking import blockers
from console.sources.postgres import PostgresServer
from scripts.benchmarks.probes import cpu_seconds

WAITERS = (50, 100, 200, 400, 1000)
GOALS: Mapping[int, float] = {50: 10.0, 100: 10.0, 200: 10.0, 400: 10.0, 1000: 30.0}  # waiters → milliseconds
READERS = 20  # transactions that read the table in `TABLE_READ`
ROUNDS = 15
SETTINGS = {
    "fsync": "off",
    "max_connections": "1100",
    "max_locks_per_transaction": "256",
    "shared_buffers": "256MB",
    "autovacuum": "off",
    "deadlock_timeout": "10min",  # the detector would look at each of the queues
}
VIEWS: Mapping[str, View] = {"locks": LOCKS.view("blocking"), "connections": CONNECTIONS.view("all")}
FINDINGS = "rule"  # blocking-session
FINDINGS_GOAL = 20.0  # milliseconds, with up to 400 waiters

Session = psycopg.Connection[Any]
Read = Callable[[], Awaitable[int]]  # how many rows, or findings, came of it


@dataclass(frozen=True, slots=True)
class Scene:
    """What the sessions wait for: the statements of the holders, of the first that waits, and of the others."""

    name: str
    holders: Sequence[str]
    first: str
    others: Sequence[str]


SCENES = (
    Scene("one row", ["UPDATE item SET n = 1 WHERE id = 1"], "", ["UPDATE item SET n = 2 WHERE id = 1"]),
    Scene("one table", ["SELECT * FROM item"], "ALTER TABLE item ADD m int", ["SELECT * FROM item"]),
    Scene(
        "a table read by many",
        ["SELECT * FROM item"] * READERS,
        "ALTER TABLE item ADD m int",
        ["SELECT * FROM item", "UPDATE item SET n = 3 WHERE id = 2"],
    ),
    Scene("one advisory lock", ["SELECT pg_advisory_xact_lock(7)"], "", ["SELECT pg_advisory_xact_lock(7)"]),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of processor time of one read, and how many rows came of it."""

    client: float
    server: float
    rows: int


def main(argv: Sequence[str]) -> int:
    """Measure, write the section; 1 when a goal is missed."""
    options = _options(argv)
    with server(options.major) as place:
        costs = {
            (scene.name, count, name): cost
            for scene in SCENES
            for count in options.waiters
            for name, cost in asyncio.run(measured(place, scene, count)).items()
        }
        with place.connect() as session:
            version = session.info.parameter_status("server_version") or ""
    text = section(version, costs)
    if options.output:
        Path(options.output).write_text(text, encoding="utf-8")
    print(text)
    return 1 if missed(costs) else 0


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("benchmarks locks", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--major", type=int, help="major version of the server; default: the newest there is")
    parser.add_argument("--waiters", type=int, nargs="+", default=WAITERS)
    parser.add_argument("--output", help="a file for the section, as Markdown")
    return parser.parse_args(argv)


@dataclass(frozen=True, slots=True)
class Place:
    """A running server."""

    uri: str

    def connect(self, **options: Any) -> Session:
        """A superuser's connection."""
        return psycopg.connect(self.uri, **options)


@contextmanager
def server(major: int | None) -> Iterator[Place]:
    """A server with room for all sessions and the table they fight for. Raises Trouble."""
    account = server_account()
    with Supervisor() as supervisor:
        folder = supervisor.directory("pipeline-bench-", Path(tempfile.gettempdir()))
        local = {found.major: found for found in binaries.local()}
        found = local[major] if major in local else binaries.for_demo(major)
        installation = binaries.usable(found, account, folder)
        secret = password()
        file = write_private(folder / "passwords", passfile({SUPERUSER: secret}, ("*",)))
        process = PostgresProcess(supervisor, installation, account, folder / "data", folder / "postgres.log", SETTINGS)
        process.initialise(secret, folder)
        process.start()
        try:
            place = Place(f"postgresql://{SUPERUSER}@{HOST}:{process.port}/postgres?passfile={file}")
            with place.connect(autocommit=True) as session:
                session.execute("CREATE TABLE item (id int PRIMARY KEY, n int)")
                session.execute("INSERT INTO item SELECT g, 0 FROM generate_series(1, 10) g")
            yield place
        finally:
            process.stop()


async def measured(place: Place, scene: Scene, count: int) -> dict[str, Cost]:
    """The cost of a read of both panes while `count` sessions wait in `scene`."""
    with waiting(place, scene, count):
        reading = PostgresServer(place.uri)
        try:
            await reading.connect()
            reads = {name: _pane(reading, view) for name, view in VIEWS.items()} | {FINDINGS: _findings(reading)}
            return {name: await _cost(place, read) for name, read in reads.items()}
        finally:
            await reading.close()


def _pane(reading: PostgresServer, view: View) -> Read:
    reader = Reader(view)

    async def read() -> int:
        return len((await reader.read(reading)).rows)

    return read


def _findings(reading: PostgresServer) -> Read:
    async def read() -> int:
        taken = await reading.fetch("lock_queues")
        found = tuple(blockers(Frame({"lock_queues": (taken,)}, taken.taken_at)))
        return sum(bool(finding.fixes) for finding in found)

    return read


async def _cost(place: Place, read: Read) -> Cost:
    rows = await read()  # also warms the caches of both
    pid = _reading_pid(place)
    client, backend = [], []
    gc.collect()
    gc.freeze()  # as the console does once it runs
    for _ in range(ROUNDS):
        before, began = cpu_seconds(pid), time.process_time()
        rows = await read()
        client.append(1000 * (time.process_time() - began))
        backend.append(1000 * (cpu_seconds(pid) - before))
    return Cost(min(client), min(backend), rows)


def _reading_pid(place: Place) -> int:
    with place.connect(autocommit=True) as session:
        row = session.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'pipeline-console' ORDER BY backend_start"
        ).fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def waiting(place: Place, scene: Scene, count: int) -> Iterator[None]:
    """So many sessions that wait behind the holders; all have ended after the block."""
    sessions: list[Session] = []

    def begin(statement: str, wait: bool) -> None:
        sessions.append(place.connect(application_name="shop"))
        sessions[-1].execute("SELECT 1")
        if wait:
            sessions[-1].pgconn.send_query(statement.encode())
        else:
            sessions[-1].execute(statement.encode())

    try:
        for holder in scene.holders:
            begin(holder, wait=False)
        for at in range(count):
            begin(scene.first if scene.first and not at else scene.others[at % len(scene.others)], wait=True)
        _until(place, lambda there: there == count)
        yield
    finally:
        with place.connect(autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'shop'")
        for session in sessions:
            session.close()
        _until(place, lambda there: there == 0)


def _until(place: Place, so_many: Callable[[int], bool]) -> None:
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND waitstart IS NOT NULL"
    with place.connect(autocommit=True) as session:
        reached = wait_until(lambda: so_many(session.execute(query).fetchall()[0][0]), 120)
    assert reached, "the sessions do not wait as they should"


def missed(costs: Mapping[tuple[str, int, str], Cost]) -> list[str]:
    """Which figures are above their goals."""
    return [
        f"{name} with {count} waiters for {scene}"
        for (scene, count, name), cost in costs.items()
        if max(cost.client, cost.server) > _goal(name, count)
    ]


def _goal(name: str, waiters: int) -> float:
    goal = GOALS.get(waiters, max(GOALS.values()))
    return max(goal, FINDINGS_GOAL) if name == FINDINGS else goal


def section(version: str, costs: Mapping[tuple[str, int, str], Cost]) -> str:
    """The figures as Markdown."""
    lines = [
        f"| {name} | {scene} | {count:,} | {cost.rows:,} | {cost.client:.1f} | {cost.server:.1f} |"
        for (scene, count, name), cost in sorted(costs.items(), key=lambda item: (item[0][2] != "locks", item[0]))
    ]
    above = [f"Above the goal: {', '.join(missed(costs))}.", ""] if missed(costs) else []
    return "\n".join([HEAD.format(version=version, rounds=ROUNDS, readers=READERS), *lines, "", *above])


HEAD = """# The locks and connections panes and the rule blocking-session in a lock pile-up

Written by `python -m scripts.benchmarks locks` on PostgreSQL {version}. Processor time in milliseconds of one read,
the least of {rounds}: of the console (receiving the rows and working out who blocks whom) and of the server's
process. The rule also computes what ending each session would free. "One table" is an ALTER TABLE that waits for a
reader, and queries that wait behind it; the table "read by many" is read by {readers} transactions. Goal: at most
10 ms each with up to 400 waiters, 20 ms of the rule; 30 ms with 1,000.

| pane | sessions wait for | waiters | rows | client ms | server ms |
|---|---|--:|--:|--:|--:|"""
