"""Each rule finds its fault on a real server, names it, and carries the action that cures it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from console.actions import ACTIONS
from console.model import Finding, Outcome
from console.rules.diagnoses import DIAGNOSES
from console.running.trail.audit import Trail
from console.watching.observer import Observer
from console.workspace import Workspace
from tests.acting import Desk
from tests.activity import Sessions, other_sessions  # noqa: F401  a fixture, found by name
from tests.faults import FAULTS, Fault, Stage
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually

EACH = [(rule, fault) for rule, faults in FAULTS.items() for fault in faults]


@asynccontextmanager
async def watched(desk: Desk) -> AsyncIterator[tuple[Workspace, Observer]]:
    async with desk.workspace() as workspace:
        yield workspace, Observer(workspace.sources, DIAGNOSES, desk.settings.thresholds)


async def first_finding(observer: Observer) -> Finding | None:
    verdict = await observer.look(everything=True)
    return verdict.findings[0] if verdict.findings else None


def test_every_rule_has_a_fault() -> None:
    assert sorted(FAULTS) == sorted(diagnosis.name for diagnosis in DIAGNOSES)


@pytest.mark.parametrize(("rule", "fault"), EACH, ids=[f"{rule}-{fault.__name__}" for rule, fault in EACH])
async def test_an_injected_fault_is_the_first_finding_and_its_fix_clears_it(
    pg: Cluster, database: str, sessions: Sessions, tmp_path: Path, rule: str, fault: Fault
) -> None:
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    async with watched(desk) as (workspace, observer):
        await observer.look(everything=True)
        with fault(Stage(desk, sessions)) as named:
            found: list[Finding] = []

            async def is_first() -> bool:
                finding = await first_finding(observer)
                if finding is None or finding.rule != rule or named not in finding.sentence:
                    return False
                found[:] = [finding]
                return True

            await eventually(is_first)
            fix = found[0].fixes[0]
            action = next(action for action in ACTIONS if action.name == fix.action)
            run = await workspace.run(await workspace.plan(action, fix.parameters))
            assert run.outcome is Outcome.DONE, run.message

            async def is_gone() -> bool:
                verdict = await observer.look(everything=True)
                return found[0].subject not in {finding.subject for finding in verdict.findings}

            await eventually(is_gone)
