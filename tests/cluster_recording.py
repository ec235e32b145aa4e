"""Records a real Citus cluster for the tests, which replay it where the extension is not installed.

    CITUS_BINDIR=/path/to/bin python -m tests.cluster_recording

starts a coordinator with two workers, reads what the console reads of them in each scene, and writes
tests/recordings/citus/: `whole.json` with everything, and one file for each fault with what the rules judge.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread

from console.model import Pane, View
from console.panes import PANES
from console.panes.cluster import CLUSTER, NODES
from console.reading.reader import Reader
from console.sources import replay
from console.sources.heard import heard
from console.sources.postgres import PostgresServer as Source
from console.sources.replay import Replay
from tests import clusters, recording
from tests.clusters import CitusCluster
from tests.faults import CLUSTER_FAULTS
from tests.faults.cluster import node_that_holds_most
from tests.servers import Servers

FOLDER = recording.FOLDER / "citus"
STORAGE = ("bloat", "indexes", "partitions")  # panes whose figures are summed over shards
STATEMENT = "UPDATE requests SET title = 'waits' WHERE organization_id = md5('org1')::uuid AND id = 1"


def load(name: str) -> Replay:
    """The recording of that scene, as the server of a target."""
    return replay.load(FOLDER / f"{name}.json", "postgres")


def names() -> tuple[str, ...]:
    """The faults that were recorded."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json") if path.stem != "whole"))


@contextmanager
def blocked(cluster: CitusCluster) -> Iterator[None]:
    """A session that waits for another one, each on a worker of its own."""
    first, second = cluster.workers
    with (
        first.connect(clusters.DATABASE, application_name="importer") as holder,
        second.connect(clusters.DATABASE, application_name="api") as waiter,
    ):
        holder.execute("BEGIN")
        holder.execute(STATEMENT)
        waiting = Thread(target=waiter.execute, args=(STATEMENT,))
        waiting.start()
        until(lambda: bool(cluster.do("SELECT 1 FROM citus_lock_waits")))
        try:
            yield
        finally:
            holder.execute("ROLLBACK")
            waiting.join()


def until(holds: object) -> None:
    """Wait until a condition holds."""
    assert callable(holds)
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, "it never held"
        time.sleep(0.1)


def views(panes: Iterable[Pane]) -> Iterator[View]:
    """Each query with its lookups once."""
    seen: dict[object, View] = {}
    for pane in panes:
        for view in pane.views:
            if pane.source_of(view) == "postgres":
                seen.setdefault((view.query, view.lookups), view)
    yield from seen.values()


async def record(cluster: CitusCluster, name: str, wanted: Iterable[View]) -> None:
    """Read views twice and save the recording."""
    server, recorder = Source(cluster.uri, "cluster"), recording.Recorder()
    source = heard(server, recorder)
    facts = replace(await server.connect(), address="", label="cluster")
    for view in wanted:
        await recording.read(Reader(view), view, source, times=2)
    if name == "whole":
        await source.fetch("capacity_tables")
    await server.close()
    FOLDER.mkdir(exist_ok=True)
    replay.save(FOLDER / f"{name}.json", facts, recorder.reads)


def record_all(cluster: CitusCluster) -> None:
    """Record every scene."""
    panes: Mapping[str, Pane] = {pane.name: pane for pane in PANES}
    with node_that_holds_most(cluster):
        cluster.do("SELECT citus_rebalance_start('by_shard_count')", "SELECT citus_rebalance_wait()")
    cluster.do("ANALYZE organizations, requests, usage")  # a shard that was moved has no statistics
    with blocked(cluster):
        asyncio.run(record(cluster, "whole", views((CLUSTER, *(panes[name] for name in STORAGE)))))
    for fault in (fault for faults in CLUSTER_FAULTS.values() for fault in faults):
        with fault(cluster) as named:
            asyncio.run(record(cluster, fault.__name__, (NODES,)))
        print(fault.__name__, named)


def main() -> None:
    """Start a cluster, record it, stop it."""
    found = clusters.installation()
    if found is None:
        sys.exit(f"No PostgreSQL with Citus here: set {clusters.FOLDER} to the folder of its programs.")
    servers = Servers({})
    try:
        record_all(clusters.start(servers, found))
    finally:
        servers.close()
    print(*(str(path.relative_to(Path.cwd())) for path in sorted(FOLDER.glob("*.json"))), sep="\n")


if __name__ == "__main__":
    main()
