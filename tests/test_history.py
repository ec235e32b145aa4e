"""The history of findings: from when to when, how long, who was blocked, and what was done."""

from __future__ import annotations

import json
import stat
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.actions import ACTIONS
from console.model import Evidence, Facts, Finding, Fix, Level
from console.rules.judging import GAP, Memory, Sighting, Verdict
from console.running.trail.audit import Trail
from console.watching import episodes
from console.watching.episodes import Episode
from console.watching.history import COLUMNS, History
from console.watching.store import Store
from tests.acting import Desk
from tests.activity import Sessions, other_sessions  # noqa: F401  a fixture, found by name
from tests.command import run
from tests.faults import Stage, blocking
from tests.screens import console, shows
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually

START = datetime(2026, 1, 1, tzinfo=UTC)
SERVER = Facts("postgres", 180000, "18.0", address="host=h port=1", database="shop")
KEY = "host=h port=1 dbname=shop"
SLOT = Finding("wal", "slot s", Level.WARNING, "slot s retains 2 GB")
WORSE = Finding("wal", "slot s", Level.CRITICAL, "slot s retains 20 GB", explains=("disk",))
ROOT = Finding(
    "blocking-session", "session 7", Level.WARNING, "web blocks 1", evidence=(Evidence("blocked", "worker, for item"),)
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state" / "findings.sqlite3")


class Seen:
    """A history to which looks are given."""

    def __init__(self, store: Store) -> None:
        self.history = History(store, Trail(store.path.with_name("audit.jsonl")))

    async def look(
        self, second: float, *findings: Finding, explained: Sequence[Finding] = (), judged: bool = True
    ) -> None:
        at = START + timedelta(seconds=second)
        memory = Memory({(each.rule, each.subject): Sighting(each, at, at, True) for each in (*findings, *explained)})
        rules = frozenset({"wal", "blocking-session"}) if judged else frozenset()
        await self.history.follow(SERVER, Verdict(findings, judged=rules), memory, at)


def seconds(episode: Episode) -> tuple[float, float | None]:
    """From when to when."""
    end = (episode.ended - START).total_seconds() if episode.ended else None
    return (episode.began - START).total_seconds(), end


async def test_a_finding_is_one_episode_that_keeps_its_worst_moment(store: Store) -> None:
    seen = Seen(store)
    for second, found in ((0, [SLOT]), (10, [WORSE]), (20, [SLOT]), (30, []), (40, [SLOT])):
        await seen.look(second, *found)
    now, before = episodes.load(store, KEY)
    assert [seconds(now), seconds(before)] == [(40, None), (0, 30)]
    assert (before.level, before.sentence, before.explains) == (Level.CRITICAL, WORSE.sentence, ("disk",))
    assert before.watched
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


async def test_an_episode_goes_on_while_another_finding_explains_it_or_its_rule_cannot_be_evaluated(
    store: Store,
) -> None:
    seen = Seen(store)
    await seen.look(0, SLOT)
    await seen.look(10, ROOT, explained=[SLOT])
    await seen.look(20, judged=False)
    await seen.look(30, SLOT)
    assert [seconds(one) for one in episodes.load(store, KEY) if one.rule == "wal"] == [(0, None)]


async def test_a_lock_stall_has_an_episode_even_if_another_finding_explains_it(store: Store) -> None:
    seen = Seen(store)
    await seen.look(0, SLOT, explained=[ROOT])
    await seen.look(5, SLOT)
    (stall,) = [one for one in episodes.load(store, KEY) if one.rule == ROOT.rule]
    assert seconds(stall) == (0, 5)
    assert ("blocked", "worker, for item") in stall.evidence


async def test_a_finding_that_ended_while_nobody_looked_ended_when_it_was_last_seen(store: Store) -> None:
    await Seen(store).look(0, SLOT)
    later = GAP.total_seconds() + 100
    await Seen(store).look(later, ROOT)
    assert {one.rule: seconds(one) for one in episodes.load(store, KEY)} == {"wal": (0, 0), ROOT.rule: (later, None)}
    assert not any(one.watched for one in episodes.load(store, KEY))


async def test_a_finding_that_lasts_while_the_clock_is_set_forward_is_one_episode(store: Store) -> None:
    lasting, later = replace(SLOT, since=START), GAP.total_seconds() + 100
    await Seen(store).look(0, lasting)
    await Seen(store).look(later, ROOT)  # another console, which does not see it
    await Seen(store).look(later + 1, lasting)
    assert [seconds(one) for one in episodes.load(store, KEY) if one.rule == "wal"] == [(0, None)]


async def test_a_finding_that_came_back_while_nobody_looked_is_another_episode(store: Store) -> None:
    again = GAP.total_seconds() + 100
    await Seen(store).look(0, SLOT)
    await Seen(store).look(again, replace(SLOT, since=START + timedelta(seconds=again)))
    assert [seconds(one) for one in episodes.load(store, KEY)] == [(again, None), (0, 0)]


async def test_an_explained_stall_is_as_old_as_its_first_sighting_whatever_the_clock_says(store: Store) -> None:
    history = History(store, Trail(store.path.with_name("audit.jsonl")))
    for minutes in (0, 10):
        at = START + timedelta(minutes=minutes)
        stall = replace(ROOT, since=at)  # as long ago as its wait by the server's clock
        memory = Memory({(ROOT.rule, ROOT.subject): Sighting(stall, START, at, True)})
        await history.follow(SERVER, Verdict((SLOT,), judged=frozenset({"wal", ROOT.rule})), memory, at)
    assert [seconds(one) for one in episodes.load(store, KEY) if one.rule == ROOT.rule] == [(0, None)]


async def test_another_console_goes_on_with_the_same_episode(store: Store) -> None:
    await Seen(store).look(0, SLOT)
    await Seen(store).look(60, SLOT)
    assert [seconds(one) for one in episodes.load(store, KEY)] == [(0, None)]


async def test_the_history_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episodes, "MOST", 3)
    for number in range(5):
        found = Finding("wal", f"slot {number}", Level.WARNING, "x" * 10_000)
        episodes.follow(store, KEY, [found], [], START + timedelta(seconds=number))
    kept = episodes.load(store, KEY)
    assert [one.subject for one in kept] == ["slot 4", "slot 3", "slot 2"]
    assert len(kept[0].sentence) == episodes.LONGEST


