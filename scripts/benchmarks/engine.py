"""Measures what the engine adds to the statements of its plans, against the same statements sent bare, in one run.

    python -m scripts.benchmarks engine postgresql://… [rounds] [--only TEXT]… [--output FILE]

The URI (or BENCH_URI) names a server where databases may be created; each round of each plan gets two clones of one
database, one for the engine and one for a bare psycopg connection, in turns. Both connect, send the plan's statements
in the same transactions, and disconnect; making the plan is not counted, as the bare side gets it for nothing. The
engine audits (synced to disk), takes its advisory lock, watches, verifies and, between two batches, pauses. The pauses
are intended; what it waits in them without a question to the server is listed as rests. Goal: at most 1.1 of the bare
time, 1.25 for short changes of the catalogs. A third way sends the statements bare with a trail that
is synced as the engine's must be, which shows what that alone costs.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql as compose
from psycopg.conninfo import make_conninfo

from console.actions import action
from console.actions.planning import plan
from console.model import Outcome, Plan
from console.running.execution import groups
from console.running.progress import Run
from console.running.runner import Runner
from console.running.trail.audit import Trail
from console.settings import config
from console.settings.config import ArchivePolicy, RefreshPolicy
from console.sources.postgres import ActingSession, PostgresServer, Rows
from console.sql import load
from scripts.benchmarks.bare import bare_seconds

ROWS = 500_000
TEMPLATE = "bench_engine_template"
MONTH = "date_trunc('month', now() AT TIME ZONE 'UTC')"
OLD = f"({MONTH} - interval '30 months')::date"
NUMBERS = f"generate_series(1, {ROWS})"
ROOM = (
    "CREATE TABLE public.plain (id bigint NOT NULL, day date NOT NULL, kind text, hits bigint, PRIMARY KEY (id, day))",
    f"INSERT INTO public.plain SELECT g, {OLD} + (g % 28)::int, 'kind ' || g % 9, g % 99 FROM {NUMBERS} g",
    "CREATE INDEX plain_hits ON public.plain (hits, id)",
    "CREATE TABLE public.plain_archive (LIKE public.plain INCLUDING INDEXES)",
    "CREATE TABLE public.facts (LIKE public.plain INCLUDING INDEXES) PARTITION BY RANGE (day)",
    "CREATE TABLE public.facts_archive (LIKE public.plain INCLUDING INDEXES) PARTITION BY RANGE (day)",
    *(
        f"DO $$ BEGIN EXECUTE format('CREATE TABLE public.facts_{ago} PARTITION OF public.facts FOR VALUES FROM (%L) "
        f"TO (%L)', ({MONTH} - interval '{ago} months')::date, ({MONTH} - interval '{ago - 1} months')::date); END $$"
        for ago in range(27, 31)
    ),
    f"INSERT INTO public.facts SELECT g, ({MONTH} - make_interval(months => 27 + g % 4))::date, '', g FROM {NUMBERS} g",
    "CREATE MATERIALIZED VIEW public.totals AS SELECT id, sum(hits) AS hits FROM public.plain GROUP BY id",
    "CREATE UNIQUE INDEX ON public.totals (id)",
    "ANALYZE",
)


@dataclass(frozen=True, slots=True)
class Work:
    """A plan to measure."""

    name: str
    action: str
    given: Mapping[str, str]
    confined: bool = False  # the tables belong to another role, whose rights the engine's superuser is confined to
    goal: float = 1.1  # times the bare time


@dataclass(frozen=True, slots=True)
class Result:
    """The seconds of each round."""

    work: Work
    transactions: int
    engine: list[float]
    bare: list[float]
    audited: list[float]  # bare, but for a trail that is synced as the engine's must be
    rests: list[float]  # seconds of each round of the engine in which it rested between two batches


WORKS = (
    Work("archive-analytics, 500,000 rows in batches", "archive-analytics", {"table": "public.plain"}),
    Work("refresh-views, 500,000 rows, concurrently", "refresh-views", {}),
    Work("reindex, two indexes of 500,000 rows", "reindex", {"table": "public.plain"}),
    Work("vacuum-table, 500,000 rows, freeze", "vacuum-table", {"table": "public.plain", "freeze": "yes"}),
    Work("archive-analytics, 4 whole months", "archive-analytics", {"table": "public.facts"}, goal=1.25),
    Work("create-partitions, 24 months", "create-partitions", {"table": "public.facts", "months": "23"}, goal=1.25),
    Work("archive-analytics in batches, confined", "archive-analytics", {"table": "public.plain"}, True),
    Work("refresh-views, confined", "refresh-views", {}, True),
    Work("archive-analytics, 4 whole months, confined", "archive-analytics", {"table": "public.facts"}, True, 1.25),
    Work("create-partitions, confined", "create-partitions", {"table": "public.facts", "months": "23"}, True, 1.25),
)
COLUMNS = (
    *("transactions", "bare", "engine", "rests", "adds to each", "audited"),
    *("ratio", "fastest", "without rests", "goal", "met"),
)
OWNER = "bench_engine_owner"
GIVE_AWAY = f"""
DO $$
DECLARE
  t regclass;
