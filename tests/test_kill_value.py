"""Who goes on when a session ends, as predicted from one read of pg_locks, is who really does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from console.rules.lock_queues import Node, Queues, locks
from console.sources.postgres import PostgresServer
from tests.activity import Sessions, console
from tests.faults.servers import faulty
from tests.lock_scenes import KILLED, UNCERTAIN, Scene, play, prepare
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers
from tests.waiting import wait

WAITING = """
    SELECT DISTINCT coalesce(a.leader_pid, a.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE NOT l.granted AND a.datname = %s
"""
# A session that neither waits for a lock nor has finished its statement, but for the query that never ends.
BUSY = """
    SELECT count(*) FROM pg_stat_activity a
     WHERE a.datname = %(database)s AND a.state = 'active' AND a.pid <> pg_backend_pid()
       AND a.query NOT LIKE '%%WHERE slow(id)%%' AND a.leader_pid IS NULL
       AND NOT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity w USING (pid)
                        WHERE NOT l.granted AND a.pid IN (w.pid, w.leader_pid))
"""


@pytest.fixture(scope="module", name="pg")
def own_server(pg: Cluster, pg_servers: Servers) -> Iterator[Cluster]:
    with faulty(pg_servers, pg.major) as server:
        yield server


@pytest.mark.spread
@pytest.mark.parametrize("scene", KILLED, ids=[scene.name for scene in KILLED])
async def test_who_goes_on_when_a_session_ends_is_who_was_predicted(pg: Cluster, database: str, scene: Scene) -> None:
    with pg.connect(database) as first:
        first.execute("CREATE TABLE item (id int PRIMARY KEY, n int)")
        first.execute("INSERT INTO item SELECT g, 0 FROM generate_series(1, 10) g")
    before = Sessions(pg, database)
    prepare(before)
    before.close()
    ended = 0
    async with console(pg, database) as reading:
        while await end_and_compare(pg, database, scene, reading, ended):
            ended += 1
    assert ended


async def end_and_compare(pg: Cluster, database: str, scene: Scene, reading: PostgresServer, at: int) -> bool:
    """Play the scene, end the session at that place among those that block others; False: there are not so many."""
    sessions = Sessions(pg, database)
    try:
        await play(sessions, scene.steps, reading)
        queues = Queues(locks((await reading.fetch("lock_queues")).records()))
        order = [*(connection.info.backend_pid for connection in sessions.opened), "batch"]
        blocking = [node for node in order if node in queues.nodes and queues.behind(node)]
        if at >= len(blocking):
            return False
        gone = blocking[at]
        predicted, waiting = queues.freed(gone), waiters(pg, database)
        end(pg, database, gone)
        wait(lambda: is_settled(pg, database, gone))
        went_on = waiting - waiters(pg, database) - {gone}
        least, most = len(predicted.at_once), len(predicted.at_once) + len(predicted.perhaps)
        ended = f"{order.index(gone)} of {scene.name} ended: {went_on} of {predicted} went on"
        assert went_on <= predicted.at_once | predicted.perhaps, ended
        assert least <= len(went_on) <= most, ended
        assert predicted.perhaps == set() or scene in UNCERTAIN, ended
        return True
    finally:
        sessions.close()
        end(pg, database, "batch")


def end(pg: Cluster, database: str, node: Node) -> None:
    """End a session, or roll back the prepared transaction if there is one of that identifier."""
    with pg.connect(database) as other:
        if isinstance(node, int):
            other.execute("SELECT pg_terminate_backend(%s)", (node,))
        elif other.execute("SELECT FROM pg_prepared_xacts WHERE gid = %s", (node,)).fetchall():
            other.execute(f"ROLLBACK PREPARED '{node}'".encode())


def waiters(pg: Cluster, database: str) -> set[Node]:
    """Who waits for a lock, as the server says; a parallel query by its leader."""
    with pg.connect(database) as other:
        return {pid for (pid,) in other.execute(WAITING, (database,))}


def is_settled(pg: Cluster, database: str, gone: Node) -> bool:
    """Whether a session has ended and all others wait for a lock or have done what they wanted."""
    with pg.connect(database) as other:
        there = other.execute("SELECT FROM pg_stat_activity WHERE pid::text = %s", (str(gone),)).fetchall()
        busy = other.execute(BUSY, {"database": database}).fetchone()
    return not there and busy == (0,)
