"""Who blocks whom, worked out from one read of pg_locks, is what pg_blocking_pids() says of each session."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from console import sql
from console.model import Snapshot
from console.panes.blocking import CONFLICTS, Blocking, Member, bits
from console.panes.connections import CONNECTIONS
from console.panes.locks import LOCKS
from console.reading.reader import Reader
from console.watching.lock_rows import locks_of
from tests.activity import (
    Sessions,
    console,
    other_sessions,  # noqa: F401  a fixture, found by name
    until,
    waiting,
)
from tests.lock_scenes import SCENES, UPDATE, Scene, play, prepare
from tests.servers import PostgresServer as Running
from tests.servers import Servers
from tests.waiting import eventually


def told(server: Running, database: str) -> dict[int, list[int]]:
    """What the server says of each session of this database that waits."""
    with server.connect(database) as other:
        rows = other.execute(
            "SELECT l.pid, pg_blocking_pids(l.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
            "WHERE NOT l.granted AND a.datname = current_database()"
        ).fetchall()
    return {pid: sorted(set(by)) for pid, by in rows}


def found(snapshot: Snapshot) -> dict[object, list[Any]]:
    """What the console worked out."""
    blocked = {row["pid"]: row["blocked_by"] for row in snapshot.records()}
    return {pid: sorted(by) for pid, by in blocked.items() if isinstance(by, list)}


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
async def test_the_blockers_are_those_that_the_server_names(
    sessions: Sessions, pg: Running, database: str, scene: Scene
) -> None:
    prepare(sessions)
    async with console(pg, database) as reading:
        count = await play(sessions, scene.steps, reading)
        await eventually(lambda: len(told(pg, database)) >= count)  # what waits elsewhere is not counted
        tree = await until(reading, LOCKS.view("blocking"), waiting(count))
        every = await Reader(CONNECTIONS.view("all")).read(reading)
        queues = await reading.fetch("lock_queues")
    expected = told(pg, database)
    assert len(expected) >= count
    assert found(tree) == expected
    assert found(LOCKS.view("blocking").derive(locks_of(queues))) == expected  # type: ignore[misc]
    assert found(every) == expected
    waiters = Counter(blocker for by in expected.values() for blocker in by)
    assert {row["pid"]: row["blocks"] for row in every.records() if row["blocks"]} == waiters


async def test_all_locks_are_read_once_however_many_rows_are_waited_for(
    sessions: Sessions, pg: Running, database: str
) -> None:
    with pg.connect(database) as other:
        steps = [(0, UPDATE.format(n)) for n in range(1, 8)] + [(n, "> " + UPDATE.format(n)) for n in range(1, 8)]
        async with console(pg, database) as reading:
            count = await play(sessions, steps, reading)
        await eventually(lambda: len(told(pg, database)) >= count)
        text = sql.load("lock_queues", (pg.major,)).text.replace("%%", "%")
        [[[plan]]] = other.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}".encode()).fetchall()
    again = [node["Actual Loops"] for node in nodes(plan["Plan"]) if node.get("CTE Name") in {"lock", "own_row"}]
    assert again
    assert max(again) <= 1  # once for each of them takes a second of the server with a thousand sessions


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """A node of a plan and all below it."""
    return [plan, *(node for part in plan.get("Plans", ()) for node in nodes(part))]


async def test_prepared_transactions_block_as_pid_0(pg: Running, pg_servers: Servers) -> None:
    if pg_servers.choices[pg.major].installation is None:
        pytest.skip("needs a server with max_prepared_transactions of its own")
    server = pg_servers.new(pg.major, {"max_prepared_transactions": "4"})
    others = Sessions(server, "postgres")
    try:
        with others.open() as first:
            first.execute("CREATE TABLE item (id int PRIMARY KEY, n int)")
            first.execute("INSERT INTO item VALUES (1, 0), (2, 0)")
            for name in ("a", "b"):
                first.execute(f"BEGIN; LOCK item IN ROW SHARE MODE; PREPARE TRANSACTION '{name}'")
        async with console(server, "postgres") as reading:
            steps = [(0, "> LOCK item IN EXCLUSIVE MODE"), (1, "> SELECT FROM item FOR UPDATE")]
            count = await play(others, steps, reading)
            tree = await until(reading, LOCKS.view("blocking"), waiting(count))
            every = await Reader(CONNECTIONS.view("all")).read(reading)
        expected = told(server, "postgres")
        assert [0] in expected.values()
        assert found(every) == expected
        # The tree names each prepared transaction, the server only that there is one.
        assert {pid: sorted(set(by)) for pid, by in found(tree).items()} == expected
        assert {row["gid"] for row in tree.records() if row["pid"] == 0} == {"a", "b"}
    finally:
        others.close()
        server.stop()


def test_sets_of_sessions_are_those_of_a_walk_from_session_to_session() -> None:
    """Random locks, upgrades, circles and parallel queries, against the obvious way."""
    dice = random.Random(5)
    for _ in range(300):
        members = random_members(dice)
        blocking = Blocking(members)
        edges: dict[int, set[int]] = {}
        for at, by in enumerate(blocking.blockers):
            for blocker in by:
                edges.setdefault(blocker, set()).add(at)
        for member in members:
            assert set(bits(blocking.direct.get(member.id, 0))) == edges.get(member.id, set())
            seen: set[int] = set()
            left = [*edges.get(member.id, ())]
            while left:
                at = left.pop()
                if at not in seen:
                    seen.add(at)
                    left += edges.get(members[at].id, ())
            own = {at for at, other in enumerate(members) if other.group == member.group}
            assert set(bits(blocking.below.get(member.id, 0))) - own == seen - own


def random_members(dice: random.Random) -> list[Member]:
    """Some sessions that wait for some locks; a few processes belong to a parallel query."""
    count, locks = dice.randint(2, 9), dice.randint(1, 4)
    groups = {at: dice.choice(range(1, at)) if at > 2 and dice.random() < 0.15 else at for at in range(1, count + 1)}
    groups = {at: groups[group] for at, group in groups.items()}
    places = [0] * locks
    held = [[(dice.choice([*groups.values()]), dice.choice([*CONFLICTS])) for _ in range(dice.randint(1, 3))]
            for _ in range(locks)]  # fmt: skip
    members = []
    for at in range(1, count + 1):
        lock = dice.randrange(locks)
        if dice.random() < 0.2:
            members.append(Member(at, groups[at]))
            continue
        places[lock] += 1
        holders = held[lock] if places[lock] == 1 else []
        mode = dice.choice([*CONFLICTS])
        members.append(
            Member(at, groups[at], lock, places[lock], mode, [h for h, _ in holders], [m for _, m in holders])
        )
    return members
