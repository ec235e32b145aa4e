"""Waits over time on real servers: shares of a known mix, both ways to sample, from a class to its sessions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import sqrt
from typing import Any

import pytest

from console import sql
from console.demo.cluster import APPLICATION
from console.model import Record
from console.panes.metrics import VITALS
from console.panes.waits import WAITS
from console.series.waits import CPU, IDLE_IN_TRANSACTION, wait_class
from console.sources.registry import Sources
from console.watching.waits import VIEWS, Waits, waits_source
from tests.activity import console
from tests.screens import console as screen
from tests.screens import shows
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually

MIX = {"Timeout": 5, "Lock": 1, CPU: 4, IDLE_IN_TRANSACTION: 1, "Client": 4}
SAMPLES = 30
pytestmark = pytest.mark.spread


@pytest.fixture(name="mix")
def known_mix(pg: Cluster, database: str) -> Iterator[str]:
    """The name of an application whose sessions are MIX until the test ends."""
    name, opened = "known mix", []

    def start(statement: str, many: int = 1) -> None:
        for _ in range(many):
            connection = pg.connect(database, application_name=name)
            connection.pgconn.send_query(statement.encode())
            opened.append(connection)

    with pg.connect(database) as connection:
        connection.execute("CREATE TABLE item (n int)")
    holder = pg.connect(database, application_name=name)
    opened.append(holder)
    holder.execute("BEGIN; LOCK TABLE item IN SHARE MODE")
    start("SELECT pg_sleep(3600)", MIX["Timeout"])
    start("UPDATE item SET n = 1", MIX["Lock"])
    start("DO $$ BEGIN LOOP NULL; END LOOP; END $$", MIX[CPU])
    for _ in range(MIX["Client"]):
        connection = pg.connect(database, application_name=name)
        connection.execute("CREATE TEMP TABLE rows_to_come (n int)")
        connection.pgconn.send_query(b"COPY rows_to_come FROM STDIN")
        opened.append(connection)
    yield name
    with pg.connect(database) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (name,))
    for connection in opened:
        connection.close()


async def classes(waits: Waits, name: str) -> dict[str, float]:
    """The average sessions of an application in each class."""
    rows = (await waits.fetch("wait_applications")).records()
    return {str(row["class"]): float(str(row["aas"])) for row in rows if row["who"] == name}


async def test_shares_of_a_known_mix_are_within_three_standard_deviations(pg: Cluster, database: str, mix: str) -> None:
    async with console(pg, database) as reading:

        async def is_running() -> bool:
            return await classes(Waits(Sources(reading)), mix) == MIX

        await eventually(is_running)
        waits = Waits(Sources(reading))
        for _ in range(SAMPLES):
            found = await classes(waits, mix)
        total, sessions = sum(found.values()), sum(MIX.values())
        for name, many in MIX.items():
            share = many / sessions
            deviation = sqrt(share * (1 - share) / (SAMPLES * sessions))
            assert found[name] / total == pytest.approx(share, abs=3 * deviation), name
        assert len(waits.ring) == SAMPLES

        offered = Waits(Sources(reading))
        offered.offer(await reading.fetch(VITALS.query), pool_waiting=3)
        averages = offered.ring.window(60).average(lambda seen: (seen.application, seen.wait_class))
        assert {name: averages[mix, name] for name in MIX} == MIX
        assert averages["", "Pool"] == 3
        assert not [who for who, _ in averages if who.startswith("pipeline-console")]


async def test_who_waits_for_a_lock_has_its_statement_and_blocker(pg: Cluster, database: str, mix: str) -> None:
    async with console(pg, database) as reading:
        waits = Waits(Sources(reading))

        async def waiting() -> list[Record]:
            rows = (await waits.fetch("wait_sessions")).records()
            return [row for row in rows if row["who"] == mix and row["class"] == "Lock"]

        await eventually(waiting)
        (row,) = await waiting()
        with pg.connect(database) as connection:
            (holder,) = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND state = 'idle in transaction'", (mix,)
            ).fetchall()
        assert (row["event"], row["blocked_by"]) == ("relation", str(holder[0]))
        assert row["query_id"] is None or "UPDATE item" in str(row["query"])
        events = (await waits.fetch("wait_events_seen")).records()
        meant = {(event["class"], event["event"]): event["means"] for event in events}
        assert meant["Lock", "relation"] == "Waiting to acquire a lock on a relation"
        assert meant["Timeout", "PgSleep"] == "Waiting due to a call to pg_sleep or a sibling function"


async def test_of_idle_sessions_a_sample_reads_no_more_than_that_they_are(pg: Cluster, database: str) -> None:
    """Few busy ones of many are read one by one; a session that copies is active while it waits for its client."""
    name, opened = "few of many", [pg.connect(database, application_name="idle") for _ in range(30)]
    busy = ("BEGIN", "SELECT 1", "COPY item FROM STDIN")
    opened[0].execute("CREATE TABLE item (n int)")
    for statement in busy:
        opened.append(pg.connect(database, application_name=name))
        opened[-1].pgconn.send_query(statement.encode())
    query = sql.load("wait_sample", (pg.major,)).statement
    with pg.connect(database, application_name="bystander") as session:

        def sampled() -> dict[int, str]:
            rows = [dict(zip(names, row, strict=True)) for row in session.execute(query.encode()).fetchall()]
            return {row["pid"]: wait_class(row["backend"], row["state"], row["class"]) for row in rows}

        names = [column.name for column in session.execute(query.encode()).description or ()]
        wanted = {opened[-3].info.backend_pid: IDLE_IN_TRANSACTION, opened[-1].info.backend_pid: "Client"}

        def are_read_alone() -> bool:  # at a moment at which no other session of the server is busy
            if sampled() != wanted:
                return False
            ((plan,),) = session.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}".encode()).fetchall()
            read[:] = [
                node["Actual Rows"] * node["Actual Loops"] for node in nodes(plan[0]["Plan"]) if is_activity(node)
            ]
            return sorted(read) == [0, len(wanted)]

        read: list[int] = []
        try:
            await eventually(are_read_alone, 60)
        except AssertionError:
            pytest.fail(f"{read} sessions are read, {sampled()} are busy")
    for connection in opened:
        connection.close()


def is_activity(node: Mapping[str, Any]) -> bool:
    return node.get("Function Name") == "pg_stat_get_activity"


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


async def test_a_role_without_the_privilege_is_told_what_it_does_not_see(pg: Cluster, database: str, mix: str) -> None:
    del mix
    async with console(pg, database, APPLICATION) as reading:
        taken = await Waits(Sources(reading)).fetch("wait_classes")
        assert any("GRANT pg_monitor" in str(why) for why in taken.hidden)


async def test_every_view_is_made_of_one_read_that_is_shown_as_its_sql(any_pg: Cluster) -> None:
    async with console(any_pg, "postgres") as reading:
        source = waits_source(Waits(Sources(reading)), reading)
        await reading.connect()
        for view in WAITS.views:
            assert "pg_stat_get_activity" in source.text(view.query)
            assert source.obstacle(view.query) is None
        assert {view.query for view in WAITS.views} == set(VIEWS)
        assert source.obstacle("nothing") is not None


async def test_enter_leads_from_a_class_to_its_sessions(pg: Cluster, database: str, mix: str) -> None:
    async with screen(pg.uri(database), pane=WAITS.name) as (app, pilot):
        await shows(pilot, "T Timeout", "L Lock", "x Idle in tx", "window 5m")
        view = app.pane_view
        view.table.seek({"class": "Lock"})
        await pilot.press("enter")
        await shows(pilot, 'class="Lock"', "relation", "Waiting to acquire")
        await pilot.press("enter")
        await shows(pilot, "query", "relation")
        await pilot.press("enter")
        await shows(pilot, mix, "relation")
        assert view.state.filter_text.startswith('class="Lock" event="relation"')
        await pilot.press("d")
        await shows(pilot, "window 15m")
        await pilot.press("escape")
        await shows(pilot, "PgSleep")


async def test_the_header_samples_while_another_pane_is_open(pg: Cluster, database: str, mix: str) -> None:
    async with screen(pg.uri(database)) as (app, pilot):
        await shows(pilot, "evaluated")

        async def are_sampled() -> bool:
            await pilot.pause()
            averages = app.workspace.waits.ring.window(60).average(lambda seen: seen.application)
            return averages.get(mix, 0.0) > 0

        await eventually(are_sampled)
