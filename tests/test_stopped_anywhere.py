"""The console, its backend or PgBouncer stopped (SIGSTOP) at many moments in each action: nothing is lost or kept.

A stop lasts until the server has released what a console that does not answer may not keep, which takes it two seconds
of the minute that a stop may take in earnest; --minute lets it last that long.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from console.actions import ACTIONS
from console.demo.cluster import OWNER
from console.demo.passwords import write_private
from console.demo.redis_server import RedisProcess
from console.running.trail.audit import Trail
from tests import grown, stopping
from tests.acting import Desk
from tests.room import AGO, PACK, ROOM, clones, migrations
from tests.servers import PostgresServer, Servers
from tests.stopping import BACKEND, CONSOLE, Stopper, Told, stopper, wake
from tests.test_action_frozen import HELD
from tests.test_action_pooler import Pooled, pooled
from tests.test_action_waits import CASES, Case, prepared
from tests.test_full_disks import BEYOND
from tests.test_server_stops import ROWS
from tests.waiting import wait

__all__ = ["migrations", "pooled"]

# At which turns of its loop an action stops the console, and at which its backend or PgBouncer; the next action the
# other way round.
TURNS = ((3, 22, 90), (5, 10, 45))
MORE = 10  # runs in which nobody is stopped: on a busy machine the server ends a transaction that waits two seconds
MINUTE = 0.1  # seconds for which others see somebody stopped, after the server has released what it holds
TOGETHER = 6
ENDED = {"done", "nothing"}
EVENTS = ("start", "end")
# What is not there any more when it has been done, so that it cannot be planned again.
ONCE = {"cancel-backend", "terminate-backend", "rollback-prepared", "drop-slot", "kill-client", "undo"}
CAUSES = ("was lost", "changed since it was planned", "ended the connection", "does not answer")
CLAIMS = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
PIPELINE = "SELECT count(*) FROM public.content_requests"
RELEASED = (
    "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' "
    f"AND application_name = 'pipeline-console act') AND ({HELD}) = 0"
)
SESSIONS = ("cancel-backend", "terminate-backend", "terminate-idle")
# In a database with the pipeline's schema and sample data; {job} is a job of its own, {brand} and {tenant} are there.
OF_PIPELINE = (
    Case("schedule-jobs"),
    Case("run-job", (("job", "{job}"),)),
    Case("cancel-job", (("job", "{job}"),)),
    Case("retry-job", (("job", "{job}"),)),
    Case("sample-capacity"),
    Case("invalidate-brand", (("brand", "{brand}"),)),
    Case("flush-tenant", (("organization", "{tenant}"),)),
    Case("load-test", (("clients", "2"), ("seconds", "2"))),
    Case(
        "write-pgbouncer-config",
        (("file", "{folder}/pgbouncer/pgbouncer.ini"), ("passwords", "{folder}/passwords")),
    ),
)
OF_ROOM = (
    *CASES,
    *BEYOND,
    Case("cancel-backend", (("pid", "{pid}"),)),
    Case("terminate-backend", (("pid", "{pid}"),)),
    Case("terminate-idle", (("older-than", "1 second"), ("application", "{database}"))),
    Case(
        "rollback-prepared",
        (("gid", "gone"),),
        setup=("BEGIN", "UPDATE public.refs SET id = id WHERE id = 1", "PREPARE TRANSACTION 'gone'"),
    ),
    Case("drop-slot", (("slot", "{database}"),)),
    Case("limit-idle-transactions", (("role", OWNER), ("seconds", "3600"))),
    Case("reset-statements", setup=("CREATE EXTENSION pg_stat_statements",)),
)
OF_POOLER = (
    Case("pooler-pause", (("database", "{database}"), ("seconds", "2"))),
    Case("pooler-resume"),
    Case("pooler-reload"),
    Case("pooler-reconnect", (("database", "{database}"), ("seconds", "2"))),
    Case("wait-close", (("database", "{database}"), ("seconds", "2"))),
    Case("pooler-disable", (("database", "{database}"),)),
    Case("pooler-enable", (("database", "{database}"),)),
    Case("pooler-kill", (("database", "{database}"),)),
    Case("kill-client", (("client", "{client}"),)),
)
BEFORE = {
    "wait-close": 'RECONNECT "{database}"',
    "pooler-resume": 'PAUSE "{database}"',
    "pooler-enable": 'DISABLE "{database}"',
}
# These need a Citus cluster (test_cluster.py), a standby, or a server that rewrites tables (test_stopped_elsewhere.py).
ELSEWHERE = {"distribute-table", "rebalance-cluster", "cancel-cluster-job", "resume-replay", "repack-table"}


@pytest.fixture(autouse=True)
def minute(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --minute each action is stopped once, for longer than a minute, and many of them at the same time."""
    if request.config.getoption("--minute"):
        for name, value in {"MINUTE": 70.0, "TURNS": ((22,), (10,)), "TOGETHER": 24}.items():
            monkeypatch.setattr(f"{__name__}.{name}", value)
        monkeypatch.setattr(stopping, "LONGEST", 200.0)


