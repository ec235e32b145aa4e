"""Slow queries: rates that equal the calls made, texts read once, totals with what they are worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from console.demo.cluster import APPLICATION
from console.model import Kind, Row, Snapshot, Trouble
from console.panes.slow_queries import SLOW_QUERIES, judged
from console.reading.arrange import arrange
from console.reading.reader import Reader, Readers, keys
from console.sources.heard import heard
from console.tui.marks import Marks
from console.tui.pane_feed import PaneFeed
from console.tui.pane_state import PaneState
from tests.activity import Sessions, console, other_ascii_sessions, other_sessions, pairs  # noqa: F401  fixtures, found by name
from tests.servers import PostgresServer as Running
from tests.test_reading import Scripted

NOW = SLOW_QUERIES.view("now")


async def test_rates_of_a_statement_are_the_calls_made_between_two_reads(
    sessions: Sessions, pg: Running, database: str
) -> None:
    caller = sessions.open()
    caller.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    caller.execute("SELECT pg_stat_statements_reset()")  # other tests ran thousands, and the 500 heaviest are read
    statement = "SELECT count(*) AS calls_of_the_test FROM item WHERE n >= 0"
    caller.execute(statement.encode(), prepare=False)
    async with console(pg, database) as reading:
        reader = Reader(NOW)
        first = await reader.read(reading)
        for _ in range(7):
            caller.execute(statement.encode(), prepare=False)
        second = await reader.read(reading)
        filled = await reader.fill(reading, keys(second, NOW.key)[:])
        while (more := await reader.fill(reading, keys(second, NOW.key))) is not None:
            filled = more
    assert filled is not None
    assert all(rate is None for rate in first.values("call_rate"))
    totals = [total for total in first.values("total_ms") if isinstance(total, float)]
    assert totals == sorted(totals, reverse=True)
    found = [record for record in filled.records() if "calls_of_the_test" in str(record["query"])]
    record = next(one for one in found if one["database"] == database)
    rate, mean, rows = record["call_rate"], record["mean_now"], record["row_rate"]
    seconds = second.clock - first.clock
    assert isinstance(rate, float)
    assert isinstance(mean, float)
    assert isinstance(rows, float)
    assert rate * seconds == pytest.approx(7)
    assert rows * seconds == pytest.approx(7)
    assert record["ms_rate"] == pytest.approx(mean * rate)
    assert record["calls"] == 8
    assert record["user"] == "postgres"
    assert record["hit_now"] == pytest.approx(100)
    shares = [share for share in filled.values("share") if isinstance(share, float)]
    assert sum(shares) == pytest.approx(100)


async def test_texts_are_read_only_while_an_unknown_statement_is_shown(
    sessions: Sessions, pg: Running, database: str
) -> None:
    sessions.open().execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    async with console(pg, database) as reading:
        asked: list[str] = []
        server, reader = heard(reading, lambda _, query, *__: asked.append(query)), Reader(NOW)
        snapshot = await reader.read(server)
        every = keys(snapshot, NOW.key)
        shown = every[:5]
        filled = await reader.fill(server, shown)
        assert filled is not None
        assert all(query is not None for query in filled.values("query")[:5])
        snapshot = await reader.read(server)
        assert await reader.fill(server, every) is None  # one read of the texts was for all
        assert asked == ["statements", "statement_totals", "statement_texts", "statements"]
        details = await reading.fetch("statement_details", dict(zip(NOW.key, shown[0], strict=True)))
    items = pairs(details)
    assert next(iter(items)) == "query"
    assert items["query"]
    assert "calls" in items


async def test_a_screen_that_shows_them_in_passing_soon_has_rates_and_then_reads_seldom(
    sessions: Sessions, pg: Running, database: str
) -> None:
    sessions.open().execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    async with console(pg, database) as reading:
        feed = PaneFeed(SLOW_QUERIES, lambda _: reading, Readers(), Marks())
        state, rests = PaneState(SLOW_QUERIES, 10.0), []
        for _ in range(3):
            async for _ in feed.reads(state, list):
                pass
            rests.append(feed.rest(state.period, 0.0))
    assert rests == [SLOW_QUERIES.refresh, 10.0, 10.0]


async def test_every_version_of_the_extension_gives_the_same_columns(pg: Running, database: str) -> None:
    with pg.connect(database) as connection:
        versions = connection.execute(
            "SELECT version FROM pg_available_extension_versions WHERE name = 'pg_stat_statements'"
        ).fetchall()
        connection.execute("DROP EXTENSION IF EXISTS pg_stat_statements")
        connection.execute('CREATE SCHEMA "Odd name"')
        seen = set()
        for (version,) in versions:
            connection.execute(f"CREATE EXTENSION pg_stat_statements SCHEMA \"Odd name\" VERSION '{version}'")
            async with console(pg, database) as reading:
                reader = Reader(NOW)
                snapshot = await reader.read(reading)
                filled = await reader.fill(reading, keys(snapshot, NOW.key)[:3])
                await reading.fetch("statement_details", dict(zip(NOW.key, keys(snapshot, NOW.key)[0], strict=True)))
            assert filled is not None
            seen.add(filled.columns)
            connection.execute("DROP EXTENSION pg_stat_statements")
    assert len(versions) > 4
    assert len(seen) == 1


async def test_statements_of_others_are_counted_but_not_mixed_up(
    sessions: Sessions, pg: Running, database: str
) -> None:
    sessions.open().execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    async with console(pg, database, APPLICATION) as reading:
        reader = Reader(NOW)
        await reader.read(reading)
        snapshot = await reader.read(reading)
        await reader.fill(reading, keys(snapshot, NOW.key))
    hidden = [record for record in snapshot.records() if record["queryid"] is None]
    assert hidden
    assert all(record["call_rate"] is None for record in hidden)
    assert any(f"{len(hidden)} statements of other users" in note for note in snapshot.notes)


async def test_counters_stand_where_a_text_in_another_encoding_spoils_all_texts(
    ascii_sessions: Sessions, pg: Running, database: str
) -> None:
    with pg.connect(database) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    ascii_sessions.open(client_encoding="SQL_ASCII").execute(b'CREATE TABLE "caf\xe9" (id int)')
    async with console(pg, database) as reading:
        asked: list[str] = []
        server, reader = heard(reading, lambda _, query, *__: asked.append(query)), Reader(NOW)
        shown = keys(await reader.read(server), NOW.key)
        filled = await reader.fill(server, shown)
        await reader.read(server)
        again = await reader.fill(server, shown)
    assert filled is not None
    assert len(filled.rows) == len(shown)
    assert database in filled.values("database")
    assert "postgres" in filled.values("user")
    assert any("pg_stat_statements_reset" in note for note in filled.notes)
    assert again is None
    assert asked.count("statement_texts") == 1


async def test_what_ran_a_moment_ago_stays_above_what_did_not_run() -> None:
    columns = ("queryid", "userid", "dbid", "toplevel", "calls", "total_ms", "rows", "hits", "blocks", "read_ms")
    more = ("temp_bytes", "wal_bytes", "evictions", "counted_from")

    def read(*totals: float) -> tuple[Row, ...]:
        found = [(n, 1, 1, True, int(total), total, 1, 0, 0, 0.0, 0, 0, 0, 1.0) for n, total in enumerate(totals)]
        return tuple(sorted(found, key=lambda row: -row[5]))

    still = (500.0, 400.0, 300.0, 200.0)
    moments = [
        (2.0, (*still, 9.0, 1.0), [0, 1, 2, 3, 4, 5]),
        (4.0, (*still, 9.0, 5.0), [5, 0, 1, 2, 3, 4]),
        (6.0, (*still, 10.0, 5.0), [4, 5, 0, 1, 2, 3]),  # 5 does not run, and no other line moves
        (8.0, (*still, 10.0, 5.0), [4, 5, 0, 1, 2, 3]),
        (10.0, (*still, 11.0, 5.0), [4, 5, 0, 1, 2, 3]),
        (12.0, (*still, 11.0, 5.0), [4, 5, 0, 1, 2, 3]),
    ]
    server = Scripted([(clock, read(*totals)) for clock, totals, _ in moments], (*columns, *more))
    reader = Reader(replace(NOW, lookups=(), derive=lambda taken: judged(taken.with_columns(*without_totals(taken)))))
    for _, _, expected in moments:
        shown = arrange(await reader.read(server), NOW, NOW.sort)
        assert list(shown.values("queryid")) == expected


def without_totals(taken: Snapshot) -> tuple[tuple[str, ...], list[Row]]:
    """The totals, which are looked up."""
    return ("all_ms", "known"), [(None, None)] * len(taken.rows)


def test_evictions_are_told_with_the_totals() -> None:
    counted = ("queryid", "total_ms", "hits", "blocks", "evictions", "counted_from", "all_ms", "known")
    columns = (*counted, "ms_rate", "hit_now", "block_rate", "last_run")
    at = datetime(2026, 1, 2, tzinfo=UTC)
    snapshot = judged(
        Snapshot("statements", columns, ((1, 5.0, 0, 0, 12, at.timestamp() - 86400, 20.0, 4000, *[None] * 4),), at)
    )
    assert snapshot.notes[0] == "1 of 4000 statements, highest total time first"
    assert snapshot.notes[1] == "counted for 24h, since 2026-01-01 00:00:00"
    assert snapshot.notes[2].startswith("statements were evicted 12 times")
    assert snapshot.values("share") == (25.0,)
    assert snapshot.values("hit") == (None,)


async def test_an_extension_in_a_schema_without_usage_is_reported_with_the_grant(pg: Running, database: str) -> None:
    with pg.connect(database) as connection:
        connection.execute('CREATE SCHEMA "Tool box"')
        connection.execute('CREATE EXTENSION pg_stat_statements SCHEMA "Tool box"')
        async with console(pg, database, APPLICATION) as reading:
            with pytest.raises(Trouble) as refused:
                await reading.fetch("statements")
            assert refused.value.kind is Kind.DENIED
            assert refused.value.lacks.grants == ('USAGE ON SCHEMA "Tool box"',)
            assert "pg_monitor" not in str(refused.value)
            connection.execute(f'GRANT USAGE ON SCHEMA "Tool box" TO {APPLICATION}')
            assert (await reading.fetch("statements")).rows
