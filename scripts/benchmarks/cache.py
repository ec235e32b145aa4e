"""Measures the cache of brands against the database alone and cashews, and what the pane Cache costs Redis.

    python -m scripts.benchmarks cache postgresql://… [--seconds N] [--keys N] [--output FILE]

The URI (or BENCH_URI) names a server where databases may be created; one is, and dropped again. Redis is started here.
cashews is measured if it is installed; the project does not depend on it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import redis
from psycopg.conninfo import make_conninfo

from console.demo import redis_server
from console.demo.redis_server import RedisProcess
from console.demo.supervisor import Supervisor
from console.panes.cache import CACHE
from console.sources.redis.server import RedisServer
from scripts.benchmarks.cache_work import (
    BRANDS,
    MAKES,
    PAUSE,
    READERS,
    Measured,
    cold_loads,
    database_alone,
    measure,
    percentile,
    stale_reads,
)
from scripts.benchmarks.load import database
from tests.brands import new_brands

NAME = "bench_cache"
READS = 20  # of each view
GOAL_P99, GOAL_PANE = 2.0, 1.0  # times the database's p99; milliseconds of Redis for a read of the pane
Make = Callable[..., Any]


def main(argv: Sequence[str]) -> None:
    """Print the tables, or write them as Markdown."""
    parser = argparse.ArgumentParser("benchmarks cache", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("uri", nargs="?", default=os.environ.get("BENCH_URI"), help="a server; default: BENCH_URI")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run of readers")
    parser.add_argument("--keys", type=int, default=1_000_000, help="in Redis when the pane is read")
    parser.add_argument("--output", type=Path, help="Markdown file to write")
    options = parser.parse_args(argv)
    program = redis_server.find()
    if not options.uri or program is None:
        parser.error("a server and redis-server are needed: the URI of PostgreSQL, or BENCH_URI")
    with _redis(program) as server, database(options.uri, NAME) as connection:
        uri = make_conninfo(options.uri, dbname=NAME)
        parts = [_head(connection, server, options), *asyncio.run(_compare(uri, server, options.seconds))]
        parts.append(asyncio.run(_pane(server, options.keys)))
    text = "\n".join(parts)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


@contextmanager
def _redis(program: str) -> Iterator[RedisProcess]:
    with Supervisor() as supervisor, tempfile.TemporaryDirectory() as folder:
        server = RedisProcess(supervisor, program, None, Path(folder) / "redis")
        server.start(())
        yield server
        server.stop()


def _head(connection: psycopg.Connection, server: RedisProcess, options: argparse.Namespace) -> str:
    with redis.Redis.from_url(server.uri) as admin:
        version = admin.info("server")["redis_version"]
    postgres = connection.info.server_version
    peer = f"cashews {metadata.version('cashews')}" if find_spec("cashews") else "cashews not installed"
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return f"""\
# The cache of brands: what it gains and costs

