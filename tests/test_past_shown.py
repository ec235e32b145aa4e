"""`show --at`: what was on the screen, or only in what the rules read, minutes ago."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console import workspace
from console.cli.markdown import markdown
from console.cli.table import table
from console.model import Facts, Snapshot, Trouble
from console.panes.connections import CONNECTIONS
from console.panes.now_views import HISTORY
from console.panes.waits import WAITS
from console.past.moment import PastReaders
from console.past.readings import as_text
from console.past.recorder import HeardAnswer, ReadingRecorder
from console.past.segment import Stream
from console.past.store import store_of
from console.rules.diagnoses import DIAGNOSES
from console.running.trail.audit import Trail
from console.settings import config
from console.sources.postgres import PostgresServer
from console.sources.registry import Sources
from console.tui.evidence import evidence as evidence_text
from console.tui.pane_status import status
from console.watching.findings import findings_of
from console.watching.history import COLUMNS, History
from console.watching.lock_rows import locks_of
from console.watching.observer import Observer
from console.watching.past import past_at
from console.watching.store import Store
from tests.activity import Sessions, console, other_sessions  # noqa: F401  a fixture, found by name
from tests.command import run
from tests.lock_scenes import UPDATE, play, prepare
from tests.pasts import SERVER, START, at, keep, keep_answer, reading
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually

TARGET = "host=127.0.0.1 port=1 dbname=shop"  # nothing listens there: no server is asked
PERIOD, BEGAN, HEALED = 2, 150, 120  # seconds between two readings; ago
VITALS, QUEUES = "vitals", "lock_queues"


class Staged:
    """A server in which a session blocked others for thirty seconds, by synthetic time."""

    name = "postgres"
    label = "shop"
    retry_in = 0.0

    def __init__(self, facts: Facts, blocked: dict[str, Snapshot], free: dict[str, Snapshot]) -> None:
        self.facts = replace(facts, label="shop")
        self._blocked, self._free = blocked, free
        self.end = datetime.now(UTC)
        self.now = self.end - timedelta(seconds=300)

    @property
    def known(self) -> Facts:
        return self.facts

    @property
    def ago(self) -> float:
        return (self.end - self.now).total_seconds()

    async def fetch(self, query: str, parameters: object = None) -> Snapshot:
        del parameters
        waits = BEGAN >= self.ago > HEALED
        found = (self._blocked if waits else self._free)[query]
        if waits and query == QUEUES:
            wait = found.index("wait_age")
            rows = (
                tuple(BEGAN - self.ago if at == wait and row[at] else row[at] for at in range(len(row)))
                for row in found.rows
            )
            found = replace(found, rows=tuple(rows))
        return replace(found, taken_at=self.now, clock=1e6 - self.ago, hidden=(), notes=())

    def obstacle(self, query: str) -> None:
        del query

    async def connect(self) -> Facts:
        return self.facts


async def staged(sessions: Sessions, pg: Cluster, database: str) -> Staged:
    """What a real server answers while a session blocks two others, and when it does not."""
    prepare(sessions)
    async with console(pg, database) as reading:
        free = await _answers(reading)
        steps = [(0, UPDATE.format(1)), (1, "> " + UPDATE.format(1)), (2, "> " + UPDATE.format(1))]
        await play(sessions, steps, reading)
        return Staged(reading.facts, await _answers(reading), free)


def locks_at(home: Path, end: datetime, ago: float) -> list[dict[str, Any]]:
    """The rows of the pane so many seconds ago. By a date: a slow machine may take long to start the command."""
    moment = (end - timedelta(seconds=ago)).isoformat()
    done = run(home, "show", "locks", "--at", moment, "-t", TARGET, "--format", "json")
    assert done.code == 0, done.err
    rows: list[dict[str, Any]] = json.loads(done.out)["rows"]
    return rows


async def _answers(reading: PostgresServer) -> dict[str, Snapshot]:
    return {query: await reading.fetch(query) for query in (VITALS, QUEUES)}


async def test_a_blocker_that_healed_two_minutes_ago_is_shown_with_its_start_and_length(
    sessions: Sessions, pg: Cluster, database: str, tmp_path: Path
) -> None:
    server = await staged(sessions, pg, database)
    state = tmp_path / ".local" / "state" / "pipeline-console"
    recorder, store = ReadingRecorder(store_of(state, TARGET)), Store(state / "findings.sqlite3")
    history = History(store, Trail(state / "audit.jsonl"))
    asks = [each for each in DIAGNOSES if each.name == "blocking-session"]
    limits = config.load(environ={}).thresholds
    sources = Sources(server)  # type: ignore[arg-type]
    sources.be_heard(
        lambda source, query, _, answer: recorder.write(
            [HeardAnswer(Stream(source.name, query), answer, (now := server.now.timestamp()), server.facts, now)]
        )
    )
    observer = Observer(sources, asks, limits, history=history, now=lambda: server.now)
    while server.now < server.end:
        taken = await sources.named("postgres").fetch(VITALS)
        if observer.offer(taken) or server.ago % 6 < PERIOD:
            await observer.look()
        server.now += timedelta(seconds=PERIOD)
    recorder.close()

    during, healed = [await asyncio.to_thread(locks_at, tmp_path, server.end, ago) for ago in (HEALED + 1, HEALED - 3)]
    assert sorted(row["blocks"] for row in during) == [0, 1, 2]
    assert healed == []
    (row,) = await history.rows(server.facts)
    episode = dict(zip(COLUMNS, row, strict=True))
    began, ended = episode["began"], episode["ended"]
    assert isinstance(began, datetime)
    assert isinstance(ended, datetime)
    assert abs((server.end - began).total_seconds() - BEGAN) <= 2
    assert abs((ended - began).total_seconds() - (BEGAN - HEALED)) <= 2


def test_what_was_not_kept_is_said_and_names_no_server(tmp_path: Path) -> None:
    done = run(tmp_path, "show", "locks", "--at", "-5m", "-t", TARGET)
    assert (done.code, done.out) == (1, "")
    assert "Nothing of this target was kept." in done.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--at", "-5m", "--watch", "1"), "exclude each other"),
        (("--at", "soon"), "is no time"),
        (("--at", "2100-01-01T00:00:00Z"), "in the future"),
    ],
)
def test_a_moment_that_cannot_be_meant_is_wrong_usage(tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    done = run(tmp_path, "show", "locks", *options, "-t", TARGET)
    assert done.code == 2
    assert says in done.err


def test_the_readings_that_are_kept_are_listed(tmp_path: Path) -> None:
    assert run(tmp_path, "list", "readings").out == "There are no readings yet.\n"
    state = tmp_path / ".local" / "state" / "pipeline-console"
    recorder = ReadingRecorder(store_of(state, TARGET))
    now = datetime.now(UTC).replace(microsecond=0)
    for second in (0, 30):
        moment = now - timedelta(seconds=second)
        taken = Snapshot("vitals", ("n",), ((1,),), moment)
        facts = Facts("postgres", 180000, "18.0", "shop", database="orders")
        recorder.write(
            [HeardAnswer(Stream("postgres", "vitals"), taken, moment.timestamp(), facts, moment.timestamp())]
        )
    (entry,) = json.loads(run(tmp_path, "list", "readings", "--format", "json").out)
    assert (entry["target"], entry["database"], entry["readings"]) == ("shop", "orders", 2)
    assert datetime.fromisoformat(entry["to"]) == now
    assert "shop  orders  from " in run(tmp_path, "list", "readings").out


def test_locks_are_made_of_queues_that_an_earlier_version_of_the_console_read() -> None:
    """An upgraded console turns back to what the one before it kept, which may have had fewer columns."""
    columns = ("tag", "granted", "mode", "kind", "object", "row", "pid", "gid", "wait_age", "backend_start", "state")
    rows = (
        ("1", True, "Exclusive", "transactionid", "transaction 7", None, 11, None, None, None, "idle"),
        ("1", False, "Share", "transactionid", "transaction 7", None, 12, None, 3.0, None, "active"),
    )
    found = locks_of(Snapshot("lock_queues", columns, rows, datetime.now(UTC)))
    assert sorted(found.values("pid"), key=str) == [11, 12]
    assert set(found.values("client_port")) == {None}


SAMPLED = [[[1, 2], "client backend", "active", "IO", "DataFileRead", 7, "shop", "app"]]


async def test_what_sessions_waited_for_is_known_of_a_time_in_which_no_pane_showed_it(tmp_path: Path) -> None:
    recorder = ReadingRecorder(store_of(tmp_path, TARGET))
    for second in range(0, 120, 2):
        waits = [*SAMPLED, [[3], "client backend", "active", "Lock", "relation", 8, "", "app"]][: 1 + (second >= 60)]
        keep(recorder, reading(VITALS, second, [(json.dumps(waits),)], ("sampled",)))
    then, later = [past_at(recorder.readings(at(second)), at(second)) for second in (58, 110)]
    seen = [await then.named("waits").fetch(view.query) for view in WAITS.views]
    assert [list(each.values("class")) for each in seen] == [["IO"]] * 4 + [["IO", "IO"]]
    assert next(iter(seen[0].records()))["aas"] == pytest.approx(2.0)
    assert "From the samples that are read with the metrics." in seen[0].notes
    classes = {row["class"]: row["m1"] for row in (await later.named("waits").fetch("wait_classes")).records()}
    assert classes == pytest.approx({"IO": 2.0, "Lock": 0.87}, abs=0.05)
    present = (await later.named("postgres").fetch("waits")).records()
    found = [(row["class"], row["event"], row["sessions"]) for row in present]
    assert found == [("IO", "DataFileRead", 2), ("Lock", "relation", 1)]
    with pytest.raises(Trouble, match="Not read"):
        await past_at(recorder.readings(at(900)), at(900)).named("waits").fetch("wait_classes")


def lock_waits(home: Path, *options: str) -> dict[str, dict[str, Any]]:
    """The classes that `show waits` prints, by their names."""
    done = run(home, "show", "waits", "-t", TARGET, "--format", "json", *options)
    assert done.code == 0, done.err
    return {row["class"]: row for row in json.loads(done.out)["rows"]}


def test_any_two_windows_of_the_waits_can_be_shown_and_compared(tmp_path: Path) -> None:
    """Of 240 seconds, the last 60 but 30 had a wait for a lock as well; a pane that was open showed another window."""
    recorder = ReadingRecorder(store_of(tmp_path / ".local" / "state" / "pipeline-console", TARGET))
    end = datetime.now(UTC)
    for ago in range(240, -1, -2):
        waits = [*SAMPLED, [[3], "client backend", "active", "Lock", "relation", 8, "", "app"]][: 1 + (90 > ago >= 30)]
        shift = (end - START).total_seconds() - ago
        keep(recorder, reading(VITALS, shift, [(json.dumps(waits),)], ("sampled",)))
        shown = [("Timeout", 1.0)]
        keep(recorder, reading("wait_classes", shift, shown, ("class", "aas")), source="waits")
    recorder.close()

    def window(first: float, last: float) -> str:
        return f"{(end - timedelta(seconds=first)).isoformat()}..{(end - timedelta(seconds=last)).isoformat()}"

    during, before = window(89, 31), window(220, 120)
    found = lock_waits(tmp_path, "--at", during)
    assert {name: row["aas"] for name, row in found.items()} == pytest.approx({"IO": 2.0, "Lock": 1.0}, abs=0.05)
    assert lock_waits(tmp_path, "--at", before).keys() == {"IO"}
    compared = lock_waits(tmp_path, "--at", during, "--since", before)
    assert compared["Lock"]["difference"] == "new"
    done = run(tmp_path, "show", "waits", "--at", window(31, 89), "-t", TARGET)
    assert done.code == 2
    assert "a second to an hour long" in done.err


async def test_sessions_of_then_are_known_though_no_pane_showed_them(tmp_path: Path) -> None:
    recorder = ReadingRecorder(store_of(tmp_path, TARGET))
    waits = [*SAMPLED, [[3], "client backend", "idle in transaction", "Client", "ClientRead", 8, "cron", "app"]]
    texts = Snapshot("statement_texts", ("queryid", "userid", "dbid", "query"), ((7, 1, 1, "SELECT $1"),), START)
    keep(recorder, reading(VITALS, 10, [(json.dumps(waits), 0)], ("sampled", "waiting")))
    asked = as_text({"queryid": [7], "userid": [1], "dbid": [1]})
    keep_answer(recorder, "statement_texts", texts, at(10), parameters=asked)
    past = past_at(recorder.readings(at(14)), at(14))
    taken = await PastReaders(past).of("postgres", CONNECTIONS.views[0]).read(past.named("postgres"))
    found = [(row["pid"], row["state"], row["wait"], row["who"], row["query"]) for row in taken.records()]
    reads = ("active", "IO:DataFileRead", "shop", "SELECT $1")
    assert sorted(found) == [(1, *reads), (2, *reads), (3, "idle in tx", None, "cron", None)]
    assert "sessions that were idle are not among them" in str(taken.notes)
    assert status(CONNECTIONS.views[0], taken, 0, "") == taken.notes[0], "nobody says that there were no others"
    view, none = CONNECTIONS.views[0], replace(taken, rows=())
    for text in (markdown("Connections", view, none, SERVER), table(view, none)):
        assert view.empty not in text
    assert view.empty in table(view, replace(none, is_partial=False))
    with pytest.raises(Trouble, match="Not read"):
        await past_at(recorder.readings(at(900)), at(900)).named("postgres").fetch("connections")


async def test_idle_sessions_of_then_are_those_of_the_last_reading_of_all(tmp_path: Path) -> None:
    """A minute before, 1 and 4 were idle and 5 was active; now 1 is active and 5 is not: it is idle, or has ended."""
    recorder = ReadingRecorder(store_of(tmp_path, TARGET))
    columns = ("pid", "state", "age", "wait", "user", "backend_start")
    idle = [(pid, "idle", 7.0, None, "app", START) for pid in (1, 4)]
    keep(recorder, reading("connections", 0, [*idle, (5, "active", 1.0, "IO:DataFileRead", "app", START)], columns))
    keep(recorder, reading(VITALS, 60, [(json.dumps(SAMPLED), 0)], ("sampled", "waiting")))
    past = past_at(recorder.readings(at(61)), at(61))
    taken = await past.named("postgres").fetch("connections")
    found = {row["pid"]: (row["state"], row["age"], row["wait"]) for row in taken.records()}
    assert found[4] == ("idle", 68.0, None)
    assert found[5] == ("idle", None, None)
    assert found[1][0] == "active"
    assert taken.notes == (
        "From the metrics and the queues of locks; idle sessions: read 1m before, and may have ended since.",
    )


async def test_findings_that_another_version_kept_less_of_are_shown(tmp_path: Path) -> None:
    """Columns, fields of the evidence and of the fixes that are not there are empty; the pane is painted."""
    recorder = ReadingRecorder(store_of(tmp_path, TARGET))
    evidence = [{"label": "age", "value": "9s"}, {"label": "pid", "value": "7", "pane": "locks"}]
    fixes: list[dict[str, object]] = [{"action": "terminate-backend"}, {"effect": "nothing"}]
    row = ("idle-in-transaction", "pid 7", "warning", "pid 7 is idle.", fixes, evidence)
    columns = ("rule", "subject", "level", "sentence", "fixes", "evidence")
    keep(recorder, reading("findings", 0, [row], columns), source="rules")
    past = past_at(recorder.readings(at(5)), at(5))
    taken = await past.named("rules").fetch("findings")
    shown: dict[str, Any] = next(iter(taken.records()))
    assert {"detail", "explains", "muted", "since"} <= shown.keys()
    assert shown["evidence"][0] == {"label": "age", "value": "9s", "pane": "", "view": "", "row": {}}
    assert shown["fixes"] == [{"action": "terminate-backend", "parameters": {}, "effect": ""}]
    assert "age  9s" in evidence_text(shown).plain
    assert [finding.sentence for finding in findings_of(taken)] == ["pid 7 is idle."]


async def test_advice_stands_until_the_next_search_and_says_how_old_it_is(tmp_path: Path) -> None:
    recorder = ReadingRecorder(store_of(tmp_path, TARGET))
    keep(recorder, reading("index_advice", 0, [(1, 2, "x")]), source="advice")
    taken = await past_at(recorder.readings(at(1500)), at(1500)).named("advice").fetch("index_advice")
    assert taken.notes == ("Read 25m before this moment.",)


async def test_the_history_of_then_is_that_read_last_and_what_had_not_ended_lasts_until_then(tmp_path: Path) -> None:
    recorder = ReadingRecorder(store_of(tmp_path, TARGET))
    healed = START + timedelta(seconds=60)
    going_on: dict[str, object] = dict.fromkeys(COLUMNS) | {"began": START, "lasted": 20.0}
    for second, row in ((20, going_on), (60, going_on | {"lasted": 60.0, "ended": healed})):
        keep(recorder, reading(HISTORY.query, second, [tuple(row.values())], COLUMNS), source="rules")
    moments = [past_at(recorder.readings(at(second)), at(second)) for second in (50, 300)]
    found = [row for each in moments for row in (await each.named("rules").fetch(HISTORY.query)).records()]
    assert [(row["lasted"], row["ended"]) for row in found] == [(50.0, None), (60.0, healed)]


async def test_a_history_that_has_changed_is_read_though_no_pane_shows_it(
    monkeypatch: pytest.MonkeyPatch, any_pg: Cluster, tmp_path: Path
) -> None:
    monkeypatch.setattr(workspace, "HISTORY", 0.01)
    trail = Trail(tmp_path / "audit.jsonl")
    wanted = config.Wanted(any_pg.uri("postgres"))
    async with workspace.Workspace(config.load(environ={}), wanted, trail=trail) as work:
        keeping = asyncio.gather(work.keep_readings(), work.keep_samples())
        await eventually(lambda: Stream("rules", HISTORY.query) in work.recorder.readings(time.time()).streams)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
