"""What opening and refreshing costs, in numbers that no busy machine changes. A number may be raised with a reason."""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from rich.text import Text

from console import sql
from console.model import OFTEN, Snapshot
from console.panes import overview
from console.rules.diagnoses import DIAGNOSES
from console.running.trail.audit import Trail
from console.settings.config import Wanted
from console.sources.console import ConsoleSource
from console.sources.postgres import PostgresServer
from console.sources.registry import PRIMARY
from console.sql import Query
from console.tui.compositor import FrontScreen
from console.tui.overview import UNDRAWN, Overview
from console.tui.vitals import Metrics, Vitals
from console.watching.asks import merged
from console.workspace import Workspace
from tests.command import command, loaded_modules
from tests.screens import console, settings, until
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers
from tests.terminals import Terminal
from tests.test_terminal import console as on_terminal
from tests.waiting import wait

AWAY = "host=127.0.0.1 port=1 connect_timeout=1"
AS_COMMAND = "from console import later\n"  # what every command loads first
CONSOLE, ALL = 0, 1
TOGETHER = ("connections_vitals", "connections_recent", "connections_steady")  # sessions and metrics in one statement


@pytest.mark.parametrize(
    ("code", "most"),
    [
        (command("--help"), (24, 150)),
        (command("show", "connections", "-t", AWAY), (105, 375)),
        (command("check", "-t", AWAY), (180, 455)),
        (f"{AS_COMMAND}import console.tui.start", (94, 360)),
        (f"{AS_COMMAND}import console.tui.app", (200, 685)),
    ],
    ids=["help", "rows", "rules", "first screen", "screen"],
)
def test_few_modules_are_loaded_before_the_first_rows(tmp_path: Path, code: str, most: tuple[int, int]) -> None:
    found = loaded_modules(tmp_path, code)
    own = [name for name in found if name.partition(".")[0] == "console"]
    assert len(own) <= most[CONSOLE]
    assert len(found) <= most[ALL]
    assert "tokenize" not in found


def test_check_loads_no_action_and_no_preset(any_pg: Cluster, tmp_path: Path) -> None:
    found = loaded_modules(tmp_path, command("check", "-t", any_pg.uri("postgres")))
    own = [name for name in found if name.partition(".")[0] == "console"]
    assert "console.rules.findings.blocking" in own
    assert not [name for name in own if name.startswith(("console.actions", "console.tui"))]
    assert found.isdisjoint({"yaml", "textual", "difflib", "statistics"})
    if not _waits_for_restart(any_pg):  # which other tests may have left on this server: what they mean takes presets
        assert not [name for name in own if name.startswith("console.tuning.p")]
        assert len(own) <= 211


def _waits_for_restart(cluster: Cluster) -> bool:
    with cluster.connect() as connection:
        return connection.execute("SELECT 1 FROM pg_settings WHERE pending_restart LIMIT 1").fetchone() is not None


DRAW = """
import plotext
plotext.figure.plot_size(60, 12)
signal = plotext.figure.signal([1, 2, 4], [3, 1, 2], marker=plotext.marker("braille", pixel="red"))
signal.lines(True)
plotext.figure.draw(signal)
drawn = str(plotext.figure.build())
"""


