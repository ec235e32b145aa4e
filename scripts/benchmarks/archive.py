"""Measures archiving against one big DELETE … RETURNING into INSERT of the same rows, in one run.

    python -m scripts.benchmarks archive postgresql://… [rows]

The URI (or BENCH_URI) names a server where databases may be created; one is made for each way, and dropped again. Each
has the same rows (1,000,000 by default) in four expired months of a table like content_analytics, with its keys and
indexes. They are archived by the console (plan and run, as the command line does) as whole partitions and in batches,
and by the one statement; time, WAL and the longest wait of an UPDATE of rows that are being moved are printed with
their ratios. Goals: whole partitions 0.05 of the time and 0.01 of the WAL; batches 2 of the time, 0.05 of the wait.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql as compose
from psycopg.conninfo import make_conninfo

from console.actions.archive.archive_analytics import ARCHIVE_ANALYTICS
from console.actions.planning import plan
from console.model import Outcome
from console.running.runner import Runner
from console.running.trail.audit import Trail
from console.settings import config
from console.settings.config import ArchivePolicy
from console.sources.postgres import ActingSession, PostgresServer

AGES = (30, 29, 28, 27)  # months
COLUMNS = """id bigint NOT NULL, generated_asset_id uuid NOT NULL, day date NOT NULL, platform text NOT NULL,
    impressions bigint NOT NULL, likes bigint, shares bigint, comments bigint, clicks bigint,
    collected_at timestamptz NOT NULL"""
FILL = """
    INSERT INTO public.facts
    SELECT g, gen_random_uuid(), (date_trunc('month', now()) - make_interval(months => %(ago)s))::date + (g %% 28)::int,
           'instagram', g * 17 %% 100000, g %% 1000, g %% 100, g %% 50, g %% 500, now()
      FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS g
"""
BIG = "WITH gone AS (DELETE FROM public.facts WHERE day < {} RETURNING *) INSERT INTO public.archive SELECT * FROM gone"
CUTOFF = "(date_trunc('month', now()) - interval '24 months')::date"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one way took: seconds, bytes of WAL, the longest UPDATE in seconds."""

    seconds: float
    wal: int
    wait: float


def main(argv: Sequence[str]) -> None:
    """Print the three costs and their ratios."""
    options = _options(argv)
    uri, rows = options.uri, options.rows
    costs = {
        "one statement": measured(uri, rows, False, big),
        "whole partitions": measured(uri, rows, True, console),
        "batches": measured(uri, rows, False, console),
    }
    base = costs["one statement"]
    print(f"{rows} rows in {len(AGES)} months")
    for name, cost in costs.items():
        print(
            f"{name:17} {cost.seconds:8.3f} s  {cost.wal / 1e6:9.2f} MB WAL  longest UPDATE {cost.wait * 1e3:8.1f} ms"
            f"   {cost.seconds / base.seconds:6.3f}× time {cost.wal / base.wal:7.4f}× WAL"
            f" {cost.wait / base.wait:6.3f}× wait"
        )


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("benchmarks archive", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("uri", nargs="?", default=os.environ.get("BENCH_URI"), help="a server; default: BENCH_URI")
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    options = parser.parse_args(argv)
    if not options.uri:
        parser.error("a server is needed: its URI, or BENCH_URI")
    return options


def measured(
    uri: str, rows: int, partitioned: bool, archive: Callable[[str, psycopg.Connection[tuple[object]]], None]
) -> Cost:
    """The cost of archiving all rows of a fresh database by `archive`."""
    with database(uri) as (target, session):
        fill(session, rows, partitioned)
        session.execute("CHECKPOINT")
        before = wal(session)
        with updates(target, rows) as waits:
            began = time.monotonic()
            archive(target, session)
            seconds = time.monotonic() - began
        bytes_written = wal(session) - before
        (kept,) = session.execute("SELECT count(*) FROM public.archive").fetchone() or (0,)
        if kept != rows:
            raise SystemExit(f"{kept} of {rows} rows are in the archive")
        return Cost(seconds, bytes_written, max(waits))


def big(_: str, session: psycopg.Connection[tuple[object]]) -> None:
    """The one statement."""
    session.execute(BIG.format(CUTOFF).encode())


def console(target: str, _: psycopg.Connection[tuple[object]]) -> None:
    """The console's action."""
    asyncio.run(_console(target))


async def _console(target: str) -> None:
    policy = ArchivePolicy("public.facts", "public.archive", "day", 24)
    settings = dataclasses.replace(config.load(environ={}), archives=(policy,))
    server = PostgresServer(target)
    with tempfile.TemporaryDirectory() as folder:
        made = await plan(ARCHIVE_ANALYTICS, server, {}, settings)
        run = await Runner(ActingSession(target), server, Trail(Path(folder) / "audit.jsonl")).run(made)
    await server.close()
    if run.outcome is not Outcome.DONE:
        raise SystemExit(run.message)


def fill(session: psycopg.Connection[tuple[object]], rows: int, partitioned: bool) -> None:
    """The table with its months, and the archive: without partitions, or with one for all time."""
    session.execute(f"CREATE TABLE public.facts ({COLUMNS}, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)".encode())
    session.execute("CREATE INDEX ON public.facts (generated_asset_id, day DESC)")
    session.execute("CREATE TABLE public.archive (LIKE public.facts INCLUDING INDEXES) PARTITION BY RANGE (day)")
    if not partitioned:
        session.execute(
            "CREATE TABLE public.archive_all PARTITION OF public.archive FOR VALUES FROM (MINVALUE) TO (MAXVALUE)"
        )
    share = rows // len(AGES)
    for at, ago in enumerate(AGES):
        session.execute(
            f"DO $$ BEGIN EXECUTE format('CREATE TABLE public.facts_{ago} PARTITION OF public.facts "
            f"FOR VALUES FROM (%L) TO (%L)', (date_trunc('month', now()) - interval '{ago} months')::date,"
            f" (date_trunc('month', now()) - interval '{ago - 1} months')::date); END $$".encode()
        )
        session.execute(FILL, {"ago": ago, "first": at * share + 1, "last": (at + 1) * share})
    session.execute("VACUUM (ANALYZE) public.facts")


def wal(session: psycopg.Connection[tuple[object]]) -> int:
    """Bytes of WAL written so far."""
    row = session.execute("SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint").fetchone()
    assert row is not None
    return int(str(row[0]))


@contextmanager
def updates(target: str, rows: int) -> Iterator[list[float]]:
    """A session that changes random rows one by one while they are moved; the list gets the seconds each took."""
    waits: list[float] = []
    stop = threading.Event()

    def run() -> None:
        with psycopg.connect(target, autocommit=True) as session:
            while not stop.wait(0.005):
                number = random.randint(1, rows)
                began = time.monotonic()
                session.execute("UPDATE public.facts SET likes = likes + 1 WHERE id = %s", (number,))
                waits.append(time.monotonic() - began)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield waits
    finally:
        stop.set()
        thread.join()


@contextmanager
def database(uri: str) -> Iterator[tuple[str, psycopg.Connection[tuple[object]]]]:
    """A new database for one way, dropped at the end."""
    name = compose.Identifier("bench_archive")
    with psycopg.connect(uri, autocommit=True) as admin:
        admin.execute(compose.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        admin.execute(compose.SQL("CREATE DATABASE {}").format(name))
        try:
            target = make_conninfo(uri, dbname="bench_archive")
            with psycopg.connect(target, autocommit=True) as session:
                yield target, session
        finally:
            admin.execute(compose.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