Written by `python -m scripts.benchmarks cache URI --output docs/benchmarks-cache.md` on one machine:
{os.cpu_count()} cores (load average before: {load}), PostgreSQL {postgres // 10000}.{postgres % 10000},
Redis {version}, redis-py {metadata.version("redis")}, {peer}.
{READERS} readers of one process read profiles, templates and assets of {BRANDS} brands, by a power law,
for {options.seconds:g} s each run. Every cache has its own defaults; cashews has `lock=True` and a tag for each brand.
"""


async def _compare(uri: str, server: RedisProcess, seconds: float) -> list[str]:
    brands = new_brands(uri, BRANDS)
    installed = [name for name in MAKES if name == "console/cache" or find_spec(name)]
    makes: dict[str, Make] = {name: partial(MAKES[name], uri, server.uri) for name in installed}
    async with database_alone(uri) as alone:
        steady = [_row("database alone", await measure(alone, brands, seconds))]
    faults: list[str] = []
    sound = ["| cache | reads of the database for a cold key | stale reads |", "|---|--:|--:|"]
    for name, make in makes.items():
        async with make() as subject:
            await measure(subject, brands, seconds / 4)
            steady.append(_row(name, await measure(subject, brands, seconds)))
        for fault, sent in (("killed", signal.SIGKILL), ("stopped", signal.SIGSTOP)):
            alone_p99 = await _alone(uri, brands, seconds)
            measured = await _with_fault(make, brands, server, seconds, sent)
            alone_p99 = (alone_p99 + await _alone(uri, brands, seconds)) / 2
            faults.append(_fault_row(name, fault, measured, alone_p99))
        async with make() as subject:
            stale = await stale_reads(subject, brands[:100])
        sound.append(f"| {name} | {await cold_loads(name, uri, server.uri, brands[:20]):.2f} | {stale} of 100 |")
    return [STEADY, *steady, FAULTS, *faults, SOUND, *sound]


async def _alone(uri: str, brands: Sequence[str], seconds: float) -> float:
    """The p99 in milliseconds of the database alone under the same paced reads."""
    async with database_alone(uri) as alone:
        return percentile((await measure(alone, brands, seconds / 2, pause=PAUSE)).seconds, 0.99)


async def _with_fault(
    make: Make, brands: Sequence[str], server: RedisProcess, seconds: float, sent: signal.Signals
) -> Measured:
    """Reads during which Redis is killed or stopped; it is started again afterwards."""
    pid = server.pid
    async with make() as subject:
        await measure(subject, brands, seconds / 4)
        measured = await measure(subject, brands, seconds, pause=PAUSE, fault=lambda: os.kill(pid, sent))
    if sent != signal.SIGKILL:
        os.kill(pid, signal.SIGKILL)
    server.stop()
    server.start(())
    return measured


def _row(name: str, measured: Measured) -> str:
    times = " | ".join(f"{percentile(measured.seconds, share):.2f}" for share in (0.5, 0.99))
    return f"| {name} | {measured.per_second:,.0f} | {times} | {measured.processor_each:,.0f} | {measured.loads:,} |"


def _fault_row(name: str, fault: str, measured: Measured, alone: float) -> str:
    p99, slowest = percentile(measured.late, 0.99), 1000 * max(measured.seconds)
    return f"| {name} | {fault} | {alone:.2f} | {p99:.2f} | {p99 / alone:.2f} | {slowest:.0f} | {measured.failed} |"


async def _pane(server: RedisProcess, keys: int) -> str:
    source = RedisServer(server.uri)
    lines = [PANE.format(keys=keys, reads=READS, goal=GOAL_PANE)]
    with redis.Redis.from_url(server.uri, socket_timeout=60) as admin:
        _fill(admin, keys)
        await source.learn()
        for view in CACHE.views:
            admin.config_resetstat()
            for _ in range(READS):
                await source.fetch(view.query)
            sent = admin.info("commandstats")
            cost = sum(each["usec"] for each in sent.values()) / READS / 1000
            commands = sum(each["calls"] for each in sent.values()) // READS
            lines.append(f"| {view.title} | {commands} | {cost:.3f} | {'yes' if cost <= GOAL_PANE else 'no'} |")
    await source.close()
    return "\n".join(lines) + "\n"


def _fill(admin: redis.Redis, keys: int) -> None:
    """As many keys as the cache of `keys` / 4 brands has, and the counters of busy services."""
    ids = [f"018dd18b-8c00-79c4-a8a7-{number:012x}" for number in range(keys // 4)]
    for first in range(0, len(ids), 2500):
        values = {}
        for brand in ids[first : first + 2500]:
            values[f"brands:{brand}"] = b"state"
            values.update({f"brands:{brand}:1:{kind}:1": b"x" * 100 for kind in ("profile", "templates", "assets")})
        admin.mset(values)
    seconds, _ = admin.time()
    for period in (seconds // 600 - 1, seconds // 600):
        admin.zadd(f"brands:hot:{period}", {brand: rank for rank, brand in enumerate(ids[:10_000])})
    for minute in range(seconds // 60 - 10, seconds // 60 + 1):
        admin.hset(f"brands:counts:{minute}", mapping={"profile:hit": 1000, "templates:hit": 500, "assets:miss": 10})


STEADY = """## Steady reads

As fast as the readers can, with a warm cache. A cached read takes about twice the processor time of a read by primary
key in the process that reads: redis-py is written in Python, psycopg's core in C. Where everything runs on one machine
without a free core, as here, that decides, and the database alone answers more reads a second. The cache does not make
a cheap read cheaper; it takes it from the database, which the last column shows.

| cache | reads/s | p50 ms | p99 ms | client, µs of processor a read | reads of the database |
|---|--:|--:|--:|--:|--:|"""
FAULTS = f"""
## While Redis fails

Each reader pauses for {1000 * PAUSE:g} ms on average between two reads. In the middle of the run Redis is killed, or
stopped, so that it accepts connections and never answers. Goal for `console/cache` when Redis is killed: every read
is answered, and p99 from then on is at most {GOAL_P99:g} times that of the database alone, which is measured before and
after each of these runs. When Redis is stopped, each read under way waits for 100 ms once.

| cache | Redis is | database alone, p99 ms | p99 ms from then on | times | slowest ms | reads not answered |
|---|---|--:|--:|--:|--:|--:|"""
SOUND = """
## Cold keys and stale reads

100 readers in four processes ask for a cold key at once. Then a brand is updated, and dropped from the
cache, while a reader loads it: a stale read returns the former value after the update was committed. With
`console/cache` a reader that gets no answer within 100 ms asks the database; after three of them in a row all readers
of the process do so for five seconds. On an overloaded machine a cold key therefore costs more than one read.
"""
PANE = """
## What the pane costs Redis

Time that Redis spends on the commands of one read of each view (INFO commandstats), the mean of {reads} reads with
{keys:,} keys. Goal: at most {goal:g} ms.

| view | commands | ms | goal met |
|---|--:|--:|---|"""
