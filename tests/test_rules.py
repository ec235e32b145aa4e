"""Each rule finds its fault on a real server, names it, and carries the action that cures it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from console.actions import ACTIONS
from console.demo.redis_server import RedisProcess
from console.model import Ask, Finding, Outcome
from console.rules.diagnoses import DIAGNOSES
from console.running.trail.audit import Trail
from console.settings import config
from console.sources.log import ring
from console.watching.asks import merged
from console.watching.observer import Observer
from console.workspace import Workspace
from tests.acting import Desk
from tests.activity import Sessions, other_sessions  # noqa: F401  a fixture, found by name
from tests.faults import (
    CACHED,
    CLUSTER_FAULTS,
    FAULTS,
    HOSTED,
    POOLED,
    REPLICATED,
    SETTINGS,
    Fault,
    Stage,
    indexes,
    replicas,
)
from tests.faults.redis import limit_memory
from tests.faults.servers import faulty
from tests.hosts import FakeHost
from tests.leading import astray
from tests.servers import Pooler, Servers
from tests.servers import PostgresServer as Cluster
from tests.standbys import Standby, streaming
from tests.waiting import eventually
from tests.withheld import misjudged

Start = Callable[[Cluster, str], Pooler]
DAY, SOON = 86_400.0, 10.0  # seconds
RULES = {rule.name: rule for rule in DIAGNOSES}
# Rules over what only time shows: see explain-rule.
LATER = {"advisory-lock-leaked", "index-missing", "statement-regressed", "n-plus-one"}
ELSEWHERE = POOLED | CACHED | HOSTED | REPLICATED
EACH = [(rule, fault) for rule, faults in FAULTS.items() for fault in faults if rule not in ELSEWHERE]
OF_A_REDIS = [(rule, fault) for rule in sorted(CACHED) for fault in FAULTS[rule]]
OF_A_REPLICA = [(rule, fault) for rule in sorted(REPLICATED) for fault in FAULTS[rule]]
OF_A_HOST = [(rule, fault) for rule in sorted(HOSTED) for fault in FAULTS[rule]]
OF_A_POOLER = [(rule, fault) for rule in sorted(POOLED) for fault in FAULTS[rule]]


@pytest.fixture(scope="module", name="pg")
def own_server(pg: Cluster, pg_servers: Servers) -> Iterator[Cluster]:
    with faulty(pg_servers, pg.major) as server:
        yield server


@pytest.fixture(scope="module")
def standby(pg: Cluster, pg_servers: Servers) -> Iterator[Standby]:
    with streaming(pg_servers, pg) as made:
        yield made


def looking(workspace: Workspace, desk: Desk) -> Observer:
    """Who looks with the rules of this desk, from now on."""
    return Observer(
        workspace.sources, DIAGNOSES, desk.settings.thresholds, desk.settings.refreshes, desk.settings.partitions
    )


def running(workspace: Workspace, desk: Desk) -> Observer:
    """Who looks as a running console does, every few seconds of a clock of its own.

    What is read more rarely than every ten seconds is read once, and again only when something changes.
    """
    diagnoses = [replace(rule, asks=tuple(map(not_again, rule.asks))) for rule in DIAGNOSES]
    moments = (datetime.now(UTC) + timedelta(seconds=2 * at) for at in itertools.count())
    policies = (desk.settings.refreshes, desk.settings.partitions)
    return Observer(workspace.sources, diagnoses, desk.settings.thresholds, *policies, now=lambda: next(moments))


def not_again(ask: Ask) -> Ask:
    """An ask that is rare by its period alone, as one without end."""
    return replace(ask, every=DAY) if ask.every > SOON else ask


def test_rules_that_find_later_say_so() -> None:
    assert {rule.name for rule in DIAGNOSES if rule.misses} >= LATER


def test_a_rule_that_reads_seldom_or_waits_says_how_late_it_finds() -> None:
    early = {ask.query for ask in merged(DIAGNOSES) if ask.on_change}
    late = {
        rule.name
        for rule in DIAGNOSES
        if rule.hold
        or any(
            ask.every > SOON and ask.query not in early and ask.only_if is None for ask in rule.asks if not ask.optional
        )
    }
    assert late >= {"statement-regressed", "host-memory"}
    assert [rule.name for rule in DIAGNOSES if rule.name in late and not rule.misses] == []


def test_every_rule_has_a_fault() -> None:
    assert sorted((*FAULTS, *CLUSTER_FAULTS)) == sorted(diagnosis.name for diagnosis in DIAGNOSES)


@pytest.mark.both
@pytest.mark.parametrize(("rule", "fault"), EACH, ids=[f"{rule}-{fault.__name__}" for rule, fault in EACH])
async def test_an_injected_fault_is_the_first_finding_and_its_fix_clears_it(
    pg: Cluster, database: str, sessions: Sessions, tmp_path: Path, rule: str, fault: Fault
) -> None:
    await inject(rule, fault, Stage(desk_of(rule, pg, database, tmp_path), sessions))


@pytest.mark.every_pooler
@pytest.mark.parametrize(
    ("rule", "fault"), OF_A_POOLER, ids=[f"{rule}-{fault.__name__}" for rule, fault in OF_A_POOLER]
)
async def test_an_injected_fault_of_a_pooler_is_the_first_finding_and_its_fix_clears_it(
    pg: Cluster, database: str, sessions: Sessions, tmp_path: Path, pgbouncer: Start, rule: str, fault: Fault
) -> None:
    pooler = pgbouncer(pg, database)
    await inject(rule, fault, Stage(desk_of(rule, pg, database, tmp_path, (pooler.admin_uri,)), sessions, pooler))


@pytest.mark.pg(">= 18")  # the same on all of them
@pytest.mark.parametrize(("rule", "fault"), OF_A_REDIS, ids=[f"{rule}-{fault.__name__}" for rule, fault in OF_A_REDIS])
async def test_an_injected_fault_of_a_redis_is_the_first_finding_and_it_clears(
    pg: Cluster,
    database: str,
    sessions: Sessions,
    tmp_path: Path,
    redis_process: RedisProcess,
    rule: str,
    fault: Fault,
) -> None:
    desk = replace(desk_of(rule, pg, database, tmp_path), redis=redis_process.uri)
    limit_memory(redis_process)
    await inject(rule, fault, Stage(desk, sessions, redis=redis_process))


@pytest.mark.pg(">= 18")  # the same on all of them
@pytest.mark.parametrize(("rule", "fault"), OF_A_HOST, ids=[f"{rule}-{fault.__name__}" for rule, fault in OF_A_HOST])
async def test_an_injected_fault_of_a_host_is_the_first_finding_and_it_clears(
    pg: Cluster, database: str, sessions: Sessions, tmp_path: Path, rule: str, fault: Fault
) -> None:
    desk = replace(desk_of(rule, pg, database, tmp_path), host=FakeHost(tmp_path / "host"))
    await inject(rule, fault, Stage(desk, sessions))


@pytest.mark.parametrize(
    ("rule", "fault"), OF_A_REPLICA, ids=[f"{rule}-{fault.__name__}" for rule, fault in OF_A_REPLICA]
)
async def test_an_injected_fault_of_a_replica_is_the_first_finding_and_it_clears(
    pg: Cluster, database: str, sessions: Sessions, tmp_path: Path, standby: Standby, rule: str, fault: Fault
) -> None:
    where = f"host={standby.server.host} port={standby.server.port}"
    desk = replace(desk_of(rule, pg, database, tmp_path), replicas=((replicas.NAME, where),))
    await inject(rule, fault, Stage(desk, sessions, standby=standby))


def desk_of(rule: str, pg: Cluster, database: str, folder: Path, poolers: tuple[str, ...] = ()) -> Desk:
    """A console with the settings under which a fault of the rule needs no minutes."""
    settings = config.load(environ={})
    settings = SETTINGS[rule](settings) if rule in SETTINGS else settings
    return Desk(pg, database, Trail(folder / "audit.jsonl"), settings, poolers=poolers)


async def inject(rule: str, fault: Fault, stage: Stage) -> None:
    """Wait until the fault is the first finding, run its first fix if it has one, and wait until it is gone."""
    desk = stage.desk
    async with desk.workspace() as workspace:
        observer = looking(workspace, desk) if rule in LATER else running(workspace, desk)
        await observer.look(everything=True)
        with fault(stage) as named:
            found = await first(observer, rule, named)
            assert not misjudged(observer.frame, RULES[rule])
            assert not await astray(workspace, found)
            if found.fixes:
                await cure(workspace, found)
                await eventually(lambda: is_gone(observer, found))
        if not found.fixes:
            later = looking(workspace, desk)  # its window begins after the fault
            with log_of_a_minute_ago():
                await later.look(everything=True)
                await eventually(lambda: is_gone(later, found))


@contextmanager
def log_of_a_minute_ago() -> Iterator[None]:
    """What the log of the server has so far was written a minute earlier; what it gets meanwhile, too."""
    seconds_ago = ring._ago
    with patch.object(ring, "_ago", lambda entry, now: seconds_ago(entry, now + timedelta(minutes=1))):
        yield


async def first(observer: Observer, rule: str, named: str) -> Finding:
    """The finding of a rule that names what it must, once it is the first; else the test fails with what is found."""
    verdict = observer.verdict

    async def is_first() -> bool:
        nonlocal verdict
        verdict = await observer.look(everything=rule in LATER)
        found = verdict.findings[:1]
        return any(finding.rule == rule and named in finding.sentence for finding in found)

    try:
        await eventually(is_first)
    except AssertionError:
        instead = [(finding.rule, finding.level.name, finding.sentence) for finding in verdict.findings]
        pytest.fail(f"{rule} with {named!r} is not the first of {instead}; not evaluated: {verdict.unknown}")
    return verdict.findings[0]


async def test_a_fix_is_seen_at_the_next_look_however_rarely_the_rule_reads(
    pg: Cluster, database: str, sessions: Sessions, tmp_path: Path
) -> None:
    desk = desk_of("invalid-index", pg, database, tmp_path)
    async with desk.workspace() as workspace:
        observer = workspace.observer
        with indexes.build_that_failed(Stage(desk, sessions)):
            verdict = await observer.look()
            (found,) = (finding for finding in verdict.findings if finding.rule == "invalid-index")
            await cure(workspace, found)
            assert "invalid-index" not in {finding.rule for finding in (await observer.look()).findings}


async def test_a_job_that_failed_for_good_can_also_be_dismissed(
    pg: Cluster, database: str, sessions: Sessions, tmp_path: Path
) -> None:
    desk = desk_of("job-failed", pg, database, tmp_path)
    (fault,) = FAULTS["job-failed"]
    async with desk.workspace() as workspace:
        observer = looking(workspace, desk)
        with fault(Stage(desk, sessions)) as named:
            found = await first(observer, "job-failed", named)
            await cure(workspace, replace(found, fixes=found.fixes[1:]))
            await eventually(lambda: is_gone(observer, found))


async def test_a_job_that_was_rejected_is_dismissed_first_as_it_would_be_rejected_again(
    pg: Cluster, database: str, sessions: Sessions, tmp_path: Path
) -> None:
    desk = desk_of("job-failed", pg, database, tmp_path)
    (fault,) = FAULTS["job-failed"]
    async with desk.workspace() as workspace:
        observer = looking(workspace, desk)
        with fault(Stage(desk, sessions)) as named:
            desk.do("UPDATE public.background_jobs SET status = 'rejected' WHERE status = 'dead'")
            rejected = named.replace("is dead: no attempt is left", "was rejected")
            found = await first(observer, "job-failed", rejected)
            assert [fix.action for fix in found.fixes] == ["cancel-job", "retry-job"]
            await cure(workspace, found)
            await eventually(lambda: is_gone(observer, found))


async def is_gone(observer: Observer, finding: Finding) -> bool:
    """Whether a look finds no more what it found."""
    verdict = await observer.look(everything=True)
    return (finding.rule, finding.subject) not in {(each.rule, each.subject) for each in verdict.findings}


async def cure(workspace: Workspace, finding: Finding) -> None:
    """Run the first fix of a finding."""
    fix = finding.fixes[0]
    action = next(action for action in ACTIONS if action.name == fix.action)
    run = await workspace.run(await workspace.plan(action, fix.parameters))
    assert run.outcome is Outcome.DONE, run.message