def test_curves_are_drawn_without_manual_tests_and_openssl_of_their_library(tmp_path: Path) -> None:
    whole, kept = tmp_path / "whole", tmp_path / "kept"
    write = f"{DRAW}\nopen({{!r}}, 'w').write(drawn)"
    unused = {"unittest", "plotext.prettydoc", "plotext._doc.doc", "plotext._tests.run", "hashlib"}
    assert unused <= loaded_modules(tmp_path, write.format(str(whole)))
    found = loaded_modules(tmp_path, f"import console.tui.plotting\n{write.format(str(kept))}")
    assert found.isdisjoint(unused)
    assert kept.read_text() == whole.read_text()
    assert len([name for name in found if name.startswith("plotext")]) <= 95


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Sequence[Snapshot]]:
    """What is read of PostgreSQL from now on, by query."""
    found: dict[str, list[Snapshot]] = defaultdict(list)
    fetch = PostgresServer.fetch

    async def counted(server: PostgresServer, query: str, parameters: dict[str, object] | None = None) -> Snapshot:
        taken = await fetch(server, query, parameters)
        found[query].append(taken)
        return taken

    monkeypatch.setattr(PostgresServer, "fetch", counted)
    return found


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each statement is sent to PostgreSQL from now on."""
    found: Counter[str] = Counter()
    rows = PostgresServer._read

    async def counted(server: PostgresServer, query: Query, *others: Any, **options: Any) -> Snapshot:
        found[query.name] += 1
        return await rows(server, query, *others, **options)

    monkeypatch.setattr(PostgresServer, "_read", counted)
    return found


async def test_a_refresh_of_connections_is_one_statement_with_the_metrics(
    any_pg: Cluster, reads: Mapping[str, Sequence[Snapshot]], sent: Counter[str]
) -> None:
    began = time.monotonic()

    def together() -> int:
        return sum(sent[query] for query in TOGETHER)

    async with console(any_pg.uri("postgres"), pane="connections", changed={"refresh": {}}) as (app, pilot):
        app.monitor.vitals.period = app.pane_view.state.period = 0.5
        await until(pilot, lambda: together() >= 3)
        before, read = sent.copy(), together()

        def are_together() -> bool:  # the next four; a slow machine may be late, and both are read alone
            nonlocal before, read
            if any(sent[query] > before[query] for query in ("connections", "vitals")):
                before, read = sent.copy(), together()
            return together() >= read + 4

        await until(pilot, are_together)
    assert len(reads["vitals"]) <= len(reads["connections"]) + 1
    assert {len(taken.columns) for taken in reads["connections"]} <= set(range(25))
    assert {len(taken.columns) for taken in reads["vitals"]} <= set(range(36))
    assert max(len(reads[query]) for query in reads if query not in {"connections", "vitals"}) <= most_reads(began)


def most_reads(began: float) -> float:
    """How often the rules may have read the same since then: once, and again where it took longer than their period."""
    return 1 + (time.monotonic() - began) / OFTEN


async def test_what_a_refresh_changes_is_painted_with_its_rows_not_at_a_later_frame(
    any_pg: Cluster, monkeypatch: pytest.MonkeyPatch, reads: Mapping[str, Sequence[Snapshot]]
) -> None:
    painted: Counter[str] = Counter()
    paint = FrontScreen.paint_now

    def counted(screen: FrontScreen) -> None:
        painted["at once"] += 1
        paint(screen)

    async with console(any_pg.uri("postgres"), pane="connections", changed={"refresh": {}}) as (app, pilot):
        await until(pilot, lambda: app.pane_view.opened.has_read)
        monkeypatch.setattr(FrontScreen, "paint_now", counted)
        app.pane_view.state.period = 0.2
        app.pane_view.poll_now()
        before = len(reads["connections"])
        await until(pilot, lambda: len(reads["connections"]) >= before + 4)
    assert painted["at once"] >= 3  # the last read may not have ended


async def test_curves_that_have_not_moved_by_a_dot_are_not_drawn_again(
    any_pg: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[float] = []

    def drawn(metrics: Metrics, width: int, height: int) -> Text:
        del width, height
        ends.append(metrics.times[-1])
        return Text("drawn")

    async with console(any_pg.uri("postgres"), size=(200, 50)) as (app, pilot):
        overview = app.query_one(Overview)
        await until(pilot, lambda: overview._drawn != UNDRAWN)
        monkeypatch.setattr("console.tui.overview.history", drawn)
        vitals = Vitals(app.readers, {})
        for second in range(0, 602, 2):  # ten minutes: a dot is more than two seconds
            vitals.now["active"] = 7 if second == 500 else 5
            vitals.times.append(float(second))
            if second >= 420:
                overview.show_history(vitals)
    assert {420.0, 500.0, 502.0} <= set(ends)  # at first, and where a value is another one
    assert 20 <= len(ends) <= 60  # of 91


async def test_a_read_takes_few_steps_in_the_console_and_the_driver(any_pg: Cluster) -> None:
    server, calls = PostgresServer(any_pg.uri("postgres")), 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        del argument
        calls += event == "call" and "asyncio" not in frame.f_code.co_filename

    try:
        for _ in range(3):  # from then on it is prepared
            await server.fetch("archiver")
        former = sys.getprofile()
        sys.setprofile(count)
        try:
            for _ in range(10):
                await server.fetch("archiver")
        finally:
            sys.setprofile(former)
    finally:
        await server.close()
    assert calls / 10 <= 170


async def test_the_header_reads_the_values_of_the_host_once_a_refresh_and_makes_no_rows_of_metrics(
    any_pg: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[str] = Counter()
    fetch, row = ConsoleSource.fetch, overview._row

    async def counted(source: ConsoleSource, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        asked[query] += 1
        return await fetch(source, query, parameters)

    def made(*of: Any) -> tuple[object, ...]:
        asked["rows"] += 1
        return row(*of)

    monkeypatch.setattr(ConsoleSource, "fetch", counted)
    monkeypatch.setattr(overview, "_row", made)
    async with console(any_pg.uri("postgres"), pane="connections", changed={"refresh": {}}) as (app, pilot):
        app.monitor.vitals.period = 0.2
        before, read = asked.copy(), len(app.vitals.times)
        await until(pilot, lambda: len(app.vitals.times) >= read + 5)
        found, refreshes = asked - before, len(app.vitals.times) - read
    assert found["host_metrics"] <= refreshes + 1  # one may be under way
    assert not found["rows"]


async def test_a_refresh_of_slow_queries_is_one_statement_more(
    pg: Cluster, database: str, reads: Mapping[str, Sequence[Snapshot]]
) -> None:
    with pg.connect(database) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
    began = time.monotonic()
    async with console(pg.uri(database), pane="slow-queries", changed={"refresh": {}}) as (app, pilot):
        app.monitor.vitals.period = app.pane_view.state.period = 0.5
        await until(pilot, lambda: len(reads["statements"]) >= 4)
        read = {query: len(taken) for query, taken in reads.items()}
    assert {len(taken.columns) for taken in reads["statements"]} <= set(range(20))
    assert read["statement_totals"] == 1
    assert read.get("statement_texts", 0) <= len(reads["statements"])
    others = [number for query, number in read.items() if query not in {"statements", "vitals", "statement_texts"}]
    assert max(others) <= most_reads(began)


async def test_the_first_findings_wait_for_nothing_that_is_seldom_read(
    any_pg: Cluster, tmp_path: Path, reads: Mapping[str, Sequence[Snapshot]]
) -> None:
    wanted = Wanted(any_pg.uri("postgres"))
    async with Workspace(settings(), wanted, trail=Trail(tmp_path / "audit.jsonl"), spreads=True) as workspace:
        await workspace.observer.recent(0)
        read = set(reads)
        assert workspace.observer.to_follow
    seldom = {ask.query for ask in merged(DIAGNOSES) if ask.every > 2 * OFTEN and ask.only_if is None}
    assert "lock_queues" in {ask.query for ask in merged(DIAGNOSES)} - seldom
    assert read.isdisjoint(seldom)
    assert len(read) <= 16


def test_the_rules_ask_a_server_seldom() -> None:
    always = [ask for ask in merged(DIAGNOSES) if ask.source == PRIMARY and ask.only_if is None]
    assert {ask.query for ask in always if ask.every <= 2 * OFTEN} == {
        *("vitals", "changes", "archiver", "checkpoint_counters", "database_counters", "io", "settings_file_errors"),
        "slot_retention",
    }
    seldom = [len(ask.queries) / (ask.unchanged or ask.every) for ask in always if ask.every > 2 * OFTEN]
    assert 60 * sum(seldom) <= 7  # statements a minute, of which most are of the state of jobs and of partitions


def test_where_few_sessions_wait_few_are_listed(any_pg: Cluster) -> None:
    text = sql.load("lock_queues", (any_pg.major,)).text.replace("%%", "%")
    plan = f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) {text}"
    with ExitStack() as around:
        first, second, third, *_ = (around.enter_context(closing(any_pg.connect("postgres"))) for _ in range(16))
        first.execute("SELECT pg_advisory_lock(11, 4711)")
        second.pgconn.send_query(b"SELECT pg_advisory_lock(11, 4711)")
        waits = "SELECT FROM pg_locks WHERE classid = 11 AND objid = 4711 AND NOT granted"
        wait(lambda: third.execute(waits).fetchone() is not None)
        ((found,),) = third.execute(plan.encode()).fetchall()
        ((everyone,),) = third.execute("SELECT count(*) FROM pg_stat_activity").fetchall()
        first.execute("SELECT pg_advisory_unlock_all()")
    scans = [node for node in nodes(found[0]["Plan"]) if node.get("Function Name") == "pg_stat_get_activity"]
    listed = sum(node["Actual Rows"] * node["Actual Loops"] for node in scans)
    assert 2 <= listed < everyone / 2


STATEMENT = {"role": "", "schemas": ["public"], "names": ["id"], "called": [], "operators": [], "analyze": False}


@pytest.mark.parametrize(
    ("query", "most", "parameters"), [("vacuum_due", 2, {}), ("set_options", 1, {}), ("explain_code", 0, STATEMENT)]
)
def test_the_catalog_of_relations_is_scanned_no_more_often_than_needed(
    any_pg: Cluster, query: str, most: int, parameters: Mapping[str, object]
) -> None:
    text = sql.load(query, (any_pg.major,)).text
    plan = f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) {text}"
    with any_pg.connect("postgres") as connection:
        ((found,),) = connection.execute(plan.encode(), parameters).fetchall()
    scans = [node for node in nodes(found[0]["Plan"]) if node["Node Type"] == "Seq Scan"]
    assert sum(node["Actual Loops"] for node in scans if node["Relation Name"] == "pg_class") <= most


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A plan and all below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@pytest.mark.parametrize(
    "query",
    ["connections", *TOGETHER, "connections_summary", "vitals", "held_transactions"],
)
def test_transactions_that_run_are_not_searched_once_for_each_session(any_pg: Cluster, query: str) -> None:
    text = sql.load(query, (any_pg.major,)).text.replace("%%", "%")
    with any_pg.connect("postgres") as connection:
        plan = "\n".join(
            line for (line,) in connection.execute(f"EXPLAIN (VERBOSE, COSTS OFF) {text}".encode()).fetchall()
        )
    assert "hashed SubPlan" in plan  # a list would be compared with the snapshot of each: the square of the sessions
    assert "<> ALL (r.xids)" not in text


@pytest.fixture
def alone(pg_servers: Servers) -> Iterator[Cluster]:
    """A server of the test's own: a shared one shows what other sessions do."""
    server = pg_servers.new(pg_servers.newest, {"shared_preload_libraries": "pg_stat_statements"})
    yield server
    server.stop()


def test_a_refresh_writes_little_to_the_terminal(alone: Cluster) -> None:
    database = alone.fresh_database()
    with alone.connect(database) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")

        def refreshes() -> int:
            return int(connection.execute(REFRESHES).fetchall()[0][0])

        with on_terminal("open", alone.uri(database), "--pane", "connections") as terminal:
            terminal.shows("Connections", "idle")
            terminal.type("++")  # twice each second
            _read(terminal, refreshes, 5)
            written = []
            for _ in range(5):  # a finding that comes meanwhile changes the tabs once
                before = len(terminal.raw)
                _read(terminal, refreshes, 2)
                written.append(len(terminal.raw) - before)
            terminal.type("q")
            assert terminal.ends() == 0
    assert sorted(written)[2] <= 2 * 150  # a screen painted again is thousands


REFRESHES = """
    SELECT coalesce(sum(s.calls), 0) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
     WHERE d.datname = current_database() AND s.query LIKE '%AS wanted_mode, w.holders%'
"""


def _read(terminal: Terminal, refreshes: Callable[[], int], count: int) -> None:
    """Read until the server has answered so many more refreshes."""
    end = refreshes() + count

    def have_come() -> bool:
        terminal.read()
        return refreshes() >= end

    wait(have_come)
