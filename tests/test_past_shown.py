"""`show --at`: what was on the screen, or only in what the rules read, minutes ago."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console.model import Facts, Snapshot
from console.past.recorder import HeardAnswer, ReadingRecorder
from console.past.segment import Stream
from console.past.store import store_of
from console.rules.diagnoses import DIAGNOSES
from console.running.trail.audit import Trail
from console.settings import config
from console.sources.postgres import PostgresServer
from console.sources.registry import Sources
from console.watching.history import COLUMNS, History
from console.watching.lock_rows import locks_of
from console.watching.observer import Observer
from console.watching.store import Store
from tests.activity import Sessions, console, other_sessions  # noqa: F401  a fixture, found by name
from tests.command import run
from tests.lock_scenes import UPDATE, play, prepare
from tests.servers import PostgresServer as Cluster

TARGET = "host=127.0.0.1 port=1 dbname=shop"  # nothing listens there: no server is asked
PERIOD, BEGAN, HEALED = 2, 150, 120  # seconds between two readings; ago
VITALS, QUEUES = "vitals", "lock_queues"


class Staged:
    """A server in which a session blocked others for thirty seconds, by synthetic time."""

    name = "postgres"
    label = "shop"
    retry_in = 0.0

    def __init__(self, facts: Facts, blocked: dict[str, Snapshot], free: dict[str, Snapshot]) -> None:
        self.facts = replace(facts, label="shop")
        self._blocked, self._free = blocked, free
        self.end = datetime.now(UTC)
        self.now = self.end - timedelta(seconds=300)

    @property
    def known(self) -> Facts:
        return self.facts

    @property
    def ago(self) -> float:
        return (self.end - self.now).total_seconds()

    async def fetch(self, query: str, parameters: object = None) -> Snapshot:
        del parameters
        waits = BEGAN >= self.ago > HEALED
        found = (self._blocked if waits else self._free)[query]
        if waits and query == QUEUES:
            wait = found.index("wait_age")
            rows = (
                tuple(BEGAN - self.ago if at == wait and row[at] else row[at] for at in range(len(row)))
                for row in found.rows
            )
            found = replace(found, rows=tuple(rows))
        return replace(found, taken_at=self.now, clock=1e6 - self.ago, hidden=(), notes=())

    def obstacle(self, query: str) -> None:
        del query

    async def connect(self) -> Facts:
        return self.facts


async def staged(sessions: Sessions, pg: Cluster, database: str) -> Staged:
    """What a real server answers while a session blocks two others, and when it does not."""
    prepare(sessions)
    async with console(pg, database) as reading:
        free = await _answers(reading)
        steps = [(0, UPDATE.format(1)), (1, "> " + UPDATE.format(1)), (2, "> " + UPDATE.format(1))]
        await play(sessions, steps, reading)
        return Staged(reading.facts, await _answers(reading), free)


def locks_at(home: Path, end: datetime, ago: float) -> list[dict[str, Any]]:
    """The rows of the pane so many seconds ago. By a date: a slow machine may take long to start the command."""
    moment = (end - timedelta(seconds=ago)).isoformat()
    done = run(home, "show", "locks", "--at", moment, "-t", TARGET, "--format", "json")
    assert done.code == 0, done.err
    rows: list[dict[str, Any]] = json.loads(done.out)["rows"]
    return rows


async def _answers(reading: PostgresServer) -> dict[str, Snapshot]:
    return {query: await reading.fetch(query) for query in (VITALS, QUEUES)}


async def test_a_blocker_that_healed_two_minutes_ago_is_shown_with_its_start_and_length(
    sessions: Sessions, pg: Cluster, database: str, tmp_path: Path
) -> None:
    server = await staged(sessions, pg, database)
    state = tmp_path / ".local" / "state" / "pipeline-console"
    recorder, store = ReadingRecorder(store_of(state, TARGET)), Store(state / "findings.sqlite3")
    history = History(store, Trail(state / "audit.jsonl"))
    asks = [each for each in DIAGNOSES if each.name == "blocking-session"]
    limits = config.load(environ={}).thresholds
    sources = Sources(server)  # type: ignore[arg-type]
    sources.be_heard(
        lambda source, query, _, answer: recorder.write(
            [HeardAnswer(Stream(source.name, query), answer, (now := server.now.timestamp()), server.facts, now)]
        )
    )
    observer = Observer(sources, asks, limits, history=history, now=lambda: server.now)
    while server.now < server.end:
        taken = await sources.named("postgres").fetch(VITALS)
        if observer.offer(taken) or server.ago % 6 < PERIOD:
            await observer.look()
        server.now += timedelta(seconds=PERIOD)
    recorder.close()

    during, healed = [await asyncio.to_thread(locks_at, tmp_path, server.end, ago) for ago in (HEALED + 1, HEALED - 3)]
    assert sorted(row["blocks"] for row in during) == [0, 1, 2]
    assert healed == []
    (row,) = await history.rows(server.facts)
    episode = dict(zip(COLUMNS, row, strict=True))
    began, ended = episode["began"], episode["ended"]
    assert isinstance(began, datetime)
    assert isinstance(ended, datetime)
    assert abs((server.end - began).total_seconds() - BEGAN) <= 2
    assert abs((ended - began).total_seconds() - (BEGAN - HEALED)) <= 2


def test_what_was_not_kept_is_said_and_names_no_server(tmp_path: Path) -> None:
    done = run(tmp_path, "show", "locks", "--at", "-5m", "-t", TARGET)
    assert (done.code, done.out) == (1, "")
    assert "Nothing of this target was kept." in done.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--at", "-5m", "--watch", "1"), "exclude each other"),
        (("--at", "soon"), "is no time"),
        (("--at", "2100-01-01T00:00:00Z"), "in the future"),
    ],
)
def test_a_moment_that_cannot_be_meant_is_wrong_usage(tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    done = run(tmp_path, "show", "locks", *options, "-t", TARGET)
    assert done.code == 2
    assert says in done.err


def test_the_readings_that_are_kept_are_listed(tmp_path: Path) -> None:
    assert run(tmp_path, "list", "readings").out == "There are no readings yet.\n"
    state = tmp_path / ".local" / "state" / "pipeline-console"
    recorder = ReadingRecorder(store_of(state, TARGET))
    now = datetime.now(UTC).replace(microsecond=0)
    for second in (0, 30):
        moment = now - timedelta(seconds=second)
        taken = Snapshot("vitals", ("n",), ((1,),), moment)
        facts = Facts("postgres", 180000, "18.0", "shop", database="orders")
        recorder.write(
            [HeardAnswer(Stream("postgres", "vitals"), taken, moment.timestamp(), facts, moment.timestamp())]
        )
    (entry,) = json.loads(run(tmp_path, "list", "readings", "--format", "json").out)
    assert (entry["target"], entry["database"], entry["readings"]) == ("shop", "orders", 2)
    assert datetime.fromisoformat(entry["to"]) == now
    assert "shop  orders  from " in run(tmp_path, "list", "readings").out


def test_locks_are_made_of_queues_that_an_earlier_version_of_the_console_read() -> None:
    """An upgraded console turns back to what the one before it kept, which may have had fewer columns."""
    columns = ("tag", "granted", "mode", "kind", "object", "row", "pid", "gid", "wait_age", "backend_start", "state")
    rows = (
        ("1", True, "Exclusive", "transactionid", "transaction 7", None, 11, None, None, None, "idle"),
        ("1", False, "Share", "transactionid", "transaction 7", None, 12, None, 3.0, None, "active"),
    )
    found = locks_of(Snapshot("lock_queues", columns, rows, datetime.now(UTC)))
    assert sorted(found.values("pid"), key=str) == [11, 12]
    assert set(found.values("client_port")) == {None}
