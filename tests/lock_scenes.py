"""Sessions that wait for each other in all the ways there are, on a real server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from console.panes.connections import CONNECTIONS
from console.panes.locks import LOCKS
from console.sources.postgres import PostgresServer
from tests.activity import Sessions, until, waiting

UPDATE = "UPDATE item SET n = n + 1 WHERE id = {}"
IDLE = psycopg.pq.TransactionStatus.IDLE
SLOW = """
    CREATE FUNCTION slow(int) RETURNS bool LANGUAGE plpgsql PARALLEL SAFE COST 10000
    AS 'BEGIN PERFORM pg_sleep(1000); RETURN true; END'
"""
READING = """
    CREATE FUNCTION reads_item(int) RETURNS bool LANGUAGE plpgsql PARALLEL SAFE COST 10000
    AS 'BEGIN PERFORM FROM item; RETURN true; END'
"""
PATIENT = "SET deadlock_timeout = '1h'"
PARALLEL = """
    SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
    SET max_parallel_workers_per_gather = 2
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """Statements by session: each gets them in order; what follows `>` waits."""

    name: str
    steps: Sequence[tuple[int, str]]


SCENES = (
    Scene("row", [(0, UPDATE.format(1)), *((n, "> " + UPDATE.format(1)) for n in (1, 2, 3, 4))]),
    Scene(
        "chain of rows",
        [(0, UPDATE.format(1)), (1, UPDATE.format(2)), (2, UPDATE.format(3)),
         (1, "> " + UPDATE.format(1)), (2, "> " + UPDATE.format(2)), (3, "> " + UPDATE.format(3))],
    ),
    Scene(
        "shared row",
        [(0, "SELECT FROM item WHERE id = 1 FOR SHARE"), (1, "SELECT FROM item WHERE id = 1 FOR SHARE"),
         (2, "> " + UPDATE.format(1)), (3, "> SELECT FROM item WHERE id = 1 FOR UPDATE"),
         (4, UPDATE.format(2)), (5, "> SELECT FROM item WHERE id = 2 FOR SHARE"),
         (6, "> SELECT FROM item WHERE id = 2 FOR SHARE"), (7, "> DELETE FROM item WHERE id = 2")],
    ),
    Scene(
        "queue behind DDL",
        [(0, "SELECT FROM item"), (1, "> ALTER TABLE item ADD m int"), (2, "> SELECT FROM item"),
         (3, "> " + UPDATE.format(1)), (4, "> ALTER TABLE item ADD k int"), (5, "> SELECT FROM item")],
    ),
    Scene(
        "advisory",
        [(0, "SELECT pg_advisory_xact_lock_shared(7)"), (1, "SELECT pg_advisory_xact_lock_shared(7)"),
         (2, "> SELECT pg_advisory_xact_lock(7)"), (3, "> SELECT pg_advisory_xact_lock_shared(7)"),
         (4, "> SELECT pg_advisory_xact_lock(7)"), (0, "SELECT pg_advisory_xact_lock(1, 2)"),
         (5, "> SELECT pg_advisory_xact_lock(1, 2)")],
    ),
    Scene(
        "LOCK TABLE",
        [(0, "LOCK item IN ROW EXCLUSIVE MODE"), (1, "LOCK item IN ROW SHARE MODE"),
         (2, "> LOCK item IN SHARE MODE"), (3, "> LOCK item IN ROW EXCLUSIVE MODE"),
         (4, "> LOCK item IN SHARE UPDATE EXCLUSIVE MODE"), (5, "> LOCK item IN EXCLUSIVE MODE"),
         (6, "> LOCK item IN ACCESS SHARE MODE; LOCK item IN SHARE MODE")],
    ),
    Scene(
        "stronger lock of a holder goes before those who wait for it",
        [(0, "LOCK item IN ROW EXCLUSIVE MODE"), (1, "LOCK item IN ROW EXCLUSIVE MODE"),
         (2, "> LOCK item IN ACCESS EXCLUSIVE MODE"), (3, "> LOCK item IN ROW SHARE MODE"),
         (1, "> LOCK item IN SHARE ROW EXCLUSIVE MODE")],
    ),
    Scene(
        "deadlock",
        [(0, PATIENT), (1, PATIENT), (2, PATIENT), (0, UPDATE.format(1)), (1, UPDATE.format(2)),
         (0, "> " + UPDATE.format(2)), (1, "> " + UPDATE.format(1)), (2, "> " + UPDATE.format(1))],
    ),
    Scene(
        "fast path",
        [(0, "SELECT FROM item"), (1, "SELECT FROM item"), (2, "> TRUNCATE item"), (3, "> SELECT FROM item")],
    ),
    Scene(
        "virtual transaction",
        [(0, UPDATE.format(1)),
         (2, "! CREATE INDEX CONCURRENTLY ON item (n)"), (3, "> ALTER TABLE item ADD m int")],
    ),
    Scene(
        "parallel query",
        [(0, PARALLEL), (0, "! SELECT count(*) FROM big WHERE slow(id)"), (1, "> ALTER TABLE big ADD m int"),
         (2, "> SELECT FROM big")],
    ),
)  # fmt: skip


