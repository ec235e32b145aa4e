"""A console's own sessions are never taken for a client's, whatever they hold and however long they run."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from console.actions import ACTIONS
from console.model import ACTING_NAME, APPLICATION_NAME, Finding, Limit, Outcome
from console.rules.diagnoses import DIAGNOSES
from console.rules.findings.wording import application, session
from console.running.trail.audit import Trail
from console.settings import config
from console.watching.observer import Observer
from tests.acting import Desk
from tests.activity import Sessions, other_sessions  # noqa: F401  a fixture, found by name
from tests.faults.stage import Stage, sooner
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually

NAMES_SESSIONS = {"blocking-session", "idle-in-transaction", "vacuum-pinned", "runaway-statement", "connections-full"}
OWN = re.compile(rf"(?<!run of )(?<!reading session of ){APPLICATION_NAME}")


@pytest.fixture
def stage(pg: Cluster, database: str, sessions: Sessions, tmp_path: Path) -> Stage:
    limits = {"idle_in_transaction_seconds": 0.2, "xmin_age_transactions": 20, "statement_seconds": 0.5,
              "connection_usage_percent": 2}  # fmt: skip
    settings = sooner(config.load(environ={}), **{name: Limit(value) for name, value in limits.items()})
    return Stage(Desk(pg, database, Trail(tmp_path / "audit.jsonl"), settings), sessions)


def said(finding: Finding) -> str:
    """Everything that a finding shows, without the statements of the sessions it names."""
    effects = (fix.effect.partition(" must run it again")[0] for fix in finding.fixes)
    return " ".join((finding.sentence, finding.symptom, *finding.explains, *effects))


async def test_a_run_that_holds_locks_and_does_not_end_is_named_as_a_run_by_every_rule(stage: Stage) -> None:
    run = stage.open(ACTING_NAME)
    run.execute("BEGIN; UPDATE item SET n = 1 WHERE id = 1")
    for _ in range(2):
        stage.sessions.run(stage.open("worker"), "UPDATE item SET n = 2 WHERE id = 1")
    stage.sessions.run(stage.open(ACTING_NAME), "SELECT pg_sleep(1000)")
    with stage.desk.session() as other:
        for _ in range(30):
            other.execute("SELECT pg_current_xact_id()")
    async with stage.desk.workspace() as workspace:
        observer = Observer(workspace.sources, DIAGNOSES, stage.desk.settings.thresholds)

        async def is_found() -> bool:
            await observer.look(everything=True)
            return {"blocking-session", "runaway-statement"} <= {each.rule for each in observer.verdict.findings}

        await eventually(is_found)
        named = [each for each in observer.verdict.findings if each.rule in NAMES_SESSIONS]
    assert not [found for each in named if (found := OWN.search(said(each)))]
    (blocking,) = (each for each in named if each.rule == "blocking-session")
    assert blocking.sentence.startswith("a run of pipeline-console")


async def test_the_sessions_in_which_a_console_reads_and_acts_are_no_findings(stage: Stage) -> None:
    """While an action waits for a lock and is tried again, and while everything is read."""
    stage.open("reports").execute("BEGIN; LOCK item IN SHARE UPDATE EXCLUSIVE MODE")
    action = next(action for action in ACTIONS if action.name == "analyze-table")
    async with stage.desk.workspace() as workspace:
        observer = Observer(workspace.sources, DIAGNOSES, stage.desk.settings.thresholds)
        plan = await workspace.plan(action, {"table": "item"})
        running = asyncio.create_task(workspace.run(plan, patience=2.0))
        while not running.done():
            verdict = await observer.look(everything=True)
            assert not [found for each in verdict.findings if (found := OWN.search(said(each)))]
        assert (await running).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (ACTING_NAME, "a run of pipeline-console"),
        (APPLICATION_NAME, "a reading session of pipeline-console"),
        ("pipeline-console-exporter", "pipeline-console-exporter"),
        ("", ""),
        (None, ""),
    ],
)
def test_only_the_consoles_own_names_are_spelled_out(name: str | None, shown: str) -> None:
    assert application(name) == shown
    assert session({"application": name, "user": "ann", "client": "10.0.0.1"}) == f"{shown or 'ann'} at 10.0.0.1"
