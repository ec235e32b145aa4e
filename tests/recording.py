"""Records real servers for the tests, which replay them through the same panes.

    python -m tests.recording POSTGRES_URI PGBOUNCER_ADMIN_URI
    python -m tests.recording --pane NAME POSTGRES_URI PGBOUNCER_ADMIN_URI [REDIS_URI]
    python -m tests.recording --rules POSTGRES_URI PGBOUNCER_ADMIN_URI
    python -m tests.recording --workload POSTGRES_URI PGBOUNCER_ADMIN_URI

reads every view twice, two seconds apart, and writes tests/recordings/; with --pane, only what that pane reads is
replaced, with --rules only what the rules judge and no pane shows. With --workload, what the rules read of PostgreSQL
in ten minutes is written to tests/recordings/workload.json.gz. `pipeline-console demo --headless` prints both URIs
(`postgres` and `pgbouncer_admin`), and that of Redis (`redis`) for --pane cache.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from console.model import Kind, Pane, Snapshot, Source, Trouble, View
from console.panes import PANES
from console.panes.partitions import PARENTS
from console.reading.reader import Reader, keys
from console.rules.diagnoses import DIAGNOSES
from console.running.trail.audit import Trail
from console.running.trail.tables import answers
from console.settings import config
from console.sources import replay
from console.sources.console import ConsoleSource
from console.sources.derived import Parameters
from console.sources.heard import heard
from console.sources.host.source import HostSource
from console.sources.log.source import LogSource
from console.sources.pgbouncer.admin import PgBouncerServer
from console.sources.pgbouncer.several import PgBouncers
from console.sources.postgres import PostgresServer
from console.sources.redis.server import RedisServer
from console.sources.registry import ADVICE, CAPACITY, CLOCK, HOST, LOG, RULES, SEEN, SLOWER, WAITS, Sources
from console.sources.replay import Reads, Replay
from console.watching import capacity, vacuum_clock, waits
from console.watching.asks import merged as merged_asks
from console.watching.observer import Observer

MADE = frozenset({RULES, CAPACITY, WAITS, CLOCK, ADVICE, SLOWER, SEEN})  # sources that a workspace makes of the others
READS_OF = {CAPACITY: capacity.READS, WAITS: waits.READS, CLOCK: vacuum_clock.READS}  # what their answers are made of
WAIT_SAMPLES, WAIT_PAUSE = 8, 4.0  # fewer than a frame reads, so that all frames show all of them; seconds
FOLDER = Path(__file__).parent / "recordings"
TRAIL = Trail(FOLDER / "audit.jsonl")
WORKLOAD = FOLDER / "workload.json.gz"
WORKLOAD_SECONDS = 600


@dataclass
class Recorder:
    """Keeps the answers of a real server, those to lookups together."""

    reads: dict[str, list[Snapshot]] = field(default_factory=dict)

    def __call__(self, source: Source, query: str, parameters: Parameters, answer: Snapshot | Trouble) -> None:
        del source
        if isinstance(answer, Trouble):
            return
        kept = self.reads.setdefault(query, [])
        if parameters and kept:
            kept[0] = replace(kept[0], rows=(*kept[0].rows, *answer.rows))
        else:
            kept.append(answer)


def load(name: str) -> Replay:
    """The recording of the source called `name`."""
    return replay.load(FOLDER / f"{name}.json", name)


async def record(postgres: str, pooler: str, panes: Sequence[Pane] = PANES, redis: str = "") -> None:
    """Read every view of `panes` twice and save the recordings; what other panes read stays as it was recorded."""
    server = PostgresServer(postgres, "pipeline")
    servers: tuple[Source, ...] = (server, PgBouncers((PgBouncerServer(pooler),)))
    servers += (RedisServer(redis),) if redis else ()
    recorders = {server.name: Recorder() for server in servers}
    sources: dict[str, Source] = {server.name: heard(server, recorders[server.name]) for server in servers}
    recorders[HOST] = Recorder()
    sources[HOST] = heard(HostSource(server), recorders[HOST])
    recorders[LOG] = Recorder()
    sources[LOG] = heard(LogSource(server), recorders[LOG])
    sources["console"] = ConsoleSource(lambda: answers(TRAIL, [], sources["postgres"]))
    views = {
        (view.query, view.lookups): (pane.source_of(view), view)
        for pane in panes
        for view in pane.views
        if pane.source_of(view) in sources
    }
    queries = {query for query, _ in views}
    made = {
        query
        for pane in panes
        for view in pane.views
        for query in READS_OF.get(pane.source_of(view), {}).get(view.query, ())
        if query not in queries
    }
    readers = {key: Reader(view, lambda name: _named(sources, name)) for key, (_, view) in views.items()}
    for _ in range(2):
        for key, (source, view) in views.items():
            try:
                await read(readers[key], view, sources[source], times=1)
            except Trouble as why:
                print(view.query, why)
        await asyncio.sleep(2)
    for query in sorted(made - {PARENTS.query}):
        await sources["postgres"].fetch(query)
        for _ in range(WAIT_SAMPLES if query == waits.SAMPLE else 0):
            await asyncio.sleep(WAIT_PAUSE)
            await sources["postgres"].fetch(query)
    judged = await _record_for_rules(sources) if not panes or panes == PANES else set()
    for name, recorder in recorders.items():
        path = FOLDER / f"{name}.json"
        if recorder.reads and panes == PANES:
            replay.save(path, replace(sources[name].facts, label="pipeline"), recorder.reads)
        elif recorder.reads:
            before = load(name) if path.exists() else Replay(replace(sources[name].facts, label="pipeline"), {}, name)
            replay.save(path, before.facts, merged(before.reads, recorder.reads, {*queries, *judged, *made}))
    for each in servers:
        await each.close()


async def record_workload(postgres: str) -> None:
    """Read for ten minutes what the rules read of a server, as often as they do, and save it."""
    server, recorder, settings = PostgresServer(postgres, "pipeline"), Recorder(), config.load(environ={})
    facts = await server.connect()
    sources = Sources(server)
    sources.be_heard(recorder)
    limits = (settings.thresholds, settings.refreshes, settings.partitions)
    observer = Observer(sources, DIAGNOSES, *limits)
    end = time.monotonic() + WORKLOAD_SECONDS
    while time.monotonic() < end:
        await observer.look()
        await asyncio.sleep(2)
    await server.close()
    with TemporaryDirectory() as folder:
        replay.save(Path(folder) / "workload.json", replace(facts, label="pipeline", address=""), recorder.reads)
        WORKLOAD.write_bytes(gzip.compress((Path(folder) / "workload.json").read_bytes(), mtime=0))


def _named(sources: Mapping[str, Source], name: str) -> Source:
    if name not in sources:
        raise Trouble(Kind.MISSING, f"{name} is not recorded.")
    return sources[name]


async def _record_for_rules(sources: Mapping[str, Source]) -> set[str]:
    """Read what the rules judge and no pane shows; the queries."""
    shown = {view.query for pane in PANES for view in pane.views}
    asks = [ask for ask in merged_asks(DIAGNOSES) if ask.query not in shown and ask.source in sources]
    for ask in asks:
        try:
            await sources[ask.source].fetch(ask.query)
        except Trouble as why:
            print(ask.query, why)
    return {ask.query for ask in asks}


def merged(before: Reads, now: Reads, views: Collection[str]) -> dict[str, Sequence[Snapshot]]:
    """The reads of a recording after some queries were read again.

    A query of `views` is replaced; the rows that a lookup found now are added to those that other panes looked up.
    """
    reads = dict(before)
    for query, (first, *rest) in now.items():
        if query in views or query not in before or first.columns != before[query][0].columns:
            reads[query] = [first, *rest]
        else:
            known, *others = before[query]
            rows = (*known.rows, *(row for row in first.rows if row not in known.rows))
            reads[query] = [replace(known, rows=rows), *others]
    return reads


async def read(reader: Reader, view: View, source: Source, times: int) -> None:
    """Read a view that often and look up whatever its rows can have looked up."""
    for _ in range(times):
        last = await reader.read(source)
    while await reader.fill(source, keys(last, view.key)) is not None:
        pass


def main() -> None:
    """Record one pane or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.recording", description="Record real servers.")
    parser.add_argument("postgres", help="URI of a pipeline database under load")
    parser.add_argument("pgbouncer", help="URI of the admin console of its PgBouncer")
    parser.add_argument("redis", nargs="?", default="", help="URI of its Redis; empty: that recording stays")
    parser.add_argument("--pane", choices=[pane.name for pane in PANES], help="record only this pane")
    parser.add_argument("--rules", action="store_true", help="record only what no pane shows and rules judge")
    parser.add_argument("--workload", action="store_true", help="record ten minutes of what the rules read")
    chosen = parser.parse_args()
    if chosen.workload:
        asyncio.run(record_workload(chosen.postgres))
        return
    panes = [pane for pane in PANES if chosen.pane == pane.name]
    asyncio.run(
        record(chosen.postgres, chosen.pgbouncer, panes if chosen.pane or chosen.rules else PANES, chosen.redis)
    )


if __name__ == "__main__":
    main()
