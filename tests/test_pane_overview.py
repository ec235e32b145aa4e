"""The overview: what holds back VACUUM has a name, and values are judged over a window and from a volume on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import cast

import psycopg
import pytest

from console.model import Level, Snapshot, Source
from console.panes.connections import CONNECTIONS
from console.panes.metrics import VITALS, header_metrics
from console.panes.overview import OVERVIEW
from console.reading.reader import Reader
from console.rules.sessions import SESSION_STATE
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
        rows = (await Reader(OVERVIEW.view("vitals")).read(reading)).records()
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


def vitals(clock: float, **counters: object) -> Snapshot:
    values = {"deadlocks": 0, "conflicts": 0, "blocks": 0, "blocks_hit": 0} | counters
    others = [rate.of for rate in VITALS.rates if rate.of not in values]
    names, row = (*values, *others), (*values.values(), *([None] * len(others)))
    return Snapshot("vitals", names, (row,), datetime(2026, 1, 1, tzinfo=UTC), clock=1 + clock)


class Answers:
    """A source that gives one snapshot after the other."""

    def __init__(self, *answers: Snapshot) -> None:
        self.answers = list(answers)

    async def fetch(self, query: str, parameters: object = None) -> Snapshot:
        return self.answers.pop(0)


async def levels(*answers: Snapshot) -> list[dict[str, object]]:
    """The levels of the metrics after each read."""
    reader, source = Reader(OVERVIEW.view("vitals")), cast("Source", Answers(*answers))
    taken = [await reader.read(source) for _ in answers]
    return [dict(zip(map(str, shown.values("sign")), shown.values("level"), strict=True)) for shown in taken]


async def test_a_deadlock_is_a_warning_for_five_minutes_and_not_for_one_read() -> None:
    first, storm, quiet, later = await levels(
        vitals(0), vitals(2, deadlocks=3), vitals(250, deadlocks=3), vitals(400, deadlocks=3)
    )
    told = [read["deadlocks/s"] for read in (first, storm, quiet, later)]
    assert told == ["–", "warning", "warning", "ok"]


@pytest.mark.parametrize(("blocks", "level"), [(100, "ok"), (100_000, "warning")])
async def test_the_cache_hit_ratio_of_few_blocks_is_not_judged_and_of_many_never_critical(
    blocks: int, level: str
) -> None:
    [_, after] = await levels(vitals(0), vitals(2, blocks=blocks, blocks_hit=blocks // 100))
    assert after["cache hit"] == level


def test_who_waits_for_a_moment_has_no_mark() -> None:
    for long, level in ((0, Level.OK), (1, Level.WARNING)):
        assert header_metrics({})["wait"].level({"waiting": 1, "waiting_long": long}) is level
    assert SESSION_STATE.level("idle in tx") is Level.OK  # the age of its transaction has the mark
