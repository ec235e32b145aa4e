"""The overview: what holds back VACUUM has a name, and only the true holder is marked."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from console.panes.connections import CONNECTIONS
from console.panes.overview import OVERVIEW, VITALS
from console.reading.reader import Reader
from tests.activity import Sessions, by_pid, console, vital_signs
from tests.servers import PostgresServer as Running
from tests.servers import Servers

LOGICAL = {"wal_level": "logical", "max_prepared_transactions": "4", "autovacuum": "off"}


@pytest.fixture(name="held")
def sessions_of_a_logical_server(pg: Running, pg_servers: Servers) -> Iterator[Sessions]:
    if pg_servers.choices[pg.major].installation is None:
        pytest.skip("needs a server with wal_level = logical of its own")
    server = pg_servers.new(pg.major, LOGICAL)
    others = Sessions(server, "postgres")
    yield others
    others.close()
    server.stop()


def age(writer: psycopg.Connection[object], transactions: int = 10) -> None:
    for _ in range(transactions):
        writer.execute("SELECT pg_current_xact_id()")


async def test_the_oldest_snapshot_has_the_name_of_its_true_holder(held: Sessions) -> None:
    writer, holder, heir = held.open(), held.open(application_name="batch"), held.open(application_name="report")
    holder.execute("BEGIN; SELECT pg_current_xact_id()")
    age(writer)
    heir.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
    async with console(held.server, "postgres") as reading:
        of_session = await vital_signs(Reader(VITALS), reading)
        marked = by_pid(await Reader(CONNECTIONS.view("all")).read(reading))
        summary = (await Reader(CONNECTIONS.view("summary")).read(reading)).records()
        holder.execute("COMMIT")
        age(writer)
        inherited = await vital_signs(Reader(VITALS), reading)  # the heir's snapshot outlives whom it came from
        heir.execute("COMMIT")
        writer.execute("CREATE TABLE t (); BEGIN; INSERT INTO t DEFAULT VALUES; PREPARE TRANSACTION 'left over'")
        age(writer)
        of_prepared = await vital_signs(Reader(VITALS), reading)
        writer.execute("ROLLBACK PREPARED 'left over'")
        writer.execute("SELECT pg_create_logical_replication_slot('left_behind', 'test_decoding')")
        age(writer)
        of_slot = await vital_signs(Reader(VITALS), reading)
        rows = (await Reader(OVERVIEW.views[0]).read(reading)).records()
    assert of_session["xmin_holder"] == f"session {holder.info.backend_pid} batch"
    assert of_session["xmin_age"] >= 10
    assert marked[holder.info.backend_pid]["xmin_age"] == of_session["xmin_age"]
    assert marked[heir.info.backend_pid]["xmin_age"] is None
    assert {row["application"]: row["xmin_age"] for row in summary}["report"] is None
    assert inherited["xmin_holder"] == f"session {heir.info.backend_pid} report"
    assert of_prepared["xmin_holder"] == "prepared transaction left over"
    assert of_prepared["xmin_age"] >= 10
    assert (of_slot["xmin_age"], of_slot["xmin_holder"]) == (None, None)
    assert of_slot["catalog_xmin_holder"] == "inactive slot left_behind"
    assert of_slot["catalog_xmin_age"] >= 10
    assert "Held by inactive slot left_behind. " in next(
        str(row["means"]) for row in rows if row["sign"] == "catalog xmin age"
    )
