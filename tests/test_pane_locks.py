"""The lock tree: who waits for whom, on real servers and in shapes that are hard to provoke."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from console.model import Record, Snapshot, number
from console.panes.locks import LOCKS, tree
from console.panes.metrics import VITALS
from console.reading.reader import Reader, keys
from tests.activity import (
    Sessions,
    by_pid,
    console,
    other_sessions,  # noqa: F401  fixtures, found by name
    pairs,
    until,
    vital_signs,
    waiting,
)
from tests.servers import PostgresServer as Running
from tests.servers import Servers
from tests.waiting import PATIENCE, eventually

TREE = LOCKS.view("blocking")
TYPES = LOCKS.view("types")


async def test_the_lock_tree_shows_a_chain_from_its_root(sessions: Sessions, pg: Running, database: str) -> None:
    root, middle, last = sessions.open(), sessions.open(), sessions.open(application_name="last one")
    root.execute("BEGIN; UPDATE item SET n = 1 WHERE id = 1")
    middle.execute("BEGIN; UPDATE item SET n = 1 WHERE id = 2")
    async with console(pg, database) as reading:
        sessions.run(middle, "UPDATE item SET n = 1 WHERE id = 1")
        await until(reading, TREE, waiting(1))
        sessions.run(last, "BEGIN; UPDATE item SET n = 1 WHERE id = 2")
        snapshot = await until(reading, TREE, waiting(2))
        details = await reading.fetch(
            "connection_details", dict(zip(TREE.key, keys(snapshot, TREE.key)[1], strict=True))
        )
    pids = [connection.info.backend_pid for connection in (root, middle, last)]
    assert snapshot.values("tree") == (f"{pids[0]}", f"└{pids[1]}", f"·└{pids[2]}")
    assert snapshot.values("blocks") == (2, 1, 0)
    assert snapshot.values("state") == ("idle in tx", "active", "active")
    records = by_pid(snapshot)
    first, second, third = (records[pid] for pid in pids)
    assert first["wait_age"] is None
    assert first["lock"] == "public.item row (0,1)"
    assert str(second["lock"]).startswith("public.item row (0,1), transaction")
    assert second["blocked_by"] == [pids[0]]
    assert isinstance(second["wait_age"], float)
    assert isinstance(third["wait_age"], float)
    assert 0 < third["wait_age"] < second["wait_age"] < PATIENCE
    assert third["application"] == "last one"
    found = pairs(details)
    assert found["query"] == "UPDATE item SET n = 1 WHERE id = 1"
    assert str(found["waits for"]).startswith("ShareLock on transaction")
    assert ("holds", "RowExclusiveLock on public.item") in details.rows


async def test_a_prepared_transaction_is_a_root_with_pid_0(pg: Running, pg_servers: Servers) -> None:
    if pg_servers.choices[pg.major].installation is None:
        pytest.skip("needs a server with max_prepared_transactions of its own")
    server = pg_servers.new(pg.major, {"max_prepared_transactions": "4"})
    others = Sessions(server, "postgres")
    try:
        with others.open() as first:
            first.execute("CREATE TABLE item (id int PRIMARY KEY, n int)")
            first.execute("INSERT INTO item VALUES (1, 0), (2, 0)")
            for name, row in (("left over", 1), ("another", 2)):
                first.execute(f"BEGIN; UPDATE item SET n = 1 WHERE id = {row}; PREPARE TRANSACTION '{name}'")
        waiter = others.open()
        others.run(waiter, "UPDATE item SET n = 2 WHERE id = 1")
        async with console(server, "postgres") as reading:
            snapshot = await until(reading, TREE, waiting(1))
            vitals = await vital_signs(Reader(VITALS), reading)
            details = await reading.fetch(
                "connection_details", dict(zip(TREE.key, keys(snapshot, TREE.key)[0], strict=True))
            )
        assert snapshot.values("pid") == (0, waiter.info.backend_pid)
        assert snapshot.values("root") == ("left over", "left over")
        assert snapshot.values("blocks") == (1, 0)
        assert snapshot.values("state")[0] == "prepared"
        assert snapshot.values("query")[0] == "PREPARE TRANSACTION 'left over'"
        assert vitals["prepared"] == 2
        assert ("holds (left over)", "RowExclusiveLock on public.item") in details.rows
    finally:
        others.close()
        server.stop()


async def test_readers_behind_a_queued_lock_all_stand_under_the_holder(
    sessions: Sessions, pg: Running, database: str
) -> None:
    holder, change, reader = sessions.open(), sessions.open(), sessions.open()
    holder.execute("BEGIN; SELECT * FROM item")
    async with console(pg, database) as reading:
        sessions.run(change, "ALTER TABLE item ADD m int")
        await until(reading, TREE, waiting(1))
        sessions.run(reader, "SELECT * FROM item")
        snapshot = await until(reading, TREE, waiting(2))
        held = await until(reading, LOCKS.view("held"), lambda taken: "public.item" in taken.values("relation"))
    assert snapshot.values("depth") == (0, 1, 2)
    assert snapshot.values("pid") == tuple(one.info.backend_pid for one in (holder, change, reader))
    assert snapshot.values("lock")[0] == "public.item AccessShare"
    item = next(record for record in held.records() if record["relation"] == "public.item")
    assert (item["sessions"], item["waiting"], item["strongest"]) == (1, 2, "AccessShare")
    assert item["wanted"] == ["AccessExclusive", "AccessShare"]


async def test_nothing_is_shown_where_nobody_waits(sessions: Sessions, pg: Running, database: str) -> None:
    sessions.open().execute("BEGIN; UPDATE item SET n = 1")
    async with console(pg, database) as reading:
        snapshot = await Reader(TREE).read(reading)
    assert [record for record in snapshot.records() if record["database"] == database] == []


def flat(*rows: tuple[int, list[int]]) -> Snapshot:
    """Rows of the lock query: pid and blockers, each of which holds what it waits for; the first waits longest."""
    shared = dict.fromkeys(
        ("gid", "leader_pid", "wants", "holds", "wanted_row", "application", "user", "database"), None
    ) | {"xact_age": 9.0, "state": "active", "query": b"x"}
    taken = [
        {
            "pid": pid,
            "holder_id": pid,
            "lock_id": at if by else None,
            "place": 1,
            "wanted_mode": 64,
            "holders": by,
            "held_modes": [64] * len(by),
            "wait_age": float(len(rows) - at) if by else None,
            **shared,
        }
        for at, (pid, by) in enumerate(rows)
    ]
    values = tuple(tuple(row.values()) for row in taken)
    return Snapshot("locks", tuple(taken[0]), values, datetime(2026, 1, 1, tzinfo=UTC))


def test_who_waits_for_two_roots_is_listed_once_under_each() -> None:
    shown = tree(flat((1, []), (2, []), (3, [1, 2]), (4, [3, 1]), (5, [2])))
    assert list(zip(shown.values("root"), shown.values("tree"), strict=True)) == [
        ("2", "2"), ("2", "└3"), ("2", "·└4"), ("2", "└5"), ("1", "1"), ("1", "└3"), ("1", "└4"),
    ]  # fmt: skip
    assert shown.values("blocks") == (3, 1, 0, 0, 2, 1, 0)
    assert len(set(keys(shown, ("pid", "root")))) == len(shown.rows)


def test_a_circle_hangs_under_the_one_that_waits_longest() -> None:
    shown = tree(flat((1, [2]), (2, [3]), (3, [1]), (4, [1])))
    assert shown.values("tree") == ("1", "└3", "·└2", "└4")
    assert shown.values("root") == ("1",) * 4


async def test_locks_by_type_show_who_waits_now_and_from_19_on_what_waiting_took(
    sessions: Sessions, pg: Running, database: str
) -> None:
    holder, waiter = sessions.open(), sessions.open()
    holder.execute("BEGIN; LOCK TABLE item")
    waiter.execute("SET deadlock_timeout = '10ms'")
    async with console(pg, database) as reading:
        reader = Reader(TYPES)

        async def of_relations() -> Record:
            [found] = [row for row in (await reader.read(reading)).records() if row["locktype"] == "relation"]
            return found

        async def is_waiting() -> bool:
            return number((await of_relations())["longest_wait"]) > 0.05

        before = await of_relations()
        sessions.run(waiter, "SELECT count(*) FROM item")
        await eventually(is_waiting)
        assert (await of_relations())["waiting"] == 1
        holder.execute("COMMIT")

        async def is_counted() -> bool:
            return number((await of_relations())["waits"]) > number(before["waits"])

        if pg.major >= 19:
            await eventually(is_counted)
            assert number((await of_relations())["wait_ms"]) - number(before["wait_ms"]) >= 50
        else:
            notes = (await reader.read(reading)).notes
            assert (before["waits"], notes) == (None, ("waits are counted from PostgreSQL 19 on",))