async def test_what_was_done_is_the_run_of_a_fix_from_the_trail(store: Store) -> None:
    fixed = Finding(*("wal", "slot s", Level.WARNING, "x"), fixes=(Fix("drop-slot", {"slot": "s"}, "drop it"),))
    seen = Seen(store)
    now = datetime.now(UTC)
    await seen.look((now - START).total_seconds(), fixed)
    trail = Trail(store.path.with_name("audit.jsonl"))
    for slot, name in (("s", "a"), ("other", "b")):
        told = {"run": name, "action": "drop-slot", "parameters": {"slot": slot, "yes": ""}, "os_user": "dba"}
        trail.write({**told, "event": "start"}, {**told, "event": "end", "outcome": "done"})
    (row,) = await seen.history.rows(SERVER)
    assert dict(zip(COLUMNS, row, strict=True))["done"] == "drop-slot: done by dba"


@pytest.fixture
def stage(pg: Cluster, database: str, sessions: Sessions, tmp_path: Path) -> Stage:
    state = tmp_path / ".local" / "state" / "pipeline-console"  # where commands with this home keep theirs
    return Stage(Desk(pg, database, Trail(state / "audit.jsonl")), sessions)


async def test_a_lock_stall_is_kept_with_who_blocked_whom_and_the_fix_that_ended_it(
    stage: Stage, tmp_path: Path
) -> None:
    async with stage.desk.workspace() as workspace:
        with blocking.row_locked_by_an_idle_session(stage) as name:

            async def is_found() -> bool:
                await workspace.observer.look(everything=True)
                return any(name in one.sentence for one in workspace.observer.verdict.findings)

            await eventually(is_found)
            fix = next(one for one in workspace.observer.verdict.findings if name in one.sentence).fixes[0]
            action = next(action for action in ACTIONS if action.name == fix.action)
            await workspace.run(await workspace.plan(action, fix.parameters))

            async def is_gone() -> bool:
                return not await is_found()

            await eventually(is_gone)
    done = run(tmp_path, "show", "overview", "--view", "history", "-t", stage.desk.uri, "--format", "json")
    (row,) = [one for one in json.loads(done.out)["rows"] if one["rule"] == "blocking-session"]
    assert name in row["sentence"]
    assert row["blocked"][0].startswith("worker")
    assert row["ended"]
    assert row["lasted"] > 0
    assert "terminate-backend: done" in row["done"]


async def test_the_history_is_a_view_of_the_first_pane(stage: Stage) -> None:
    async with console(stage.desk.uri) as (app, pilot):
        await shows(pilot, " rules evaluated")
        app.panes.shown.choose_view("history")
        await shows(pilot, "No findings were kept for this server yet.")
