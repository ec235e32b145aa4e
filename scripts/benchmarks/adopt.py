"""Measures the adoption of a grown database under 50 writes a second: what each step lets writers wait, and every row.

    python -m scripts.benchmarks adopt postgresql://… [--rows 2000000] [--requests 100000] [--output FILE]

The URI (or BENCH_URI) names a server where databases and roles may be created. A database is made whose tables are
ordinary ones, without ledger, partitions, search column or indexes, with so many rows in the three tables that grow
with time; it is dropped again. Four sessions then insert, update and delete single rows, 50 a second in all, each in a
transaction of its own, while the pages of the set-up guide that concern the schema are run as `setup --yes` runs them.

A wait is how long a write took, less the longest write to a table that nothing happens to in the same moment: that is
the machine's. It counts for each step that was under way meanwhile.

Fails unless no write waited 100 ms because of a step, no write failed, every row is there once with what was last
written to it, nothing differs from the schema in the end, and the guide has nothing left to do.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import psycopg
from psycopg import sql as compose
from psycopg.conninfo import make_conninfo

from console.demo.cluster import OWNER
from console.drift.reading import drift
from console.model import Outcome
from console.running.progress import Run
from console.running.runner import Runner
from console.running.trail.audit import Trail
from console.settings import config
from console.setup import situation
from console.setup.guide import Guide, PageState, Standing, pages
from console.sources.postgres import ActingSession, PostgresServer
from scripts.benchmarks import adopt_report
from scripts.benchmarks.adopt_report import Measured, Part
from scripts.benchmarks.adopt_writers import TABLES, Written, writing
from tests import grown
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster

DATABASE = "bench_adopt"
PAGES = ("schema", "partition", "partitions", "indexes", "adopted", "views")
QUIET = 20.0  # seconds of writing before the first step
ROUNDS = 3  # as the set-up
_KINDS = (
    "ADD COLUMN|ADD CONSTRAINT|VALIDATE CONSTRAINT|DROP CONSTRAINT|SET NOT NULL|SET DEFAULT|ATTACH PARTITION|"
    "CREATE UNIQUE INDEX CONCURRENTLY|CREATE INDEX CONCURRENTLY|CREATE TRIGGER|CREATE TABLE|REFRESH|RENAME"
)


@dataclass(frozen=True, slots=True)
class Place:
    """The server that was named, as the grown database is made in it: as its owner."""

    target: str
    major: int

    def connect(self, database: str, user: str, options: str = "") -> psycopg.Connection[Any]:
        """A session that acts as `user`."""
        with_role = f"{options} -c role={user}".strip()
        return psycopg.connect(make_conninfo(self.target, dbname=database, options=with_role), autocommit=True)


@dataclass(slots=True)
class Clock:
    """Which step was under way when."""

    parts: list[Part] = field(default_factory=list)

    def begin(self, page: str, step: str) -> Part:
        """From now on it is this step."""
        now = time.monotonic()
        if self.parts:
            last = self.parts[-1]
            last.ended = now
            if (last.page, last.step) == (page, step):
                return last
        self.parts.append(Part(page, step, now, now))
        return self.parts[-1]

    def heard(self, page: str, run: Run) -> None:
        """Called by the runner as a run goes on."""
        progress = run.steps[run.at]
        part = self.begin(page, _kind(progress.step.sql, progress.step.on))
        part.rows = max(part.rows, progress.rows)


def _kind(sql: str, relation: str) -> str:
    """A step, in a few words that are alike for like steps."""
    text = re.sub(r"SET LOCAL \w+ = '\w+';\s*", "", sql)
    found = re.search(_KINDS, text)
    words = found[0] if found else " ".join(text.split()[:2])
    return f"{words}, {re.sub(r'_[0-9]{4}_[0-9]{2}.*', '_…', relation)}" if relation else words


def main(argv: Sequence[str]) -> None:
    """Make it, adopt it, check it; write what was measured; fail when a promise was not kept."""
    options = _options(argv)
    with database(options.uri) as (target, major):
        began = time.monotonic()
        place = Desk(cast("Cluster", Place(options.uri, major)), DATABASE, Trail(Path(os.devnull)))
        grown.make(place, options.rows // 3, options.months, options.requests, misfits=False)
        print(f"Made in {time.monotonic() - began:.0f} s.", file=sys.stderr, flush=True)
        measured = asyncio.run(adopt(target))
        measured.sizes = f"{options.rows:,} rows in the three tables, {options.requests:,} requests"
    text = adopt_report.section(measured)
    if options.output:
        file = Path(options.output)
        kept = file.read_text(encoding="utf-8") if file.exists() else adopt_report.TITLE
        file.write_text(f"{kept.rstrip()}\n\n{text}", encoding="utf-8")
    print(text)
    if missed := adopt_report.misses(measured):
        raise SystemExit("\n".join(missed))


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("benchmarks adopt", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("uri", nargs="?", default=os.environ.get("BENCH_URI"), help="a server; default: BENCH_URI")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--months", type=int, default=12, help="over which the rows are spread")
    parser.add_argument("--output", help="a file that the figures are added to, as Markdown")
    options = parser.parse_args(argv)
    if not options.uri:
        parser.error("a server is needed: its URI, or BENCH_URI")
    return options


@contextmanager
def database(uri: str) -> Iterator[tuple[str, int]]:
    """An empty database of the owner, which is made where it is missing; both are dropped at the end."""
    name, owner = compose.Identifier(DATABASE), compose.Identifier(OWNER)
    with psycopg.connect(uri, autocommit=True) as admin:
        made = not admin.execute("SELECT FROM pg_roles WHERE rolname = %s", (OWNER,)).rowcount
        if made:
            admin.execute(compose.SQL("CREATE ROLE {}").format(owner))
        admin.execute(compose.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        admin.execute(compose.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(name, owner))
        try:
            target = make_conninfo(uri, dbname=DATABASE)
            with psycopg.connect(target, autocommit=True) as session:
                session.execute(compose.SQL("GRANT ALL ON SCHEMA public TO {}").format(owner))
            yield target, admin.info.server_version // 10000
        finally:
            admin.execute(compose.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            if made:
                admin.execute(compose.SQL("DROP ROLE {}").format(owner))


async def adopt(target: str, quiet: float = QUIET) -> Measured:
    """Run the pages under writers, after so many quiet seconds; what was measured and found."""
    server, clock = PostgresServer(target), Clock()
    guide = Guide(server, config.load(environ={}))
    before = _sums(target)
    try:
        with tempfile.TemporaryDirectory() as folder, writing(target) as written:
            clock.begin("(before)", "nothing")
            await asyncio.sleep(quiet)
            former: dict[str, PageState] = {}
            for page in (page for page in pages() if page.name in PAGES):
                for _ in range(ROUNDS):
                    clock.begin(page.name, "planning")
                    former[page.name] = await guide.state(page, await situation.read(server, guide.settings), former)
                    if former[page.name].standing in {Standing.CANNOT, Standing.WAITS}:
                        raise SystemExit(f"{page.name}: {former[page.name].sentence} {former[page.name].remedy}")
                    for work in former[page.name].works:
                        clock.begin(page.name, "planning")
                        session = ActingSession(target)
                        runner = Runner(session, server, Trail(Path(folder) / "audit.jsonl"), _ear(clock, page.name))
                        _check_outcome(page.name, await runner.run(await guide.plan(work)))
                    if not former[page.name].works:
                        break
            clock.begin("(after)", "nothing")
            await asyncio.sleep(quiet / 4)
            clock.begin("(after)", "nothing")
        now = await situation.read(server, guide.settings)
        left = [
            p.name for p in pages() if p.name in PAGES and (await guide.state(p, now, {})).standing is Standing.TODO
        ]
        found = tuple(f"{difference.name}: {difference.problem}" for difference in (await drift(server)).differences)
        version = server.facts.version_text
    finally:
        await server.close()
    return Measured(
        version, clock.parts, written, _lost(target, before, written), found, tuple(left), _settings(target)
    )


def _ear(clock: Clock, page: str) -> Callable[[Run], None]:
    return lambda run: clock.heard(page, run)


def _check_outcome(page: str, run: Run) -> None:
    what = f"{page}: {run.plan.action} {run.plan.claim.subject}: {run.message}"
    print(what, f"{run.seconds:.0f} s", *run.waits, sep="\n  ", file=sys.stderr, flush=True)
    if run.outcome not in {Outcome.DONE, Outcome.NOTHING}:
        raise SystemExit(what)


def _sums(target: str) -> dict[str, tuple[int, int]]:
    """By table: how many rows, and the sum of the hashes of their ids. SystemExit where an id is there twice."""
    sums: dict[str, tuple[int, int]] = {}
    with psycopg.connect(target, autocommit=True) as session:
        for table in TABLES:
            text = (
                "SELECT count(*), count(DISTINCT id), coalesce(sum(hashtextextended(id::text, 0)), 0)"
                f" FROM public.{table.name}"
            )
            ((rows, ids, checksum),) = session.execute(text.encode()).fetchall()
            if rows != ids:
                raise SystemExit(f"{table.name}: {rows} rows, but {ids} ids.")
            sums[table.name] = (rows, int(checksum))
    return sums


def _lost(target: str, before: dict[str, tuple[int, int]], written: Written) -> list[str]:
    """What is not there as it was written, as sentences."""
    lost, after = [], _sums(target)
    with psycopg.connect(target, autocommit=True) as session:
        for table in TABLES:
            name = table.name
            rows, checksum = before[name]
            due = (rows + written.rows.get(name, 0), checksum + written.checksums.get(name, 0))
            if after[name] != due:
                lost.append(f"{name}: {after[name][0]:,} rows instead of {due[0]:,}, or others")
            values = written.values.get(name, {})
            text = (
                f"SELECT count(*) FROM unnest(%s::text[], %s::text[]) w(id, value)"
                f" LEFT JOIN public.{name} t ON t.id::text = w.id WHERE t.{table.column}::text IS DISTINCT FROM w.value"
            )
            given = ([str(each) for each in values], [str(each) for each in values.values()])
            ((wrong,),) = session.execute(text.encode(), given).fetchall()
            if wrong:
                lost.append(f"{name}: {wrong} rows are not as they were last written")
    return lost


def _settings(target: str) -> str:
    names = ("shared_buffers", "fsync", "synchronous_commit", "autovacuum", "autovacuum_naptime", "deadlock_timeout")
    with psycopg.connect(target, autocommit=True) as session:
        return ", ".join(f"{name} = {session.execute(f'SHOW {name}'.encode()).fetchall()[0][0]}" for name in names)
