"""Ordinary work is no incident: ten minutes of the demo's workload, passed quickly; two faults are two findings."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from console.model import Facts, Finding, Frame, Snapshot
from console.rules.diagnoses import DIAGNOSES
from console.running.trail.audit import Trail
from console.settings import config
from console.sources import replay
from console.sources.registry import Sources
from console.sources.replay import Replay
from console.watching.observer import Observer
from tests.acting import Desk
from tests.activity import Sessions, other_sessions  # noqa: F401  a fixture, found by name
from tests.faults import Stage, blocking
from tests.recording import WORKLOAD
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually
from tests.withheld import misjudged

STEP = timedelta(seconds=2)
REDUNDANT = "public.demo_redundant_campaigns_idx"  # which the demo creates to have one
NEWER = "differs in 1 place: cache_invalidations (missing table)"  # of a migration after the recording was made
UNKNOWN = {"unused-index"}  # what no ten minutes show


class Played:
    """A recording in which time passes as its clock says: a read returns what was read last at that time."""

    def __init__(self, recorded: Replay) -> None:
        self.recorded = recorded
        self.name = recorded.name
        (first, *_, last) = recorded.reads["vitals"]
        self.now, self.end = first.taken_at, last.taken_at

    def __getattr__(self, name: str) -> object:
        return getattr(self.recorded, name)

    @property
    def known(self) -> Facts:
        return self.recorded.facts

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        if parameters or query not in self.recorded.reads:
            return await self.recorded.fetch(query, parameters)
        reads = self.recorded.reads[query]
        return next((read for read in reversed(reads) if read.taken_at <= self.now), reads[0])


def is_true(finding: Finding, frame: Frame) -> bool:
    """Whether what was recorded at that time proves a finding."""
    if finding.rule == "redundant-index":
        return REDUNDANT in finding.sentence
    if finding.rule == "schema-drift":
        return finding.sentence.endswith(NEWER)
    if finding.rule == "blocking-session":
        rows = frame.rows("lock_queues")
        pid = int(finding.subject.split()[1])
        long = [row for row in rows if not row["granted"] and float(str(row["wait_age"] or 0)) >= 1]
        return bool(long) and pid in {row["pid"] for row in rows if row["granted"]} - {row["pid"] for row in long}
    return False


@pytest.fixture
def played(tmp_path: Path) -> Played:
    file = tmp_path / "workload.json"
    file.write_bytes(gzip.decompress(WORKLOAD.read_bytes()))
    return Played(replay.load(file, "postgres"))


async def test_ten_minutes_of_ordinary_work_have_no_finding_that_is_not_true(played: Played) -> None:
    settings = config.load(environ={})
    limits = (settings.thresholds, settings.refreshes, settings.partitions)
    observer = Observer(Sources(played), DIAGNOSES, *limits, now=lambda: played.now)  # type: ignore[arg-type]
    assert played.end - played.now > timedelta(minutes=9)
    wrong: list[tuple[datetime, str]] = []
    looks = 0
    while played.now < played.end:
        verdict = await observer.look()
        looks += 1
        wrong += [(played.now, one.sentence) for one in verdict.findings if not is_true(one, observer.frame)]
        assert not any("pipeline-console" in one.sentence for one in verdict.findings)
        played.now += STEP
    assert wrong == []
    assert looks > 270
    recorded = {rule.name for rule in DIAGNOSES if all(ask.query in played.recorded.reads for ask in rule.asks)}
    assert recorded - observer.verdict.judged == UNKNOWN
    assert len(observer.verdict.judged) >= 30  # also those whose queries the metrics made needless


async def test_a_rule_cannot_tell_where_a_server_lacks_what_it_reads(played: Played) -> None:
    settings = config.load(environ={})
    limits = (settings.thresholds, settings.refreshes, settings.partitions)
    observer = Observer(Sources(played), DIAGNOSES, *limits, now=lambda: played.now)  # type: ignore[arg-type]
    for seconds in (0, 60, 240):  # what is compared is
        played.now += timedelta(seconds=seconds)
        await observer.look()
    assert len(observer.verdict.judged) >= 30
    wrong = {rule.name: misjudged(observer.frame, rule) for rule in DIAGNOSES}
    assert {name: found for name, found in wrong.items() if found} == {}


@pytest.fixture
def stage(pg: Cluster, database: str, sessions: Sessions, tmp_path: Path) -> Stage:
    return Stage(Desk(pg, database, Trail(tmp_path / "audit.jsonl")), sessions)


async def test_two_roots_are_two_findings_and_none_blames_the_console(stage: Stage) -> None:
    with (
        blocking.row_locked_by_an_idle_session(stage) as web,
        blocking.advisory_lock_of_an_idle_session(stage) as job,
    ):
        async with stage.desk.workspace() as workspace:

            async def roots() -> list[Finding]:
                verdict = await workspace.observer.look(everything=True)
                return [one for one in verdict.findings if one.rule == "blocking-session"]

            async def both() -> bool:
                return len(await roots()) == 2

            await eventually(both)
            found = await roots()
    assert sorted(name for one in found for name in (web, job) if one.sentence.startswith(name)) == sorted([web, job])
    assert len({one.subject for one in found}) == 2
    assert not any("pipeline-console" in one.sentence for one in workspace.observer.verdict.findings)
