"""Acknowledged and withheld findings: listed, but not counted; known to every console of this user."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from console.model import Facts, Finding, Kind, Level, Trouble
from console.rules.judging import Memory, Sighting, Verdict
from console.running.trail.audit import Trail
from console.watching import acknowledged
from console.watching.acknowledged import MOST, Acknowledgement
from console.watching.journal import Journal, Reason
from console.watching.store import Store
from tests.acting import Desk
from tests.activity import Sessions, other_sessions  # noqa: F401  a fixture, found by name
from tests.command import run
from tests.faults import Stage, blocking
from tests.servers import PostgresServer as Cluster
from tests.waiting import wait

AT = datetime(2026, 1, 1, tzinfo=UTC)
SERVER = Facts("postgres", 180000, "18.0", address="host=h port=1", database="shop")
FINDING = Finding("bloat", "table public.item", Level.WARNING, "public.item is bloated")
WORSE = Finding("bloat", "table public.item", Level.CRITICAL, "public.item is more bloated")
JUDGED = Verdict(judged=frozenset({"bloat"}))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state" / "findings.sqlite3")


async def journal(store: Store | None, facts: Facts = SERVER, at: datetime = AT) -> Journal:
    """The journal of a console that starts at `at`."""
    found = Journal(store)
    await found.read(facts, at)
    return found


def seen(finding: Finding) -> Memory:
    return Memory({(finding.rule, finding.subject): Sighting(finding, AT, AT, raised=True)})


async def test_an_acknowledgement_is_known_to_the_next_console_of_the_same_server_alone(store: Store) -> None:
    await (await journal(store)).acknowledge(FINDING, AT)
    muted = (await journal(store)).muted(FINDING, AT)
    assert muted is not None
    assert muted.reason is Reason.ACKNOWLEDGED
    assert muted.by
    elsewhere = Facts("postgres", 180000, "18.0", address="host=other port=1", database="shop")
    assert (await journal(store, elsewhere)).muted(FINDING, AT) is None


async def test_the_store_is_opened_again_only_when_something_was_written(store: Store) -> None:
    console, other = await journal(store), await journal(store)
    assert not console.is_behind(SERVER)  # there is no file yet
    assert console.is_behind(Facts("postgres", 180000, "18.0", address="host=other port=1", database="shop"))
    for change in (partial(other.acknowledge, FINDING, AT), partial(other.withdraw, FINDING)):
        await change()
        assert console.is_behind(SERVER)
        await console.read(SERVER, AT)
        assert not console.is_behind(SERVER)
        with store.transaction() as database:
            assert database.execute("SELECT 1").fetchall()
        assert not console.is_behind(SERVER)
        assert (console.muted(FINDING, AT) is None) == (other.muted(FINDING, AT) is None)
    store.path.unlink()
    assert console.is_behind(SERVER)


async def test_it_ends_when_the_finding_clears(store: Store) -> None:
    console = await journal(store)
    await console.acknowledge(FINDING, AT)
    await console.follow(JUDGED, seen(FINDING))
    await console.follow(Verdict(), Memory())  # the rule could not be evaluated: nobody knows
    assert (await journal(store)).muted(FINDING, AT)
    await console.follow(JUDGED, Memory())
    assert console.muted(FINDING, AT) is None
    assert (await journal(store)).muted(FINDING, AT) is None


async def test_it_ends_when_the_finding_becomes_worse(store: Store) -> None:
    console = await journal(store)
    await console.acknowledge(FINDING, AT)
    assert console.muted(WORSE, AT) is None
    await console.follow(JUDGED, seen(WORSE))
    assert (await journal(store)).muted(FINDING, AT) is None


async def test_one_for_a_time_outlives_the_finding_and_ends_with_the_time(store: Store) -> None:
    console = await journal(store)
    await console.acknowledge(FINDING, AT, AT + timedelta(hours=1))
    await console.follow(JUDGED, Memory())
    assert (await journal(store)).muted(FINDING, AT + timedelta(minutes=59))
    assert (await journal(store)).muted(FINDING, AT + timedelta(hours=1)) is None
    assert not (await journal(store, at=AT + timedelta(hours=1))).muted(FINDING, AT)


async def test_without_a_store_it_holds_as_long_as_the_console() -> None:
    console = await journal(None)
    await console.acknowledge(FINDING, AT)
    assert console.muted(FINDING, AT)


async def test_the_store_is_private_and_bounded(store: Store) -> None:
    for number in range(MOST + 3):
        given = Acknowledgement("bloat", f"table {number}", Level.WARNING, "dba", AT + timedelta(seconds=number))
        acknowledged.keep(store, "here", given)
    kept = acknowledged.kept(store, "here", AT)
    assert len(kept) == MOST
    assert "table 0" not in {given.subject for given in kept}
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("damage", ["text", "newer", "link"])
async def test_a_store_that_cannot_be_used_is_reported_and_the_console_goes_on(store: Store, damage: str) -> None:
    store.path.parent.mkdir(0o700)
    if damage == "link":
        store.path.symlink_to(store.path.parent / "other")
        (store.path.parent / "other").touch(0o600)
    elif damage == "newer":
        with closing(sqlite3.connect(store.path)) as database:
            database.execute("PRAGMA user_version = 99")
    else:
        store.path.write_text("no database" * 1000)
    console = await journal(store)
    assert isinstance(console.trouble, Trouble)
    await console.acknowledge(FINDING, AT)
    assert console.muted(FINDING, AT)
    assert console.trouble.kind in {Kind.FAILED, Kind.REFUSED}


@pytest.fixture
def stage(pg: Cluster, database: str, sessions: Sessions, tmp_path: Path) -> Stage:
    state = tmp_path / ".local" / "state" / "pipeline-console"  # where commands with this home keep theirs
    return Stage(Desk(pg, database, Trail(state / "audit.jsonl")), sessions)


async def test_check_lists_an_acknowledged_finding_without_counting_it(stage: Stage, tmp_path: Path) -> None:
    target = ("-t", stage.desk.uri, "--only", "blocking-session")
    with blocking.row_locked_by_an_idle_session(stage) as name:
        wait(lambda: run(tmp_path, "check", *target).code == 1)
        async with stage.desk.workspace() as console:
            await console.observer.look(everything=True)
            (finding,) = [one for one in console.observer.verdict.findings if name in one.sentence]
            await console.observer.put_off(finding.rule, finding.subject)
            assert finding not in console.observer.counted
        done = {form: run(tmp_path, "check", *target, "--format", form) for form in ("text", "json", "nagios")}
        assert {form: each.code for form, each in done.items()} == dict.fromkeys(done, 0)
        assert f" z{name}" in done["text"].out
        assert "until it clears" in done["text"].out
        (listed,) = json.loads(done["json"].out)["findings"]
        assert listed["muted"] == {"reason": "acknowledged", "until": None, "by": listed["muted"]["by"]}
        assert done["nagios"].out.startswith("OK: 1 finding, 1 of them acknowledged or withheld")
        assert done["nagios"].out.endswith("| critical=0 warning=0 rules=1 unknown=0 muted=1\n")
        stage.do(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'")
        wait(lambda: "No findings:" in run(tmp_path, "check", *target).out)
        with closing(sqlite3.connect(stage.desk.trail.path.with_name("findings.sqlite3"))) as database:
            assert database.execute("SELECT count(*) FROM acknowledged").fetchone() == (0,)


def test_check_lists_a_withheld_finding_without_counting_it(stage: Stage, tmp_path: Path) -> None:
    config = tmp_path / "console.yml"
    config.write_text("blackouts: [{from: 00:00, until: 24:00, rules: [blocking-session]}]")
    target = ("-t", stage.desk.uri, "--only", "blocking-session")
    with blocking.row_locked_by_an_idle_session(stage) as name:
        wait(lambda: run(tmp_path, "check", *target).code == 1)
        done = run(tmp_path, "check", *target, "--config", str(config))
        assert done.code == 0
        assert f" z{name}" in done.out
        assert "withheld by a blackout window until " in done.out
    config.write_text("blackouts: [{from: 00:00, until: 24:00, rules: [nosuch]}]")
    refused = run(tmp_path, "check", *target, "--config", str(config))
    assert refused.code == 2
    assert "blackouts.1.rules must be one of" in refused.err