def test_no_action_is_left_out() -> None:
    tried = {case.action for case in (*OF_ROOM, *OF_PIPELINE, *OF_POOLER)} | {"adopt-schema"}
    assert {each.name for each in ACTIONS} - tried == ELSEWHERE


@dataclass(slots=True)
class Found:
    """What was seen of all actions."""

    wrong: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    stops: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subject:
    """An action to be run in a database, and what its stops wait for."""

    case: Case
    desk: Desk
    folder: Path
    rows: str = ""  # a query whose answer stays
    whom: str = CONSOLE
    turns: Sequence[int] = ()

    @property
    def name(self) -> str:
        return f"{self.case.name or self.case.action}, {self.whom} stopped"

    def settle(self, other: psycopg.Connection[Any]) -> None:
        """Wait until a stopped console blocks no session, and until another one has seen who is stopped."""
        if self.whom == CONSOLE:  # what it sent last may be carried out only now
            wait(lambda: other.execute(RELEASED).fetchone() == (True,))
        wait_a_minute(other)


def turns_of(number: int, whom: str) -> Sequence[int]:
    """When the action with this number stops somebody: the console at other turns than its backend."""
    return TURNS[(number + (whom == CONSOLE)) % len(TURNS)]


def one_if_long(turns: Sequence[int]) -> Sequence[int]:
    """These turns; the one in the middle where a stop takes a minute."""
    return turns if MINUTE < 1 else turns[len(turns) // 2 :][:1]


def wait_a_minute(other: psycopg.Connection[Any]) -> None:
    """What others see for as long as somebody is stopped; longer in earnest."""
    other.execute(f"SELECT pg_sleep({MINUTE})".encode())


def carried_out(stopper: Stopper, subject: Subject, given: Mapping[str, str], found: Found) -> None:
    """Run the action with stops until it is done; what went wrong is noted."""
    case, desk, turns = subject.case, subject.desk, list(subject.turns)
    rows, stops, more = desk.ask(subject.rows) if subject.rows else None, 0, MORE
    with desk.session() as other:  # nobody can connect while a backend is stopped that holds what all need
        settle = lambda: subject.settle(other)  # noqa: E731
        while True:
            told = stopper.run(desk, case.action, given, turns, subject.whom, settle, case in OF_ROOM)
            stops, turns, more = stops + told.stops, turns[told.stops :], more - (not told.stops)
            if has_ended(case, told) or not more:
                break
            found.said.append(f"{subject.name}: {told.outcome} {told.message}")
    found.stops[subject.name] = stops
    if not has_ended(case, told):
        found.wrong.append(f"{subject.name}: {told}")
    if subject.rows and desk.ask(subject.rows) != rows:
        found.wrong.append(f"{subject.name}: rows were lost or doubled")
    wait(lambda: desk.ask(CLAIMS) == 0)  # a session ends a little later than its client
    begun, ended = ([each["run"] for each in desk.trail.entries() if each["event"] == event] for event in EVENTS)
    if sorted(map(str, begun)) != sorted(map(str, ended)):
        found.wrong.append(f"{subject.name}: {len(begun)} runs began in the audit trail, {len(ended)} ended")


def has_ended(case: Case, told: Told) -> bool:
    """Whether nothing of the action is left to be done."""
    return told.outcome in ENDED or (case.action in ONCE and told.outcome == "unplanned")


def all_carried_out(folder: Path, subjects: Sequence[tuple[Subject, Mapping[str, str]]]) -> Found:
    """Carry out all of them, a few at a time."""
    found, left = Found(), list(reversed(subjects))

    def some() -> None:
        with stopper(folder) as mine:
            while left:
                carried_out(mine, *left.pop(), found)

    with ThreadPoolExecutor(TOGETHER) as pool:
        for each in [pool.submit(some) for _ in range(TOGETHER)]:
            each.result()
    return found


@contextmanager
def session_of(desk: Desk, action_name: str) -> Iterator[int]:
    """A session that sleeps, or is idle in a transaction where idle ones are ended; its pid."""
    if action_name not in SESSIONS:
        yield 0
        return
    with closing(desk.session(application_name=desk.database)) as session:
        asleep = None
        if action_name == "terminate-idle":
            session.execute("BEGIN")
            session.execute("SELECT 1")
            idle = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {session.info.backend_pid} AND "
            wait(lambda: desk.ask(idle + "state_change < clock_timestamp() - interval '1.2 s'") == 1)
        else:
            asleep = threading.Thread(target=sleep, args=(session,))
            asleep.start()
        yield session.info.backend_pid
        with suppress(psycopg.Error):
            session.cancel()
        if asleep is not None:
            asleep.join()


def sleep(session: psycopg.Connection[object]) -> None:
    """Run a statement until it is cancelled, or its session ended."""
    with suppress(psycopg.Error):
        session.execute("SELECT pg_sleep(600)")


@pytest.fixture(scope="module")
def own(pg_servers: Servers) -> Iterator[PostgresServer]:
    """A server that no other test needs, on this machine."""
    if pg_servers.choices[pg_servers.newest].installation is None or os.geteuid() != 0:
        pytest.skip("needs local binaries and root")
    server = pg_servers.new(pg_servers.newest, {"max_prepared_transactions": "10", "max_connections": "200"})
    yield server
    server.stop()


def desk_in(desk: Desk, folder: Path) -> Desk:
    """The console with an audit trail in a folder of its own, as the processes that it starts have."""
    return replace(desk, trail=Trail(folder / "pipeline-console" / "audit.jsonl"))


@pytest.mark.parametrize("whom", [CONSOLE, BACKEND])
async def test_whoever_is_stopped_in_an_action_of_tables_or_sessions_nothing_is_lost(
    own: PostgresServer, migrations: Path, tmp_path: Path, whom: str
) -> None:
    with own.connect() as session:
        session.execute("ALTER SYSTEM RESET ALL")  # of the test before
        session.execute(f"ALTER ROLE {OWNER} RESET idle_in_transaction_session_timeout".encode())
        session.execute("SELECT pg_reload_conf()")
    room = own.fresh_database()
    with own.connect(room) as session:
        for statement in ROOM:
            session.execute(statement.encode())
    with clones(own, room) as make, ExitStack() as sessions:
        folders = iter(range(len(OF_ROOM)))
        made = lambda: desk_in(make(), tmp_path / f"state-{next(folders)}")  # noqa: E731
        subjects: list[tuple[Subject, Mapping[str, str]]] = []
        for case, desk in await prepared(OF_ROOM, made, migrations, tmp_path):
            folder = tmp_path / desk.database
            folder.mkdir()
            (folder / "pack.yml").write_text(PACK)
            if case.action == "drop-slot":
                desk.do(f"SELECT pg_create_physical_replication_slot('{desk.database}')")
            values = {
                "pid": sessions.enter_context(session_of(desk, case.action)), "database": desk.database,
                "folder": folder, "month": desk.ask(f"SELECT to_char({AGO['old']}, 'YYYY-MM')"),
            }  # fmt: skip
            rows = "" if case.action == "export-archive" else ROWS
            given = {name: value.format(**values) for name, value in case.given}
            subjects.append((Subject(case, desk, folder, rows, whom, turns_of(len(subjects), whom)), given))
        found = await asyncio.to_thread(all_carried_out, tmp_path, subjects)
    judge(found)


@pytest.mark.parametrize("whom", [CONSOLE, BACKEND])
async def test_whoever_is_stopped_in_an_action_of_the_pipeline_nothing_is_lost(
    own: PostgresServer, pg_servers: Servers, redis_process: RedisProcess, tmp_path: Path, whom: str
) -> None:
    template, subjects = pg_servers.pipeline_template(own), []
    for number, case in enumerate((*OF_PIPELINE, Case("adopt-schema"))):
        folder = tmp_path / f"{number}"
        (folder / "pgbouncer").mkdir(parents=True, mode=0o700)
        grows = case.action == "adopt-schema"
        desk = Desk(own, own.fresh_database(None if grows else template), Trail(folder), redis=redis_process.uri)
        desk = replace(desk_in(desk, folder), user=OWNER if case.action == "load-test" else desk.user)
        if grows:
            grown.make(desk, requests=500, misfits=False, timed=False)
        secrets = [line.split(":")[3:5] for line in own.passfile.read_text().splitlines()]
        write_private(folder / "passwords", "".join(f"{user}={secret}\n" for user, secret in secrets))
        values = {"folder": folder, **({} if grows else of_pipeline(desk, case.action))}
        given = {name: value.format(**values) for name, value in case.given}
        subjects.append((Subject(case, desk, folder, PIPELINE, whom, turns_of(number, whom)), given))
    judge(await asyncio.to_thread(all_carried_out, tmp_path, subjects))


def of_pipeline(desk: Desk, name: str) -> Mapping[str, object]:
    """What actions of the pipeline's database are given."""
    if name == "load-test":
        with desk.session("postgres") as session:
            session.execute(f"ALTER DATABASE {desk.database} SET pipeline_console.purpose = 'scratch'".encode())
    status = "failed" if name == "retry-job" else "pending"
    job = (
        "INSERT INTO public.background_jobs (job_type, status, scheduled_for, attempts, max_attempts) "
        f"VALUES ('vacuum-analyze', '{status}', now() + interval '1 day', 0, 3) RETURNING id"
    )
    return {
        "job": desk.ask(job),
        "brand": desk.ask("SELECT id FROM public.brand_profiles LIMIT 1"),
        "tenant": desk.ask("SELECT organization_id FROM public.brand_profiles LIMIT 1"),
    }


@pytest.mark.every_pooler
@pytest.mark.parametrize("whom", [CONSOLE, "PgBouncer"])
@pytest.mark.parametrize("case", OF_POOLER, ids=lambda case: case.action)
def test_whoever_is_stopped_in_an_action_of_the_pooler_no_database_stays_paused(
    pooled: Pooled, tmp_path: Path, whom: str, case: Case
) -> None:
    if case.action == "kill-client" and (pooled.pooler.version or (0, 0)) < (1, 24):
        pytest.skip("PgBouncer 1.24 came with it")
    desk = desk_in(pooled.desk, tmp_path / "state")
    pid = (pooled.pooler.process.folder / "pgbouncer.pid").read_text().strip()
    with pooled.client() as client:
        client.execute("BEGIN" if case.action == "wait-close" else "SELECT 1")
        (own,) = [row for row in pooled.shown("CLIENTS") if row["database"] == pooled.database]
        values = {"database": pooled.database, "client": own.get("id", "")}
        before = BEFORE.get(case.action, "").format(**values)
        if before:
            with pooled.admin() as admin:
                admin.execute(before.encode())
        given = {name: value.format(**values) for name, value in case.given}

        def settle() -> None:
            if whom != CONSOLE:
                wait_a_minute(other)
                wake(int(pid))
            elif case.action == "pooler-pause":
                wait(lambda: not pooled.flag("paused"))
            if client.info.transaction_status is TransactionStatus.INTRANS:
                with suppress(psycopg.Error):  # PgBouncer has ended it: it was idle for a minute
                    client.execute("ROLLBACK")  # the connection that is waited for closes

        with stopper(tmp_path) as mine, desk.session() as other:
            turns, stops = list(turns_of(OF_POOLER.index(case), whom)), 0
            while True:
                told = mine.run(desk, case.action, given, turns, whom if whom == CONSOLE else pid, settle, room=False)
                stops, turns = stops + told.stops, turns[told.stops :]
                if has_ended(case, told) or not told.stops:
                    break
    assert has_ended(case, told), told
    assert stops
    if case.action != "pooler-kill":
        wait(lambda: not pooled.flag("paused"))
    assert pooled.flag("disabled") is (case.action == "pooler-disable")
    begun, ended = ([each["run"] for each in desk.trail.entries() if each["event"] == event] for event in EVENTS)
    assert sorted(map(str, begun)) == sorted(map(str, ended))


def judge(found: Found) -> None:
    """Nothing went wrong, every action was stopped, and what failed was said in a sentence that names the cause."""
    assert found.wrong == []
    assert {name for name, stops in found.stops.items() if not stops} == set()
    assert [text for text in found.said if not any(cause in text for cause in CAUSES)] == []