# Those of which pg_locks does not show who goes on: which rows are locked by whom, and which keys are inserted.
UNCERTAIN = (
    next(scene for scene in SCENES if scene.name == "shared row"),
    Scene(
        "unique key",
        [(0, "INSERT INTO item VALUES (11, 0)"), (1, "> INSERT INTO item VALUES (11, 1)"),
         (2, "> INSERT INTO item VALUES (11, 2)")],
    ),
    Scene(
        "unique keys",
        [(0, "INSERT INTO item VALUES (11, 0), (12, 0)"), (1, "> INSERT INTO item VALUES (11, 1)"),
         (2, "> INSERT INTO item VALUES (12, 2)")],
    ),
    Scene(
        "referenced row",
        [(0, "INSERT INTO part VALUES (1)"), (1, "INSERT INTO part VALUES (1)"), (2, "INSERT INTO part VALUES (2)"),
         (3, "> DELETE FROM item WHERE id = 1"), (4, "> DELETE FROM item WHERE id = 1")],
    ),
)  # fmt: skip
# Those in which whoever goes on keeps what it got, so that it can be seen who does.
KILLED = (
    *(scene for scene in SCENES if scene.name not in {"deadlock", "virtual transaction"} and scene not in UNCERTAIN),
    *UNCERTAIN,
    Scene(
        "concurrent index build",
        [(0, UPDATE.format(1)), (2, "! CREATE INDEX CONCURRENTLY ON item (n)")],
    ),
    Scene(
        "prepared transaction",
        [(0, UPDATE.format(1)), (0, "PREPARE TRANSACTION 'batch'"), (1, "> " + UPDATE.format(1)),
         (2, "> " + UPDATE.format(1)), (3, "> LOCK item IN SHARE MODE"), (4, "> " + UPDATE.format(2))],
    ),
    Scene(
        "row wanted by readers that share it, then by a writer",
        [(0, UPDATE.format(1)), (1, "> SELECT FROM item WHERE id = 1 FOR SHARE"),
         (2, "> SELECT FROM item WHERE id = 1 FOR SHARE"), (3, "> " + UPDATE.format(1)),
         (4, "> SELECT FROM item WHERE id = 1 FOR SHARE")],
    ),
    Scene(
        "foreign key",
        [(0, "DELETE FROM item WHERE id = 1"), (1, "> INSERT INTO part VALUES (1)"),
         (2, "> INSERT INTO part VALUES (1)"), (3, "> " + UPDATE.format(1))],
    ),
    Scene(
        "two rows of one transaction",
        [(0, UPDATE.format(1)), (0, UPDATE.format(2)), (1, "> " + UPDATE.format(1)), (2, "> " + UPDATE.format(2)),
         (3, "> " + UPDATE.format(2)), (4, "> SELECT FROM item WHERE id = 1 FOR SHARE")],
    ),
    Scene(
        "parallel query that waits",
        [(0, "LOCK item IN ACCESS EXCLUSIVE MODE"), (1, PARALLEL),
         (1, "> SELECT count(*) FROM big WHERE reads_item(id)"), (2, "> SELECT FROM item"),
         (3, "> ALTER TABLE item ADD m int"), (4, "> SELECT FROM item")],
    ),
)  # fmt: skip


def prepare(sessions: Sessions) -> None:
    """What the scenes need besides the table `item`."""
    with sessions.open() as first:
        first.execute("CREATE TABLE big AS SELECT g AS id, repeat('x', 500) AS t FROM generate_series(1, 500) g")
        first.execute(SLOW)
        first.execute(READING)
        first.execute("CREATE TABLE part (item int REFERENCES item)")


async def play(sessions: Sessions, steps: Sequence[tuple[int, str]], reading: PostgresServer) -> int:
    """Carry out the steps in turn, each that waits until it does; how many sessions wait at the end."""
    opened: dict[int, psycopg.Connection[Any]] = {}
    waiters = 0
    for number, text in steps:
        connection = opened.setdefault(number, sessions.open())
        mark, statement = (text[0], text[2:]) if text[0] in ">!" else ("", text)
        if mark != "!" and not statement.lstrip().startswith("SET") and connection.info.transaction_status == IDLE:
            connection.execute("BEGIN")
        if not mark:
            connection.execute(statement.encode())
            continue
        sessions.run(connection, statement)
        if "slow" in statement:
            await until(reading, CONNECTIONS.view("all"), lambda taken: any(taken.values("leader_pid")))
            continue
        waiters += 1
        await until(reading, LOCKS.view("blocking"), waiting(waiters))
    return waiters
