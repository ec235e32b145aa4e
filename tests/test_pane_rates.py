"""The rates of the panes, each compared with what SQL says of the counters over the same interval."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Mapping
from typing import Any

import psycopg

from console.panes import pane
from console.panes.metrics import METRICS, VITALS
from console.reading.arrange import arrange
from console.reading.reader import Reader
from console.sources.postgres import PostgresServer
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually

Counters = Mapping[str, float]

DATABASES = "SELECT sum({}) FROM pg_stat_database"
INDEX = "SELECT idx_scan FROM pg_stat_all_indexes WHERE indexrelname = 'target_pkey'"


@dataclasses.dataclass(frozen=True, slots=True)
class RateShown:
    """A rate of a view in one of its rows. `counter`, and `whole` for a share of it, are SQL that says the same."""

    view: str  # pane/view
    row: tuple[str, str]  # a column and its value
    column: str
    counter: str
    whole: str = ""  # empty: per second
    provoked: bool = True  # whether this test makes it happen


def metric(name: str, counters: str, whole: str = "", provoked: bool = True) -> RateShown:
    """A rate of the overview, of counters in pg_stat_database."""
    whole = whole and DATABASES.format(whole)
    return RateShown("overview/vitals", ("sign", name), "value", DATABASES.format(counters), whole, provoked)


RATES = (
    metric("transactions/s", "xact_commit + xact_rollback"),
    metric("rollbacks/s", "xact_rollback"),
    metric("cache hit", "blks_hit", "blks_hit + blks_read"),
    metric("rows read/s", "tup_returned"),
    metric("rows written/s", "tup_inserted + tup_updated + tup_deleted"),
    metric("read time", "blk_read_time", provoked=False),
    metric("temporary files", "temp_bytes"),
    dataclasses.replace(metric("WAL written", ""), counter="SELECT pg_current_wal_lsn() - '0/0'"),
    metric("deadlocks/s", "deadlocks"),
    metric("conflicts/s", "conflicts", provoked=False),  # only on a standby
    RateShown("indexes/all", ("index", "public.target_pkey"), "scan_rate", INDEX),
)
VIEWS = tuple(dict.fromkeys(rate.view for rate in RATES))


def test_every_rate_of_the_overview_is_in_the_table() -> None:
    rates = {rate.name for rate in VITALS.rates}
    shown = {each.name for each in METRICS if each.column in rates and each.means}
    assert shown == {rate.row[1] for rate in RATES if rate.view == "overview/vitals"}


def counters(session: psycopg.Connection[Any]) -> Counters:
    """What the server has counted so far."""
    queries = dict.fromkeys(query for rate in RATES for query in (rate.counter, rate.whole) if query)
    found = {query: session.execute(query.encode()).fetchone() for query in queries}
    return {query: float(row[0] or 0) for query, row in found.items() if row}


def work(pg: Cluster, database: str) -> None:
    """Commit, roll back, scan an index, sort on disk, write, and cause a deadlock."""
    with pg.connect(database, application_name="worker") as session:
        for _ in range(50):
            session.execute("SELECT count(*) FROM target WHERE id = 7")
        session.execute("BEGIN; DELETE FROM target WHERE id > 900; ROLLBACK")
        session.execute("SET work_mem = '64kB'")
        session.execute("SELECT FROM generate_series(1, 99999) g ORDER BY -g OFFSET 99998")
        session.execute("UPDATE target SET note = note || 'y' WHERE id < 500")
    deadlock(pg, database)


def deadlock(pg: Cluster, database: str) -> None:
    """Let two sessions wait for each other; the server cancels the transaction of one of them."""
    both_hold = threading.Barrier(2)

    def lock(first: int, then: int) -> None:
        with pg.connect(database) as session, contextlib.suppress(psycopg.errors.DeadlockDetected):
            session.execute("BEGIN; SET LOCAL deadlock_timeout = '50ms'")
            session.execute("SELECT FROM target WHERE id = %s FOR UPDATE", (first,))
            both_hold.wait()
            session.execute("SELECT FROM target WHERE id = %s FOR UPDATE", (then,))

    threads = [threading.Thread(target=lock, args=ids) for ids in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@dataclasses.dataclass(frozen=True, slots=True)
class Read:
    """What the views showed at one read, and what SQL and the clock said just before and just after it."""

    shown: Mapping[str, Any]  # view → snapshot
    before: Counters
    after: Counters
    began: Mapping[str, float]  # view → seconds
    ended: Mapping[str, float]

    def value(self, rate: RateShown) -> Any:
        column, name = rate.row
        (row,) = [row for row in self.shown[rate.view].records() if row[column] == name]
        return row[rate.column]


def new_readers() -> Mapping[str, Reader]:
    """Readers of the views that have read nothing yet."""
    return {name: Reader(pane(name.partition("/")[0]).view(name.partition("/")[2])) for name in VIEWS}


async def read(session: psycopg.Connection[Any], server: PostgresServer, readers: Mapping[str, Reader]) -> Read:
    """Read every view between two looks at the counters."""
    before, shown = counters(session), {}
    began, ended = dict[str, float](), dict[str, float]()
    for name, reader in readers.items():
        of, _, view = name.partition("/")
        began[name] = time.monotonic()
        shown[name] = arrange(await reader.read(server), pane(of).view(view), "")
        ended[name] = time.monotonic()
    return Read(shown, before, counters(session), began, ended)


def bounds(rate: RateShown, first: Read, last: Read) -> tuple[float, float]:
    """The least and the greatest that the rate between two reads can have been."""
    least, most = (
        last.before[rate.counter] - first.after[rate.counter],
        last.after[rate.counter] - first.before[rate.counter],
    )
    if rate.whole:
        whole_most = last.after[rate.whole] - first.before[rate.whole]
        whole_least = last.before[rate.whole] - first.after[rate.whole]
        return 100 * least / whole_most, 100 * most / whole_least
    longest = last.ended[rate.view] - first.began[rate.view]
    shortest = last.began[rate.view] - first.ended[rate.view]
    return least / longest, most / shortest


async def test_rates_are_what_the_counters_say_over_the_interval(pg: Cluster, database: str) -> None:
    server = PostgresServer(pg.uri(database))
    readers = new_readers()
    with pg.connect(database, application_name="own") as own:
        own.execute("CREATE TABLE target (id int PRIMARY KEY, note text) WITH (autovacuum_enabled = off)")
        own.execute("INSERT INTO target SELECT g, repeat('x', 99) FROM generate_series(1, 1000) g")
        try:
            await read(own, server, new_readers())  # so that the session of the console is there from the start
            first = await read(own, server, readers)
            work(pg, database)
            await eventually(lambda: all_counted(first.after, counters(own)))
            last = await read(own, server, readers)
        finally:
            await server.close()
    wrong = []
    for rate in RATES:
        low, high = bounds(rate, first, last)
        value = last.value(rate)
        if value is None or not low - 1e-9 <= value <= high + 1e-9 or (rate.provoked and not value):
            wrong.append(f"{rate.row[1]}: {value}, by SQL {low} … {high}")
    assert not wrong, "\n".join(wrong)


def all_counted(before: Counters, now: Counters) -> bool:
    """Whether everything that was provoked has reached the counters."""
    return all(now[rate.counter] > before[rate.counter] for rate in RATES if rate.provoked)