BEGIN
  GRANT ALL ON SCHEMA public TO {OWNER};
  FOR t IN SELECT c.oid FROM pg_class c
            WHERE c.relkind IN ('r', 'p', 'm') AND c.relnamespace = 'public'::regnamespace LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO {OWNER}', t);
  END LOOP;
END $$
"""


def main(argv: Sequence[str]) -> None:
    """Print the medians and their ratios, or write them as Markdown."""
    parser = argparse.ArgumentParser("benchmarks engine", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("uri", nargs="?", default=os.environ.get("BENCH_URI"))
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--only", action="append", metavar="TEXT", help="the plans whose name contains TEXT")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(argv)
    if not given.uri:
        parser.error("a server is needed")
    works = [work for work in WORKS if any(text in work.name for text in given.only or [""])]
    if not works:
        parser.error("--only matches none of: " + "; ".join(work.name for work in WORKS))
    with database(given.uri, TEMPLATE) as target:
        with psycopg.connect(target, autocommit=True) as session:
            for statement in ROOM:
                session.execute(statement.encode())
        with psycopg.connect(given.uri) as admin:
            about = f"PostgreSQL {admin.info.server_version // 10000}.{admin.info.server_version % 10000}"
            for name in ("fsync", "synchronous_commit"):
                about += f", {name} = {admin.execute(f'SHOW {name}'.encode()).fetchall()[0][0]}"
        busy, results = [os.getloadavg()[0]], []
        for work in works:
            results.append(measured(given.uri, work, given.rounds))
            busy.append(os.getloadavg()[0])
        about += f"; load of the machine {min(busy):.1f} to {max(busy):.1f} on {os.cpu_count()} cores"
    text = report(about, given.rounds, results)
    if given.output:
        given.output.write_text(text, encoding="utf-8")
    print(text)


def measured(uri: str, work: Work, rounds: int) -> Result:
    """All ways in turns, each on its own clone."""
    engine, rests, transactions = [], [], 0
    bare, audited = list[float](), list[float]()
    for _ in range(rounds):
        with database(uri, "bench_engine", TEMPLATE, work.confined) as target:
            seconds, run, pauses = asyncio.run(by_engine(target, work))
            engine.append(seconds)
            rests.append(sum(pauses))
            transactions = len(list(groups(run.steps))) + len(pauses)
        for taken, synced in ((bare, False), (audited, True)):
            with database(uri, "bench_engine", TEMPLATE, work.confined) as target:
                taken.append(asyncio.run(by_hand(target, work, synced)))
    return Result(work, transactions, engine, bare, audited, rests)


async def planned(server: PostgresServer, work: Work) -> Plan:
    """The plan on a clone."""
    settings = dataclasses.replace(
        config.load(environ={}),
        archives=(
            ArchivePolicy("public.plain", "public.plain_archive", "day", 24),
            ArchivePolicy("public.facts", "public.facts_archive", "day", 24),
        ),
        refreshes=(RefreshPolicy("public.totals"),),
    )
    return await plan(action(work.action), server, work.given, settings)


class Counting(ActingSession):
    """Keeps the seconds of each rest: from the server's answer that allows it to the next thing that it is asked."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.rests: list[float] = []
        self._rests_since = 0.0

    async def query(self, statement: str, parameters: Mapping[str, object] | None = None) -> Rows:
        rows = await super().query(statement, parameters)
        if statement == load("actions/breathe").text:
            self._rests_since = time.monotonic()
        return rows

    async def script(self, *statements: str, ahead: Sequence[str] = ()) -> list[Rows]:
        if self._rests_since:
            self.rests.append(time.monotonic() - self._rests_since)
            self._rests_since = 0.0
        return await super().script(*statements, ahead=ahead)


