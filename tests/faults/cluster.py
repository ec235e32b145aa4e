"""Faults of a Citus cluster: each takes the cluster, and yields what the sentence of the finding must name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.clusters import CitusCluster

BY_HAND = "SET citus.enable_manual_changes_to_shards = on"


@contextmanager
def node_that_is_down(cluster: CitusCluster) -> Iterator[str]:
    """A worker with half of the shards was stopped."""
    worker = cluster.workers[1]
    worker.stop()
    try:
        yield "shards cannot be read or written"
    finally:
        worker.start()


@contextmanager
def node_without_metadata(cluster: CitusCluster) -> Iterator[str]:
    """Nobody sends changes of the metadata to a worker any more."""
    port = cluster.workers[0].port
    cluster.do(f"SELECT stop_metadata_sync_to_node('127.0.0.1', {port}, clear_metadata => false)")
    try:
        yield "not synced, metadata changes have not been sent to it"
    finally:
        cluster.do("SELECT start_metadata_sync_to_all_nodes()")


@contextmanager
def node_that_knows_something_else(cluster: CitusCluster) -> Iterator[str]:
    """Somebody changed the metadata of a worker by hand."""
    change = "UPDATE pg_dist_node SET shouldhaveshards = {} WHERE groupid <> 0 AND nodeport = " + str(
        cluster.workers[1].port
    )
    cluster.do(change.format("false"), server=cluster.workers[0])
    try:
        yield "metadata differ, it knows other nodes or placements than this node"
    finally:
        cluster.do(change.format("true"), server=cluster.workers[0])


@contextmanager
def shard_that_is_placed_elsewhere(cluster: CitusCluster) -> Iterator[str]:
    """A restore left a shard on a worker, although the cluster has it on the other one."""
    ((shard,),) = cluster.do(
        "SELECT min(shardid) FROM citus_shards WHERE table_name = 'requests'::regclass"
        f" AND nodeport = {cluster.workers[0].port}"
    )
    other = cluster.workers[1]
    cluster.do(f"CREATE TABLE requests_{shard} (LIKE requests)", server=other)
    try:
        yield f"foreign shards, placed elsewhere: public.requests_{shard}"
    finally:
        cluster.do(BY_HAND, f"DROP TABLE requests_{shard}", server=other)


@contextmanager
def shard_that_is_gone(cluster: CitusCluster) -> Iterator[str]:
    """Somebody moved the table of a shard away on its worker."""
    worker = cluster.workers[0]
    ((shard,),) = cluster.do(
        "SELECT min(shardid) FROM citus_shards WHERE table_name = 'organizations'::regclass"
        f" AND nodeport = {worker.port}"
    )
    cluster.do(BY_HAND, f"ALTER TABLE organizations_{shard} RENAME TO kept_{shard}", server=worker)
    try:
        yield f"shards missing, not there: public.organizations_{shard}"
    finally:
        cluster.do(BY_HAND, f"ALTER TABLE kept_{shard} RENAME TO organizations_{shard}", server=worker)


@contextmanager
def node_that_holds_most(cluster: CitusCluster) -> Iterator[str]:
    """Most shards were moved to one worker."""
    source, target = (
        int(port)
        for (port,) in cluster.do(
            "SELECT nodeport FROM citus_shards WHERE citus_table_type = 'distributed'"
            " GROUP BY 1 ORDER BY sum(shard_size)"
        )
    )
    shards = _placed(cluster, source)[:3]
    for shard in shards:
        _move(cluster, shard, source, target)
    try:
        yield f"node 127.0.0.1:{target} holds"
    finally:
        for shard in sorted(set(shards) & set(_placed(cluster, target))):
            _move(cluster, shard, target, source)


def _placed(cluster: CitusCluster, port: int) -> list[int]:
    """The shards of `requests` on a worker."""
    found = cluster.do(
        f"SELECT shardid FROM citus_shards WHERE table_name = 'requests'::regclass AND nodeport = {port} ORDER BY 1"
    )
    return [int(shard) for (shard,) in found]


def _move(cluster: CitusCluster, shard: int, source: int, target: int) -> None:
    cluster.do(
        f"SELECT citus_move_shard_placement({shard}, '127.0.0.1', {source}, '127.0.0.1', {target},"
        " shard_transfer_mode => 'block_writes')"
    )