async def by_engine(target: str, work: Work) -> tuple[float, Run, list[float]]:
    """Seconds, the run, and its rests in seconds, one between two batches."""
    server, session = PostgresServer(target), Counting(target)
    with tempfile.TemporaryDirectory() as folder:
        made = await planned(server, work)
        began = time.monotonic()
        run = await Runner(session, server, Trail(Path(folder) / "audit.jsonl")).run(made)
        seconds = time.monotonic() - began
    await server.close()
    if run.outcome is not Outcome.DONE:
        raise SystemExit(f"{work.name}: {run.message}")
    return seconds, run, session.rests


async def by_hand(target: str, work: Work, synced: bool) -> float:
    """Seconds that the same statements take in the same transactions over one bare connection."""
    server = PostgresServer(target)
    made = await planned(server, work)
    seconds = await bare_seconds(target, [*groups(Run.of(made).steps)], synced)
    await server.close()
    return seconds


def report(about: str, rounds: int, results: Sequence[Result]) -> str:
    """The figures as Markdown."""
    lines = [
        "# What the engine adds",
        "",
        "Written by `python -m scripts.benchmarks engine URI --output docs/benchmarks-actions.md`.",
        "",
        "The statements of a plan, run by the engine and run bare over one psycopg connection in the same",
        "transactions. Connecting counts on both sides, planning on neither. Between two batches the engine pauses",
        "for a twentieth of what the last one took, at most 10 ms (longer while another session waits or a standby",
        "lags). It asks for that and looks again in this time; what it waits without a question is listed as rests.",
        "The engine also syncs its audit trail to disk while it connects and (while statements run) before a COMMIT or",
        "a statement outside a transaction, looks again at what the plan saw, and verifies the effect of each step:",
        "milliseconds for each transaction, which dominate where the statements are short. The bare side waits for the",
        "answer to each statement; the engine sends short changes of the catalogs together, and the look before a step",
        "with the end of what precedes it.",
        "`audited` is the ratio of the bare statements with a trail that is synced as often, and nothing else:",
        "neither claim nor look nor verification. Where it exceeds the goal, the syncs alone do.",
        "Confined: the tables belong to another role, with whose rights each statement runs, as a function.",
        f"Medians of {rounds} rounds, all ways in turns; `fastest` is the ratio of the shortest rounds, which other",
        "work of the machine disturbs least: a goal is met where both ratios keep it, and unclear where one does.",
        f"{about}.",
        "",
        f"| plan | {' | '.join(COLUMNS)} |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for result in results:
        bare, engine = statistics.median(result.bare), statistics.median(result.engine)
        rests, goal = statistics.median(result.rests), result.work.goal
        pure = (engine - rests) / bare
        adds = (engine - rests - bare) / result.transactions
        lines.append(
            f"| {result.work.name} | {result.transactions} | {bare * 1e3:,.0f} ms | {engine * 1e3:,.0f} ms "
            f"| {rests * 1e3:,.0f} ms | {adds * 1e3:.1f} ms | {statistics.median(result.audited) / bare:.2f} "
            f"| {engine / bare:.2f} "
            f"| {min(result.engine) / min(result.bare):.2f} | {pure:.2f} | ≤ {goal:.2f} "
            f"| {_met(goal, engine / bare, min(result.engine) / min(result.bare), pure)} |"
        )
    return "\n".join(lines) + "\n"


def _met(goal: float, median: float, fastest: float, pure: float) -> str:
    """Whether a goal is met: on a busy machine the medians alone, or the fastest rounds alone, prove nothing."""
    if max(median, fastest) <= goal:
        return "yes"
    return "without rests" if pure <= goal < median else "unclear" if min(median, fastest) <= goal else "**no**"


@contextmanager
def database(uri: str, name: str, template: str = "template1", confined: bool = False) -> Iterator[str]:
    """A new database, dropped at the end; `confined`: its tables belong to another role."""
    parts = {"name": compose.Identifier(name), "template": compose.Identifier(template)}
    with psycopg.connect(uri, autocommit=True) as admin:
        admin.execute(compose.SQL("DROP DATABASE IF EXISTS {name} WITH (FORCE)").format(**parts))
        admin.execute(compose.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**parts))
        target = make_conninfo(uri, dbname=name)
        try:
            if confined:
                if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (OWNER,)).fetchone():
                    admin.execute(f"CREATE ROLE {OWNER}".encode())
                with psycopg.connect(target, autocommit=True) as session:
                    session.execute(GIVE_AWAY.encode())
            yield target
        finally:
            admin.execute(compose.SQL("DROP DATABASE IF EXISTS {name} WITH (FORCE)").format(**parts))
